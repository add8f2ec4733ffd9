// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// Apply turns the edit of a tree into one of the text that it was read from, and proves it: the result is parsed and must
// mean what edited says. The text in verbatim is taken as it is.
func Apply(src []byte, old, edited *yaml.Node, verbatim map[*yaml.Node]string) ([]byte, error) {
	return applyProvedBy(yamltext.Parse, src, old, edited, verbatim)
}

// Scanner is a scanner that proves edits too, in a run of many documents.
type Scanner struct {
	*yamltext.Scanner
	proofs  *Proofs
	readsAs func(text []byte, root *yaml.Node) bool // the quick reader's ReadsAs
	large   int                                     // bytes from which on a result is proven by a sample
}

// largeResult is from where on a result is proven by a sample: to take one of a small text costs more than it saves.
const largeResult = 256 << 10

// NewScanner returns a scanner that looks for the scalars at paths, as yamltext.NewScanner, and shares proofs with the others
// of its run; nil is a run of its own.
func NewScanner(proofs *Proofs, paths ...string) *Scanner {
	if proofs == nil {
		proofs = NewProofs()
	}
	s := yamltext.NewScanner(paths...)
	return &Scanner{Scanner: s, proofs: proofs, readsAs: s.ReadsAs, large: largeResult}
}

// Apply is the function of that name, in a fraction of its time for results whose shape has been proven.
func (s *Scanner) Apply(src []byte, old, edited *yaml.Node, verbatim map[*yaml.Node]string) ([]byte, error) {
	var shape uint64
	asked, known := false, false
	out, err := applyProvedBy(func(text []byte) (*yaml.Node, error) {
		asked = true
		shape = s.proofs.shape(text)
		known = s.proofs.has(shape)
		whole := len(verbatim) == 0 // else edited stands in for text whose meaning is not in it
		switch {
		case known && whole && s.readsAs(text, edited):
			return edited, nil
		case known:
			return s.Parse(text)
		case whole && len(text) >= s.large && s.provenBySample(text, edited):
			return edited, nil
		}
		return yamltext.Parse(text)
	}, src, old, edited, verbatim)
	if err == nil && asked && !known {
		s.proofs.add(shape)
	}
	return out, err
}

// provenBySample tells whether the quick reader is certain to read text as edited, and the library reads a sample of it as the
// quick reader does. A false answer is certain of nothing.
func (s *Scanner) provenBySample(text []byte, edited *yaml.Node) bool {
	if !s.readsAs(text, edited) {
		return false
	}
	sample := s.proofs.sample(text)
	if len(sample) > len(text)/2 {
		return false
	}
	root, err := yamltext.Parse(sample)
	return err == nil && root != nil && s.readsAs(sample, root)
}

// applyProvedBy is Apply with read for the proof.
func applyProvedBy(
	read func([]byte) (*yaml.Node, error), src []byte, old, edited *yaml.Node, verbatim map[*yaml.Node]string,
) ([]byte, error) {
	out, err := splice(src, old, edited, verbatim)
	if err != nil || old == edited {
		return out, err
	}
	if len(verbatim) == 0 && yamltext.ReadsAs(out, edited) {
		return out, nil // JSON has a reader of its own, which proves every result
	}
	got, err := read(out)
	if err != nil {
		return nil, yamltext.Errorf(1, "unsupported layout: after the edit the document would not be readable (%v); "+
			"nothing was changed", err)
	}
	if got == nil {
		return nil, yamltext.Errorf(1, "unsupported layout: the edit would leave an empty document; nothing was changed")
	}
	c := &comparison{free: verbatim}
	if !c.equal(edited, got) {
		return nil, yamltext.Errorf(c.line, "unsupported layout: after the edit the text at %s would not mean what it should; "+
			"nothing was changed", c.path)
	}
	return out, nil
}

// splice returns src, of which old is the parsed tree, with the text changed where edited differs from old, and all
// other bytes as they are.
//
// The trees share what did not change: the same node is the same text. A node on the way to a change is a copy at the
// same line and column with another Content. A node with line 0 is new, with all that is below it. What edited lacks
// is deleted. New nodes are written in the layout of their neighbours, except for those in verbatim: their text is
// taken as it is. In block style it stands for all that follows the colon or dash, white space included (see
// sourceText).
//
// A deletion is the exact inverse of an insertion: inserting nodes and deleting them again gives src.
// Where the layout does not allow that, or is not understood, splice returns an error and no bytes.
func splice(src []byte, old, edited *yaml.Node, verbatim map[*yaml.Node]string) ([]byte, error) {
	if old == edited {
		return src, nil
	}
	t, err := newText(src)
	if err != nil {
		return nil, err
	}
	s := &splicer{text: t, root: old, anchors: anchors{edited: edited}, verbatim: verbatim}
	root := slot{node: old.Content[0], after: -1, column: -1}
	if err := s.change(root, edited.Content[0]); err != nil {
		return nil, err
	}
	if len(s.list) == 0 {
		return src, nil
	}
	if err := s.chomp(edited); err != nil {
		return nil, err
	}
	return s.apply(src)
}

// splicer makes the edits of one document.
type splicer struct {
	*text
	anchors
	edits
	root     *yaml.Node
	verbatim map[*yaml.Node]string
	path     []*yaml.Node // the collections around the current edit, outermost first
	out      []byte       // text of the edits
	tuning   emitter
	isJSON   *bool   // whether the document is JSON, once it was asked for
	anywhere *layout // of the document as a whole, once it was asked for
}

