// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Verdict is the answer to "does this set match this workload".
type Verdict string

// The three answers. Undecided means that it depends on something that only the cluster knows.
const (
	Matched   Verdict = "matched"
	Unmatched Verdict = "unmatched"
	Undecided Verdict = "undecided"
)

// Match is one set held against one pod template.
type Match struct {
	Set     string  `json:"sidecarSet"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`             // the first reason why not, or what matched
	Add     string  `json:"toDecide,omitempty"` // what would decide an undecided match
}

const metadataNameLabel = "kubernetes.io/metadata.name"

// pod is what a selector can see of the pods of a template.
type pod struct {
	kind      manifest.Kind
	namespace string // "" where it is not known
	labels    map[string]string
	variants  []variant // where parts of a workload have other labels
}

// matchPod holds a set against a pod. A definite no from any part outweighs an undecided one.
func (in *Injector) matchPod(set *SidecarSet, p pod) Match {
	m := Match{Set: set.Metadata.Name}
	if set.Spec.InjectionStrategy.Paused {
		m.Verdict, m.Reason = Unmatched, "injection is paused (spec.injectionStrategy.paused)"
		return m
	}
	selector := selectLabels(set.Spec.Selector, p.labels, p.kind.Adds)
	if selector.verdict == Unmatched {
		m.Verdict, m.Reason = Unmatched, "spec.selector: "+selector.reason
		return m
	}
	space := in.matchNamespace(set, p.namespace)
	switch {
	case space.verdict == Unmatched:
		m.Verdict, m.Reason = Unmatched, space.reason
	case selector.verdict == Undecided:
		m.Verdict, m.Reason, m.Add = Undecided, "spec.selector: "+selector.reason, selector.add
	case space.verdict == Undecided:
		m.Verdict, m.Reason, m.Add = Undecided, space.reason, space.add
	default:
		m.Verdict, m.Reason = Matched, "labels match spec.selector"
	}
	return m
}

// answer is a verdict with the reason for it, and what would decide it.
type answer struct {
	verdict     Verdict
	reason, add string
}

func (in *Injector) matchNamespace(set *SidecarSet, namespace string) answer {
	const giveNamespace = "give the namespace: metadata.namespace, or -n, or namespace in the configuration"
	if filledInLater(namespace) {
		namespace = ""
	}
	if why := in.opts.outsideWebhook(namespace); why != "" {
		return answer{verdict: Unmatched, reason: why}
	}
	switch bound, selector := set.Spec.Namespace, set.Spec.NamespaceSelector; {
	case bound != "" && namespace == "":
		return answer{Undecided, "spec.namespace is " + bound + " and the workload names no namespace", giveNamespace}
	case bound != "" && bound != namespace:
		return answer{verdict: Unmatched, reason: fmt.Sprintf("spec.namespace is %s, the workload's is %s", bound, namespace)}
	case bound != "" || selector.empty(): // unlike spec.selector, an empty namespaceSelector matches everything
		return answer{verdict: Matched}
	case namespace == "":
		return answer{Undecided, "spec.namespaceSelector is set and the workload names no namespace", giveNamespace}
	default:
		return in.selectNamespace(selector, namespace)
	}
}

// controlPlaneLabel marks, on a Namespace, the control planes that Kruise's webhook keeps away from.
const controlPlaneLabel = "control-plane"

// outsideWebhook says why Kruise's webhook is never called for pods of a namespace, or "". Its configuration says so, before
// any SidecarSet is asked. A namespace whose labels are not known is taken to be an ordinary one.
func (o *Options) outsideWebhook(namespace string) string {
	const way = " (systemNamespaces: Inject injects there)"
	if o.SystemNamespaces == Inject {
		return ""
	}
	if namespace == "kube-system" {
		return "Kruise's webhook does not look at namespace kube-system" + way
	}
	if _, has := o.Namespaces[namespace][controlPlaneLabel]; has {
		return "Kruise's webhook does not look at namespace " + namespace + ", which has the label " + controlPlaneLabel + way
	}
	return ""
}

func (in *Injector) selectNamespace(selector *Selector, namespace string) answer {
	known, ok := in.opts.Namespaces[namespace]
	labels := map[string]string{metadataNameLabel: namespace}
	for k, v := range known {
		labels[k] = v
	}
	a := selectLabels(selector, labels, func(key string) bool { return !ok && key != metadataNameLabel })
	a.reason = "spec.namespaceSelector: " + a.reason
	if a.verdict == Undecided {
		a.reason = "spec.namespaceSelector: the labels of namespace " + namespace + " are not known"
		a.add = fmt.Sprintf("add Namespace %s to the input, or namespaces: {%s: {label: value}} to the configuration",
			namespace, namespace)
	}
	return a
}

