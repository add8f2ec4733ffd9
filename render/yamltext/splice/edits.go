// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"cmp"
	"slices"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// edits are the changes of one text.
type edits struct{ list []edit }

// edit replaces src[from:to] by text.
type edit struct {
	from, to int
	text     []byte
}

func (e *edits) replaceBytes(from, to int, text []byte) {
	if from != to || len(text) > 0 {
		e.list = append(e.list, edit{from, to, text})
	}
}

// sort puts the edits in the order of the text. An insertion at the place where a deletion starts belongs before it.
func (e *edits) sort() {
	slices.SortStableFunc(e.list, func(a, b edit) int {
		if a.from != b.from {
			return cmp.Compare(a.from, b.from)
		}
		return cmp.Compare(min(a.to-a.from, 1), min(b.to-b.from, 1))
	})
}

// apply makes the new text.
func (e *edits) apply(src []byte) ([]byte, error) {
	e.sort()
	grown, pos := len(src), 0
	for _, one := range e.list {
		if one.from < pos || one.to < one.from {
			return nil, Unsupported(yamltext.LineOf(src, one.from), "edits that touch the same text")
		}
		pos = one.to
		grown += len(one.text)
	}
	out := make([]byte, 0, grown)
	pos = 0
	for _, one := range e.list {
		out = append(out, src[pos:one.from]...)
		out = append(out, one.text...)
		pos = one.to
	}
	return append(out, src[pos:]...), nil
}
