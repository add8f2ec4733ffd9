// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// prefilter tells from a document's bytes alone that no set can match it. A selector that asks for a label value can
// only match text that spells the value out, unless the text uses escapes. The text is UTF-8.
type prefilter struct {
	// sets holds, for each set, groups of words; a document can match the set only if it has a word of every group.
	sets [][][][]byte
	// byWord holds, where there are many sets, the places in filed of those that need a certain word, by that word.
	byWord map[string][]int32
	filed  [][][][]byte // what else those sets need
	// targets are names of workloads whose pods get labels from elsewhere: their documents need not spell out anything.
	targets [][]byte
}

// addTargets takes in the workloads of WorkloadSpreads.
func (f *prefilter) addTargets(spreads map[target][]*yaml.Node) {
	for t := range spreads {
		if t.name != "" {
			f.targets = append(f.targets, []byte(t.name))
		}
	}
}

func newPrefilter(sets []*SidecarSet) prefilter {
	var f prefilter
	for _, s := range sets {
		if !s.Spec.InjectionStrategy.Paused && !s.Spec.Selector.empty() {
			f.sets = append(f.sets, words(s.Spec.Selector))
		}
	}
	f.fileByWord()
	return f
}

// manySets is from how many sets on it pays to go through the words of a document in place of looking for each set's words.
const manySets = 16

// fileByWord files sets under the rarest of what they need one of, and leaves in sets those that need nothing that is a word.
func (f *prefilter) fileByWord() {
	if len(f.sets) < manySets {
		return
	}
	uses := map[string]int{}
	for _, groups := range f.sets {
		for _, alternatives := range groups {
			for _, w := range alternatives {
				uses[string(w)]++
			}
		}
	}
	f.byWord = map[string][]int32{}
	all := f.sets
	f.sets = nil
	for _, groups := range all {
		i := rarestGroup(groups, uses)
		if i < 0 {
			f.sets = append(f.sets, groups)
			continue
		}
		for _, w := range groups[i] {
			if !isFilledIn(w) {
				f.byWord[string(w)] = append(f.byWord[string(w)], int32(len(f.filed))) //nolint:gosec // there are not so many sets
			}
		}
		f.filed = append(f.filed, slices.Delete(slices.Clone(groups), i, i+1))
	}
}

// rarestGroup finds the group of words that the fewest sets need, -1 where none consists of words.
func rarestGroup(groups [][][]byte, uses map[string]int) int {
	best, least := -1, 0
	for i, alternatives := range groups {
		n := 0
		for _, w := range alternatives {
			if !isWord(w) && !isFilledIn(w) {
				n = -1
				break
			}
			if !isFilledIn(w) {
				n += uses[string(w)]
			}
		}
		if n > 0 && (best < 0 || n < least) {
			best, least = i, n
		}
	}
	return best
}

// isWord says whether a text can only stand in a document as a run of characters of labels, with others around it.
func isWord(text []byte) bool {
	return len(text) > 0 && !slices.ContainsFunc(text, func(c byte) bool { return !isWordChar(c) }) && text[0] != '-' &&
		text[len(text)-1] != '-'
}

// isWordChar says whether labels and their keys can have a character.
func isWordChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '-' && c <= '9' || c >= 'A' && c <= 'Z' || c == '_' // from - to 9: - . / and digits
}

// mayMatchByWord says whether one of the sets that are filed by a word could match a document.
func (f *prefilter) mayMatchByWord(doc []byte) bool {
	if bytes.Contains(doc, []byte(parameter)) || bytes.Contains(doc, []byte(action)) {
		return true
	}
	var checked map[int32]bool // sets that something else keeps from matching
	for start := 0; start < len(doc); start++ {
		if !isWordChar(doc[start]) {
			continue
		}
		end := start + 1
		for end < len(doc) && isWordChar(doc[end]) {
			end++
		}
		for _, i := range f.byWord[string(doc[start:end])] {
			if checked[i] {
				continue
			}
			if hasAll(doc, f.filed[i]) {
				return true
			}
			if checked == nil {
				checked = map[int32]bool{}
			}
			checked[i] = true
		}
		start = end
	}
	return false
}

// hasAll says whether a document has a word of each group.
func hasAll(doc []byte, groups [][][]byte) bool {
	for _, alternatives := range groups {
		if !slices.ContainsFunc(alternatives, func(w []byte) bool { return bytes.Contains(doc, w) }) {
			return false
		}
	}
	return true
}

// words lists what a matching document must spell out.
func words(s *Selector) [][][]byte {
	var groups [][][]byte
	for _, r := range requirements(s) {
		if manifest.AddedByController(r.Key) {
			continue // a controller may add it: the document need not spell it out to be undecided
		}
		switch r.Operator {
		case metav1.LabelSelectorOpIn:
			groups = appendWord(groups, r.Key)
			if !slices.ContainsFunc(r.Values, unspelt) {
				values := filledIn()
				for _, v := range r.Values {
					values = append(values, []byte(v))
				}
				groups = append(groups, values)
			}
		case metav1.LabelSelectorOpExists:
			groups = appendWord(groups, r.Key)
		case metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpDoesNotExist: // met by what is not there
		}
	}
	// The rarest words first: values are rarer than keys.
	slices.Reverse(groups)
	return groups
}

// appendWord adds a key.
func appendWord(groups [][][]byte, word string) [][][]byte {
	if unspelt(word) || manifest.Respelt(word) {
		return groups
	}
	return append(groups, append(filledIn(), []byte(word)))
}

// filledIn is what any word may still be hidden in.
func filledIn() [][]byte { return [][]byte{[]byte(parameter), []byte(action)} }

func isFilledIn(word []byte) bool { return string(word) == parameter || string(word) == action }

// unspelt says whether a document can hold a word without spelling it out: the empty one, and what YAML writes in other
// ways without an escape: a doubled quote, a blank that is a line break. No valid label has any of them.
func unspelt(word string) bool {
	return word == "" || strings.ContainsFunc(word, func(r rune) bool { return r == '\'' || unicode.IsSpace(r) })
}

// spelling is all text of a tree, which its document spells out too, or uses escapes.
func spelling(n *yaml.Node) []byte {
	var out []byte
	var add func(n *yaml.Node)
	add = func(n *yaml.Node) {
		out = append(append(out, n.Value...), '\n')
		for _, c := range n.Content {
			add(c)
		}
	}
	add(n)
	return out
}

// MayMatch says whether a document could be changed by Inject: whether a set could match it, or an earlier injection
// stands in it. A false answer is certain.
func (in *Injector) MayMatch(doc []byte) bool {
	if bytes.IndexByte(doc, '\\') >= 0 || bytes.Contains(doc, []byte("slipway.dev/")) {
		return true
	}
	if slices.ContainsFunc(in.filter.targets, func(name []byte) bool { return bytes.Contains(doc, name) }) {
		return true
	}
	if in.filter.byWord != nil && in.filter.mayMatchByWord(doc) {
		return true
	}
	return slices.ContainsFunc(in.filter.sets, func(groups [][][]byte) bool { return hasAll(doc, groups) })
}
