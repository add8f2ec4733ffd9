// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func TestSpliceManifests(t *testing.T) {
	for name, data := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			made, refused := 0, 0
			docs := splitAll(t, bytes.NewReader(data))
			for _, doc := range docs {
				if len(doc.Bytes) > 100_000 {
					continue
				}
				for i := range max(6, 30/len(docs)) {
					// Edits near the root and edits anywhere.
					edits := 1 + i%3
					if checkEdit(t, doc.Bytes, edits, i%2 == 0, rng.IntN) {
						made++
					} else {
						refused++
					}
					if t.Failed() {
						return
					}
				}
			}
			t.Logf("%d edits made, %d refused", made, refused)
		})
	}
}

func snippets() []string {
	return []string{
		"a: 1\nb:\n  c: 2\n",
		"spec:\n  containers:\n  - name: a\n    image: b\n    # c\n  # d\n  volumes: []  # none\n",
		"spec:\n    containers:\n      - name: a\n        image: b\n\n      - name: b # x\n\n    volumes:\n",
		"a:\n- b\n- - c\n  - d\n-\n  e: f\n- \n- g: |+\n    text\n\n- h: >-\n    x\n    y\n",
		"a: [b, c]\nd: {e: f, g: [], h: {}}\ni: [\n  x, # one\n  y\n]\nj: {\n  k: l,\n}\n",
		"{\n  \"a\": 1,\n  \"b\": [\n    {\n      \"c\": \"d\"\n    }\n  ],\n  \"e\": {}\n}\n",
		`{"a":[1,2],"b":{"c":"d"},"e":[]}`,
		"a: &x\n  b: c\nd: *x\ne:\n  <<: *x\n  f: &y 1\ng: &z\n- 1\n",
		"a: !!str 1\nb: !custom\n  c: d\ne: ~\nf: null # c\ng:   \nh: \"x\n  y\"\ni: plain\n  text\n",
		"# head\n\n--- # doc\n# c\na: 1\n# tail\n...\n# after\n",
		"--- {a: b}\n", "--- |\n  text\n", "- a\n- b\n", "- a", "a: 1", "a:", "a: |\n  b", "- - - a\n    - b\n",
		"a: 1\r\nb:\r\n  - c\r\n  - d: |\r\n      x\r\n\r\n", "\ufeffa: é\né: [é, ü]\n", "? a\n: b\n", "a: 'it''s'\n\"b\": \"\\\"\"\n",
		"a:\n  # only a comment\nb:\n  # deep\n  - c\n# end", "a: [b: c, d]\n", "a: {b, c: , d: }\n", "[]", "{}", "a: |2\n    x\n  y\n\n",
		"-   a: 1\n    b: 2\n-   c: 3\n", "a:\n  []\nb: # c1\n  c: d # c2\n  e: f # c3\ng: | # h\n  i\n",
		"key with spaces: x\n'q': y\n? |\n  z\n: w\n", "a: &a []\nb: !!seq []\nc: [ ]\nd: [\n]\n", "a:\n\n\n  b: 1\n\n\nc: 2\n\n\n",
	}
}

func TestSpliceSnippets(t *testing.T) {
	for _, src := range snippets() {
		rng := rand.New(rand.NewPCG(3, 4))
		made, refused := 0, 0
		for i := range 400 {
			if checkEdit(t, []byte(src), 1+i%3, i%2 == 0, rng.IntN) {
				made++
			} else {
				refused++
			}
			if t.Failed() {
				return
			}
		}
		t.Logf("%q: %d made, %d refused", src, made, refused)
	}
}

func TestSnippetsAreReadable(t *testing.T) {
	for _, src := range snippets() {
		if _, err := Parse([]byte(src)); err != nil && !strings.Contains(src, "custom") {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestSpliceWritesOutAliases(t *testing.T) {
	given, err := Parse([]byte("a: &a {b: c}\nd: *a\ne:\n  <<: *a\n  f: [*a]\n"))
	if err != nil {
		t.Fatal(err)
	}
	src := []byte("x: y\n")
	root, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: "z"}
	added := withContent(given.Content[0], given.Content[0].Content)
	added.Line = 0
	top := withContent(root.Content[0], append(slices.Clone(root.Content[0].Content), key, added))
	out, err := Splice(src, root, withContent(root, []*yaml.Node{top}), nil)
	want := "x: y\nz:\n  a: {b: c}\n  d: {b: c}\n  e:\n    <<: {b: c}\n    f: [{b: c}]\n"
	if err != nil || string(out) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, out, want)
	}
}

// FuzzSplice makes the edits that the second argument picks in the document of the first.
func FuzzSplice(f *testing.F) {
	for i, src := range snippets() {
		f.Add([]byte(src), []byte{0, byte(i), 2, 3, 0, 1, 4, 1, 5, 9, 2, 6, 5, 0, 3, 5, 0, 8})
		f.Add([]byte(src), []byte{1, 1, 0, 2, byte(i), 7, 1, 0, 0, 3, 0, 2, 0, 4, 5})
	}
	f.Fuzz(func(t *testing.T, src, picks []byte) {
		if len(src) > 2000 || len(picks) < 3 {
			return
		}
		i := 1
		pick := func(n int) int {
			i++
			return int(picks[i%len(picks)]) % n
		}
		checkEdit(t, src, 1+int(picks[1]%4), picks[0]%2 == 0, pick)
	})
}
