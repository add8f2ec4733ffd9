// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// endless is a text that goes on and on, and counts how much of it was read.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text[(e.read+n)%len(e.text):])
	}
	e.read += n
	return n, nil
}

// TestOtherInputIsRefusedEarly hands over texts without an end.
func TestOtherInputIsRefusedEarly(t *testing.T) {
	for name, start := range map[string]string{
		"a stream":              "apiVersion: v1\nkind: ConfigMap\ndata: {}\n---\n",
		"a list":                "apiVersion: v1\nitems:\n- kind: ConfigMap\n",
		"keys in order":         "# comment\n---\napiVersion: apps/v1\nmetadata:\n  name: a\nkind: Deployment\nspec:\n  a: b\n",
		"JSON":                  `{"apiVersion": "v1", "kind": "List", "items": [{"kind": "ConfigMap"}, `,
		"JSON, items first":     `{"items": [], "kind": "List", `,
		"braces":                "{a: [b, c], ",
		"a flow list":           "[a, b, c, ",
		"a list of values":      "- a\n- b\n",
		"text":                  "word and word\n",
		"one line":              "word ",
		"a value of many lines": "note:\n  a\n  b\n",
	} {
		t.Run(name, func(t *testing.T) {
			in := &endless{text: start}
			err := Run(in, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), "holds no ResourceList") {
				t.Errorf("got %v", err)
			}
			if in.read > 1<<20 {
				t.Errorf("%d bytes were read", in.read)
			}
		})
	}
}

// TestOpeningOfLists holds that a ResourceList is taken for one, however it is written.
func TestOpeningOfLists(t *testing.T) {
	for _, text := range []string{
		"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- kind: Pod\n  a: b\n",
		"items:\n- kind: Pod\n-\n  kind: Service\nkind: ResourceList\n",
		"items: [\n{\nkind: Pod\n}\n]\nkind: ResourceList\n",
		"items: [{a: \"{\nkind: Pod\n}\n\"}]\nkind: ResourceList\n",
		"%YAML 1.1\n--- # list\nkind: \"ResourceList\" # yes\nitems: []\n",
		"--- !!map\nkind: ResourceList\n",
		"--- {kind: ResourceList}\n",
		"{\"items\": [{\"kind\": \"Pod\", \"a\": \"}\\\"\"}], \"kind\": \"ResourceList\"}",
		"{items: [{kind: Pod, a: 'it''s {'}], kind: ResourceList}",
		"{ # kind: Pod\n kind: ResourceList}",
		"\xef\xbb\xbfkind: ResourceList\n", "? kind\n: ResourceList\n", "\"kind\": ResourceList\n", "'kind' : 'ResourceList'\n",
		"  apiVersion: config.kubernetes.io/v1\n  kind: ResourceList\n", "kind: !!str ResourceList\n", "kind: &k ResourceList\n",
		"metadata: {name: a}\nfunctionConfig:\n  kind: Foo\nresults:\n- a: b\nkind:\n  ResourceList\n", "", "\n\n", "# nothing\n",
	} {
		if isOtherThanList([]byte(text)) {
			t.Errorf("taken for something else:\n%s", text)
		}
		for i := range text {
			if isOtherThanList([]byte(text[:i])) && i > 0 && text[i-1] == '\n' {
				t.Errorf("its first %d bytes are taken for something else:\n%s", i, text)
			}
		}
	}
}

// FuzzWriteParts holds a list that is written in parts against one that the library writes as a whole.
func FuzzWriteParts(f *testing.F) {
	for _, seed := range []string{
		"a: b\n", "# head\na: b # line\n# foot\n", "- a\n- b\n# foot\n\n# more\n", "a: |\n  text\n\n\n", "a: |+\n  text\n\n",
		"{a: b}\n", "text\n",
		"a:\n# in\n- b\n  # foot\nc: d\n", "&x a: *x\n", "null\n", "", "# only\n", "a: b\n\n# foot\n\n", "? a\n: b\n",
		"- - a\n  - b\n- {}\n",
	} {
		f.Add(seed, "a: b\n", uint(40))
	}
	f.Add("? #", " :ab\n", uint(76)) // the comment is written with the next item
	f.Fuzz(func(t *testing.T, one, other string, n uint) {
		var docs [2]yaml.Node
		for i, text := range []string{one, other} {
			if yaml.Unmarshal([]byte(text), &docs[i]) != nil || manifest.Root(&docs[i]) == nil || docs[i].Kind == 0 {
				return
			}
		}
		var items []*yaml.Node
		for i := range n % 200 {
			items = append(items, manifest.Root(&docs[(i/3)%2]))
		}
		head := []*yaml.Node{manifest.NewScalar("kind"), manifest.NewScalar("ResourceList")}
		tail := []*yaml.Node{manifest.NewScalar("functionConfig"), manifest.Root(&docs[0])}
		var want, got bytes.Buffer
		whole := append(append([]*yaml.Node{}, head...), manifest.NewScalar(itemsKey), manifest.NewSequence(items...))
		if err := encode(&want, manifest.NewMapping(append(whole, tail...)...), true); err != nil {
			return
		}
		if err := writeParts(&got, head, items, tail); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Fatalf("-whole +parts:\n%s", diff)
		}
	})
}
