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
	return f
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
				values := [][]byte{[]byte(parameter)}
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

func appendWord(groups [][][]byte, word string) [][][]byte {
	if unspelt(word) {
		return groups
	}
	return append(groups, [][]byte{[]byte(word)})
}

// unspelt says whether a document can hold a word without spelling it out: the empty one, and what YAML writes in other
// ways without an escape: a doubled quote, a blank that is a line break. No valid label has any of them.
func unspelt(word string) bool {
	return word == "" || strings.ContainsFunc(word, func(r rune) bool { return r == '\'' || unicode.IsSpace(r) })
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
	return slices.ContainsFunc(in.filter.sets, func(groups [][][]byte) bool {
		for _, alternatives := range groups {
			if !slices.ContainsFunc(alternatives, func(w []byte) bool { return bytes.Contains(doc, w) }) {
				return false
			}
		}
		return true
	})
}
