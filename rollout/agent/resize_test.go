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

// resizable is a CloneSet whose container restarts for other memory, and for other cpu not.
func resizable(replicas int, strategy string) string {
	return strings.Replace(agenttest.CloneSet(replicas, strategy), `image: "example.com/app:v1"`,
		`image: "example.com/app:v1", resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 250m, memory: 64Mi}}, `+
			`resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: memory, restartPolicy: RestartContainer}]`, 1)
}

// resize changes the image, and the limit and the request of cpu or memory in the CloneSet's template.
func (w *world) resize(tag, name, limit, request string) {
	w.t.Helper()
	container := kubetest.Field(w.Get(w.t, w.Path("clonesets", "demo")), "spec", "template", "spec", "containers",
		0).(map[string]any)
	container["image"] = "example.com/app:" + tag
	for kind, amount := range map[string]string{"limits": limit, "requests": request} {
		kubetest.Field(container, "resources", kind).(map[string]any)[name] = amount
	}
	w.Patch(w.t, w.Path("clonesets", "demo"), map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	})
}

// amounts are the image that pods run, the cpu and memory that they ask for, and how often they have restarted: alike ones once.
// They must run with what they ask for, and none may carry the mark of a held one.
func (w *world) amounts() []string {
	w.t.Helper()
	var all []string
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		spec, status := kubetest.Field(p, "spec", "containers", 0), kubetest.Field(p, "status", "containerStatuses", 0)
		if diff := cmp.Diff(kubetest.Field(spec, "resources"), kubetest.Field(status, "resources")); diff != "" {
			w.t.Errorf("a pod runs with other resources (-want +got):\n%s", diff)
		}
		if held := kubetest.Field(p, "metadata", "annotations", "slipway.dev/resize"); held != nil {
			w.t.Errorf("a pod is held for %v", held)
		}
		amount := func(kind string) string {
			return fmt.Sprintf("%v %v", kubetest.Field(spec, "resources", kind, "cpu"), kubetest.Field(spec, "resources", kind, "memory"))
		}
		image := strings.TrimPrefix(fmt.Sprint(kubetest.Field(status, "image")), "example.com/app:")
		all = append(all, fmt.Sprintf("%s %s, %s, %v", image, amount("limits"), amount("requests"),
			kubetest.Field(status, "restartCount")))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestResizeInPlace changes cpu, which restarts nothing, then memory, which does, and then cpu together with the image.
func TestResizeInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resizable(3, `{type: InPlaceOnly, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	before := w.uids()
	for _, step := range []struct {
		tag, name, limit, request, want string
		writes                          int // of each pod
	}{
		{"v1", "cpu", "600m", "300m", "v1 600m 64Mi, 300m 64Mi, 0", 3},    // hold, resize, label
		{"v1", "memory", "96Mi", "96Mi", "v1 600m 96Mi, 300m 96Mi, 1", 5}, // drain, hold, resize, label, readmit
		{"v2", "cpu", "700m", "300m", "v2 700m 96Mi, 300m 96Mi, 2", 5},    // and the image
		{"v2", "cpu", "0.7", "300m", "v2 700m 96Mi, 300m 96Mi, 2", 1},     // the label alone: it is the same amount
	} {
		began := len(w.podWrites())
		w.resize(step.tag, step.name, step.limit, step.request)
		w.Release(plan.BatchPlan{}, plan.Completed)
		if diff := cmp.Diff([]string{step.want}, w.amounts()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", step, diff)
		}
		// A write that met a newer status of the kubelet is made again, and a resize before it with it.
		writes := w.podWrites()[began:]
		accepted := len(writes.Accepted())
		if refused := len(writes) - accepted; accepted > 3*step.writes+refused {
			t.Errorf("%v: %d writes, and %d refused", step, accepted, refused)
		}
	}
	if after := w.uids(); !slices.Equal(before, after) {
		t.Errorf("pods %v are not those that were there: %v", after, before)
	}
}

// TestResizeThatTheNodeRefuses ends the batch for the kubelet's reason, and goes back to what the pods had.
func TestResizeThatTheNodeRefuses(t *testing.T) {
	for _, reason := range []string{"Infeasible", "Deferred"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			manifest := strings.Replace(resizable(3, `{type: InPlaceIfPossible, maxUnavailable: 1}`), "labels: {app: demo}}",
				"labels: {app: demo}, annotations: {"+kubetest.AnnotationResize+": "+reason+"}}", 1)
			w := newWorld(t, manifest)
			w.Release(plan.BatchPlan{}, plan.Completed)
			before := w.uids()
			w.resize("v1", "cpu", "64", "32")
			p := plan.BatchPlan{OnFailure: plan.Rollback, FailFast: plan.FailFast{
				Reasons: []string{reason},
				After:   100 * time.Millisecond,
			}}
			var said string
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			d, err := agent.Run(ctx, p, w.Options(), func(_ rollout.Observed, d rollout.Decision) { said += d.Message + "\n" })
			if err != nil || d.Reason != plan.RolledBack {
				t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
			}
			if want := "1 pod " + reason + ": what the node has does not suffice"; !strings.Contains(said, want) {
				t.Errorf("nobody said %q:\n%s", want, said)
			}
			if diff := cmp.Diff([]string{"v1 500m 64Mi, 250m 64Mi, 0"}, w.amounts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if after := w.uids(); !slices.Equal(before, after) {
				t.Errorf("pods %v are not those that were there: %v", after, before)
			}
		})
	}
}

// TestResizeThatAdmissionRefuses ends the batch with the server's words. The pod that was held for it is given back.
func TestResizeThatAdmissionRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resizable(2, `{type: InPlaceOnly, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Create(t, w.Path("limitranges"), map[string]any{
		"apiVersion": "v1", "kind": "LimitRange",
		"metadata": map[string]any{"name": "most"}, "spec": map[string]any{
			"limits": []any{map[string]any{"type": "Container", "max": map[string]any{"cpu": "1"}}},
		},
	})
	w.resize("v1", "cpu", "2", "1")
	d, err := agent.Run(t.Context(), plan.BatchPlan{}, w.Options(), w.Log())
	if err != nil || d.Reason != plan.PodRefused || !strings.Contains(d.Message,
		"maximum cpu usage per Container is 1, but limit is 2") {
		t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	if diff := cmp.Diff([]string{"v1 500m 64Mi, 250m 64Mi, 0"}, w.amounts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestResizeBeyondAQuota waits until there is room, or until the batch is overdue. What was held then is given back.
func TestResizeBeyondAQuota(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		raised   bool
		want     plan.Reason
		amounts  []string
	}{
		{"raised", time.Minute, true, plan.Completed, []string{"v1 600m 64Mi, 300m 64Mi, 0"}},
		{"full", 3 * time.Second, false, plan.DeadlineExceeded, []string{"v1 500m 64Mi, 250m 64Mi, 0", "v1 600m 64Mi, 300m 64Mi, 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resizable(3, `{type: InPlaceOnly, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.quota("{limits.cpu: 1600m}") // of which 1500m are used
			w.resize("v1", "cpu", "600m", "300m")
			agent := w.start(plan.BatchPlan{ProgressDeadline: c.deadline}, w.Options())
			kubetest.Eventually(t, "the status says that the quota is full", func() (bool, string) {
				said, full := w.condition("FailedUpdate")
				return full && strings.Contains(said, "resizing pods: ResourceQuota tight is full"), said
			})
			if c.raised {
				w.Patch(t, w.Path("resourcequotas", "tight"), map[string]any{
					"spec": map[string]any{"hard": map[string]any{"limits.cpu": "1800m"}},
				})
			}
			agent.end(c.want)
			if m := agent.decision.Message; !c.raised && !strings.Contains(m, "ResourceQuota tight is full") {
				t.Errorf("it ends with %q", m)
			}
			if diff := cmp.Diff(c.amounts, w.amounts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestKilledAtEveryWriteOfAResize kills the agent before and after its writes while it changes cpu, which restarts nothing, and
// memory together with the image: pods stay, the budget holds, no pod stays held, and all end with the amounts of the released
// revision. SLIPWAY_SEEDS asks for more of the writes.
func TestKilledAtEveryWriteOfAResize(t *testing.T) {
	shared.Get(t)
	for _, c := range []struct{ tag, name, limit, request, want string }{
		{"v1", "cpu", "600m", "300m", "v1 600m 64Mi, 300m 64Mi"},
		{"v2", "memory", "96Mi", "96Mi", "v2 500m 96Mi, 250m 96Mi"},
	} {
		t.Run(c.name+" "+c.tag, func(t *testing.T) {
			killedAtEach(t, 40, max(1, 17-seeds(t, 1)), func(t *testing.T, at int, after bool) bool {
				w := newWorld(t, resizable(2, `{type: InPlaceIfPossible, maxSurge: 1, maxUnavailable: 0}`))
				w.Release(plan.BatchPlan{}, plan.Completed)
				watch := w.watchPods(2, 1, 0, 0, c.tag)
				watch.keepsPods()
				w.resize(c.tag, c.name, c.limit, c.request)
				killed := w.runKilled(at, after)
				w.Release(plan.BatchPlan{}, plan.Completed)
				watch.verify(t, w)
				if diff := cmp.Diff([]string{c.want}, w.amountsWithoutRestarts()); diff != "" {
					t.Errorf("the end (-want +got):\n%s", diff)
				}
				if leases := w.leases(); len(leases) > 0 {
					t.Errorf("%d leases are left", len(leases))
				}
				return killed
			})
		})
	}
}

// amountsWithoutRestarts are amounts, of which a kill between two writes may make more restarts than one.
func (w *world) amountsWithoutRestarts() []string {
	w.t.Helper()
	all := w.amounts()
	for i, line := range all {
		all[i] = line[:strings.LastIndex(line, ",")]
	}
	return slices.Compact(all)
}