// slot is the place of one value.
type slot struct {
	node   *yaml.Node
	after  int // where the colon or dash before it ends; in a flow sequence where the value starts; -1 for the root
	column int // of the key or dash, from 0; -1 for the root
	isDash bool
	inFlow bool
	noGap  bool // in a flow sequence: no space before the value
	gap    int  // from a dash to what follows
}

// change makes the edits that turn the value in sl into edited.
func (s *splicer) change(sl slot, edited *yaml.Node) error {
	old := sl.node
	switch {
	case old == edited:
		return nil
	case edited.Line <= 0:
		return s.replace(sl, edited)
	case !samePlace(old, edited):
		return Unsupported(old.Line, "a value that was moved")
	case old.Kind == yaml.AliasNode && edited.Alias != old.Alias:
		return nil // what it stands for changes where the anchor is
	case old.Kind == yaml.AliasNode:
		return yamltext.Errorf(old.Line, "*%s has to change here, but not where &%s is; "+
			"write the value out in place of the alias", old.Value, old.Value)
	case old.Kind == yaml.ScalarNode:
		if old.Value == edited.Value && sameTag(old, edited) {
			return nil
		}
		return s.replace(sl, edited)
	}
	if err := s.checkAnchor(old); err != nil {
		return err
	}
	return s.changeCollection(sl, edited)
}

func (s *splicer) changeCollection(sl slot, edited *yaml.Node) error {
	old := sl.node
	s.path = append(s.path, old)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	switch {
	case isFlow(old) && len(old.Content) == 0 && !sl.inFlow && sl.column >= 0 && s.isSimpleEmpty(sl):
		block := *edited
		block.Style &^= yaml.FlowStyle
		return s.replace(sl, &block)
	case isFlow(old):
		return s.changeFlow(old, edited)
	case len(edited.Content) == 0 && (old.Anchor != "" || old.Style&yaml.TaggedStyle != 0):
		return Unsupported(old.Line, "a value with an anchor or tag of which nothing is left")
	case len(edited.Content) == 0 && sl.column >= 0:
		return s.replace(sl, &yaml.Node{Kind: old.Kind, Tag: old.Tag, Style: yaml.FlowStyle})
	case len(edited.Content) == 0:
		return Unsupported(old.Line, "a document of which nothing is left")
	}
	return s.changeBlock(sl, edited)
}

// isSimpleEmpty tells whether the empty flow collection in sl stands right behind its key or dash, with nothing in it.
// Others stay in flow style: they may hold comments, or anchors.
func (t *text) isSimpleEmpty(sl slot) bool {
	pos := t.skipBlanks(sl.after)
	if c := t.at(pos); c != '[' && c != '{' {
		return false
	}
	c := t.at(t.skipBlanks(pos + 1))
	return c == ']' || c == '}'
}

func samePlace(a, b *yaml.Node) bool {
	return a == b || a.Line == b.Line && a.Column == b.Column && a.Kind == b.Kind
}

// run is a place in a collection where old entries go, new ones come, or both, after the entry prev (-1: at the start).
type run struct {
	prev         int
	goFrom, goTo int // old entries that are deleted
	inFrom, inTo int // edited entries that are new
}

func (r run) isEmpty() bool {
	return r.goFrom == r.goTo && r.inFrom == r.inTo
}

// align walks two lists of entries, of width nodes each, and reports entries that stay to kept and all between them to
// changed, in order.
func align(old, edited *yaml.Node, width int, kept func(i, j int) error, changed func(run) error) error {
	r := run{prev: -1}
	count := len(old.Content) / width
	for j := 0; j+width <= len(edited.Content); j += width {
		entry := edited.Content[j]
		if entry.Line <= 0 {
			r.inTo = j/width + 1
			continue
		}
		i := r.goFrom
		for i < count && !samePlace(old.Content[i*width], entry) {
			i++
		}
		if i == count {
			return Unsupported(entry.Line, fmt.Sprintf("an entry that was moved, %q", entry.Value))
		}
		r.goTo = i
		if err := flush(old, edited, width, r, changed); err != nil {
			return err
		}
		if err := kept(i, j/width); err != nil {
			return err
		}
		r = run{prev: i, goFrom: i + 1, goTo: i + 1, inFrom: j/width + 1, inTo: j/width + 1}
	}
	r.goTo = count
	return flush(old, edited, width, r, changed)
}

// flush reports a run, in parts where new entries say which old ones they replace.
func flush(old, edited *yaml.Node, width int, r run, changed func(run) error) error {
	for j := r.inFrom; j < r.inTo; j++ {
		i := replaced(old, edited.Content[j*width], width, r)
		if i < 0 {
			continue
		}
		left := run{prev: r.prev, goFrom: r.goFrom, goTo: i, inFrom: r.inFrom, inTo: j}
		pair := run{prev: i - 1, goFrom: i, goTo: i + 1, inFrom: j, inTo: j + 1}
		if err := flush(old, edited, width, left, changed); err != nil {
			return err
		}
		if err := changed(pair); err != nil {
			return err
		}
		r.prev, r.goFrom, r.inFrom = i, i+1, j+1
	}
	if r.isEmpty() {
		return nil
	}
	return changed(r)
}

// replaced returns which of the deleted entries of r a new entry names as the one that it replaces, or -1.
func replaced(old, entry *yaml.Node, width int, r run) int {
	for i := r.goFrom; i < r.goTo && entry.Line < 0; i++ {
		if n := old.Content[i*width]; n.Line == -entry.Line && n.Column == entry.Column {
			return i
		}
	}
	return -1
}
