// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// The kinds of budgets. The first guards the Eviction API only; Kruise's guards deletions and updates in place as well,
// where its webhook runs.
const (
	kindPDB = "PodDisruptionBudget"
	kindPUB = "PodUnavailableBudget"
)

// budget is what is read of a PodDisruptionBudget, or of a PodUnavailableBudget, which has the same fields.
type budget struct {
	kind              string
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		policyv1.PodDisruptionBudgetSpec
		TargetRef *autoscalingv2.CrossVersionObjectReference `json:"targetRef"` // Kruise's alone
	} `json:"spec"`
	Status policyv1.PodDisruptionBudgetStatus `json:"status"`
}

// selects tells whether the budget guards the pods of the release.
func (b *budget) selects(c *course) bool {
	if ref := b.Spec.TargetRef; ref != nil {
		return ref.Kind == c.kind() && ref.Name == c.options.Name
	}
	if b.Spec.Selector == nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(c.pod.Labels))
}

// demands is how many of the release's pods must be healthy for the next one to be let go. Healthy pods of somebody else
// that the budget counts too are taken off.
func (b *budget) demands(c *course) int {
	others := 0
	if b.Status.ObservedGeneration > 0 {
		others = max(int(b.Status.CurrentHealthy)-len(slices.DeleteFunc(slices.Clone(c.own),
			func(p corev1.Pod) bool { return !isReady(p) })), 0)
	}
	expected := c.bounds.Replicas + others
	var need int
	if v := b.Spec.MaxUnavailable; v != nil {
		n, err := intstr.GetScaledValueFromIntOrPercent(v, expected, true)
		if err == nil {
			need = expected - n
		}
	} else if v := b.Spec.MinAvailable; v != nil {
		if n, err := intstr.GetScaledValueFromIntOrPercent(v, expected, true); err == nil {
			need = n
		}
	}
	return max(need-others, 0)
}

// broken says why the controller of the budget cannot say how many pods may go, or "" where it can.
func (b *budget) broken() string {
	for _, c := range b.Status.Conditions {
		if c.Type == "DisruptionAllowed" && c.Reason == "SyncFailed" {
			return c.Message
		}
	}
	return ""
}

// words are the budget's own.
func (b *budget) words() string {
	if v := b.Spec.MaxUnavailable; v != nil {
		return "maxUnavailable " + v.String()
	}
	return "minAvailable " + cmp.Or(b.Spec.MinAvailable, &intstr.IntOrString{}).String()
}

func isReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// probeBudgets holds the release's own limits against the disruption budgets of its pods.
func probeBudgets(s *snapshot) []Finding {
	var out []Finding
	several := 0
	for i := range s.budgets {
		b := &s.budgets[i]
		if !b.selects(&s.course) || s.toReplace() == 0 {
			continue
		}
		if b.kind == kindPDB {
			several++
		}
		out = append(out, s.probeBudget(b))
	}
	if several > 1 && s.evicts() {
		out = append(out, newFinding(codeBudgetSeveral, s.target(),
			fmt.Sprintf("no pod can be evicted: %d PodDisruptionBudgets select the pods, and the API server answers every eviction "+
				"with an error", several),
			"leave one PodDisruptionBudget for these pods, or release with --delete-mode delete"))
	}
	return out
}

// evicts tells whether the release lets pods go through the Eviction API.
func (c *course) evicts() bool { return c.options.Evict && c.deletes() && !c.inPlace() }

// deletes tells whether slipway itself lets pods go, and no controller by the partition.
func (c *course) deletes() bool { return c.direct() || c.options.Plan.Mode == plan.Delete }

// guards tells whether the budget can hold the release up.
func (b *budget) guards(c *course) bool { return b.kind == kindPUB || c.evicts() }

func (c *course) probeBudget(b *budget) Finding {
	need, least, most := b.demands(c), c.bounds.Replicas-c.bounds.MaxUnavailable, c.bounds.Replicas+c.bounds.MaxSurge
	of := c.ref(b.kind, b.Name)
	has := fmt.Sprintf("%s demands %d healthy pods", b.words(), need)
	switch why := b.broken(); {
	case why != "" && b.guards(c):
		return newFinding(codeBudgetStalls, of,
			fmt.Sprintf("its controller cannot work it out (%s), and allows no eviction until it can: the release waits until its "+
				"deadline and stops in the first batch (exit code 11)", why),
			"correct the budget, or write it with a minAvailable that is a number of pods")
	case need <= least:
		return newFinding(codeBudgetKept, of, fmt.Sprintf("%s, and the release keeps %d available: it does not get in the way", has,
			least), "")
	case !b.guards(c):
		return newFinding(codeBudgetIgnored, of,
			fmt.Sprintf("%s, but the release goes down to %d (replicas %d, maxUnavailable %d): %s, a rollback's too", has, least,
				c.bounds.Replicas, c.bounds.MaxUnavailable, c.unguarded()),
			c.keeps(need)+c.orEvict())
	case need > most-1:
		return newFinding(codeBudgetStalls, of,
			fmt.Sprintf("%s, and at most %d exist (replicas %d, maxSurge %d), so no old pod is ever let go: the release waits until "+
				"its deadline and stops in the first batch (exit code 11), and a rollback would wait as well",
				has, most, c.bounds.Replicas, c.bounds.MaxSurge),
			c.surges(need+1-c.bounds.Replicas)+fmt.Sprintf("lower what the budget demands to %d", most-1))
	default:
		return newFinding(codeBudgetPaces, of,
			fmt.Sprintf("%s, so at most %d of at most %d pods are let go at a time, where the update strategy permits %d: the release "+
				"is slower, and its deadline counts on",
				has, most-need, most, most-least),
			"give the batches a progressDeadline that is long enough, or align the budget with maxUnavailable")
	}
}

// keeps is the bound with which a release keeps so many pods available. Delete mode has no surge.
func (c *course) keeps(need int) string {
	may := max(c.bounds.Replicas-need, 0)
	switch {
	case c.options.Plan.Mode != plan.Delete:
		return fmt.Sprintf("set maxUnavailable of the update strategy to %d or less, with a maxSurge of at least 1 where that is 0",
			may)
	case may > 0:
		return fmt.Sprintf("set maxUnavailable of the plan to %d or less", may)
	default:
		return fmt.Sprintf("lower what the budget demands to %d, and set maxUnavailable of the plan to 1", c.bounds.Replicas-1)
	}
}

// surges is how a release has so many more pods, with what else helps to follow.
func (c *course) surges(more int) string {
	if c.options.Plan.Mode == plan.Delete {
		return ""
	}
	return fmt.Sprintf("raise maxSurge to at least %d, or ", more)
}

func (c *course) unguarded() string {
	switch {
	case !c.deletes():
		return "the controller deletes pods without asking"
	case c.inPlace():
		return "an update in place is no eviction"
	default:
		return "deleting pods does not ask the budget"
	}
}

func (c *course) orEvict() string {
	if c.deletes() && !c.inPlace() {
		return ", or release with --delete-mode evict"
	}
	return ""
}
