// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render/yamltext"
)

var manifestFolder = flag.String("manifests", "", "a folder of manifests that TestManifests checks too")

// TestManifests checks what must hold of every manifest, whatever it holds: documents that nothing matches stay, text is
// only added, another parser sees the original and the injection, twice is once, eject gives the original back, and the
// function does the same. It looks at all that testdata has, and at a folder of one's own:
//
//	go test ./cmd/slipway -run TestManifests -v -manifests FOLDER
func TestManifests(t *testing.T) {
	folders := []string{"../../testdata"}
	if *manifestFolder != "" {
		folders = append(folders, *manifestFolder)
	}
	c := newChecker(t)
	for _, folder := range folders {
		if err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return c.file(t, path)
		}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d manifests: %d changed, %d refused; %d documents, %d of them injected",
		c.all, c.changed, c.refused, c.documents, c.injected)
	if c.changed == 0 {
		t.Error("nothing was injected anywhere")
	}
}

// loneTag finds values of which only the tag "!" is written, or one before a null: a string to kubectl, null to kustomize.
var loneTag = regexp.MustCompile(`(?m)[:-] (&\w+ )?!( |$)`)

// checker runs the commands on manifests, and counts.
type checker struct {
	sets                                       sets
	all, changed, refused, documents, injected int
}

func newChecker(tb testing.TB) *checker {
	tb.Helper()
	text, err := os.ReadFile("../../testdata/sets.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return &checker{sets: newSets(tb, string(text))}
}

// sets are SidecarSets, in a file and as objects.
type sets struct {
	file    string
	objects []any
}

func newSets(tb testing.TB, text string) sets {
	tb.Helper()
	s := sets{file: filepath.Join(tb.TempDir(), "sets.yaml")}
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	for _, d := range documents(tb, text) {
		s.objects = append(s.objects, decode(tb, d))
	}
	return s
}

// file checks a manifest, or those in an archive.
func (c *checker) file(t *testing.T, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		t.Run(path, func(t *testing.T) { c.check(t, text) })
	case ".txtar":
		for _, file := range txtar.Parse(text).Files {
			if ext := filepath.Ext(file.Name); ext == ".yaml" || ext == ".yml" || ext == ".json" {
				t.Run(path+"/"+file.Name, func(t *testing.T) { c.check(t, file.Data) })
			}
		}
	}
	return nil
}

// runWith runs slipway and returns what it prints.
func runWith(stdin string, args ...string) (stdout, stderr string, code int) {
	var out, messages bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &messages)
	return out.String(), messages.String(), code
}

func (c *checker) check(t *testing.T, text []byte) {
	t.Helper()
	in, out, ok := c.render(t, string(text))
	if !ok {
		return
	}
	c.checkRestored(t, in, out)
	if !loneTag.MatchString(in) {
		c.checkFunction(t, in, out)
	}
}

// render injects into a manifest, unless that is refused. An earlier injection goes first, so that all that is there comes from
// this one.
func (c *checker) render(t *testing.T, in string) (original, injected string, ok bool) {
	t.Helper()
	if ejected, _, code := runWith(in, "eject", "-"); code == 0 {
		in = ejected
	}
	if strings.Contains(in, inject.InjectedAnnotation) {
		return in, "", false // in a kind that slipway is not told of
	}
	c.all++
	out, messages, code := runWith(in, "render", "--keep-sidecarsets", "-s", c.sets.file, "-")
	if code != 0 {
		t.Log(messages)
		c.refused++
		return in, "", false
	}
	if out != in {
		c.changed++
	}
	return in, out, true
}

// checkRestored injects twice and ejects, and holds what is there against what was.
func (c *checker) checkRestored(t *testing.T, in, out string) {
	t.Helper()
	again, messages, code := runWith(out, "render", "--keep-sidecarsets", "-s", c.sets.file, "-")
	if diff := cmp.Diff(out, again); diff != "" || code != 0 {
		t.Errorf("twice is not once: %s -once +twice:\n%s", messages, diff)
	}
	if back, messages, code := runWith(out, "eject", "-"); back != in || code != 0 {
		t.Errorf("eject does not give the original back: %s -original +ejected:\n%s", messages, cmp.Diff(in, back))
	}
	c.checkDocuments(t, documents(t, in), documents(t, out))
}

func documents(tb testing.TB, text string) []string {
	tb.Helper()
	var out []string
	for s := yamltext.NewSplitter(strings.NewReader(text)); ; {
		d, err := s.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, string(d.Bytes))
	}
}

func (c *checker) checkDocuments(t *testing.T, in, out []string) {
	t.Helper()
	if len(in) != len(out) {
		t.Fatalf("%d documents became %d", len(in), len(out))
	}
	for i := range in {
		c.documents++
		if !strings.Contains(out[i], inject.InjectedAnnotation) {
			if in[i] != out[i] {
				t.Errorf("a document without an injection changed:\n%s", cmp.Diff(in[i], out[i]))
			}
			continue
		}
		c.injected++
		got, wrote := without(decode(t, out[i]))
		if diff := cmp.Diff(prune(decode(t, in[i])), prune(got)); diff != "" && !loneTag.MatchString(in[i]) {
			t.Errorf("another parser does not see the original and the injection: -want +got:\n%s", diff)
		}
		if !wrote && !isSubsequence(in[i], out[i]) {
			t.Errorf("text of the original is gone from:\n%s", out[i])
		}
	}
}

