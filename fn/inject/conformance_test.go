// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// conformanceCase is one line of testdata/conformance/sidecarset.jsonl: what a running OpenKruise made of a pod.
type conformanceCase struct {
	Name        string            `json:"name"`
	SidecarSets []json.RawMessage `json:"sidecarSets"`
	Namespaces  []json.RawMessage `json:"namespaces"`
	Pod         json.RawMessage   `json:"pod"`
	Injected    bool              `json:"injected"`
	ExpectedPod json.RawMessage   `json:"expectedPod"`
	ExpectError string            `json:"expectError"`
}

func readConformance(t testing.TB) []conformanceCase {
	t.Helper()
	data, err := os.ReadFile("../../testdata/conformance/sidecarset.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []conformanceCase
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c conformanceCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	if len(out) < 90 {
		t.Fatalf("read %d cases, the file holds more", len(out))
	}
	return out
}

func mustParse(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return manifest.Root(&doc)
}

func (c conformanceCase) injector(t testing.TB) *inject.Injector {
	t.Helper()
	opts := inject.Options{Compatibility: inject.Kruise, Namespaces: map[string]map[string]string{}}
	for _, n := range c.Namespaces {
		var ns struct {
			Metadata struct {
				Name   string
				Labels map[string]string
			}
		}
		if err := json.Unmarshal(n, &ns); err != nil {
			t.Fatal(err)
		}
		opts.Namespaces[ns.Metadata.Name] = ns.Metadata.Labels
	}
	var sets []*inject.SidecarSet
	for _, s := range c.SidecarSets {
		set, findings := inject.ParseSidecarSet(mustParse(t, string(s)), manifest.Source{})
		if manifest.HasErrors(findings) {
			t.Fatalf("SidecarSet: %v", findings)
		}
		sets = append(sets, set)
	}
	in, findings := inject.New(inject.Context{Sets: sets}, opts)
	if manifest.HasErrors(findings) {
		t.Fatal(findings)
	}
	return in
}

// plain is a tree as JSON has it, without what the cases leave out of the comparison.
func plain(t testing.TB, n *yaml.Node) any {
	t.Helper()
	text, err := yaml.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return strip(v)
}

func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			m, isMap := e.(map[string]any)
			switch {
			case k == "status", k == "creationTimestamp", k == inject.InjectedAnnotation:
			case k == "resources" && isMap && len(m) == 0:
			case k == "annotations" && isMap && len(strip(m).(map[string]any)) == 0:
			default:
				out[k] = strip(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = strip(e)
		}
		return out
	}
	return v
}

func TestConformance(t *testing.T) {
	for _, c := range readConformance(t) {
		t.Run(c.Name, func(t *testing.T) {
			pod := mustParse(t, string(c.Pod))
			result := c.injector(t).Inject(pod, manifest.Source{}, func(*yaml.Node) string { return " x" })
			if c.ExpectError != "" {
				if !manifest.HasErrors(result.Findings) {
					t.Fatalf("injected, want an error like %q", c.ExpectError)
				}
				return
			}
			if manifest.HasErrors(result.Findings) {
				t.Fatal(result.Findings)
			}
			if result.Changed(pod) != c.Injected {
				t.Errorf("changed: %v, want %v", result.Changed(pod), c.Injected)
			}
			want := c.ExpectedPod
			if !c.Injected {
				want = c.Pod
			}
			if diff := cmp.Diff(plain(t, mustParse(t, string(want))), plain(t, result.Object)); diff != "" {
				t.Errorf("-Kruise +slipway:\n%s", diff)
			}
		})
	}
}

// inBlocks is a document in YAML's block style, from one in JSON.
func inBlocks(t testing.TB, text json.RawMessage) json.RawMessage {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSpellingsAgree injects the conformance cases in two spellings, which must not matter.
func TestSpellingsAgree(t *testing.T) {
	for _, c := range readConformance(t) {
		other := c
		other.Pod, other.SidecarSets = inBlocks(t, c.Pod), nil
		for _, s := range c.SidecarSets {
			other.SidecarSets = append(other.SidecarSets, inBlocks(t, s))
		}
		var trees []any
		for _, c := range []conformanceCase{c, other} {
			pod := mustParse(t, string(c.Pod))
			result := c.injector(t).Inject(pod, manifest.Source{}, inject.FlowText)
			tree, _ := treeOf(t, result.Object).(map[string]any)
			if annotations, ok := valueAt(tree, "metadata", "annotations").(map[string]any); ok {
				delete(annotations, inject.InjectedAnnotation) // it holds text that was replaced, in its own spelling
			}
			trees = append(trees, tree)
		}
		if diff := cmp.Diff(trees[0], trees[1]); diff != "" {
			t.Errorf("%s: -JSON +YAML\n%s", c.Name, diff)
		}
	}
}
