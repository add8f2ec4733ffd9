// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// writer makes random documents: block and flow style, comments, blank lines and scalars of all kinds, in random
// layouts.
type writer struct {
	out        strings.Builder
	pick       func(n int) int
	step, dash int
}

func (w *writer) pad(column int) {
	w.out.WriteString(strings.Repeat(" ", column))
}

// noise writes a comment or blank line, sometimes.
func (w *writer) noise(column int) {
	switch w.pick(8) {
	case 0:
		w.out.WriteString("\n")
	case 1:
		w.pad(w.pick(column + 4))
		w.out.WriteString("# note\n")
	}
}

func (w *writer) mapping(depth, column int, inline bool) {
	for i := range 1 + w.pick(3) {
		if i > 0 || !inline {
			w.noise(column)
			w.pad(column)
		}
		fmt.Fprintf(&w.out, "%s%d:", []string{"k", "k.x/", "é"}[w.pick(3)], i)
		w.value(depth, column)
	}
}

func (w *writer) sequence(depth, column int, inline bool) {
	for i := range 1 + w.pick(3) {
		if i > 0 || !inline {
			w.noise(column)
			w.pad(column)
		}
		w.out.WriteString("-")
		if depth > 0 && w.pick(2) == 0 {
			w.out.WriteString(" ")
			if w.pick(4) == 0 {
				w.sequence(depth-1, column+2, true)
			} else {
				w.mapping(depth-1, column+2, true)
			}
			continue
		}
		w.scalar(column)
	}
}

// value writes what follows a colon.
func (w *writer) value(depth, column int) {
	if depth == 0 || w.pick(3) == 0 {
		w.scalar(column)
		return
	}
	w.trailer()
	if w.pick(2) == 0 {
		w.mapping(depth-1, column+w.step, false)
	} else {
		w.sequence(depth-1, column+w.dash, false)
	}
}

func (w *writer) trailer() {
	w.out.WriteString([]string{"", "", "  ", " # why"}[w.pick(4)] + "\n")
}

// scalar writes a scalar or flow collection, and ends the line.
func (w *writer) scalar(column int) {
	inner := "\n" + strings.Repeat(" ", column+w.step)
	switch w.pick(12) {
	case 0:
		w.out.WriteString(" |" + inner + "text" + inner + " more\n")
	case 1:
		w.out.WriteString(" |+" + inner + "text\n\n\n")
	case 2:
		w.out.WriteString(" >-" + inner + "folded" + inner + "text\n\n")
	case 3:
		w.out.WriteString(" |2" + "\n" + strings.Repeat(" ", column+2) + "  text\n")
	case 4:
		w.out.WriteString(" plain" + inner + "  text")
		w.out.WriteString("\n")
	default:
		scalars := []string{
			" x", "  'it''s'", ` "a \" b"`, " 12", " ~", "", " [a, [b], {c: d}]", " {e: [f], g: 'h'}", " []", " { }",
			` ["a",` + inner + `"b"]`, " [a," + inner + "# c" + inner + "b,\n" + strings.Repeat(" ", column+1) + "]",
			` "two` + inner + `lines"`, " é",
		}
		w.out.WriteString(scalars[w.pick(len(scalars))])
		w.trailer()
	}
}

func TestSpliceGenerated(t *testing.T) {
	made, all := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		w := &writer{pick: pick, step: 2 + 2*pick(2)}
		w.dash = []int{0, w.step}[pick(2)]
		w.out.WriteString([]string{"", "---\n", "# head\n", "\ufeff", "--- # head\n"}[pick(5)])
		if pick(4) == 0 {
			w.sequence(3, 0, false)
		} else {
			w.mapping(3, 0, false)
		}
		w.out.WriteString([]string{"", "# tail\n", "...\n", "\n"}[pick(4)])
		src := w.out.String()
		if pick(4) == 0 {
			src = strings.TrimSuffix(src, "\n")
		}
		if pick(4) == 0 {
			src = strings.ReplaceAll(src, "\n", "\r\n")
		}
		if _, err := yamltext.Parse([]byte(src)); err != nil {
			rt.Skip()
		}
		all++
		if checkEdit(rt, []byte(src), 1+pick(3), pick(3) > 0, pick) {
			made++
		}
	})
	t.Logf("%d of %d edits made", made, all)
	if made*10 < all*8 {
		t.Errorf("only %d of %d edits made", made, all)
	}
}
