// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// conformanceCase is one line of a file in testdata/conformance: what a running OpenKruise made of a pod. Revisions of
// the sets stand among the namespaces.
type conformanceCase struct {
	Name        string            `json:"name"`
	SidecarSets []json.RawMessage `json:"sidecarSets"`
	Namespaces  []json.RawMessage `json:"namespaces"`
	Pod         json.RawMessage   `json:"pod"`
	Injected    bool              `json:"injected"`
	ExpectedPod json.RawMessage   `json:"expectedPod"`
	ExpectError string            `json:"expectError"`
}

// The cases of each feature by itself, and those that mix many of them, packed.
const (
	featureCases = "sidecarset.jsonl"
	mixedCases   = "sidecarset-2.jsonl.gz"
)

func readConformance(t testing.TB, files ...string) []conformanceCase {
	t.Helper()
	var out []conformanceCase
	for _, name := range files {
		data, err := os.ReadFile("../../testdata/conformance/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var text io.Reader = bytes.NewReader(data)
		if strings.HasSuffix(name, ".gz") {
			if text, err = gzip.NewReader(text); err != nil {
				t.Fatal(err)
			}
		}
		for d := json.NewDecoder(text); ; {
			var c conformanceCase
			if err := d.Decode(&c); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out = append(out, c)
		}
	}
	if len(out) < 90*len(files) {
		t.Fatalf("read %d cases, the files hold more", len(out))
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

// context reads the case's sets, namespaces and revisions.
func (c conformanceCase) context(t testing.TB, opts *inject.Options) (inject.Context, []manifest.Finding) {
	t.Helper()
	var context inject.Context
	var findings []manifest.Finding
	for _, object := range slices.Concat(c.Namespaces, c.SidecarSets) {
		findings = append(findings, context.Read(mustParse(t, string(object)), manifest.Source{}, opts)...)
	}
	if len(context.Sets) != len(c.SidecarSets) {
		t.Fatalf("%d of %d SidecarSets were read", len(context.Sets), len(c.SidecarSets))
	}
	return context, findings
}

// inject injects into the pod as a run of a command would: mistakes in the sets count too.
func (c conformanceCase) inject(t testing.TB, pod *yaml.Node) inject.Result {
	t.Helper()
	opts := inject.Options{Compatibility: inject.Kruise}
	context, findings := c.context(t, &opts)
	in, more := inject.New(context, opts)
	result := in.Inject(pod, manifest.Source{}, inject.FlowText)
	result.Findings = slices.Concat(findings, more, result.Findings)
	return result
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
	for _, c := range readConformance(t, featureCases, mixedCases) {
		t.Run(c.Name, func(t *testing.T) {
			pod := mustParse(t, string(c.Pod))
			result := c.inject(t, pod)
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
	for _, c := range readConformance(t, featureCases, mixedCases) {
		other := c
		other.Pod, other.SidecarSets = inBlocks(t, c.Pod), nil
		for _, s := range c.SidecarSets {
			other.SidecarSets = append(other.SidecarSets, inBlocks(t, s))
		}
		var trees []any
		for _, c := range []conformanceCase{c, other} {
			pod := mustParse(t, string(c.Pod))
			result := c.inject(t, pod)
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
