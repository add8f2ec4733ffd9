// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

func TestScanKnowsManifests(t *testing.T) {
	s := NewScanner("kind", "apiVersion", "metadata.namespace", "metadata.name")
	for name, data := range yamltest.Manifests(t) {
		docs := splitAll(t, bytes.NewReader(data))
		certain := 0
		for _, doc := range docs {
			if checkScan(t, s, doc.Bytes) {
				certain++
			}
		}
		t.Logf("%s: certain about %d of %d documents", name, certain, len(docs))
		if certain*10 < len(docs)*8 {
			t.Errorf("%s: certain about %d of %d documents only", name, certain, len(docs))
		}
	}
}

func TestScan(t *testing.T) {
	s := NewScanner("kind", "apiVersion", "metadata.namespace", "metadata.name")
	for _, tc := range []struct {
		in      string
		certain bool
	}{
		{"", true},
		{"# c\n", true},
		{"---\n# c\n", true},
		{"kind: A\napiVersion: \"v1\" # c\nmetadata:\n  labels: {a: b, c: [d, 'e']}\n  name: n\n", true},
		{"a:\n- b: c\n  d:\n  - e\n  - f: g\nh: i\n", true},
		{"a: b\n  c d\n  - e\nf: g\n", true},
		{"a: |\n  b\n\n   c\nd: >-\n  e\n", true},
		{"a: 1\r\nb: 2\r\n...\r\n# c\r\n", true},
		{"a:\n  b c\n  d\ne: \"f\n\n  g \\\n  h\" # c\ni: 'j\nk'\n", true},
		{"a: 1\nb: 2\na: 3\n", false},
		{"a: {b: 1, b: 2}\n", false},
		{manyKeys(3 * comparedKeys), true},
		{manyKeys(3*comparedKeys) + "k7: x\n", false},
		{"a: {" + strings.ReplaceAll(manyKeys(comparedKeys), "\n", ", ") + "k7: 1}\n", false},
		{"a: b\n- c\n", false},
		{"a:\n  b: 1\n c: 2\n", false},
		{"a: b: c\n", false},
		{"metadata: {name: x}\n", false},
		{"a: &b c\n", false},
		{"a\n", false},
		{"a: \"b\n---\nc\"\n", false},
		{"kind:\n  A\n", false},
		{"a: |2\n  b\n", false},
		{"a:\n\tb: 1\n", false},
	} {
		if got := checkScan(t, s, []byte(tc.in)); got != tc.certain {
			t.Errorf("scan(%q) is certain: %v, want %v", tc.in, got, tc.certain)
		}
	}
}

// checkScan checks that what the scanner is certain about is so.
func checkScan(tb testing.TB, s *Scanner, doc []byte) bool {
	tb.Helper()
	found, certain := s.Scan(doc)
	if !certain {
		return false
	}
	root, err := Parse(doc)
	if err != nil {
		tb.Fatalf("certain about a document that cannot be parsed: %v\n%q", err, doc)
	}
	want := headOf(root)
	for i, got := range found {
		if string(got) != want[i] {
			tb.Fatalf("found %q, want %q\n%q", found, want, doc)
		}
	}
	return true
}

func headOf(root *yaml.Node) (head [4]string) {
	if root == nil {
		return head
	}
	top := root.Content[0]
	head[0], head[1] = lookup(top, "kind").Value, lookup(top, "apiVersion").Value
	metadata := lookup(top, "metadata")
	head[2], head[3] = lookup(metadata, "namespace").Value, lookup(metadata, "name").Value
	return head
}

func lookup(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}

func FuzzScan(f *testing.F) {
	for _, src := range yamltest.Snippets() {
		f.Add([]byte(src))
	}
	for _, src := range []string{
		"kind: A\napiVersion: v1\nmetadata:\n  name: n\n  labels: {a: b, c: [d]}\n", "a: b\n  c\n\n  d # e\n",
		"a:\n- b: |\n    c\n  d: >-\n\n    e\n- f\n", "a:\n  - - b\n    - c\n  -\n    d: e\n", "---\na: \"b\\n\"\n...\n# c\n",
	} {
		f.Add([]byte(src))
	}
	s := NewScanner("kind", "apiVersion", "metadata.namespace", "metadata.name")
	f.Fuzz(func(t *testing.T, doc []byte) {
		if docs := splitAll(t, bytes.NewReader(doc)); len(docs) == 1 {
			checkScan(t, s, doc)
		}
	})
}
