// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// flow is one flow collection, in brackets or braces, that is being edited.
type flow struct {
	*splicer
	old, edited *yaml.Node
	width       int
	open        int    // where the text after the opening bracket starts
	indent      string // of entries on lines of their own; separator between entries otherwise empty
	multi       bool   // entries stand on lines of their own
	pretty      string // the indentation of what is below an entry, where entries are written over lines
}

func (s *splicer) changeFlow(old, edited *yaml.Node) error {
	f := &flow{splicer: s, old: old, edited: edited, width: 1}
	if old.Kind == yaml.MappingNode {
		f.width = 2
	}
	start, err := s.offset(old)
	if err != nil {
		return err
	}
	// The end is not needed, but that it is found says that the collection is understood.
	if _, err := s.end(old, -1); err != nil {
		return err
	}
	f.open = s.body(start) + 1
	if len(old.Content) > 0 {
		first, err := f.start(0)
		if err != nil {
			return err
		}
		line := s.lineAt(first)
		spaces := s.skipBlanks(s.lines[line])
		f.multi = spaces == first && line != s.lineAt(f.open)
		if f.multi {
			f.indent = string(s.src[s.lines[line]:first])
			f.learnLines()
		}
	}
	return align(old, edited, f.width, f.keep, f.change)
}

// learnLines finds out whether the entries are written over several lines, and how far their insides are indented.
func (f *flow) learnLines() {
	for _, n := range f.old.Content {
		if !isFlow(n) || len(n.Content) == 0 || n.Content[0].Line == n.Line {
			continue
		}
		pos, err := f.offset(n.Content[0])
		if err != nil {
			return
		}
		inner := f.src[f.lines[f.lineAt(pos)]:pos]
		if len(inner) > len(f.indent) && len(bytes.TrimLeft(inner, " \t")) == 0 {
			f.pretty = string(inner[len(f.indent):])
		}
		return
	}
}

func (f *flow) keep(i, j int) error {
	value := f.edited.Content[j*f.width+f.width-1]
	if value == f.old.Content[i*f.width+f.width-1] {
		return nil
	}
	sl, err := f.slot(i)
	if err != nil {
		return err
	}
	return f.splicer.change(sl, value)
}

// slot returns the place of the value of entry i.
func (f *flow) slot(i int) (slot, error) {
	sl := slot{node: f.old.Content[i*f.width+f.width-1], inFlow: true, noGap: true}
	var err error
	if f.width == 1 {
		sl.after, err = f.start(i)
		return sl, err
	}
	key := f.old.Content[2*i]
	colon, ok, err := f.colon(key)
	if err == nil && !ok {
		err = Unsupported(key.Line, "a key without a colon in braces")
	}
	sl.after = colon + 1
	sl.noGap = !yamltext.IsWhite(f.at(sl.after)) && key.Style&yaml.DoubleQuotedStyle != 0
	return sl, err
}

func (f *flow) start(i int) (int, error) {
	pos, err := f.offset(f.old.Content[i*f.width])
	if err != nil {
		return 0, err
	}
	if before := bytes.TrimRight(f.src[:pos], " \t\r\n"); f.isQuestion(len(before) - 1) {
		return len(before) - 1, nil
	}
	return pos, nil
}

func (f *flow) end(i int) (int, error) {
	if f.width == 1 {
		return f.text.end(f.old.Content[i], -1)
	}
	end, err := f.endOfEntry(f.old.Content[2*i], f.old.Content[2*i+1], -1)
	if err == nil && f.isUnwritten(f.old.Content[2*i+1]) && yamltext.IsWhite(f.at(end)) {
		// A comma must not follow the colon at once: it would be part of a plain key.
		if f.at(end) == '\r' {
			end++
		}
		end++
	}
	return end, err
}

// endInFlow returns where the value in sl ends.
func (s *splicer) endInFlow(sl slot) (int, error) {
	if s.isUnwritten(sl.node) {
		return sl.after, nil
	}
	return s.end(sl.node, -1)
}

func (s *splicer) replaceInFlow(sl slot, edited *yaml.Node) error {
	end, err := s.endInFlow(sl)
	if err != nil {
		return err
	}
	e := s.emitter(end, 0)
	start := len(e.out)
	if _, ok := s.verbatim[edited]; !ok && !sl.noGap {
		e.out = append(e.out, ' ')
	}
	e.flow(edited)
	s.replaceBytes(sl.after, end, e.out[start:])
	return s.done(e)
}

func (f *flow) change(r run) error {
	for i := r.goFrom; i < r.goTo; i++ {
		for _, n := range f.old.Content[i*f.width : (i+1)*f.width] {
			if err := f.checkGone(n); err != nil {
				return err
			}
		}
	}
	for r.goFrom < r.goTo && r.inFrom < r.inTo {
		if err := f.swap(r.goFrom, r.inFrom); err != nil {
			return err
		}
		r.prev = r.goFrom
		r.goFrom++
		r.inFrom++
	}
	if r.inFrom < r.inTo {
		return f.insert(r)
	}
	if r.goFrom < r.goTo {
		return f.remove(r)
	}
	return nil
}

