// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	jsonyaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn"
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/fn/schema"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestSchemaAndReaderAgree holds every manifest of the repository's examples, scripts and documents against its schema. One
// that slipway reads without a word is valid. One in which slipway finds an unknown field or a value of a wrong type is not.
func TestSchemaAndReaderAgree(t *testing.T) {
	schemas := compile(t)
	good, bad := map[string]int{}, map[string]int{}
	for _, doc := range repository(t) {
		errs := schemas[doc.kind].Validate(doc.value(t))
		switch read := read(doc.kind, doc.text); {
		case read.types && errs == nil:
			t.Errorf("%s: the schema accepts what slipway refuses:\n%s\n%s", doc.place, read.said, doc.text)
		case read.types:
			bad[doc.kind]++
		case read.said == "" && errs != nil:
			t.Errorf("%s: the schema refuses what slipway accepts: %v\n%s", doc.place, errs, doc.text)
		case read.said == "":
			good[doc.kind]++
		}
	}
	t.Logf("accepted by both %v, refused by both %v", good, bad)
	for _, kind := range schema.Kinds() {
		if good[kind] == 0 || bad[kind] == 0 {
			t.Errorf("%s: %d good and %d bad manifests are found: the search finds too little", kind, good[kind], bad[kind])
		}
	}
}

// TestSchemaRefusesEachMistake breaks every field of a manifest that has them all, in every way, and asks slipway and the
// schema about it: the schema refuses each unknown field and each value of a wrong type that slipway refuses.
func TestSchemaRefusesEachMistake(t *testing.T) {
	schemas := compile(t)
	for _, kind := range schema.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("testdata/" + kind + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			mistakes := 0
			for i, doc := range strings.Split(string(text), "\n---\n") {
				whole := document{kind: kind, place: fmt.Sprintf("%s.yaml, document %d", kind, i+1), text: doc}
				if r := read(kind, doc); r.types {
					t.Errorf("%s is not sound: %s", whole.place, r.said)
				}
				if err := schemas[kind].Validate(whole.value(t)); err != nil {
					t.Errorf("%s: %v", whole.place, err)
				}
				mistakes += refuses(t, schemas[kind], breakEach(t, whole))
			}
			if t.Logf("%d mistakes", mistakes); mistakes < 50 {
				t.Errorf("only %d mistakes were made", mistakes)
			}
		})
	}
}

// refuses holds broken documents against a schema, and returns how many of them slipway refuses for their types.
func refuses(t *testing.T, s *jsonschema.Schema, all []document) int {
	t.Helper()
	mistakes := 0
	for i, broken := range all {
		if testing.Short() && i%4 > 0 {
			continue // a sample
		}
		read := read(broken.kind, broken.text)
		if !read.types {
			continue
		}
		if mistakes++; s.Validate(broken.value(t)) == nil {
			t.Errorf("%s: the schema accepts what slipway refuses: %s", broken.place, read.said)
		}
	}
	return mistakes
}

