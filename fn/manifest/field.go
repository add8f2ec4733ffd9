// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const aList = "a list"

// Field is a value of a document with its place and its path, where there may be no value. A Decoder reads structs with
// it; a reader whose types are not those of the document asks for one field after another. What is wrong goes to the
// Decoder, so that one run names everything that is wrong with a document, and the reading goes on with the zero value.
type Field struct {
	Path string // from the object's root, "spec.containers[0].image"
	Name string // of the field in its mapping; "" of an element of a list and of the root
	Key  string // of one of Fields, its name as Kubernetes reads it: true of on

	node    *yaml.Node // nil where the field is absent
	line    int        // of the field's name, or of what should hold it; 0 where the value says it
	decoder *Decoder
}

// Field is a value with its path in the document.
func (d *Decoder) Field(n *yaml.Node, path string) Field {
	return Field{Path: path, node: n, decoder: d}
}

// Present says whether the field has a value. A null is none, as in Kubernetes.
func (f Field) Present() bool { return !IsNull(f.node) }

// Node is the value as it stands, nil where it is absent.
func (f Field) Node() *yaml.Node { return f.node }

// Line is the line of the field's name, or of an absent field's parent; of an element of a list it is its own.
func (f Field) Line() int {
	if n := Resolve(f.node); f.line == 0 && n != nil {
		return n.Line
	}
	return f.line
}

// Report adds an error about the field.
func (f Field) Report(code, message, hint string) {
	f.decoder.Report(f.place(), code, f.Path, message, hint)
}

func (f Field) place() *yaml.Node { return &yaml.Node{Line: f.Line()} }

// Mismatch reports that the field is not what it must be.
func (f Field) Mismatch(want string) {
	f.decoder.Report(f.place(), "wrong-type", f.Path, "is "+Describe(f.node)+", must be "+want, Advice(f.node))
}

// Unknown reports a field that its mapping does not have, and which of those that it has is nearest.
func (f Field) Unknown(known []string) {
	hint := ""
	if near := Nearest(f.Name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	f.decoder.Report(f.place(), "unknown-field", f.Path, fmt.Sprintf("unknown field %q", f.Name), hint)
}

// Get is the field of a name, merge keys included. An absent one has its parent's line, so that "is missing" points
// somewhere.
func (f Field) Get(name string) Field {
	key, value := lookupPair(f.node, name, 0)
	return f.child(name, key, value)
}

func (f Field) child(name string, key, value *yaml.Node) Field {
	c := Field{Path: name, Name: name, node: value, line: f.Line(), decoder: f.decoder}
	if f.Path != "" {
		c.Path = f.Path + "." + name
	}
	if key != nil {
		c.line = key.Line
	}
	return c
}

// Mapping says whether the value is a mapping, and reports one that is something else.
func (f Field) Mapping() bool { return f.is(yaml.MappingNode, "a mapping") }

func (f Field) is(kind yaml.Kind, want string) bool {
	if !f.Present() {
		return false
	}
	if Resolve(f.node).Kind != kind {
		f.Mismatch(want)
		return false
	}
	return true
}

// Fields are those of a mapping, merge keys included, each once.
func (f Field) Fields() []Field {
	var all []Field
	EachPair(f.node, func(key, value *yaml.Node) {
		c := f.child(key.Value, key, value)
		c.Key = Key(key)
		all = append(all, c)
	})
	return all
}

// Items are the elements of a list. An absent list has none, and anything else is reported.
func (f Field) Items() []Field {
	if !f.is(yaml.SequenceNode, aList) {
		return nil
	}
	content := Resolve(f.node).Content
	items := make([]Field, len(content))
	for i, n := range content {
		items[i] = Field{Path: f.Path + "[" + strconv.Itoa(i) + "]", node: n, decoder: f.decoder}
	}
	return items
}

// Scalar is the text of a value with one of the tags. ok is false where it is absent, and where it is something else than
// what it must be, which is reported.
func (f Field) Scalar(want string, tags ...string) (text string, ok bool) {
	if text, ok = f.Peek(tags...); !ok && f.Present() {
		f.Mismatch(want)
	}
	return text, ok
}

// Peek is Scalar for a reader that knows what to do about other values: it reports nothing.
func (f Field) Peek(tags ...string) (text string, ok bool) {
	n := Resolve(f.node)
	if !f.Present() || n.Kind != yaml.ScalarNode {
		return "", false
	}
	if tag, text := Scalar(n); slices.Contains(tags, tag) {
		return text, true
	}
	return "", false
}

// Text is a string: "" where it is absent. To Kubernetes, which knows no dates, one is a string, and so is "<<", which is
// something else as a key alone.
func (f Field) Text() string {
	s, _ := f.Scalar("a string", yaml.NodeTagString, "!!timestamp", yaml.MergeTag)
	return s
}

// Bool is true or false, which is also what an absent one is.
func (f Field) Bool() bool {
	const want = "true or false"
	s, ok := f.Scalar(want, yaml.NodeTagBool)
	b, err := strconv.ParseBool(s)
	if ok && err != nil { // tagged by hand
		f.Mismatch(want)
	}
	return b
}

// Int is a whole number of as many bits. ok is false where there is none.
func (f Field) Int(bits int) (i int64, ok bool) {
	const want = "a whole number"
	s, ok := f.Scalar(want, yaml.NodeTagInt)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		f.Mismatch(want)
		return 0, false
	}
	return i, true
}
