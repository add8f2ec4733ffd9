// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func TestParseJSON(t *testing.T) {
	long := strings.Repeat("k", 2000)
	for name, tc := range map[string]struct{ in, want string }{
		"an escaped slash":             {`{"a": "\/\b\f\n\r\t\"\\"}`, "/\b\f\n\r\t\"\\"},
		"a pair of surrogates":         {`{"a": "\ud83D\uDE80"}`, "\U0001F680"},
		"half a pair":                  {`{"a": "\ud83d."}`, "\ufffd."},
		"the wrong half":               {`{"a": "\ude80\ud83d"}`, "\ufffd\ufffd"},
		"half a pair and a character":  {`{"a": "\ud83d\u0041"}`, "\ufffdA"},
		"nothing":                      {`{"a": "\u0000"}`, "\x00"},
		"line breaks of other readers": {"{\"a\": \"x\u2028y\u0085z\x7f\"}", "x\u2028y\u0085z\x7f"},
		"a byte order mark inside":     {"\ufeff{\"a\": \"\ufeff\"}", "\ufeff"},
		"a long key":                   {`{"` + long + `": "v"}`, "v"},
		"a colon on another line":      {"{\"a\"\n\r:\t\"v\"\r}", "v"},
		"behind a marker":              {"--- # json\n{\"a\": \"\\/\"}\n", "/"},
		"a number":                     {`{"a": -0.5e+10}`, "-0.5e+10"},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := Parse([]byte(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, root.Content[0].Content[1].Value); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJSONIsChecked(t *testing.T) {
	for in, want := range map[string]string{
		"{\"a\": 1,\n\"a\": \"\\/\"}": `line 2: duplicate key "a", first on line 1; remove one of them`,
		`{"a": "\ud83d\ude"}`:         "line 1: found invalid Unicode character escape code; write a backslash in double quotes twice",
	} {
		if _, err := Parse([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

// A document of megabytes is looked at several times; its tree takes some thirty times its room.
func TestWhetherTextIsJSONTakesNoTree(t *testing.T) {
	doc := []byte(`[` + strings.Repeat(`{"name": "a", "value": 1.5},`, 10_000) + `{}]`)
	if allocations := testing.AllocsPerRun(1, func() {
		if !IsJSON(doc) {
			t.Error("it is not")
		}
	}); allocations > 50 {
		t.Errorf("%v allocations", allocations)
	}
}

// plain is what a tree means, as encoding/json has it.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, plain(c))
		}
		return out
	}
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return n.Value
	case n.Tag == yaml.NodeTagNull:
		return nil
	case n.Tag == yaml.NodeTagBool:
		return n.Value == "true"
	}
	return json.Number(n.Value)
}

// FuzzJSON holds the reader against Go's, and its tree against the YAML library's where that reads the document too.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -0.5e+10, true, false, null, "x", {}, []]}`, `[]`, `{"a":"\ud83d\ude80\/"}`, "{\n\t\"a\" :\n1}\r\n", `{"a":1,}`,
		`[01]`, `[1.]`, `["\x"]`,
		"\ufeff[\"é\", \"b\"]", "---\n{}", `{"a":1}{`, `[-]`, "[\"a\nb\"]", `[1e5, 1E400, tru]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, ok := parseJSON(doc)
		start := jsonStart(doc)
		if valid := start >= 0 && json.Valid(doc[start:]) && utf8Valid(doc[start:]) && depth(doc) < maxDepth; ok != valid {
			t.Fatalf("%q: is JSON: %t, want %t", doc, ok, valid)
		}
		if IsJSON(doc) != ok {
			t.Fatalf("%q: without a tree it is read otherwise, with one is JSON: %t", doc, ok)
		}
		if !ok || checkTree(root) != nil {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(doc[start:]))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, plain(root.Content[0])); diff != "" {
			t.Fatalf("%q: -want +got:\n%s", doc, diff)
		}
		sameAsYAML(t, doc, root)
		if !ReadsAs(doc, root) {
			t.Fatalf("%q: does not read as its own tree", doc)
		}
	})
}

// TestReadsAs holds a text against the tree of another one: what differs in a kind, a tag, a value or an entry is not the same.
func TestReadsAs(t *testing.T) {
	const text = `{"a": ["x", 1, true, null, {}, []], "b": {"c": "\/"}, "d": "1"}`
	tree := func(text string) *yaml.Node {
		root, ok := parseJSON([]byte(text))
		if !ok {
			t.Fatalf("%s is no JSON", text)
		}
		return root
	}
	for _, same := range []string{text, " --- \n", "{\n\"a\":[\"\\u0078\",1,true,null,{},[]],\"b\":{\"c\":\"/\"},\"d\":\"1\"}\n"} {
		if got := ReadsAs([]byte(same), tree(text)); got != strings.Contains(same, "{") {
			t.Errorf("%s: %t", same, got)
		}
	}
	for name, other := range map[string]string{
		"value": strings.Replace(text, "x", "y", 1), "number": strings.Replace(text, " 1,", " 2,", 1),
		"word": strings.Replace(text, "true", "false", 1),
		"tag":  strings.Replace(text, `"1"`, "1", 1), "spelling of a number": strings.Replace(text, " 1,", " 1.0,", 1),
		"null": strings.Replace(text, "null", `"null"`, 1), "kind": strings.Replace(text, "{}", "[]", 1),
		"filled": strings.Replace(text, "[]", "[1]", 1),
		"key":    strings.Replace(text, `"c"`, `"e"`, 1), "entry less": strings.Replace(text, `, "d": "1"`, "", 1),
		"entry more": strings.Replace(text, `"1"}`, `"1", "e": 1}`, 1), "element less": strings.Replace(text, "1, ", "", 1),
		"order": `{"b": {"c": "/"}, "a": ["x", 1, true, null, {}, []], "d": "1"}`, "YAML": strings.Replace(text, `"x"`, "x", 1),
		"two": text + text, "list": "[" + text + "]", "nothing": "",
	} {
		if ReadsAs([]byte(other), tree(text)) {
			t.Errorf("%s: %s reads as %s", name, other, text)
		}
	}
	if twice := `{"a": 1, "a": 1}`; ReadsAs([]byte(twice), tree(twice)) {
		t.Error("a key stands twice")
	}
	aliases := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{
		Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq,
		Content: []*yaml.Node{
			{Kind: yaml.AliasNode, Value: "a", Alias: &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: "1", Anchor: "a"}},
		},
	}}}
	if ReadsAs([]byte("[1]"), aliases) {
		t.Error("what an alias stands for is not asked")
	}
}

// What is held against a tree takes no other one.
func TestReadingAsATreeTakesNoOther(t *testing.T) {
	for name, text := range map[string]string{
		"JSON": `[` + strings.Repeat(`{"name": "a", "value": true},`, 10_000) + `{}]`,
		"YAML": strings.Repeat("- name: a\n  value: true\n", 10_000),
	} {
		doc := []byte(text)
		root, err := Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		s := NewScanner()
		if allocations := testing.AllocsPerRun(1, func() {
			if !ReadsAs(doc, root) && !s.ReadsAs(doc, root) {
				t.Errorf("%s: it does not", name)
			}
		}); allocations > 50 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

// sameAsYAML compares a tree with what the library reads where both count lines alike.
func sameAsYAML(t *testing.T, doc []byte, root *yaml.Node) {
	t.Helper()
	if bytes.ContainsAny(doc, "\r\u0085\u2028\u2029") || bytes.HasPrefix(doc, []byte(ByteOrderMark)) || checkText(doc) != nil {
		return
	}
	library, err := decode(doc)
	if err != nil || library == nil {
		return
	}
	var got, want bytes.Buffer
	describe(root.Content[0], &got)
	describe(library.Content[0], &want)
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Fatalf("%q: -library +ours:\n%s", doc, diff)
	}
}

func depth(doc []byte) int {
	return bytes.Count(doc, []byte{'{'}) + bytes.Count(doc, []byte{'['})
}

func utf8Valid(doc []byte) bool { return bytes.Equal(bytes.ToValidUTF8(doc, nil), doc) }