// selectLabels evaluates a selector over labels of which some keys may be unknown. An empty selector matches nothing.
func selectLabels(s *Selector, labels map[string]string, unknown func(key string) bool) answer {
	if s.empty() {
		return answer{verdict: Unmatched, reason: "an empty selector matches nothing"}
	}
	undecided := answer{verdict: Matched}
	for _, r := range requirements(s) {
		if unknown(r.Key) {
			undecided = answer{
				Undecided, "label " + r.Key + " is set by a controller after this point",
				"select on a label of the pod template",
			}
			continue
		}
		value, has := labels[r.Key]
		if !has {
			if key := laterKey(labels); key != "" {
				undecided = answer{
					Undecided, "the key " + key + " of a label is filled in after this point, and may become " + r.Key,
					"render what is filled in, or write the key out",
				}
				continue
			}
		}
		if filledInLater(value) && len(r.Values) > 0 {
			undecided = answer{
				Undecided, "label " + r.Key + " is " + value + ", which is filled in after this point",
				"render what is filled in, or select on a label whose value stands there",
			}
			continue
		}
		if reason := unmet(r, labels); reason != "" {
			return answer{verdict: Unmatched, reason: reason}
		}
	}
	return undecided
}

// A parameter of an OpenShift Template, a variable that Flux puts in, and what engines such as Helm's fill in begin so. No label
// has it in a cluster.
const (
	parameter = "${"
	action    = "{{"
)

// filledInLater tells whether a label or a namespace is not yet what it will be in a cluster.
func filledInLater(value string) bool {
	return strings.Contains(value, parameter) || strings.Contains(value, action)
}

// laterKey is the first key, by name, that is not yet what it will be in a cluster, or "".
func laterKey(labels map[string]string) string {
	least := ""
	for key := range labels {
		if filledInLater(key) && (least == "" || key < least) {
			least = key
		}
	}
	return least
}

// requirements lists what a selector asks for, by key: its labels, then its expressions.
func requirements(s *Selector) []metav1.LabelSelectorRequirement {
	if s == nil {
		return nil
	}
	out := make([]metav1.LabelSelectorRequirement, 0, len(s.MatchLabels)+len(s.MatchExpressions))
	for k, v := range s.MatchLabels {
		out = append(out, metav1.LabelSelectorRequirement{Key: k, Operator: metav1.LabelSelectorOpIn, Values: []string{v}})
	}
	slices.SortFunc(out, func(a, b metav1.LabelSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	return append(out, s.MatchExpressions...)
}

// unmet says why labels do not meet one requirement, or "".
func unmet(r metav1.LabelSelectorRequirement, labels map[string]string) string {
	value, has := labels[r.Key]
	in := has && slices.Contains(r.Values, value)
	switch r.Operator {
	case metav1.LabelSelectorOpIn:
		if !has {
			return fmt.Sprintf("needs label %s=%s, which is not there", r.Key, strings.Join(r.Values, "|"))
		}
		if !in {
			return fmt.Sprintf("needs label %s=%s, found %s", r.Key, strings.Join(r.Values, "|"), value)
		}
	case metav1.LabelSelectorOpNotIn:
		if in {
			return fmt.Sprintf("label %s must not be %s", r.Key, value)
		}
	case metav1.LabelSelectorOpExists:
		if !has {
			return "needs label " + r.Key + ", which is not there"
		}
	case metav1.LabelSelectorOpDoesNotExist:
		if has {
			return "label " + r.Key + " must not be there"
		}
	}
	return ""
}

// bound says whether a set is bound to namespaces by name; such sets come before the others.
func (set *SidecarSet) bound() bool {
	if set.Spec.Namespace != "" {
		return true
	}
	s := set.Spec.NamespaceSelector
	if s == nil {
		return false
	}
	if _, ok := s.MatchLabels[metadataNameLabel]; ok {
		return true
	}
	return slices.ContainsFunc(s.MatchExpressions, func(e metav1.LabelSelectorRequirement) bool {
		return e.Key == metadataNameLabel && e.Operator == metav1.LabelSelectorOpIn
	})
}

// compareSets orders sets as they inject: bound to a namespace first, then by name. The webhook's order is random.
func compareSets(a, b *SidecarSet) int {
	if a.bound() != b.bound() {
		if a.bound() {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Metadata.Name, b.Metadata.Name)
}

// dropReplaced removes the sets whose canary matched too, and marks their matches.
func dropReplaced(sets []*SidecarSet, matches []Match) []*SidecarSet {
	canaries := map[string]string{}
	for _, s := range sets {
		if base := s.Metadata.Annotations[baseAnnotation]; base != "" && s.Metadata.Annotations[canaryAnnotation] == "true" {
			canaries[base] = s.Metadata.Name
		}
	}
	if len(canaries) == 0 {
		return sets
	}
	return slices.DeleteFunc(sets, func(s *SidecarSet) bool {
		canary, replaced := canaries[s.Metadata.Name]
		if replaced {
			i := slices.IndexFunc(matches, func(m Match) bool { return m.Set == s.Metadata.Name })
			matches[i].Verdict, matches[i].Reason = Unmatched, "its canary "+canary+" matched and takes its place"
		}
		return replaced
	})
}
