// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

func TestSpliceManifests(t *testing.T) {
	for name, data := range yamltest.Manifests(t) {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			made, refused := 0, 0
			docs := documents(t, data)
			for _, doc := range docs {
				if len(doc) > 100_000 {
					continue
				}
				for i := range max(6, 30/len(docs)) {
					// Edits near the root and edits anywhere.
					edits := 1 + i%3
					if checkEdit(t, doc, edits, i%2 == 0, rng.IntN) {
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

// documents cuts a stream.
func documents(tb testing.TB, data []byte) (docs [][]byte) {
	tb.Helper()
	s := yamltext.NewSplitter(bytes.NewReader(data))
	for {
		doc, err := s.Read()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			tb.Fatal(err)
		}
		docs = append(docs, doc.Bytes)
	}
}

func TestSpliceSnippets(t *testing.T) {
	for _, src := range yamltest.Snippets() {
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
	for _, src := range yamltest.Snippets() {
		if _, err := yamltext.Parse([]byte(src)); err != nil && !strings.Contains(src, "custom") {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestSpliceWritesOutAliases(t *testing.T) {
	given, err := yamltext.Parse([]byte("a: &a {b: c}\nd: *a\ne:\n  <<: *a\n  f: [*a]\n"))
	if err != nil {
		t.Fatal(err)
	}
	src := []byte("x: y\n")
	root, err := yamltext.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: "z"}
	added := withContent(given.Content[0], given.Content[0].Content)
	added.Line = 0
	top := withContent(root.Content[0], append(slices.Clone(root.Content[0].Content), key, added))
	out, err := Apply(src, root, withContent(root, []*yaml.Node{top}), nil)
	want := "x: y\nz:\n  a: {b: c}\n  d: {b: c}\n  e:\n    <<: {b: c}\n    f: [{b: c}]\n"
	if err != nil || string(out) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, out, want)
	}
}

// FuzzSplice makes the edits that the second argument picks in the document of the first.
func FuzzSplice(f *testing.F) {
	for i, src := range yamltest.Snippets() {
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
