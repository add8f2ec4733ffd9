// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"slices"

	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/splice"
)

const (
	// longList is from where on a List is processed some items at a time. Its tree takes twenty times its text.
	longList = 1 << 20
	// itemsAtOnce is how many bytes of items these are.
	itemsAtOnce = 256 << 10
)

// injectItems processes a long List as so many short ones, each with the text around the items. It is false where something is
// to be said about one of them: then the List is processed as a whole, in which everything has its place.
func (t *transformer) injectItems(in *input, out *Document, sc *splice.Scanner) bool {
	text := out.Original
	if len(text) < longList || t.req.Detailed {
		return false
	}
	items := sc.Items(text)
	if len(items) < 2 {
		return false
	}
	head, tail := text[:items[0].Start], text[items[len(items)-1].End:]
	if len(head)+len(tail) > itemsAtOnce {
		return false
	}
	whole := *out
	result := append(make([]byte, 0, len(text)+len(text)/2), head...)
	for first := 0; first < len(items); {
		last := first
		for last+1 < len(items) && items[last+1].End-items[first].Start <= itemsAtOnce {
			last++
		}
		from, to := items[first].Start, items[last].End
		sc.Reuse()
		part := t.inject(in, yamltext.Document{Bytes: slices.Concat(head, text[from:to], tail)}, sc)
		edited, ok := bytes.CutPrefix(part.Text, head)
		edited, sameTail := bytes.CutSuffix(edited, tail)
		if !ok || !sameTail || len(part.findings) > 0 || len(part.passed) > 0 || part.Leaves {
			return false
		}
		whole.add(part)
		result = append(result, edited...)
		if first = last + 1; first < len(items) {
			result = append(result, text[to:items[first].Start]...)
		}
	}
	result = append(result, tail...)
	if _, certain := sc.Scan(result); !certain && !yamltext.IsJSON(result) {
		return false
	}
	*out = whole
	out.set(result)
	return true
}

// add takes into account what was done to a part of a document.
func (d *Document) add(part *Document) {
	d.Object, d.generated = part.Object, part.generated
	d.edited += part.edited
	d.answered = d.answered || part.answered
	d.opted = d.opted || part.opted
	d.open = d.open || part.open
}