// swap writes the new entry j over the old entry i.
func (f *flow) swap(i, j int) error {
	start, err := f.start(i)
	if err != nil {
		return err
	}
	end, err := f.end(i)
	if err != nil {
		return err
	}
	e := f.emitter(end, 0)
	from := len(e.out)
	f.item(e, j)
	f.replaceBytes(start, end, e.out[from:])
	return f.done(e)
}

func (f *flow) item(e *emitter, j int) {
	e.pretty, e.indent = f.pretty, f.indent
	if f.width == 1 {
		e.flow(f.edited.Content[j])
	} else {
		e.flowEntry(f.edited.Content[2*j], f.edited.Content[2*j+1])
	}
	e.pretty, e.indent = "", ""
}

// separate writes what stands between a comma and the next entry.
func (f *flow) separate(e *emitter) {
	switch {
	case f.multi:
		e.write(e.newline)
		e.write(f.indent)
	case !e.tight:
		e.out = append(e.out, ' ')
	}
}

func (f *flow) insert(r run) error {
	if r.prev >= 0 {
		return f.insertAfter(r)
	}
	at := f.open
	isFirst := len(f.old.Content) > 0
	if isFirst {
		var err error
		if at, err = f.start(0); err != nil {
			return err
		}
	}
	e := f.emitter(at, 0)
	from := len(e.out)
	for j := r.inFrom; j < r.inTo; j++ {
		f.item(e, j)
		if isFirst || j+1 < r.inTo {
			e.out = append(e.out, ',')
			f.separate(e)
		}
	}
	f.replaceBytes(at, at, e.out[from:])
	return f.done(e)
}

// insertAfter writes the new entries of r behind the entry r.prev: a comma, then the entry. A comment on the same line
// stays with the entry before it.
func (f *flow) insertAfter(r run) error {
	end, err := f.end(r.prev)
	if err == nil && f.width == 2 && f.isWrittenNow(r) {
		end, err = f.endOfEntry(f.old.Content[2*r.prev], f.old.Content[2*r.prev+1], -1)
	}
	if err != nil {
		return err
	}
	e := f.emitter(end, 0)
	from := len(e.out)
	at := end
	comma, comment := f.comment(end)
	if comment {
		at = f.endOfLine(end)
		if !comma {
			f.replaceBytes(end, end, []byte{','})
		}
	}
	for j := r.inFrom; j < r.inTo; j++ {
		if !comment || !comma && j > r.inFrom {
			e.out = append(e.out, ',')
		}
		f.separate(e)
		f.item(e, j)
		if comment && comma {
			e.out = append(e.out, ',')
		}
	}
	f.replaceBytes(at, at, e.out[from:])
	return f.done(e)
}

// isWrittenNow tells whether the entry before the new ones of r had no text for its value, and gets one.
func (f *flow) isWrittenNow(r run) bool {
	old := f.old.Content[2*r.prev+1]
	return f.isUnwritten(old) && r.inFrom > 0 && f.edited.Content[2*r.inFrom-1] != old
}

// comment tells whether the entry that ends at pos is followed by a comma, and then by a comment, on the same line.
func (f *flow) comment(pos int) (comma, comment bool) {
	pos = f.skipBlanks(pos)
	if f.at(pos) == ',' {
		comma = true
		pos = f.skipBlanks(pos + 1)
	}
	return comma, f.multi && f.at(pos) == '#'
}

func (f *flow) remove(r run) error {
	first, err := f.start(r.goFrom)
	if err != nil {
		return err
	}
	last, err := f.end(r.goTo - 1)
	if err != nil {
		return err
	}
	count := len(f.old.Content) / f.width
	switch {
	case r.prev >= 0:
		return f.removeAfter(r.prev, first, last)
	case r.goTo < count:
		next, err := f.start(r.goTo)
		f.replaceBytes(first, next, nil)
		return err
	}
	if pos := f.skipSpace(last); f.at(pos) == ',' {
		last = pos + 1
	}
	f.replaceBytes(first, last, nil)
	return nil
}

// removeAfter undoes insertAfter.
func (f *flow) removeAfter(prev, first, last int) error {
	end, err := f.end(prev)
	if err != nil {
		return err
	}
	_, comment := f.comment(end)
	line := f.lineAt(first)
	if !comment || line == f.lineAt(end) || f.skipBlanks(f.lines[line]) != first {
		f.replaceBytes(f.skipBlanks(end), last, nil)
		return nil
	}
	from := f.beforeBreak(f.lines[line] - 1)
	if pos := f.skipSpace(last); f.at(pos) == ',' && f.lineAt(pos) == f.lineAt(last) {
		f.replaceBytes(from, pos+1, nil)
		return nil
	}
	if pos := f.skipSpace(end); f.at(pos) == ',' {
		f.replaceBytes(pos, pos+1, nil)
	}
	f.replaceBytes(from, last, nil)
	return nil
}
