// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestScaling goes up, down, and replaces a pod that somebody deleted.
func TestScaling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	for _, n := range []int{5, 1, 3, 0, 2} {
		w.scale(n)
		w.Release(plan.BatchPlan{}, plan.Completed)
		if row, want := w.Row(), fmt.Sprintf("demo %d %d %d %d %d", n, n, n, n, n); row != want {
			t.Fatalf("row %s, want %s", row, want)
		}
	}
	w.Delete(t, w.Path("pods", w.Pods()[0]))
	kubetest.Eventually(t, "the pod is gone", func() (bool, string) { return len(w.Pods()) == 1, "" })
	w.Release(plan.BatchPlan{}, plan.Completed)
	if n := len(w.Pods()); n != 2 {
		t.Errorf("%d pods", n)
	}
}

// TestClaims follow their pods: a pod that is replaced takes its claims along, one that was lost leaves them to the next.
func TestClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`, agenttest.ClaimTemplates))
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := w.claims(2)
	w.Delete(t, w.Path("pods", w.Pods()[0]))
	kubetest.Eventually(t, "the pod is gone", func() (bool, string) { return len(w.Pods()) == 1, "" })
	w.Release(plan.BatchPlan{}, plan.Completed)
	if after := w.claims(2); !slices.Equal(before, after) {
		t.Errorf("claims %v, after a pod was lost %v", before, after)
	}
	w.Image("v2")
	w.Release(plan.BatchPlan{}, plan.Completed)
	if after := w.claims(2); slices.Equal(before, after) {
		t.Errorf("claims %v are still those of the old pods", after)
	}
	for _, name := range w.Pods() {
		p := w.Get(t, w.Path("pods", name))
		want := "data-" + name
		if got := kubetest.Field(p, "spec", "volumes", 0, "persistentVolumeClaim", "claimName"); got != want {
			t.Errorf("pod %s mounts %v, want %s", name, got, want)
		}
	}
}

// TestOldPodGetsItsOldClaims makes a pod of the older revision anew after a claim template was taken out and another one
// changed: without the claims of its own revision it could not start.
func TestOldPodGetsItsOldClaims(t *testing.T) {
	t.Parallel()
	const two = `
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  - metadata: {name: logs}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`
	w := newWorld(t, strings.Replace(agenttest.CloneSet(2, `{maxUnavailable: 1, partition: 1}`, two),
		"containers: [{", "containers: [{volumeMounts: [{name: data, mountPath: /data}, {name: logs, mountPath: /logs}], ", 1))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Patch(t, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{
		"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}, "spec": map[string]any{
			"accessModes": []string{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "3Gi"}},
		}}},
		"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"name": "app", "image": "example.com/app:v2", "volumeMounts": []any{map[string]any{"name": "data", "mountPath": "/data"}},
		}}}},
	}})
	w.Release(plan.BatchPlan{}, plan.Completed)
	for name, image := range w.podImages() {
		if image == "example.com/app:v1" {
			w.Delete(t, w.Path("pods", name))
		}
	}
	kubetest.Eventually(t, "the old pod is gone", func() (bool, string) { return len(w.Pods()) == 1, "" })
	w.Release(plan.BatchPlan{}, plan.Completed)
	mounts := map[string]int{}
	for _, p := range kubetest.Field(w.Get(t, w.Path("pods")), "items").([]any) {
		for _, v := range kubetest.Field(p, "spec", "volumes").([]any) {
			if kubetest.Field(v, "persistentVolumeClaim") != nil {
				mounts[kubetest.Field(p, "spec", "containers", 0, "image").(string)]++
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"example.com/app:v1": 2, "example.com/app:v2": 1}, mounts); diff != "" {
		t.Errorf("claims by image (-want +got):\n%s", diff)
	}
}

// TestOpenGateHasNoReason holds a pod after its update in place against one that Kruise has updated: a reason that is left
// standing would make a Kruise that takes over write it again for ever.
func TestOpenGateHasNoReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	w.Release(plan.BatchPlan{}, plan.Completed)
	gates := 0
	for _, p := range kubetest.Field(w.Get(t, w.Path("pods")), "items").([]any) {
		for _, c := range kubetest.Field(p, "status", "conditions").([]any) {
			if kubetest.Field(c, "type") != "InPlaceUpdateReady" {
				continue
			}
			gates++
			if kubetest.Field(c, "status") != "True" || kubetest.Field(c, "reason") != nil || kubetest.Field(c, "message") != nil {
				t.Errorf("the gate is %v", c)
			}
		}
	}
	if gates != 2 {
		t.Errorf("%d gates", gates)
	}
}

// TestFinalizersInPlace puts the finalizers of a new template onto pods that stay, and takes those of the old one off.
func TestFinalizersInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, strings.Replace(agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`), "labels: {app: demo}",
		`labels: {app: demo}, finalizers: [example.com/v1]`, 1))
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := w.uids()
	w.Patch(t, w.Path("clonesets", "demo"), map[string]any{
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"finalizers": []string{"example.com/v2"}}}},
	})
	w.Release(plan.BatchPlan{}, plan.Completed)
	for _, name := range w.Pods() {
		at := w.Path("pods", name)
		if got := fmt.Sprint(kubetest.Field(w.Get(t, at), "metadata", "finalizers")); got != "[example.com/v2]" {
			t.Errorf("pod %s has finalizers %s", name, got)
		}
		w.Patch(t, at, map[string]any{"metadata": map[string]any{"finalizers": []string{}}}) // so that the world can end
	}
	if after := w.uids(); !slices.Equal(before, after) {
		t.Errorf("pods %v are not those that were there: %v", after, before)
	}
}

