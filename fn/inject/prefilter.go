// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"bytes"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// prefilter tells from a document's bytes alone that no set can match it. A selector that asks for a label value can
// only match text that spells the value out, unless the text uses escapes.
type prefilter struct {
	// sets holds, for each set, groups of words; a document can match the set only if it has a word of every group.
	sets [][][][]byte
}

func newPrefilter(sets []*SidecarSet, _ Options) prefilter {
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
		if addedToSome(r.Key) {
			continue // the match is undecided where the text does not say it
		}
		switch r.Operator {
		case metav1.LabelSelectorOpIn:
			groups = append(groups, [][]byte{[]byte(r.Key)})
			if !slices.Contains(r.Values, "") {
				var values [][]byte
				for _, v := range r.Values {
					values = append(values, []byte(v))
				}
				groups = append(groups, values)
			}
		case metav1.LabelSelectorOpExists:
			groups = append(groups, [][]byte{[]byte(r.Key)})
		case metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpDoesNotExist: // met by what is not there
		}
	}
	// The rarest words first: values are rarer than keys.
	slices.Reverse(groups)
	return groups
}

// addedToSome says whether a label is set by the controller of some kind.
func addedToSome(key string) bool {
	return slices.ContainsFunc([]WorkloadKind{
		{Kind: "Deployment"}, {Kind: "StatefulSet"}, {Kind: "DaemonSet"}, {Kind: "Rollout"},
		{Group: KruiseGroup, Kind: "CloneSet"}, {Group: "serving.knative.dev", Kind: "Service"},
		{Group: "jobset.x-k8s.io", Kind: "JobSet", RunsToCompletion: true},
	}, func(k WorkloadKind) bool { return addedLater(k, key) })
}

// MayMatch says whether a document could be changed by Inject: whether a set could match it, or an earlier injection
// stands in it. A false answer is certain.
func (in *Injector) MayMatch(doc []byte) bool {
	if bytes.IndexByte(doc, '\\') >= 0 || bytes.Contains(doc, []byte("slipway.dev/")) {
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