// decode reads a document as kubectl does.
func decode(tb testing.TB, text string) any {
	tb.Helper()
	v, err := decoded(text)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func decoded(text string) (v any, err error) {
	asJSON := []byte(text)
	if !yamltext.IsJSON(asJSON) {
		if asJSON, err = yaml.YAMLToJSON(asJSON); err != nil {
			return nil, err
		}
	}
	return v, json.Unmarshal(bytes.TrimPrefix(bytes.TrimSpace(asJSON), []byte("---")), &v)
}

// record is what the annotation says.
type record struct {
	Sets map[string]map[string][]string `json:"sets"`
	Was  map[string]string              `json:"was"`
}

func recordOf(template map[string]any) (annotations map[string]any, r record, ok bool) {
	metadata, _ := template["metadata"].(map[string]any)
	annotations, _ = metadata["annotations"].(map[string]any)
	text, ok := annotations[inject.InjectedAnnotation].(string)
	ok = ok && json.Unmarshal([]byte(text), &r) == nil
	return annotations, r, ok
}

// without takes out of a tree what the records in it name, and tells whether one of them took the place of text.
func without(tree any) (rest any, wrote bool) {
	switch v := tree.(type) {
	case map[string]any:
		if annotations, r, ok := recordOf(v); ok {
			delete(annotations, inject.InjectedAnnotation)
			takeOut(v["spec"], r)
			wrote = len(r.Was) > 0
		}
		for key := range v {
			child, w := without(v[key])
			v[key], wrote = child, wrote || w
		}
	case []any:
		for i := range v {
			child, w := without(v[i])
			v[i], wrote = child, wrote || w
		}
	}
	return tree, wrote
}

func takeOut(spec any, r record) {
	fields, _ := spec.(map[string]any)
	for _, lists := range r.Sets {
		for field, names := range lists {
			list, _ := fields[field].([]any)
			fields[field] = slices.DeleteFunc(list, func(e any) bool {
				m, _ := e.(map[string]any)
				return slices.Contains(names, fmt.Sprint(m["name"]))
			})
		}
	}
}

// prune drops what is empty: it stands for nothing in an object, and may be where an injection was.
func prune(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, child := range v {
			if child = prune(child); child != nil {
				out[key] = child
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = prune(v[i])
		}
		return out
	}
	return tree
}

// checkFunction holds what the function makes of the same objects against what render does.
func (c *checker) checkFunction(t *testing.T, in, out string) {
	t.Helper()
	var items, want []any
	for _, text := range documents(t, in) {
		if object, ok := decode(t, text).(map[string]any); ok {
			items = append(items, object)
		}
	}
	for _, text := range documents(t, out) {
		if object, ok := decode(t, text).(map[string]any); ok {
			want = append(want, object)
		}
	}
	if len(items) == 0 {
		return
	}
	list, err := json.Marshal(map[string]any{
		"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": items,
		"functionConfig": map[string]any{
			"apiVersion": "slipway.dev/v1alpha1", "kind": "SidecarInjector", "metadata": map[string]any{"name": "test"},
			"spec": map[string]any{"sidecarSets": c.sets.objects, "keepSidecarSets": true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The function reads YAML, in which these have to be escaped.
	list = bytes.ReplaceAll(list, []byte{0x7f}, []byte(`\u007f`))
	list = bytes.ReplaceAll(bytes.ReplaceAll(list, []byte("\u0085"), []byte(`\u0085`)), []byte("\ufeff"), []byte(`\ufeff`))
	result, messages, code := runWith(string(list), "fn")
	if code != 0 {
		t.Errorf("the function refuses what render takes: %s", messages)
		return
	}
	got, _ := decode(t, result).(map[string]any)["items"].([]any)
	layout := cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == fmt.Sprintf("[%q]", inject.InjectedAnnotation)
	}, cmp.Comparer(sameSets))
	if diff := cmp.Diff(prune(want), prune(got), layout); diff != "" {
		t.Errorf("-render +function:\n%s", diff)
	}
}

// sameSets compares two records but for text that was there before, of which the function does not know the layout.
func sameSets(a, b any) bool {
	var left, right record
	textA, _ := a.(string)
	textB, _ := b.(string)
	return json.Unmarshal([]byte(textA), &left) == nil && json.Unmarshal([]byte(textB), &right) == nil &&
		cmp.Equal(left.Sets, right.Sets)
}

func isSubsequence(part, whole string) bool {
	for i := range len(whole) {
		if part != "" && part[0] == whole[i] {
			part = part[1:]
		}
	}
	return part == ""
}

// TestAwkwardStrings writes strings that YAML reads in more than one way, in each style that can hold them, into a manifest
// and into a set. The manifest keeps them, and the containers that come from the set have them as kubectl reads the set.
func TestAwkwardStrings(t *testing.T) {
	manifest := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n" +
		"  containers:\n  - name: web\n    image: web\n    env:\n"
	set := "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata:\n  name: awkward\nspec:\n  selector:\n" +
		"    matchLabels: {app: web}\n  containers:\n  - name: awkward\n    image: awkward\n    env:\n"
	written := 0
	for style, write := range styles() {
		in, from := manifest, set
		for i, s := range awkward() {
			entry := fmt.Sprintf("    - name: V%d\n      value: %s\n", i, write(s))
			if reads(entry, s) {
				in, from = in+entry, from+entry
				written++
			}
		}
		flow, err := yaml.YAMLToJSON([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		targets := map[string]string{"block": in, "without the last line feed": strings.TrimSuffix(in, "\n"), "json": string(flow)}
		for target, text := range targets {
			t.Run(style+"/"+target, func(t *testing.T) {
				c := &checker{sets: newSets(t, from)}
				c.check(t, []byte(text))
				if c.injected != 1 {
					t.Fatal("nothing was injected")
				}
				out, messages, code := runWith(text, "render", "-s", c.sets.file, "-")
				if code != 0 {
					t.Fatal(messages)
				}
				if target == "json" && !yamltext.IsJSON([]byte(out)) {
					t.Errorf("JSON became something else:\n%s", out)
				}
				want := append(envOf(t, from, "awkward"), map[string]any{"name": "IS_INJECTED", "value": "true"})
				if diff := cmp.Diff(want, envOf(t, out, "awkward")); diff != "" {
					t.Errorf("-set +injected:\n%s", diff)
				}
			})
		}
	}
	if all := len(awkward()); written < 3*all {
		t.Errorf("only %d strings were written in %d styles, of %d", written, len(styles()), all)
	}
}

func awkward() []string {
	return []string{
		"y", "Yes", "NO", "on", "Off", "n", "~", "null", "Null", "", "true", "TRUE", "0x1F", "0o17", "017", "0b11", "1e3",
		"1_000", ".inf", "-.INF", ".NaN",
		"12:30", "190:20:30", "190:20:30.15", "2001-01-01", "2001-12-14t21:59:43.10-05:00", "+1", "-", "-0", "0.", ".5", "<<",
		"=", `C:\`, `C:\temp\new`,
		"a: b", "a #b", "a:", "#a", "- a", "-a", "? a", ": a", "[a", "{a", "a]", "a, b", "!a",
		"&a", "*a", "%a", "@a", "`a", "|", ">", "'", `"`, "it's",
		" a", "a ", "\ta", "a\tb", "a\nb", "a\nb\n", "a\n\n b\n", "\n", "\na", "a\r\nb", "a\n ", "---", "...",
		"--- a", "é", "\U0001F680", "\u2028", "a\u0085b", "\x00",
		"\x1b[0m", "\x7f", "\ufeff", "\u00a0", strings.Repeat("nine thousand ", 643), strings.Repeat("x", 9000), `{"a": "b\/"}`,
		"${A} $(B) {{ .C }}",
	}
}

// styles are the ways to write a string behind a key at column six. Not all can hold each string.
func styles() map[string]func(string) string {
	lines := func(s string) string {
		return strings.ReplaceAll("\n"+strings.TrimSuffix(s, "\n"), "\n", "\n        ")
	}
	chomp := func(s string) string {
		if strings.HasSuffix(s, "\n") {
			return ""
		}
		return "-"
	}
	return map[string]func(string) string{
		"plain":   func(s string) string { return s },
		"single":  func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" },
		"double":  strconv.QuoteToASCII,
		"literal": func(s string) string { return "|" + chomp(s) + lines(s) },
		"folded":  func(s string) string { return ">" + chomp(s) + strings.ReplaceAll(lines(s), " \n", "\n\n") },
	}
}

// reads tells whether an entry holds a value that is read as text: s, or what the style makes of it.
func reads(entry, s string) bool {
	var got []map[string]any
	if yaml.Unmarshal([]byte(entry), &got) != nil || len(got) != 1 {
		return false
	}
	value, isText := got[0]["value"].(string)
	// Characters that break lines in some programs only are refused as such, with advice to escape them.
	return isText && value == s && !strings.ContainsAny(entry, "\u0085\u2028\ufeff")
}

// envOf returns the environment of a container, as kubectl reads it.
func envOf(t *testing.T, text, name string) []any {
	t.Helper()
	spec := decode(t, text).(map[string]any)["spec"].(map[string]any)
	for _, c := range spec["containers"].([]any) {
		if container := c.(map[string]any); container["name"] == name {
			return container["env"].([]any)
		}
	}
	t.Fatal("no container", name)
	return nil
}