// claims waits for as many claims and names them.
func (w *world) claims(n int) []string {
	w.t.Helper()
	var names []string
	kubetest.Eventually(w.t, fmt.Sprintf("%d claims are there", n), func() (bool, string) {
		names = nil
		for _, c := range kubetest.Field(w.Get(w.t, w.Path("persistentvolumeclaims")), "items").([]any) {
			names = append(names, kubetest.Field(c, "metadata", "name").(string))
		}
		return len(names) == n, strings.Join(names, " ")
	})
	return names
}

// TestSpecifiedDelete replaces the pods that are asked for, by label and by name.
func TestSpecifiedDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	pods, uids := w.Pods(), w.uids()
	w.Patch(t, w.Path("pods", pods[0]), map[string]any{"metadata": map[string]any{
		"labels": map[string]any{"apps.kruise.io/specified-delete": "true"},
	}})
	w.Patch(t, w.Path("clonesets", "demo"), map[string]any{
		"spec": map[string]any{"scaleStrategy": map[string]any{"podsToDelete": []string{pods[1]}}},
	})
	w.Release(plan.BatchPlan{}, plan.Completed)
	kubetest.Eventually(t, "three pods are left, one of them as before", func() (bool, string) {
		left := w.uids()
		return len(left) == 3 && !slices.Contains(left, uids[0]) && !slices.Contains(left, uids[1]) && slices.Contains(left, uids[2]),
			fmt.Sprint(left, uids)
	})
	if slices.Contains(w.Pods(), pods[1]) {
		t.Errorf("a new pod has the name %s, which is asked to be deleted", pods[1])
	}
	// The name stays in the spec, which is the user's, and does nothing any more.
	names := kubetest.Field(w.Get(t, w.Path("clonesets", "demo")), "spec", "scaleStrategy", "podsToDelete")
	before := w.uids()
	w.Release(plan.BatchPlan{}, plan.Completed)
	if after := w.uids(); fmt.Sprint(names) != fmt.Sprint([]any{pods[1]}) || !slices.Equal(before, after) {
		t.Errorf("podsToDelete is %v, and pods %v became %v", names, before, after)
	}
}

// uids are those of the pods, in the order of their names.
func (w *world) uids() []string {
	w.t.Helper()
	var uids []string
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		uids = append(uids, kubetest.Field(p, "metadata", "uid").(string))
	}
	return uids
}

// TestSameImageUnderANewTag must not wait for an image ID that never changes.
func TestSameImageUnderANewTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := w.Pods()
	w.Image("v1--rebuilt")
	w.Release(plan.BatchPlan{}, plan.Completed)
	if after := w.Pods(); !slices.Equal(before, after) {
		t.Errorf("pods %v became %v", before, after)
	}
}

