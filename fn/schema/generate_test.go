// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/schema"
)

var update = flag.Bool("update", false, "write the schemas anew")

// TestSchemasAreThoseOfTheTypes derives the schemas from the types, and compares them with the files.
func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	for kind, build := range map[string]func(*builder) node{
		"sidecarinjector": injectorSchema, "batchplan": planSchema, "sidecarset": setSchema, "cloneset": cloneSetSchema,
	} {
		b := &builder{t: t, defs: node{}, comments: comments(t)}
		root := build(b)
		root["$schema"], root["$id"] = "https://json-schema.org/draft/2020-12/schema", schema.Base+kind+".json"
		if len(b.defs) > 0 {
			root["$defs"] = b.defs
		}
		root = unshared(t, root)
		withNulls(root)
		text, err := json.MarshalIndent(root, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, '\n')
		if *update {
			if err := os.WriteFile(kind+".json", text, 0o644); err != nil { //nolint:gosec // a file of the repository
				t.Fatal(err)
			}
			continue
		}
		got, err := schema.Of(kind)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("%s.json is stale, run make docs (-types +file):\n%s", kind, diff)
		}
	}
}

// node is a part of a schema.
type node = map[string]any

func text() node                 { return node{"type": "string"} }
func list(items node) node       { return node{"type": "array", "items": items} }
func table(values node) node     { return node{"type": "object", "additionalProperties": values} }
func intOrString() node          { return node{"type": []string{"integer", "string"}} }
func words(all ...string) node   { return node{"type": "string", "enum": all} }
func described(n node, s string) { n["description"] = s }
func closed(properties node) node {
	return node{"type": "object", "properties": properties, "additionalProperties": false}
}

// builder makes schemas of Go types. Types of Kubernetes become definitions that are referred to.
type builder struct {
	t        *testing.T
	defs     node
	comments map[string]string
}

// of is the schema of a type. known is what slipway's definition of a Kruise kind says about it, or nil.
func (b *builder) of(t reflect.Type, known node) node {
	if n, ok := b.special(t); ok {
		return n
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.of(t.Elem(), known)
	case reflect.Slice:
		items, _ := known["items"].(node)
		return list(b.of(t.Elem(), items))
	case reflect.Map:
		return table(b.of(t.Elem(), nil))
	case reflect.Struct:
		if strings.HasPrefix(t.PkgPath(), "k8s.io/") {
			return b.reference(t)
		}
		return b.structure(t, known)
	case reflect.String:
		return text()
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return node{"type": "integer"}
	case reflect.Float64:
		return node{"type": "number"}
	default:
		b.t.Fatalf("no schema of %v", t)
		return nil
	}
}

// special are the types that read themselves.
func (b *builder) special(t reflect.Type) (node, bool) {
	switch t {
	case reflect.TypeFor[*yaml.Node]():
		return node{}, true
	case reflect.TypeFor[resource.Quantity]():
		const pattern = `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`
		return node{"type": []string{"string", "number"}, "pattern": pattern}, true
	case reflect.TypeFor[intstr.IntOrString]():
		return intOrString(), true
	}
	if n, ok := ownTypes(b, t); ok {
		return n, true
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) && t.Kind() == reflect.Struct {
		return node{}, true // a time and the like
	}
	return nil, false
}

// reference refers to the definition of a type of Kubernetes.
func (b *builder) reference(t reflect.Type) node {
	if _, ok := b.defs[t.Name()]; !ok {
		b.defs[t.Name()] = nil // it may hold itself
		b.defs[t.Name()] = b.kubernetes(t)
	}
	return node{"$ref": "#/$defs/" + t.Name()}
}

// kubernetes is the schema of a type of Kubernetes, which says of itself what its fields are.
func (b *builder) kubernetes(t reflect.Type) node {
	properties, required := node{}, []string{}
	var docs map[string]string
	if d, ok := reflect.Zero(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		docs = d.SwaggerDoc()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous {
			inline := b.kubernetes(f.Type)
			maps.Copy(properties, inline["properties"].(node))
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		n := b.of(f.Type, nil)
		if s := sentence(docs[name]); s != "" && n["$ref"] == nil {
			described(n, s)
		}
		if all := wordsOfKubernetes(f.Type); all != nil {
			n["enum"] = all
		}
		properties[name] = n
		if (f.Type.Kind() == reflect.String || name == "containerPort") && !strings.Contains(options, "omitempty") {
			required = append(required, name)
		}
	}
	n := closed(properties)
	if len(required) > 0 && t.Name() != "HTTPHeader" {
		n["required"] = required
	}
	if s := sentence(docs[""]); s != "" {
		described(n, s)
	}
	return n
}

// sentence is the first one of a description.
func sentence(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if first, _, cut := strings.Cut(s, ". "); cut {
		return first + "."
	}
	return s
}

// structure is the schema of one of slipway's own structs, with the comments of its fields, or what is known of them from a
// definition.
func (b *builder) structure(t reflect.Type, known node) node {
	properties := node{}
	n := closed(properties)
	if required, ok := known["required"]; ok {
		n["required"] = required
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("rest") == "true":
			n["additionalProperties"] = true
		case name == "" && f.Anonymous:
			maps.Copy(properties, b.structure(f.Type, known)["properties"].(node))
		case name != "" && name != "-":
			properties[name] = b.field(t, f, name, at(known, "properties", name))
		}
	}
	if required := needed(t); required != nil {
		n["required"] = required
	}
	if t == reflect.TypeFor[inject.Sidecar]() {
		container := b.kubernetes(reflect.TypeFor[corev1.Container]())
		maps.Copy(properties, container["properties"].(node))
		n["additionalProperties"] = false
	}
	return n
}

