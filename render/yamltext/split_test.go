// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func splitAll(tb testing.TB, r io.Reader) []Document {
	tb.Helper()
	var docs []Document
	s := NewSplitter(r)
	for {
		doc, err := s.Read()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			tb.Fatal(err)
		}
		docs = append(docs, doc)
	}
}

func TestSplitFindsDocuments(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"empty":                    {"", nil},
		"one":                      {"a: 1\n", []string{"a: 1\n"}},
		"no last newline":          {"a: 1\n---\nb: 2", []string{"a: 1\n", "---\nb: 2"}},
		"leading marker":           {"---\na: 1\n---\nb: 2\n", []string{"---\na: 1\n", "---\nb: 2\n"}},
		"preamble":                 {"# c\n\n%YAML 1.1\n---\na: 1\n---\n", []string{"# c\n\n%YAML 1.1\n---\na: 1\n", "---\n"}},
		"end marker":               {"a: 1\n...\n# c\n---\nb: 2\n", []string{"a: 1\n...\n", "# c\n---\nb: 2\n"}},
		"content on the marker":    {"a: 1\n--- {b: 2}\n--- # c\n", []string{"a: 1\n", "--- {b: 2}\n", "--- # c\n"}},
		"not markers":              {"a: 1\n---b\n----\n ---\n....\n", []string{"a: 1\n---b\n----\n ---\n....\n"}},
		"windows":                  {"a: 1\r\n---\r\nb: 2\r\n", []string{"a: 1\r\n", "---\r\nb: 2\r\n"}},
		"empty documents":          {"---\n---\n---\n", []string{"---\n", "---\n", "---\n"}},
		"byte order marks":         {"\ufeff---\na: 1\n\ufeff---\nb: 2\n", []string{"\ufeff---\na: 1\n", "\ufeff---\nb: 2\n"}},
		"marker in a block scalar": {"a: |\n---\nb\n", []string{"a: |\n", "---\nb\n"}},
		"marker without newline":   {"a: 1\n---", []string{"a: 1\n", "---"}},
		"comments only":            {"# c\n", []string{"# c\n"}},
		"JSON values": {
			"{\"a\":\"}\\\"{\"}\n{\"b\":{}}\n\n {}\n",
			[]string{"{\"a\":\"}\\\"{\"}\n", "{\"b\":{}}\n\n ", "{}\n"},
		},
		"JSON values in a row":      {"\ufeff {}{}\t{\"a\": 1}", []string{"\ufeff {}", "{}\t", "{\"a\": 1}"}},
		"JSON values and a marker":  {"{}\n{}\n---\na: 1\n", []string{"{}\n", "{}\n", "---\na: 1\n"}},
		"braces that are no JSON":   {"{a: 1}\n{b: 2}\n", []string{"{a: 1}\n{b: 2}\n"}},
		"braces after JSON":         {"{}\n: {}\n", []string{"{}\n: {}\n"}},
		"braces left open":          {"{\n---\n{}\n{}\n", []string{"{\n", "---\n{}\n{}\n"}},
		"directive is not preamble": {"a: 1\n%b\n---\n", []string{"a: 1\n%b\n", "---\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in))} {
				var got []string
				line := 1
				for i, doc := range splitAll(t, r) {
					if doc.Index != i || doc.Line != line {
						t.Errorf("document %d has index %d and line %d, want line %d", i, doc.Index, doc.Line, line)
					}
					line += strings.Count(string(doc.Bytes), "\n")
					got = append(got, string(doc.Bytes))
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestSplitLongLine(t *testing.T) {
	in := "a: " + strings.Repeat("x", 10<<20) + "\n---\nb: 1\n"
	if docs := splitAll(t, strings.NewReader(in)); len(docs) != 2 {
		t.Errorf("got %d documents, want 2", len(docs))
	}
}

func TestSplitReportsReadErrors(t *testing.T) {
	r := io.MultiReader(strings.NewReader("a: 1\n"), iotest.ErrReader(errors.New("broken pipe")))
	_, err := NewSplitter(r).Read()
	if err == nil || err.Error() != "reading line 2: broken pipe" {
		t.Errorf("got %v", err)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"a: 1\n---\nb: 2", "\ufeff---\r\n...\n--- |\n x", "# c\n%YAML 1.1\n---\n---"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		docs := splitAll(t, bytes.NewReader(in))
		slow := splitAll(t, iotest.OneByteReader(bytes.NewReader(in)))
		if diff := cmp.Diff(docs, slow); diff != "" {
			t.Errorf("the size of reads changes the documents:\n%s", diff)
		}
		var joined []byte
		for _, doc := range docs {
			joined = append(joined, doc.Bytes...)
		}
		if !bytes.Equal(joined, in) {
			t.Errorf("the documents of %q join to %q", in, joined)
		}
	})
}
