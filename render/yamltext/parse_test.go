// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"errors"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

func TestParseRefuses(t *testing.T) {
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i < 30; i++ {
		n, p := string(rune('a'+i%26))+strings.Repeat("z", i/26), string(rune('a'+(i-1)%26))+strings.Repeat("z", (i-1)/26)
		if i == 1 {
			p = "a0"
		}
		bomb += n + ": &" + n + " [*" + p + ", *" + p + "]\n"
	}
	for name, tc := range map[string]struct{ in, want string }{
		"duplicate key":         {"a: 1\nb: 2\na: 3\n", `line 3: duplicate key "a", first on line 1; remove one of them`},
		"duplicate key, nested": {"x:\n- a: 1\n  'a': 2\n", `line 3: duplicate key "a", first on line 2; remove one of them`},
		"duplicate, many keys":  {manyKeys(40) + "k7: x\n", `line 41: duplicate key "k7", first on line 8; remove one of them`},
		"duplicate, flow":       {"a: {b: 1, b: 2}\n", `line 1: duplicate key "b", first on line 1; remove one of them`},
		"alias bomb":            {bomb, "aliases of this document expand to more than"},
		"alias in itself":       {"a: &x\n  b: *x\n", "line 2: *x stands inside the value that it names; write the value out"},
		"unknown alias": {"a: 1\nb: *x\n", "line 2: *x names an anchor that is not defined before it; define &x or write " +
			"the value out"},
		"deep": {
			strings.Repeat("[", 1500) + strings.Repeat("]", 1500),
			"line 1: nested more than 1000 levels deep; flatten the document",
		},
		"very deep":      {strings.Repeat("[", 20000), "line 1: exceeded max depth of 10000"},
		"deep sequences": {strings.Repeat("- ", 1500) + "x\n", "line 1: nested more than 1000 levels deep"},
		"not UTF-8":      {"a: 1\nb: \xff\n", "line 2: byte 0xff is not valid UTF-8; save the file as UTF-8"},
		"UTF-16":         {"\xff\xfea\x00:\x00 \x00b\x00", "line 1: the file is UTF-16; save it as UTF-8"},
		"control":        {"a: 1\nb: \x01\n", "line 2: control character U+0001; remove it"},
		"bad indentation": {
			"a:\n  b: 1\n  c: 2\n d: 3\ne: 4\n",
			"line 4: did not find expected key; check the indentation of this line",
		},
		"bad dash": {"a:\n  - b\n  c: d\ne: 1\n", "line 3: did not find expected '-' indicator; check the indentation"},
		"no colon": {"a: 1\nbcd\ne: 2\n", "line 2: could not find expected ':'"},
		"tab": {"a:\n\tb: 1\n", "line 2: found character that cannot start any token; quote the value, and indent " +
			"with spaces"},
		"second colon":  {"x: 1\na: b: c\n", "line 2: mapping values are not allowed in this context"},
		"open quote":    {"x: 1\na: \"b\nc: d\n", "line 2: found unexpected end of stream; close the quote"},
		"open bracket":  {"x: 1\na: [b, c\n", "did not find expected ',' or ']'"},
		"two documents": {"a: 1\r---\rb: 2\r", "a second document starts here"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got  %v\nwant %s", err, tc.want)
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%T is no *syntaxError", err)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + ": 1\n")
	}
	return b.String()
}

func TestParseFindsNothing(t *testing.T) {
	for _, in := range []string{
		"", "\n", "# c\n", "---\n", "--- # c\n...\n", "...\n", "\ufeff", "---\n~\n", "%YAML 1.1\n---\n",
		"null",
	} {
		if root, err := Parse([]byte(in)); root != nil || err != nil {
			t.Errorf("parse(%q) = %v, %v", in, root, err)
		}
	}
}

func TestParseManifests(t *testing.T) {
	for name, data := range yamltest.Manifests(t) {
		for _, doc := range splitAll(t, strings.NewReader(string(data))) {
			if _, err := Parse(doc.Bytes); err != nil {
				t.Errorf("%s, document %d: %v", name, doc.Index, err)
			}
		}
	}
}
