// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Unmarshaler is a type that reads itself from a node, and tells what is wrong with it.
type Unmarshaler interface {
	UnmarshalNode(n *yaml.Node, d *Decoder, field string)
}

// Decoder reads yaml nodes into structs by their json tags, strictly: an unknown field and a value of the wrong type are
// findings that name the field and the line. Keys that stand twice are CheckTree's to find. A struct field of type
// *yaml.Node takes the node as it stands; one tagged rest:"true" is a *yaml.Node that collects, as a mapping, the fields
// that no other one takes.
type Decoder struct {
	Object   ObjectRef
	Source   Source // of the document's first line; lines of nodes count from it
	Findings []Finding
}

// Decode reads n into the struct, map or slice that into points to. Fields that are wrong are left at their zero value.
func (d *Decoder) Decode(n *yaml.Node, into any, field string) {
	d.Value(n, reflect.ValueOf(into).Elem(), field)
}

// Report adds an error about field, which stands at n.
func (d *Decoder) Report(n *yaml.Node, code, field, message, hint string) {
	d.Findings = append(d.Findings, Finding{
		Severity: SeverityError, Code: code, Message: message, Hint: hint,
		Object: d.Object, Field: field, Source: SourceAt(d.Source, n),
	})
}

// SourceAt is the place of node n in the document that starts at src.
func SourceAt(src Source, n *yaml.Node) Source {
	switch {
	case n == nil || n.Line == 0 || src.Line == NoLine:
	case src.Line == 0:
		src.Line = n.Line
	default:
		return src.Down(n.Line - 1)
	}
	return src
}

// Value reads n into v; field is its path, for findings.
func (d *Decoder) Value(n *yaml.Node, v reflect.Value, field string) {
	if v.Type() == reflect.TypeFor[*yaml.Node]() {
		v.Set(reflect.ValueOf(n))
		return
	}
	if IsNull(n) {
		return
	}
	n = Resolve(n)
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(Unmarshaler); ok {
			u.UnmarshalNode(n, d, field)
			return
		}
	}
	f := d.Field(n, field)
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.Value(n, v.Elem(), field)
	case reflect.Struct:
		d.structure(f, v)
	case reflect.Slice:
		d.list(f, v)
	case reflect.Map:
		d.table(f, v)
	default:
		d.scalar(f, v)
	}
}

func (d *Decoder) scalar(f Field, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.Text())
	case reflect.Bool:
		v.SetBool(f.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		if i, ok := f.Int(v.Type().Bits()); ok {
			v.SetInt(i)
		}
	default:
		panic("inject: no decoding into " + v.Type().String())
	}
}

func (d *Decoder) list(f Field, v reflect.Value) {
	if !f.is(yaml.SequenceNode, aList) {
		return
	}
	items := f.Items()
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.Value(item.node, v.Index(i), item.Path)
	}
}

func (d *Decoder) table(f Field, v reflect.Value) {
	if !f.Mapping() {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	EachPair(f.node, func(key, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.Value(value, e, f.Path+"["+Key(key)+"]")
		v.SetMapIndex(reflect.ValueOf(Key(key)).Convert(v.Type().Key()), e)
	})
}

func (d *Decoder) structure(f Field, v reflect.Value) {
	if !f.Mapping() {
		return
	}
	fields := FieldsOf(v.Type())
	EachPair(f.node, func(key, value *yaml.Node) {
		at := f.child(key.Value, key, value) // as it is written: a field may be called on
		to, ok := fields.In(v, key.Value)
		switch {
		case ok:
			d.Value(value, to, at.Path)
		case fields.rest != nil:
			collect(v.FieldByIndex(fields.rest), key, value)
		default:
			at.Unknown(fields.Names())
		}
	})
}

// StructFields are the fields of a struct type by their json name, embedded structs included.
type StructFields struct {
	byName map[string][]int // as reflect.Value.FieldByIndex takes it
	rest   []int            // the field tagged rest; nil for none
}

// FieldsOf returns the fields of a struct type. They are worked out once.
func FieldsOf(t reflect.Type) *StructFields {
	if known, ok := fieldsOf.Load(t); ok {
		return known.(*StructFields) //nolint:forcetypeassert // nothing else is stored
	}
	fields := &StructFields{byName: map[string][]int{}}
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		switch {
		case name == "-":
		case tag.Get("rest") == "true":
			fields.rest = []int{i}
		case name == "" && t.Field(i).Anonymous:
			embedded := FieldsOf(t.Field(i).Type)
			for k, index := range embedded.byName {
				fields.byName[k] = append([]int{i}, index...)
			}
			if embedded.rest != nil {
				fields.rest = append([]int{i}, embedded.rest...)
			}
		case name != "":
			fields.byName[name] = []int{i}
		}
	}
	fieldsOf.Store(t, fields)
	return fields
}

var fieldsOf sync.Map //nolint:gochecknoglobals // types do not change

// In returns the field of a struct by its json name.
func (s *StructFields) In(v reflect.Value, name string) (field reflect.Value, ok bool) {
	index, ok := s.byName[name]
	if !ok {
		return reflect.Value{}, false
	}
	return v.FieldByIndex(index), true
}

// Has tells whether a struct has a field of that json name.
func (s *StructFields) Has(name string) bool { return s.byName[name] != nil }

// Names are the json names, in no order.
func (s *StructFields) Names() []string { return slices.Collect(maps.Keys(s.byName)) }

func collect(rest reflect.Value, key, value *yaml.Node) {
	m, _ := rest.Interface().(*yaml.Node)
	if m == nil {
		m = NewMapping()
		rest.Set(reflect.ValueOf(m))
	}
	m.Content = append(m.Content, key, value)
}

// Mismatch reports that n is not what field wants.
func (d *Decoder) Mismatch(n *yaml.Node, want, field string) {
	d.Field(n, field).Mismatch(want)
}

// Advice says what to do about a value of a wrong kind, where Describe does not say it; "" where it does.
func Advice(n *yaml.Node) string {
	switch n = Resolve(n); {
	case isLoneTag(n):
		return "write the value, or take the tag out"
	case isWordOf11(n):
		return "put it in quotes: to Kubernetes it is " + boolOf11(n.Value)
	}
	return ""
}

// isLoneTag says whether a node is a tag without a value, which YAML reads as empty text.
func isLoneTag(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&yaml.TaggedStyle != 0 && !IsNull(n)
}

// isWordOf11 says whether a node is text to YAML 1.2, and a boolean to 1.1.
func isWordOf11(n *yaml.Node) bool {
	if IsNull(n) || n.Kind != yaml.ScalarNode || n.ShortTag() != yaml.NodeTagString {
		return false
	}
	tag, _ := Scalar(n)
	return tag == yaml.NodeTagBool
}

// Describe says in plain words what a node is.
func Describe(n *yaml.Node) string {
	n = Resolve(n)
	switch {
	case IsNull(n):
		return "null"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isLoneTag(n):
		return "an empty value with the tag " + n.ShortTag()
	}
	switch tag, _ := Scalar(n); tag {
	case yaml.NodeTagString:
		return fmt.Sprintf("the string %q", Shorten(n.Value))
	default:
		return fmt.Sprintf("the %s %s", strings.TrimPrefix(tag, "!!"), Shorten(n.Value))
	}
}

// Shorten cuts a text that is too long for a message.
func Shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
