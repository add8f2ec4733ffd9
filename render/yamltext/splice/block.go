// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// block is one block collection that is being edited.
type block struct {
	*splicer
	old, edited *yaml.Node
	width       int // nodes per entry: 1 in a sequence, 2 in a mapping
	column      int // of the dashes or keys
	holder      int // column of the key or dash that holds the collection; -1 for the root
	head        int // the end of what holds it: colon, dash, anchor or tag; -1 where there is nothing
}

func (s *splicer) changeBlock(sl slot, edited *yaml.Node) error {
	b := &block{splicer: s, old: sl.node, edited: edited, width: 1, holder: sl.column, head: sl.after}
	if b.old.Kind == yaml.MappingNode {
		b.width = 2
	}
	var err error
	if b.column, err = s.column(b.old); err != nil {
		return err
	}
	start, err := s.offset(b.old)
	if err != nil {
		return err
	}
	// A mapping starts where its first key does, and what looks like its anchor may be the key's.
	first := b.old.Content[0]
	hasMark := first.Line == b.old.Line && first.Column == b.old.Column // of its first key
	if b.old.Anchor != "" || b.old.Style&yaml.TaggedStyle != 0 || s.at(start) == '!' && !hasMark {
		b.head = s.skipProperties(start)
	}
	return align(b.old, edited, b.width, b.keep, b.change)
}

// keep goes on with the value of an entry that stays.
func (b *block) keep(i, j int) error {
	value := b.edited.Content[j*b.width+b.width-1]
	if value == b.old.Content[i*b.width+b.width-1] {
		return nil
	}
	sl, err := b.slot(i)
	if err != nil {
		return err
	}
	return b.splicer.change(sl, value)
}

// slot returns the place of the value of entry i.
func (b *block) slot(i int) (slot, error) {
	start, err := b.start(i)
	if err != nil {
		return slot{}, err
	}
	sl := slot{node: b.old.Content[i*b.width+b.width-1], column: b.column, isDash: b.width == 1}
	if sl.isDash {
		sl.after, sl.gap = start+1, b.gap()
		return sl, nil
	}
	key := b.old.Content[i*2]
	if b.isQuestion(start) {
		return slot{}, Unsupported(key.Line, "a key written with ?")
	}
	colon, ok, err := b.colon(key)
	if err == nil && !ok {
		err = Unsupported(key.Line, "a key without a colon")
	}
	sl.after = colon + 1
	return sl, err
}

// gap returns how far right of its dash an element stands.
func (b *block) gap() int {
	first := b.old.Content[0]
	if gap := first.Column - 1 - b.column; first.Line == b.old.Line && isBlock(first) && gap > 2 && gap < 10 {
		return gap
	}
	return 2
}

// start returns where entry i starts: its key or dash.
func (b *block) start(i int) (int, error) {
	node := b.old.Content[i*b.width]
	pos, err := b.offset(node)
	if err != nil {
		return 0, err
	}
	if b.width == 2 {
		return b.startOfKey(node, pos)
	}
	if i == 0 {
		start, err := b.offset(b.old)
		return b.body(start), err
	}
	return b.dashAbove(node, pos)
}

// startOfKey returns where the entry whose key is at pos starts: there, or at a question mark before it.
func (b *block) startOfKey(key *yaml.Node, pos int) (int, error) {
	line := b.lines[b.lineAt(pos)]
	if start := line + b.column; start < pos && b.isQuestion(start) && b.body(b.skipSpace(start+1)) == b.body(pos) {
		return start, nil
	}
	if key.Line != b.old.Content[0].Line && pos-line != b.column {
		return 0, Unsupported(key.Line, "a key that is not in line with the others")
	}
	return pos, nil
}

// dashAbove finds the dash of the element that starts at pos: on the same line, or on one above it.
func (b *block) dashAbove(node *yaml.Node, pos int) (int, error) {
	for line := b.lineAt(pos); line >= 0; line-- {
		dash := b.lines[line] + b.column
		spaces, _ := b.spaces(line)
		if spaces == b.column && b.at(dash) == '-' && (dash+1 >= len(b.src) || yamltext.IsWhite(b.src[dash+1])) {
			return dash, nil
		}
	}
	return 0, Unsupported(node.Line, "a list element whose dash is not found")
}

// end returns where entry i ends, without comments.
func (b *block) end(i int) (int, error) {
	if b.width == 2 {
		return b.endOfEntry(b.old.Content[2*i], b.old.Content[2*i+1], b.column)
	}
	return b.text.end(b.old.Content[i], b.column)
}

func (b *block) change(r run) error {
	for i := r.goFrom; i < r.goTo; i++ {
		for _, n := range b.old.Content[i*b.width : (i+1)*b.width] {
			if err := b.checkGone(n); err != nil {
				return err
			}
		}
	}
	r, err := b.replacePairs(r)
	if err != nil {
		return err
	}
	if r.inFrom < r.inTo {
		if done, err := b.insert(r); err != nil || done {
			return err
		}
	}
	if r.goFrom < r.goTo {
		return b.remove(r)
	}
	return nil
}