// needed lists the fields that are tagged as required.
func needed(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if field := t.Field(i); field.Tag.Get("need") == "true" {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			out = append(out, name)
		}
	}
	return out
}

func (b *builder) field(t reflect.Type, f reflect.StructField, name string, known node) node {
	n := b.of(f.Type, known)
	if all := f.Tag.Get("enum"); all != "" {
		into := n
		if items, ok := n["items"].(node); ok {
			into = items
		}
		into["enum"] = strings.Split(all, ",")
	}
	for _, key := range []string{"enum", "minimum", "x-kubernetes-int-or-string"} {
		if v, ok := known[key]; ok && key == "x-kubernetes-int-or-string" {
			maps.Copy(n, intOrString())
		} else if ok {
			n[key] = v
		}
	}
	for _, key := range []string{"minimum", "maximum", "minItems"} {
		if v := f.Tag.Get(key); v != "" {
			n[key] = json.Number(v)
		}
	}
	comment := b.comments[filepath.Base(t.PkgPath())+"."+t.Name()+"."+f.Name]
	if rest, ok := strings.CutPrefix(comment, f.Name+" "); ok {
		comment = name + " " + rest
	}
	if s, ok := known["description"].(string); ok {
		comment = s
	}
	if comment != "" && n["$ref"] == nil {
		described(n, comment)
	}
	return n
}

// withNulls lets a field that may be absent be null, which Kubernetes and slipway read alike.
func withNulls(n node) {
	required := fmt.Sprint(n["required"])
	for key, value := range n {
		child, ok := value.(node)
		if !ok {
			continue
		}
		switch key {
		case "properties":
			for _, name := range sorted(child) {
				field := child[name].(node)
				withNulls(field)
				mayBeNull(field, !regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).MatchString(required))
			}
		case "$defs":
			for _, name := range sorted(child) {
				withNulls(child[name].(node))
				mayBeNull(child[name].(node), true)
			}
		case "items", "additionalProperties":
			withNulls(child)
			mayBeNull(child, child["type"] != "object" && child["$ref"] == nil)
		default: // if, then and else
			withNulls(child)
		}
	}
}

// mayBeNull adds null to what a value may be. A definition may be null, so that who refers to it says where it may not.
func mayBeNull(n node, null bool) {
	if n["$ref"] != nil && !null {
		n["type"] = "object"
	}
	if !null || n["$ref"] != nil {
		return
	}
	switch types := n["type"].(type) {
	case string:
		n["type"] = []any{types, "null"}
	case []any:
		n["type"] = append(types, "null")
	}
	if choices, ok := n["anyOf"].([]any); ok {
		n["anyOf"] = append(choices, node{"type": "null"})
	}
	if enum, ok := n["enum"].([]any); ok {
		n["enum"] = append(enum, nil)
	}
}

// unshared is a copy in which no part stands in two places.
func unshared(t *testing.T, n node) node {
	t.Helper()
	text, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var out node
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// at is a part of a schema, or nil.
func at(n node, path ...string) node {
	for _, key := range path {
		n, _ = n[key].(node)
	}
	return n
}

// comments are those of the fields of the packages whose types become schemas, by PACKAGE.TYPE.FIELD.
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../*.go", "../inject/*.go", "../manifest/*.go", "../../rollout/manifests/*.go", "*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					fieldComments(parsed.Name.Name, spec, out)
				}
				return true
			})
		}
	}
	return out
}

func fieldComments(pkg string, spec *ast.TypeSpec, out map[string]string) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		text := field.Doc.Text()
		if text == "" {
			text = field.Comment.Text()
		}
		for _, name := range field.Names {
			out[pkg+"."+spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
}

// sorted are the keys of a part of a schema.
func sorted(n node) []string { return slices.Sorted(maps.Keys(n)) }
