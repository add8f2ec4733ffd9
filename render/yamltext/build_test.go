// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

// describe lists all that the builder has to make like the library: everything but comments.
func describe(n *yaml.Node, out *bytes.Buffer) {
	if n == nil {
		return
	}
	fmt.Fprintf(out, "%d:%d %d %d %s %q %q\n", n.Line, n.Column, n.Kind, n.Style, n.Tag, n.Value, n.Anchor)
	for _, child := range n.Content {
		describe(child, out)
	}
}

func checkBuild(tb testing.TB, s *Scanner, doc []byte) bool {
	tb.Helper()
	got, ok := s.build(doc)
	if !ok {
		return false
	}
	want, err := Parse(doc)
	if err != nil {
		tb.Fatalf("a tree of a document that cannot be parsed: %v\n%q", err, doc)
	}
	var a, b bytes.Buffer
	describe(got, &a)
	describe(want, &b)
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		tb.Fatalf("%q\ngot:\n%s\nwant:\n%s", doc, &a, &b)
	}
	if want != nil {
		checkReadsAs(tb, s, doc, want)
	}
	return true
}

// checkReadsAs holds a document against its own tree, as which it reads, and against trees that differ from it in one node each.
func checkReadsAs(tb testing.TB, s *Scanner, doc []byte, root *yaml.Node) {
	tb.Helper()
	if !s.ReadsAs(doc, root) {
		tb.Fatalf("%q: does not read as its own tree", doc)
	}
	var nodes []*yaml.Node
	var collect func(n *yaml.Node)
	collect = func(n *yaml.Node) {
		nodes = append(nodes, n)
		for _, c := range n.Content {
			collect(c)
		}
	}
	collect(root.Content[0])
	const sample = 20
	for i := 0; i < len(nodes); i += 1 + len(nodes)/sample {
		n, was := nodes[i], *nodes[i]
		differs := func(change func()) {
			change()
			if s.ReadsAs(doc, root) {
				tb.Fatalf("%q: reads as a tree with another node at line %d, column %d: %v", doc, was.Line, was.Column, *n)
			}
			*n = was
		}
		differs(func() { n.Value += "x" })
		differs(func() { n.Tag = "!other" })
		differs(func() { *n = yaml.Node{Kind: yaml.AliasNode, Alias: &was} })
		if n.Kind == yaml.ScalarNode {
			differs(func() { n.Kind = yaml.SequenceNode })
			continue
		}
		differs(func() { n.Kind = yaml.ScalarNode })
		differs(func() { n.Content = append(was.Content[:len(was.Content):len(was.Content)], n) })
		if last := len(was.Content) - 1; last >= 0 {
			differs(func() { n.Content = was.Content[:last] })
		}
	}
}

func TestBuildManifests(t *testing.T) {
	s := NewScanner()
	built, all := 0, 0
	for _, data := range yamltest.Manifests(t) {
		for _, doc := range splitAll(t, bytes.NewReader(data)) {
			all++
			if checkBuild(t, s, doc.Bytes) {
				built++
			}
		}
	}
	t.Logf("built %d of %d documents", built, all)
	if built*10 < all*7 {
		t.Errorf("built only %d of %d documents", built, all)
	}
}

// TestTreesStayUntilReuse makes trees side by side, which documents of a run do until they are done, and then others in their
// place.
func TestTreesStayUntilReuse(t *testing.T) {
	s := NewScanner()
	for range 3 {
		s.Reuse()
		var trees []*yaml.Node
		for i := range 50 {
			root, ok := s.build(yamltest.Deployment(i))
			if !ok {
				t.Fatalf("deployment %d is not built", i)
			}
			trees = append(trees, root)
		}
		for i, root := range trees {
			var got, want bytes.Buffer
			describe(root, &got)
			parsed, err := Parse(yamltest.Deployment(i))
			if err != nil {
				t.Fatal(err)
			}
			if describe(parsed, &want); !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Fatalf("the tree of deployment %d has changed:\n%s\nwant:\n%s", i, &got, &want)
			}
		}
	}
}

// TestTreesTakeNoNewRoom counts what a tree allocates where those before it are done with: the text of its values and a few
// lists, however many nodes it has.
func TestTreesTakeNoNewRoom(t *testing.T) {
	s := NewScanner()
	one := func(entries int) float64 {
		doc := []byte("a:\n" + strings.Repeat("- name: some text\n  size: \"more text\"\n", entries))
		return testing.AllocsPerRun(20, func() {
			s.Reuse()
			if _, ok := s.build(doc); !ok {
				t.Fatal("not built")
			}
		})
	}
	few, many := one(5), one(50)
	if many > few+4 {
		t.Errorf("a tree of ten times the nodes takes %v allocations in place of %v", many, few)
	}
}

func FuzzBuild(f *testing.F) {
	for _, src := range yamltest.Snippets() {
		f.Add([]byte(src))
	}
	for _, src := range []string{
		"kind: A\napiVersion: v1\nmetadata:\n  name: n\n  labels: {a: b, c: [d, 'e', \"\\\"f\"]}\n", "a: b\n  c\n\n  d # e\n",
		"a:\n- b: |\n    c\n\n     d\n\n  e: |+\n    f\n\n- |-\n  g\n- h\n", "a:\n  - - b\n    - c\n  -\n    d: e\n  -\n  -\nf:\n",
		"---\na: \"b\\n\"\n...\n# c\n", "\"é\": [ü]\n'ö': ä\n'x':\n", "a: 12\nb: 2001-01-01\nc: ~\nd: 0x1F\ntrue: 1.5\n1: .inf\n",
	} {
		f.Add([]byte(src))
	}
	s := NewScanner()
	f.Fuzz(func(t *testing.T, doc []byte) {
		if docs := splitAll(t, bytes.NewReader(doc)); len(docs) == 1 {
			checkBuild(t, s, doc)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	doc := yamltest.Deployment(7)
	s := NewScanner()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reuse()
		if _, ok := s.build(doc); !ok {
			b.Fatal("not built")
		}
	}
}
