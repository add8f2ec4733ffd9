// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

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
	d.value(n, reflect.ValueOf(into).Elem(), field)
}

// Report adds an error about field, which stands at n.
func (d *Decoder) Report(n *yaml.Node, code, field, message, hint string) {
	d.Findings = append(d.Findings, Finding{
		Severity: SeverityError, Code: code, Message: message, Hint: hint,
		Object: d.Object, Field: field, Source: at0(d.Source, n),
	})
}

// at0 is the place of node n in the document that starts at src.
func at0(src Source, n *yaml.Node) Source {
	switch {
	case n == nil || n.Line == 0:
	case src.Line == 0:
		src.Line = n.Line
	default:
		src.Line += n.Line - 1
	}
	return src
}

func (d *Decoder) value(n *yaml.Node, v reflect.Value, field string) {
	if v.Type() == reflect.TypeFor[*yaml.Node]() {
		v.Set(reflect.ValueOf(n))
		return
	}
	if isNull(n) {
		return
	}
	n = resolve(n)
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(Unmarshaler); ok {
			u.UnmarshalNode(n, d, field)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), field)
	case reflect.Struct:
		d.structure(n, v, field)
	case reflect.Slice:
		d.list(n, v, field)
	case reflect.Map:
		d.table(n, v, field)
	default:
		d.scalar(n, v, field)
	}
}

func (d *Decoder) scalar(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.ScalarNode {
		d.mismatch(n, "a "+kindWord(v.Kind()), field)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.ShortTag() != strTag && n.ShortTag() != "!!timestamp" {
			d.mismatch(n, "a string", field)
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil || n.ShortTag() != "!!bool" {
			d.mismatch(n, "true or false", field)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil || n.ShortTag() != "!!int" || v.OverflowInt(i) {
			d.mismatch(n, "a whole number", field)
			return
		}
		v.SetInt(i)
	default:
		panic("inject: no decoding into " + v.Type().String())
	}
}

func (d *Decoder) list(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.SequenceNode {
		d.mismatch(n, "a list", field)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, v.Index(i), field+"["+strconv.Itoa(i)+"]")
	}
}

func (d *Decoder) table(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.MappingNode {
		d.mismatch(n, "a mapping", field)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	eachPair(n, func(key, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(value, e, field+"["+key.Value+"]")
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), e)
	})
}

func (d *Decoder) structure(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.MappingNode {
		d.mismatch(n, "a mapping", field)
		return
	}
	fields, rest := structFields(v)
	eachPair(n, func(key, value *yaml.Node) {
		path := key.Value
		if field != "" {
			path = field + "." + key.Value
		}
		f, ok := fields[key.Value]
		switch {
		case ok:
			d.value(value, f, path)
		case rest.IsValid():
			collect(rest, key, value)
		default:
			d.unknown(key, path, fields)
		}
	})
}

// structFields lists the fields of a struct by their json name, embedded structs included, and the one tagged rest.
func structFields(v reflect.Value) (fields map[string]reflect.Value, rest reflect.Value) {
	fields = map[string]reflect.Value{}
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		switch {
		case name == "-":
		case tag.Get("rest") == "true":
			rest = v.Field(i)
		case name == "" && v.Type().Field(i).Anonymous:
			embedded, r := structFields(v.Field(i))
			for k, f := range embedded {
				fields[k] = f
			}
			if r.IsValid() {
				rest = r
			}
		case name != "":
			fields[name] = v.Field(i)
		}
	}
	return fields, rest
}

func collect(rest reflect.Value, key, value *yaml.Node) {
	m, _ := rest.Interface().(*yaml.Node)
	if m == nil {
		m = mapping()
		rest.Set(reflect.ValueOf(m))
	}
	m.Content = append(m.Content, key, value)
}

func (d *Decoder) unknown(key *yaml.Node, path string, fields map[string]reflect.Value) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	hint := ""
	if near := nearest(key.Value, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.Report(key, "unknown-field", path, fmt.Sprintf("unknown field %q", key.Value), hint)
}

func (d *Decoder) mismatch(n *yaml.Node, want, field string) {
	d.Report(n, "wrong-type", field, "is "+describe(n)+", must be "+want, "")
}

// describe says in plain words what a node is.
func describe(n *yaml.Node) string {
	n = resolve(n)
	switch {
	case isNull(n):
		return "null"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == strTag:
		return fmt.Sprintf("the string %q", shorten(n.Value))
	default:
		return fmt.Sprintf("the %s %s", strings.TrimPrefix(n.ShortTag(), "!!"), shorten(n.Value))
	}
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

func kindWord(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "true or false value"
	default:
		return "number"
	}
}
