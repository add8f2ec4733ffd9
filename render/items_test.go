// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/render"
)

// listForm is a way to write a List: what stands around its items, an item with the number @, and what stands between two.
type listForm struct{ head, item, between, tail string }

func listForms() map[string]listForm {
	note := strings.Repeat("long ", 80)
	pod := `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-@", "labels": {"app": "web"}, "annotations": {"note": "` +
		note + `"}}, "spec": {"containers": [{"name": "app", "image": "ä:v1"}]}}`
	block := strings.NewReplacer("name: web", "name: web-@\n    annotations: {note: '"+note+"'}", "\n", "\n  ").Replace(web)
	block = "- " + strings.TrimRight(block, " ")
	indented := "  " + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n  ") + "\n"
	return map[string]listForm{
		"JSON on one line": {`{"apiVersion": "v1", "kind": "List", "items": [`, pod, ", ", "]}\n"},
		"JSON": {
			"{\n  \"items\": [\n    ", strings.ReplaceAll(pod, ", \"spec", ",\n      \"spec"), ",\n    ",
			"\n  ],\n  \"kind\": \"List\",\n  \"apiVersion\": \"v1\"\n}\n",
		},
		"as kubectl prints it": {"apiVersion: v1\nitems:\n", block, "", "kind: List\nmetadata: {resourceVersion: \"\"}\n"},
		"indented":             {"apiVersion: v1\nkind: List\nitems:\n", indented, "  # next\n", ""},
		"line ends of Windows": {"apiVersion: v1\r\nkind: List\r\nitems:\r\n", strings.ReplaceAll(block, "\n", "\r\n"), "", ""},
	}
}

// text is a List of the items from, to and between.
func (f listForm) text(from, to int) string {
	var b strings.Builder
	b.WriteString(f.head)
	for i := from; i < to; i++ {
		if i > from {
			b.WriteString(f.between)
		}
		b.WriteString(strings.ReplaceAll(f.item, "@", fmt.Sprint(i)))
	}
	b.WriteString(f.tail)
	return b.String()
}

// TestLongList holds a List of over a megabyte against short ones, which are processed as a whole.
func TestLongList(t *testing.T) {
	const n, short = 2_500, 250
	for name, form := range listForms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := form.text(0, n)
			if len(text) < 1<<20 {
				t.Fatalf("the List has but %d bytes", len(text))
			}
			got := rendered(t, map[string]string{"a": text, "b": set})
			var want strings.Builder
			for i := 0; i < n; i += short {
				part := rendered(t, map[string]string{"a": form.text(i, i+short), "b": set})
				if i > 0 {
					want.WriteString(form.between)
				}
				want.WriteString(strings.TrimSuffix(strings.TrimPrefix(part, form.head), form.tail))
			}
			if got != form.head+want.String()+form.tail {
				t.Error("the long List is not what the short ones are")
			}
			if strings.Count(got, "tail:v1") != n {
				t.Errorf("%d items have the container", strings.Count(got, "tail:v1"))
			}
			if ejected(t, got) != text {
				t.Error("ejected, it is not what it was")
			}
		})
	}
}

// TestLongListSaysWhere: what is said of one item names its place in the whole List.
func TestLongListSaysWhere(t *testing.T) {
	const n, wrong = 2_500, 1_876
	for name, form := range listForms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after, _ := strings.Cut(form.text(0, n), fmt.Sprintf("web-%d", wrong))
			before += fmt.Sprintf("web-%d", wrong)
			for _, name := range []string{"name: app", `"name": "app"`} {
				after = strings.Replace(after, name, strings.Replace(name, "app", "tail", 1), 1)
			}
			var out bytes.Buffer
			outcome, err := render.Run(t.Context(), request(t, map[string]string{"a": before + after, "b": set}), render.NewStream(&out))
			if err != nil {
				t.Fatal(err)
			}
			if len(outcome.Findings) != 1 || out.Len() > 0 {
				t.Fatalf("findings %v, wrote %d bytes", outcome.Findings, out.Len())
			}
			f := outcome.Findings[0]
			first := 1 + strings.Count(before, "\n")
			if f.Object.Name != fmt.Sprintf("web-%d", wrong) || f.Source.Line < first || f.Source.Line > first+5 {
				t.Errorf("%s at line %d, want web-%d from line %d on", f.Object, f.Source.Line, wrong, first)
			}
		})
	}
}

// ejected is a text without what is injected.
func ejected(t *testing.T, text string) string {
	t.Helper()
	req := request(t, map[string]string{"a": text})
	req.Action = render.Eject
	var out bytes.Buffer
	if outcome, err := render.Run(t.Context(), req, render.NewStream(&out)); err != nil || outcome.Failed() {
		t.Fatalf("%v, %v", err, outcome)
	}
	return out.String()
}