// TestGracePeriodAndSeveralContainers drains first, waits, and changes both images at once.
func TestGracePeriodAndSeveralContainers(t *testing.T) {
	t.Parallel()
	manifest := strings.ReplaceAll(agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1, inPlaceUpdateStrategy: `+
		`{gracePeriodSeconds: 2}}`),
		`image: "example.com/app:v1"}]`, `image: "example.com/app:v1"}, {name: side, image: "example.com/side:v1"}]`)
	w := newWorld(t, manifest)
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Patch(t, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"color": "blue"}},
		"spec": map[string]any{"containers": []any{
			map[string]any{"name": "app", "image": "example.com/app:v2"},
			map[string]any{"name": "side", "image": "example.com/side:v2"},
		}},
	}}})
	began, before := time.Now(), w.Pods()
	w.Release(plan.BatchPlan{}, plan.Completed)
	if d := time.Since(began); d < 2*time.Second {
		t.Errorf("the release took %v, less than its grace period", d)
	}
	for _, name := range w.Pods() {
		p := w.Get(t, w.Path("pods", name))
		if !slices.Contains(before, name) || kubetest.Field(p, "spec", "containers", 1, "image") != "example.com/side:v2" ||
			kubetest.Field(p, "metadata", "labels", "color") != "blue" {
			t.Errorf("pod %s is not updated in place", name)
		}
	}
}

// TestMetadataAloneTakesOneWriteAPod changes a label without taking pods out of service.
func TestMetadataAloneTakesOneWriteAPod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := len(w.podWrites().Accepted())
	w.Patch(t, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"note": "new"}},
	}}})
	w.Release(plan.BatchPlan{}, plan.Completed)
	if n := len(w.podWrites().Accepted()) - before; n != 3 {
		t.Errorf("%d writes on 3 pods", n)
	}
}

// TestHooks waits for whoever serves a hook, before an update and before a deletion.
func TestHooks(t *testing.T) {
	t.Parallel()
	hooks := `
  lifecycle:
    inPlaceUpdate: {labelsHandler: {hold: "yes"}, markPodNotReady: true}
    preDelete: {finalizersHandler: [example.com/hold]}
`
	manifest := strings.ReplaceAll(agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`, hooks),
		"labels: {app: demo}", `labels: {app: demo, hold: "yes"}`)
	w := newWorld(t, manifest)
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go w.serveHooks(ctx)
	w.Release(plan.BatchPlan{ProgressDeadline: 30 * time.Second}, plan.Completed)
	for _, name := range w.Pods() {
		w.Patch(t, w.Path("pods", name), map[string]any{"metadata": map[string]any{"finalizers": []string{"example.com/hold"}}})
	}
	w.scale(1)
	w.Release(plan.BatchPlan{ProgressDeadline: 30 * time.Second}, plan.Completed)
	if n := len(w.live()); n != 1 {
		t.Errorf("%d pods", n)
	}
}

// serveHooks does what the operator of an application does: it lets go of pods that are to be updated or deleted, and
// takes hold of them again afterwards.
func (w *world) serveHooks(ctx context.Context) {
	for ctx.Err() == nil {
		list, err := w.TryGet(w.Path("pods"))
		if err != nil {
			continue
		}
		for _, p := range kubetest.Field(list, "items").([]any) {
			name := kubetest.Field(p, "metadata", "name").(string)
			var patch map[string]any
			switch kubetest.Field(p, "metadata", "labels", "lifecycle.apps.kruise.io/state") {
			case "PreparingUpdate":
				patch = map[string]any{"labels": map[string]any{"hold": "no"}}
			case "Updated":
				patch = map[string]any{"labels": map[string]any{"hold": "yes"}}
			case "PreparingDelete":
				patch = map[string]any{"finalizers": []string{}}
			default:
				continue
			}
			_, _ = w.TryPatch(w.Path("pods", name), map[string]any{"metadata": patch})
		}
	}
}

func (w *world) live() []string {
	w.t.Helper()
	var names []string
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		if kubetest.Field(p, "metadata", "deletionTimestamp") == nil {
			names = append(names, kubetest.Field(p, "metadata", "name").(string))
		}
	}
	return names
}

// TestEvictionRespectsDisruptionBudgets waits while a PodDisruptionBudget forbids to delete pods, and goes on when it is
// gone.
func TestEvictionRespectsDisruptionBudgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Create(t, w.Path("poddisruptionbudgets"),
		`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all}, spec: {minAvailable: 3, selector: {matchLabels: `+
			`{app: demo}}}}`)
	kubetest.Eventually(t, "the budget is known", func() (bool, string) {
		b := w.Get(t, w.Path("poddisruptionbudgets", "all"))
		return kubetest.Field(b, "status", "expectedPods") == float64(2), fmt.Sprint(b)
	})
	w.Image("v2")
	options := w.Options()
	options.Evict = true
	before := w.Pods()
	d, err := agent.Run(t.Context(), plan.BatchPlan{ProgressDeadline: 3 * time.Second}, options, nil)
	const held = "a PodDisruptionBudget keeps pods from being evicted: The disruption budget all needs 3 healthy pods and has "
	if err != nil || d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, held) {
		t.Fatalf("ended with %s: %s, %v; %v %v", d.Reason, d.Message, err, w.Requests(t, w.namespace).Writes().By("slipway").Count(),
			w.Get(t, w.Path("poddisruptionbudgets", "all"))["status"])
	}
	for _, name := range before {
		if !slices.Contains(w.live(), name) {
			t.Errorf("pod %s was evicted against the budget", name)
		}
	}
	w.Delete(t, w.Path("poddisruptionbudgets", "all"))
	options.Restart = true
	w.ReleaseWith(t.Context(), plan.BatchPlan{}, options, plan.Completed)
}

