// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

func twoPods() *Cluster {
	return New(plan.Workload{Name: "demo", Spec: plan.WorkloadSpec{
		Replicas: 2, MaxUnavailable: plan.Pods(1), UpdateType: plan.ReCreate, Template: map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "v2"}},
		}},
	}}, nil, Options{Ready: Ready{Least: 10e9, Most: 10e9}})
}

func available(c *Cluster) int {
	counted := rollout.Observed{Now: c.now, Workload: c.set, UpdateRevision: c.revision, Pods: c.pods}
	n := counted.Counts()
	return n.Available
}

// Two pods, of which one may be unavailable. The formula marks a pod for deletion, then the other one crashes; because
// marked pods do not count as unavailable, it marks and deletes both.
func TestCrashBetweenMarkingAndDeletingBreaksTheFormulaAndNotOurs(t *testing.T) {
	theirs := twoPods()
	kruise{theirs}.reconcile(theirs.set.Spec)
	var marked, other string
	for i := range theirs.pods {
		if theirs.pods[i].DeleteRequested {
			marked = theirs.pods[i].Name
		} else {
			other = theirs.pods[i].Name
		}
	}
	if marked == "" || other == "" {
		t.Fatal("the formula did not mark exactly one pod")
	}
	theirs.CrashPod(other)
	for (kruise{theirs}).reconcile(theirs.set.Spec) {
	}
	if got := available(theirs); got != 0 {
		t.Errorf("the formula keeps %d pods available; the known loss does not show", got)
	}

	for _, crashed := range []string{marked, other} {
		ours := twoPods()
		ours.CrashPod(crashed)
		for {
			o, err := ours.Observe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d := rollout.Decide(plan.BatchPlan{}, o)
			if len(d.Actions) == 0 {
				break
			}
			if err := ours.Apply(t.Context(), d.Actions); err != nil {
				t.Fatal(err)
			}
		}
		if got := available(ours); got != 1 {
			t.Errorf("after %s crashed, %d pods are available, want 1", crashed, got)
		}
	}
}