// replacePairs writes the first new elements of a sequence over the first that go, and returns what is left of r.
func (b *block) replacePairs(r run) (run, error) {
	for b.width == 1 && r.goFrom < r.goTo && r.inFrom < r.inTo {
		sl, err := b.slot(r.goFrom)
		if err != nil {
			return r, err
		}
		if err := b.replace(sl, b.edited.Content[r.inFrom]); err != nil {
			return r, err
		}
		r.prev = r.goFrom
		r.goFrom++
		r.inFrom++
	}
	return r, nil
}

// insert writes the new entries of r. It is done with the whole run where it wrote over what was to be removed.
func (b *block) insert(r run) (done bool, err error) {
	if r.prev >= 0 {
		anchor, err := b.after(r.prev)
		if err != nil {
			return false, err
		}
		return false, b.insertLines(r, anchor)
	}
	first, err := b.start(0)
	if err != nil {
		return false, err
	}
	if !b.isLineStart(first) {
		return b.insertInline(r, first)
	}
	if line := b.lineAt(first); b.head < 0 && line == 0 {
		return false, b.write(r, b.lines[0], b.lines[0], func(e *emitter, text func()) {
			text()
			e.write(e.newline)
		})
	}
	head := b.head
	if head < 0 {
		head = b.lines[b.lineAt(first)-1]
	}
	return false, b.insertLines(r, b.endOfLine(head))
}

// insertLines writes the new entries of r on lines of their own below the line that ends at anchor.
func (b *block) insertLines(r run, anchor int) error {
	return b.write(r, anchor, anchor, func(e *emitter, text func()) {
		e.breakLine(b.column)
		text()
	})
}

// insertInline writes the new entries of r where the first entry stands behind a dash, which they take over.
func (b *block) insertInline(r run, first int) (done bool, err error) {
	if r.goFrom == r.goTo {
		return false, b.write(r, first, first, func(e *emitter, text func()) {
			text()
			e.breakLine(b.column)
		})
	}
	end, err := b.end(r.goTo - 1)
	if err != nil {
		return false, err
	}
	return true, b.write(r, first, b.endOfLine(end), func(e *emitter, text func()) {
		text()
		e.breakLine(b.column)
	})
}

// write replaces src[from:to] by the new entries of r, each framed by frame.
func (b *block) write(r run, from, to int, frame func(e *emitter, text func())) error {
	e := b.emitter(to, b.column)
	start := len(e.out)
	for j := r.inFrom; j < r.inTo; j++ {
		frame(e, func() {
			if b.width == 1 {
				e.element(b.edited.Content[j], b.column, b.gap())
			} else {
				e.entry(b.edited.Content[2*j], b.edited.Content[2*j+1], b.column)
			}
		})
	}
	text := e.out[start:]
	if from != to {
		text = bytes.TrimRight(text, "\r\n ")
	}
	b.replaceBytes(from, to, text)
	return b.done(e)
}

// remove takes the entries of r out, with their lines.
func (b *block) remove(r run) error {
	first, err := b.start(r.goFrom)
	if err != nil {
		return err
	}
	last, err := b.end(r.goTo - 1)
	if err != nil {
		return err
	}
	end := b.endOfLine(last)
	if !b.isLineStart(first) {
		return b.removeInline(r, first, end)
	}
	for i := r.goFrom; i < r.goTo; i++ {
		if err := b.removeLines(i); err != nil {
			return err
		}
	}
	return nil
}

// removeLines takes out the lines of entry i; comment lines between entries stay.
func (b *block) removeLines(i int) error {
	start, err := b.start(i)
	if err != nil {
		return err
	}
	end, err := b.end(i)
	if err != nil {
		return err
	}
	end = b.endOfLine(end)
	if line := b.lineAt(start); line > 0 {
		b.replaceBytes(b.beforeBreak(b.lines[line]-1), end, nil)
		return nil
	}
	b.replaceBytes(b.lines[0], b.afterBreak(end), nil)
	return nil
}

// removeInline takes out entries of which the first stands behind a dash; what follows them takes their place.
func (b *block) removeInline(r run, first, end int) error {
	if count := len(b.old.Content) / b.width; r.goTo < count {
		next, err := b.start(r.goTo)
		if err != nil {
			return err
		}
		if b.lineAt(next) == b.lineAt(end)+1 {
			end = next
		}
	}
	b.replaceBytes(first, end, nil)
	return nil
}

// after returns the end of the line behind which an entry can be inserted after entry i. Comment lines further right
// than what comes next belong to entry i.
func (b *block) after(i int) (int, error) {
	end, err := b.end(i)
	if err != nil {
		return 0, err
	}
	end = b.endOfLine(end)
	limit := b.column
	if (i+1)*b.width == len(b.old.Content) {
		limit = b.holder
	}
	for line := b.lineAt(end) + 1; line < len(b.lines); line++ {
		pos := b.skipBlanks(b.lines[line])
		if b.at(pos) == '#' && pos-b.lines[line] > limit {
			end = b.endOfLine(pos)
		} else if c := b.at(pos); c != '\n' && c != '\r' {
			break
		}
	}
	return end, nil
}

func lastLeaf(n *yaml.Node) *yaml.Node {
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

// isLineStart tells whether nothing but spaces stands before pos on its line.
func (b *block) isLineStart(pos int) bool {
	line := b.lineAt(pos)
	spaces, _ := b.spaces(line)
	return b.lines[line]+spaces == pos
}
