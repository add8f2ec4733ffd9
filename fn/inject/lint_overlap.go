// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// satisfiable says whether some set of labels meets all requirements. The answer is exact: requirements on different
// keys never exclude each other, and there are always values that no requirement names.
func satisfiable(all []metav1.LabelSelectorRequirement) bool {
	for i, r := range all {
		first := slices.IndexFunc(all, func(o metav1.LabelSelectorRequirement) bool { return o.Key == r.Key })
		if first == i && !keySatisfiable(r.Key, all) {
			return false
		}
	}
	return true
}

// keySatisfiable says whether a value of one label, or its absence, meets all requirements on it.
func keySatisfiable(key string, all []metav1.LabelSelectorRequirement) bool {
	values, bounded := allowedValues(key, all)
	candidates := []map[string]string{{}} // without the label
	for _, v := range values {
		candidates = append(candidates, map[string]string{key: v})
	}
	if !bounded {
		candidates = append(candidates, map[string]string{key: unnamedValue(key, all)})
	}
	return slices.ContainsFunc(candidates, func(labels map[string]string) bool {
		return !slices.ContainsFunc(all, func(r metav1.LabelSelectorRequirement) bool {
			return r.Key == key && unmet(r, labels) != ""
		})
	})
}

// allowedValues are the values that the first In on a key allows; not bounded where there is none.
func allowedValues(key string, all []metav1.LabelSelectorRequirement) (values []string, bounded bool) {
	for _, r := range all {
		if r.Key == key && r.Operator == metav1.LabelSelectorOpIn {
			return r.Values, true
		}
	}
	return nil, false
}

// unnamedValue is a value that no requirement on a key names.
func unnamedValue(key string, all []metav1.LabelSelectorRequirement) string {
	value := "x"
	for slices.ContainsFunc(all, func(r metav1.LabelSelectorRequirement) bool {
		return r.Key == key && slices.Contains(r.Values, value)
	}) {
		value += "x"
	}
	return value
}

// overlap says whether a pod can exist that both sets match. It is false only where that is certain: labels that
// nobody has used yet count as possible, and so do namespaces that nobody has named.
func (o *Options) overlap(a, b *SidecarSet) bool {
	if a.Spec.Selector.empty() || b.Spec.Selector.empty() {
		return false // one of them matches nothing, which is reported on its own
	}
	pods := slices.Concat(requirements(a.Spec.Selector), requirements(b.Spec.Selector))
	spaceA, okA := a.namespaceRequirements()
	spaceB, okB := b.namespaceRequirements()
	spaces := slices.Concat(spaceA, spaceB)
	return okA && okB && satisfiable(pods) && satisfiable(spaces) && o.namespacePossible(spaces)
}

// namespaceRequirements are what a set asks of a namespace's labels; ok is false where no namespace can meet it.
func (set *SidecarSet) namespaceRequirements() (all []metav1.LabelSelectorRequirement, ok bool) {
	switch s := set.Spec.NamespaceSelector; {
	case set.Spec.Namespace != "":
		return []metav1.LabelSelectorRequirement{{
			Key: metadataNameLabel, Operator: metav1.LabelSelectorOpIn, Values: []string{set.Spec.Namespace},
		}}, true
	case s == nil:
		return nil, true
	default:
		return requirements(s), !s.empty()
	}
}

// namespacePossible uses the labels of the namespaces that are known: where requirements name the only namespaces that
// could meet them, and all of those are known, the answer is theirs.
func (o *Options) namespacePossible(all []metav1.LabelSelectorRequirement) bool {
	names, bounded := allowedValues(metadataNameLabel, all)
	if !bounded {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		known, ok := o.Namespaces[name]
		labels := map[string]string{metadataNameLabel: name}
		for k, v := range known {
			labels[k] = v
		}
		return !slices.ContainsFunc(all, func(r metav1.LabelSelectorRequirement) bool {
			return (ok || r.Key == metadataNameLabel) && unmet(r, labels) != ""
		})
	})
}
