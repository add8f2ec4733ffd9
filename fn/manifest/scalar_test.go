// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// scalars are texts that versions of YAML, JSON and people read in different ways.
func scalars() []string {
	return []string{
		"0", "00", "-0", "+0", "5", "+5", "-5", "010", "+010", "-010", "0777", "08", "089", "0o10", "0O10", "0o8", "0x10", "0X1f",
		"0xg", "0x_f", "0b11", "-0b11", "0b2", "1_000", "_1", "1_", "1__0", "+_1", "1,000", "1e3", "1E3", "1e+3", "1.5e3", "1e3_0",
		"1e", "e1", "1e400", "1.0", "1.", ".5", "-.5", "+.5", "0.5", "012.5", "1_0.5", "1.2.3", "0x1p4", "190:20:30", "1:30",
		"2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999999999999999",
		"y", "Y", "yes", "Yes", "YES", "yEs", "n", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "oN",
		"true", "True", "TRUE", "tRue", "false", "False", "FALSE", "~", "null", "Null", "NULL", "nULL", "",
		"2001-01-01", "2001-01-01T00:00:00Z", "2001-1-1", "<<", "=", "inf", "nan", "NaN", "infinity",
		"'010'", `"yes"`, `"true"`, `"~"`, "'5'", "!!str 010", "!!str yes", "!!int '010'", "!!int 010", "!!bool yes", "!!bool 'no'",
		"!!float 1", "!!float 010", "!!int 1e3", "{}", "[]", "[5]", "{a: b}",
	}
}

// TestScalarsAreThoseOfKubernetes holds what is read against what API server and clients read, by the same type.
func TestScalarsAreThoseOfKubernetes(t *testing.T) {
	type fields struct {
		Text  string            `json:"text"`
		Flag  bool              `json:"flag"`
		Count int32             `json:"count"`
		Table map[string]string `json:"table"`
	}
	for _, scalar := range scalars() {
		for _, form := range []string{"text: %s", "flag: %s", "count: %s", "table: %s", "table: {x: %s}"} {
			text := fmt.Sprintf(form, scalar)
			var want, got fields
			wantErr := decodeAsKubernetes(text, &want)
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			d := &manifest.Decoder{}
			d.Decode(manifest.Root(&doc), &got, "")
			if refused := len(d.Findings) > 0; refused != (wantErr != nil) {
				t.Errorf("%s: refused %v %v, Kubernetes says %v", text, refused, d.Findings, wantErr)
			} else if diff := cmp.Diff(want, got); wantErr == nil && diff != "" {
				t.Errorf("%s: reads otherwise than in Kubernetes (-want +got):\n%s", text, diff)
			}
		}
	}
}

// decodeAsKubernetes reads as clients and API server do together: these make JSON of the text, that one reads it by type.
func decodeAsKubernetes(text string, into any) error {
	data, err := sigsyaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// TestKeysAreThoseOfKubernetes holds keys against those that come out of JSON, of every way to ask for one.
func TestKeysAreThoseOfKubernetes(t *testing.T) {
	for _, text := range formed("{? %s : x}") {
		var want, got map[string]string
		if decodeAsKubernetes(text, &want) != nil {
			continue // null, and what is no scalar
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		root := manifest.Root(&doc)
		(&manifest.Decoder{}).Decode(root, &got, "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: reads otherwise than in Kubernetes (-want +got):\n%s", text, diff)
		}
		if diff := cmp.Diff(want, manifest.StringMap(root)); diff != "" {
			t.Errorf("%s: has other keys than in Kubernetes (-want +got):\n%s", text, diff)
		}
		for key := range want {
			edit := manifest.NewEdit(root)
			if manifest.Lookup(root, key) == nil || manifest.OwnIndex(root, key) < 0 || edit.Own(key) == nil {
				t.Errorf("%s: %q is not found", text, key)
			}
		}
	}
}

// TestDecodeIsThatOfKubernetes holds the plain values of a tree against those that come out of JSON.
func TestDecodeIsThatOfKubernetes(t *testing.T) {
	for _, text := range slices.Concat(formed("a: [%s]"), formed("a: {? %s : b}")) {
		want, err := sigsyaml.YAMLToJSON([]byte(text))
		if err != nil {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var tree any
		if err := manifest.Decode(&doc, &tree); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(tree)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: reads otherwise than in Kubernetes (-want +got):\n%s", text, diff)
		}
	}
}

// formed is each scalar in a form.
func formed(form string) []string {
	var out []string
	for _, scalar := range scalars() {
		out = append(out, fmt.Sprintf(form, scalar))
	}
	return out
}

// TestTextThatIsMadeStaysText holds that text which comes out of JSON or of this code is none of the words of YAML 1.1.
func TestTextThatIsMadeStaysText(t *testing.T) {
	for _, scalar := range scalars() {
		for name, n := range map[string]*yaml.Node{"scalar": manifest.NewScalar(scalar), "node": manifest.NewNode(scalar)} {
			if tag, text := manifest.Scalar(n); tag != yaml.NodeTagString || text != scalar {
				t.Errorf("%s: %q is %s %q", name, scalar, tag, text)
			}
			d, got := &manifest.Decoder{}, ""
			if d.Decode(n, &got, ""); len(d.Findings) > 0 || got != scalar {
				t.Errorf("%s: %q reads as %q, %v", name, scalar, got, d.Findings)
			}
			var value any
			if err := manifest.Decode(n, &value); err != nil || value != scalar {
				t.Errorf("%s: %q is the value %v, %v", name, scalar, value, err)
			}
		}
	}
}