// TestEqualTemplateIsAReturn to the older revision, which gets the newest number; revisions beyond the limit go.
func TestEqualTemplateIsAReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(1, `{type: InPlaceIfPossible, maxUnavailable: 1}`, "  revisionHistoryLimit: 1\n"))
	w.Release(plan.BatchPlan{}, plan.Completed)
	first := w.revisions()
	w.Image("v2")
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v1")
	w.Release(plan.BatchPlan{}, plan.Completed)
	revisions := w.revisions()
	if len(revisions) != 2 || revisions[len(revisions)-1] != first[0] {
		t.Errorf("revisions %v, the first was %v", revisions, first)
	}
	for _, tag := range []string{"v3", "v4"} {
		w.Image(tag)
		w.Release(plan.BatchPlan{}, plan.Completed)
	}
	if revisions := w.revisions(); len(revisions) != 2 {
		t.Errorf("revisions %v, one beside the present one is kept", revisions)
	}
}

// TestRevisionsOfAnEarlierCloneSet of the same name are taken over where nobody owns them, and leave their names alone where
// somebody does.
func TestRevisionsOfAnEarlierCloneSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(1, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	first := w.revisions()[0]
	at := w.Path("controllerrevisions", first)
	w.Create(t, w.Path("configmaps"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}")
	other := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "controller": true,
		"uid": kubetest.Field(w.Get(t, w.Path("configmaps", "other")), "metadata", "uid"),
	}
	for _, c := range []struct {
		owners []any
		taken  bool
	}{{[]any{}, false}, {[]any{other}, true}} {
		w.Image("v2")
		w.Release(plan.BatchPlan{}, plan.Completed)
		w.Patch(t, at, map[string]any{"metadata": map[string]any{"ownerReferences": c.owners}})
		w.Image("v1")
		w.Release(plan.BatchPlan{}, plan.Completed)
		revision, _ := kubetest.Field(w.Get(t, w.Path("clonesets", "demo")), "status", "updateRevision").(string)
		if (revision != first) != c.taken {
			t.Errorf("with owners %v the revision is %s of %v", c.owners, revision, w.revisions())
		}
		owners := fmt.Sprint(kubetest.Field(w.Get(t, w.Path("controllerrevisions", revision)), "metadata", "ownerReferences"))
		if !strings.Contains(owners, "name:demo") {
			t.Errorf("with owners %v revision %s is not the CloneSet's: %s", c.owners, revision, owners)
		}
	}
}

// revisions are the names of the ControllerRevisions, the newest last.
func (w *world) revisions() []string {
	w.t.Helper()
	list := kubetest.Field(w.Get(w.t, w.Path("controllerrevisions")), "items").([]any)
	slices.SortFunc(list, func(a, b any) int {
		return int(kubetest.Field(a, "revision").(float64) - kubetest.Field(b, "revision").(float64))
	})
	var names []string
	for _, r := range list {
		names = append(names, kubetest.Field(r, "metadata", "name").(string))
	}
	return names
}

// TestBatchesWithPauses carries out a plan of batches, with a person's approval in between.
func TestBatchesWithPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{type: InPlaceIfPossible, maxUnavailable: 2}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{Duration: time.Second}},
		{Replicas: plan.Percent(50)},
		{Replicas: plan.Percent(100)},
	}}
	var updated []int
	d, err := agent.Run(t.Context(), p, w.Options(), func(o rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.BatchReady {
			updated = append(updated, o.Counts().UpdatedReady)
		}
	})
	if err != nil || d.Reason != plan.Completed || !slices.Equal(updated, []int{1, 2, 4}) {
		t.Errorf("ended with %s, %v; updated %v", d.Reason, err, updated)
	}
	events := w.Get(t, w.Path("events"))
	var reasons []string
	for _, e := range kubetest.Field(events, "items").([]any) {
		reasons = append(reasons, fmt.Sprint(kubetest.Field(e, "reason")))
	}
	if !slices.Contains(reasons, "BatchReady") || !slices.Contains(reasons, "Completed") {
		t.Errorf("events %v", reasons)
	}
}