// breakEach returns the document once for each of its values and each wrong value in its place.
func breakEach(t *testing.T, whole document) []document {
	t.Helper()
	var out []document
	root := parse(t, whole.text)
	wrong := []string{"text", "7", "0.5", "true", "[x]", "{x: 1}", "[{}]", "[null]"}
	var visit func(n *yaml.Node, path string)
	emit := func(path, with string) {
		text, err := yaml.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, document{kind: whole.kind, place: fmt.Sprintf("%s, %s = %s", whole.place, path, with), text: string(text)})
	}
	visit = func(n *yaml.Node, path string) {
		saved := *n
		for _, w := range wrong {
			*n = *parse(t, w)
			emit(path, w)
			*n = saved
		}
		switch n.Kind {
		case yaml.MappingNode:
			n.Content = append(n.Content[:len(n.Content):len(n.Content)], parse(t, "fieldOfNobody"), parse(t, "1"))
			emit(path, "one more field")
			*n = saved
			for i := 0; i < len(n.Content); i += 2 {
				visit(n.Content[i+1], path+"."+n.Content[i].Value)
			}
		case yaml.SequenceNode:
			for i, c := range n.Content {
				visit(c, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	visit(root, "")
	return out
}

// TestTheWholeIsWhole tells whether the manifests that are broken on purpose have every field of slipway's own.
func TestTheWholeIsWhole(t *testing.T) {
	for _, kind := range schema.Kinds() {
		text, err := os.ReadFile("testdata/" + kind + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var root node
		raw, _ := schema.Of(kind)
		if err := jsonyaml.Unmarshal(raw, &root); err != nil {
			t.Fatal(err)
		}
		for _, name := range properties(root, root, 0) {
			if name != "true" && !regexp.MustCompile(`[\s{]`+name+`:`).Match(text) {
				t.Errorf("testdata/%s.yaml has no %s", kind, name)
			}
		}
	}
}

// properties lists the names of a schema's fields, down to the types of Kubernetes.
func properties(root, n node, depth int) []string {
	var out []string
	for _, key := range sorted(n) {
		child, ok := n[key].(node)
		switch {
		case key == "$defs" || !ok:
		case key == "properties":
			for _, name := range sorted(child) {
				field := child[name].(node)
				if ref, ok := field["$ref"].(string); ok && (strings.HasSuffix(ref, "/Spec") || strings.Contains(ref, "UpdateStrategy")) {
					field = at(root, "$defs", filepath.Base(ref))
				}
				if out = append(out, name); at(child, "terminationMessagePath") != nil { // a container: its own fields are Kubernetes'
					out = out[:len(out)-1]
				}
				out = append(out, properties(root, field, depth+1)...)
			}
		default:
			out = append(out, properties(root, child, depth+1)...)
		}
	}
	return out
}

// reading is what slipway says of a manifest.
type reading struct {
	said  string
	types bool // there is an unknown field, or a value of a wrong type
}

var (
	ofPlans = regexp.MustCompile(`unknown field|: is (a|an|the) .*, must be `)
	ofSets  = regexp.MustCompile(`^(unknown-field|unknown-pod-field|wrong-type|bad-quantity)$`)
)

// read reads a manifest as slipway does.
func read(kind, text string) reading {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return reading{said: err.Error()}
	}
	source, root := manifest.Source{File: "in.yaml"}, manifest.Root(&doc)
	switch kind {
	case "batchplan":
		_, err := plan.ParsePlan("in.yaml", []byte(text))
		return ofError(err)
	case "cloneset":
		set, err := plan.ParseCloneSet("in.yaml", []byte(text))
		if len(set.Spec.Unknown) > 0 {
			return reading{said: strings.Join(set.Spec.Unknown, ", "), types: true}
		}
		return ofError(err)
	case "sidecarset":
		set, findings := inject.ParseSidecarSet(root, source)
		return ofFindings(append(findings, inject.Lint(inject.Context{Sets: []*inject.SidecarSet{set}},
			inject.Options{}.WithDefaults(), inject.Policies{})...))
	default:
		_, findings := fn.ParseConfig(root, source)
		return ofFindings(findings)
	}
}

func ofError(err error) reading {
	if err == nil {
		return reading{}
	}
	return reading{said: err.Error(), types: ofPlans.MatchString(err.Error())}
}

func ofFindings(findings []manifest.Finding) reading {
	var r reading
	for _, f := range findings {
		r.said += fmt.Sprintf("%s %s: %s\n", f.Code, f.Field, f.Message)
		r.types = r.types || ofSets.MatchString(f.Code)
	}
	return r
}

// document is one manifest.
type document struct{ kind, place, text string }

func (d document) value(t *testing.T) any {
	t.Helper()
	data, err := jsonyaml.YAMLToJSON([]byte(d.text))
	if err != nil {
		t.Fatalf("%s: %v\n%s", d.place, err, d.text)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", d.place, err)
	}
	return value
}

func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return doc.Content[0]
}

func compile(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, kind := range schema.Kinds() {
		text, err := schema.Of(kind)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(schema.Base+kind+".json", value); err != nil {
			t.Fatal(err)
		}
		if out[kind], err = c.Compile(schema.Base + kind + ".json"); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// repository finds the manifests of the four kinds in all that people may copy from: examples, scripts and documents.
func repository(t *testing.T) []document {
	t.Helper()
	var out []document
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			out = append(out, documents(path, string(data))...)
		case ".txtar":
			for _, f := range txtar.Parse(data).Files {
				out = append(out, documents(path+", "+f.Name, string(f.Data))...)
			}
		case ".md":
			for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
				out = append(out, documents(path, block[1])...)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func documents(place, text string) []document {
	var out []document
	for _, doc := range regexp.MustCompile(`(?m)^---.*$`).Split(text, -1) {
		var object struct{ APIVersion, Kind string }
		if jsonyaml.Unmarshal([]byte(doc), &object) != nil {
			continue // it is in a script because it is not YAML, or a part of something
		}
		group, _, _ := strings.Cut(object.APIVersion, "/")
		kind := strings.ToLower(object.Kind)
		if slices.Contains(schema.Kinds(), kind) && (group == "slipway.dev" || group == manifest.KruiseGroup) {
			out = append(out, document{kind: kind, place: place, text: doc})
		}
	}
	return out
}
