// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// misread is a document in which a reader takes one value for another: its tree says two where the text says six.
func misread(t *testing.T, text string) *yaml.Node {
	t.Helper()
	root, err := yamltext.Parse([]byte(strings.Replace(text, "six", "two", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// applied adds a key to a document that was read by a mutant of the quick reader. The mutant proves it too, where it is asked.
func applied(t *testing.T, s *Scanner, text string, mutant bool) error {
	t.Helper()
	root, err := yamltext.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.readsAs = s.ReadsAs
	if mutant {
		root = misread(t, text)
		s.readsAs = func(out []byte, root *yaml.Node) bool { return new(comparison).equal(root, misread(t, string(out))) }
	}
	edited := withContent(root, []*yaml.Node{manifest.With(root.Content[0], "added", manifest.NewScalar("x"))})
	_, err = s.Apply([]byte(text), root, edited, nil)
	return err
}

// TestNewShapesAreProvenByTheLibrary lets a reader misread a text of a shape that nothing before it had, however many came
// before: it is refused. A text of a shape that is proven is the quick reader's own to prove.
func TestNewShapesAreProvenByTheLibrary(t *testing.T) {
	proofs := NewProofs()
	workers := []*Scanner{NewScanner(proofs), NewScanner(proofs)}
	for i := range 200 {
		if err := applied(t, workers[i%2], fmt.Sprintf("value: six\nname: app-%d\n", 10+i%80), false); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"indentation": "value:\n  six\nname: app-7\n", "style": "value: \"six\"\nname: app-7\n",
		"comment":     "value: six # of them\nname: app-7\n",
		"a line more": "value: six\nmore: a\nname: app-7\n", "type elsewhere": "value: six\nname: true\n",
		"line ends": "value: six\r\nname: app-7\r\n",
	} {
		for _, s := range workers {
			if err := applied(t, s, text, true); err == nil || !strings.Contains(err.Error(), "would not mean what it should") {
				t.Errorf("%s: what the reader misreads in a new shape is not found: %v", name, err)
			}
		}
		if err := applied(t, workers[0], text, false); err != nil { // a proof that failed has taught nothing
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range workers {
		if err := applied(t, s, "value: six\nname: app-42\n", true); err != nil {
			t.Errorf("the library was asked about a shape that is proven: %v", err)
		}
	}
}

// TestASampleIsProvenByTheLibrary lets the reader misread one element of a long list: the sample holds it, or one of its shape.
func TestASampleIsProvenByTheLibrary(t *testing.T) {
	long := strings.Repeat("- a: b\n  c: [d, e]\n", 100)
	for name, text := range map[string]string{
		"of a shape of its own": "list:\n" + long + "- value: six\n" + long,
		"of a shared shape":     "list:\n- a: six\n  c: [d, e]\n" + long,
		"in another list":       "list:\n" + long + "more:\n- a: six\n  c: [d, e]\n",
		"outside of the lists":  "more: six\nlist:\n" + long,
	} {
		s := NewScanner(nil)
		s.large = 0
		if err := applied(t, s, text, true); err == nil || !strings.Contains(err.Error(), "would not mean what it should") {
			t.Errorf("%s: what the reader misreads is not found: %v", name, err)
		}
		if err := applied(t, s, text, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSample(t *testing.T) {
	for text, want := range map[string]string{
		"a: b\n":                   "a: b\n",
		"a: b\nc: d\ne: 1\nf: g\n": "a: b\ne: 1\n",
		"a:\n  b: c\n  d: e\nf:\n  g: h\n  i: j\nk: l\n":             "a:\n  b: c\nk: l\n",
		"a:\n- b\nc:\n- d\n- e\nf:\n- g\nh: i\n":                     "a:\n- b\nc:\n- d\nh: i\n",
		"a:\n  'b\n\n  c'\nd:\n  'e\n\n  f'\n":                       "a:\n  'b\n\n  c'\n",
		"- a\n- b\n- 1\n- c\n":                                       "- a\n- 1\n",
		"- a\n- b":                                                   "- a\n- b", // it ends in another way
		"x:\n- a\n- b\ny:\n- a\n- b\n":                               "x:\n- a\ny:\n- a\n",
		"x:\n  - a\n  - b\n    # c\n  - d\nz: 1\n":                   "x:\n  - a\n  - b\n    # c\nz: 1\n",
		"- a: b\n  c: d\n- e: f\n  g: h\n":                           "- a: b\n  c: d\n",
		"- a:\n  - b\n  - c\n- d:\n  - e\n  - f\n":                   "- a:\n  - b\n",
		"- a:\n  - b\n- d:\n  - 'e'\n":                               "- a:\n  - b\n- d:\n  - 'e'\n",
		"- - a\n  - b\n- - c\n  - d\n":                               "- - a\n  - b\n",
		"- a\r\n- b\n- c\r\n":                                        "- a\r\n- b\n",
		"- |\n  - a\n- |\n  - b\n":                                   "- |\n  - a\n",
		"-\n  a: b\n-\n  c: d\n":                                     "-\n  a: b\n",
		"x: [a, b, c]\n":                                             "x: [a, b, c]\n",
		"x: [a" + strings.Repeat(", b", longFlow) + ", 'c', 1, d]\n": "x: [a, b, 'c', 1]\n",
	} {
		if got := string(NewProofs().sample([]byte(text))); got != want {
			t.Errorf("the sample of %.40q is %.80q, want %q", text, got, want)
		}
	}
}

// TestSketch tells texts apart that a reader takes different ways through, and no others.
func TestSketch(t *testing.T) {
	one := func(text string) string {
		var all []byte
		new(sketcher).sketch([]byte(text), func(part []byte) { all = append(all, part...) })
		return string(all)
	}
	for _, same := range [][2]string{
		{"image: app:v1.2.3\n", "image: example:v10.20.30\n"},
		{"- name: \"a b\"\n", "- value: \"cd efg\"\n"},
		{"a: ü\n", "b: öä\n"},
		{"a: 12\n", "a: 3\n"},
		{"a: 100m\n", "a: 5m\n"},
		{"a: app-1a2b\n", "a: app-3c4d\n"},
		{"a: sha256:3fa\n", "a: sha256:7be\n"},
		{"a: app-7\n", "a: app-42\n"},
		{"a: \"team-1/v-22\"\n", "a: \"team-33/v-4\"\n"},
	} {
		if one(same[0]) != one(same[1]) {
			t.Errorf("%q and %q have the sketches %q and %q", same[0], same[1], one(same[0]), one(same[1]))
		}
	}
	for _, other := range [][2]string{
		{"a: b\n", "a:  b\n"},
		{" a: b\n", "a: b\n"},
		{"a: b\n", "a: b\r\n"},
		{"a: b\n", "a: 'b'\n"},
		{"a: b\n", "a: b#\n"},
		{"a: b\n", "a: b #\n"},
		{"a: tree\n", "a: true\n"},
		{"a: 1e3\n", "a: 1f3\n"},
		{"a: 0x1f\n", "a: 0x1g\n"},
		{"a: 012\n", "a: 112\n"},
		{"a: 2001-01-01\n", "a: 201-01-01\n"},
		{"a: 2001-01-01\n", "a: 2001-01-011\n"},
		{"- 2001-1-1\n", "- 2001-1-111\n"},
		{"a: \"2001-1-1\"\n", "a: \"2001-111-1\"\n"},
		{"a: .inf\n", "a: .abc\n"},
		{"a: \"\\n\"\n", "a: \"\\q\"\n"},
		{"a: \u2028\n", "a: \u2027\n"},
		{"a: 1\n", "a: 99999999999999999999\n"},
		{"b: a\n" + strings.Repeat("k", 200) + ": v\n", "b: a\nk: v\n"},
		{"a: -1b\n", "a: -1c\n"},
		{"a: 1.5e3\n", "a: 1.5f3\n"},
		{"{\"a\":1e3}\n", "{\"a\":1f3}\n"},
	} {
		if one(other[0]) == one(other[1]) {
			t.Errorf("%q and %q have one sketch, %q", other[0], other[1], one(other[0]))
		}
	}
}
