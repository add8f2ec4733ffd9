// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// stateful is a StatefulSet manifest with the given partition.
func stateful(replicas, partition int, more ...string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: demo}
spec:
  replicas: %d
  serviceName: demo
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: %d}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers: [{name: app, image: "example.com/app:v1"}]
%s`, replicas, partition, strings.Join(more, "\n"))
}

// newStateful is a world with a StatefulSet whose pods all run v1. The controller is the real one.
func newStateful(t *testing.T, replicas, partition int, more ...string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.Path("statefulsets"), stateful(replicas, partition, more...))
	w.settled(replicas, "v1")
	return w
}

// settled waits until the controller has all pods of an image ready.
func (w *world) settled(replicas int, tag string) {
	w.t.Helper()
	kubetest.Eventually(w.t, "all pods run "+tag, func() (bool, string) {
		set := w.Get(w.t, w.Path("statefulsets", "demo"))
		status := kubetest.Field(set, "status")
		done := kubetest.Field(status, "observedGeneration") == kubetest.Field(set, "metadata", "generation") &&
			kubetest.Field(status, "availableReplicas") == float64(replicas) &&
			kubetest.Field(status, "currentRevision") == kubetest.Field(status, "updateRevision")
		for _, image := range w.podImages() {
			done = done && image == "example.com/app:"+tag
		}
		return done, fmt.Sprint(status, w.podImages())
	})
}

// podImages are those of the pods, by name.
func (w *world) podImages() map[string]string {
	w.t.Helper()
	images := map[string]string{}
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		images[kubetest.Field(p, "metadata", "name").(string)], _ = kubetest.Field(p, "spec", "containers", 0, "image").(string)
	}
	return images
}

// statefulImage releases another image of the StatefulSet.
func (w *world) statefulImage(tag string) {
	w.t.Helper()
	w.Patch(w.t, w.Path("statefulsets", "demo"),
		map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
}

// partitionOf is what the object holds, under whatever path its kind has.
func (w *world) partitionOf(resource string) any {
	w.t.Helper()
	set := w.Get(w.t, w.Path(resource, "demo"))
	if p := kubetest.Field(set, "spec", "updateStrategy", "partition"); p != nil {
		return p
	}
	return kubetest.Field(set, "spec", "updateStrategy", "rollingUpdate", "partition")
}

func (w *world) optionsOf(kind string) agent.Options {
	w.t.Helper()
	o := w.Options()
	o.Kind = kind
	return o
}

// steps runs a release in partition mode and returns how it ended and the partitions that it wrote.
func (w *world) steps(plan plan.BatchPlan, options agent.Options) (rollout.Decision, []string) {
	w.t.Helper()
	return w.reportedSteps(plan, options, w.Log())
}

// abortedSteps are those of a release that a person aborts while the first batch waits for its pods.
func (w *world) abortedSteps(plan plan.BatchPlan, options agent.Options) (rollout.Decision, []string) {
	w.t.Helper()
	return w.reportedSteps(plan, options, w.aborts(options))
}

func (w *world) reportedSteps(p plan.BatchPlan, options agent.Options, report func(rollout.Observed,
	rollout.Decision),
) (rollout.Decision, []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	p.Mode = plan.Partition
	var written []string
	d, err := agent.Run(ctx, p, options, func(o rollout.Observed, d rollout.Decision) {
		report(o, d)
		for _, a := range d.Actions {
			if a.Kind == rollout.SetPartition {
				written = append(written, a.Partition.String())
			}
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, written
}

// thirds is a plan of one pod, half of them, all.
func thirds() plan.BatchPlan {
	return plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1)},
		{Replicas: plan.Percent(50)},
		{Replicas: plan.Percent(100)},
	}}
}

// TestStatefulSet steps the partition of a StatefulSet that kube-controller-manager reconciles.
func TestStatefulSet(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 4, 4)
	watch := w.watchPods(4, 0, 1, 0, "v2")
	w.statefulImage("v2")
	d, written := w.steps(thirds(), w.optionsOf("StatefulSet"))
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if got := strings.Join(written, " "); got != "3 2 0 4" {
		t.Errorf("partitions %s, want 3 2 0 and 4 at rest", got)
	}
	w.settled(4, "v2")
	watch.verify(t, w)
	if n := len(w.podWrites()); n != 0 {
		t.Errorf("%d writes on pods", n)
	}
	w.visible(w.optionsOf("StatefulSet"))
}

// visible holds that people find the release that was recorded.
func (w *world) visible(options agent.Options) {
	w.t.Helper()
	release, err := steer.Open(person(options), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	status, err := release.Status(w.t.Context())
	if err != nil || !status.Recorded() || status.Decision.Reason != plan.Completed {
		w.t.Errorf("%s is recorded %v and ended with %s: %s, %v", release.Target(), status.Recorded(), status.Decision.Reason,
			status.Decision.Message, err)
	}
}

// TestStatefulSetStops stops at the deadline within the budget, says so again when it is run again, and lets the next
// release through although the controller waits for the broken pod.
func TestStatefulSetStops(t *testing.T) {
	for _, tag := range []string{kubetest.TagCrash, kubetest.TagMissing, kubetest.TagUnready} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			w := newStateful(t, 4, 4)
			watch := w.watchPods(4, 0, 1, 0, "v3")
			w.statefulImage(tag)
			options := w.optionsOf("StatefulSet")
			options.Release = "bad"
			p := thirds()
			p.ProgressDeadline = 3 * time.Second
			d, written := w.steps(p, options)
			if d.Reason.ExitCode() != 11 || strings.Join(written, " ") != "3" {
				t.Fatalf("ended with %s: %s, partitions %v", d.Reason, d.Message, written)
			}
			if again, written := w.steps(p, options); again.Reason != d.Reason || len(written) > 0 {
				t.Errorf("run again it ends with %s, partitions %v", again.Reason, written)
			}
			w.statefulImage("v3")
			options.Release = "mended"
			if d, written = w.steps(thirds(), options); d.Reason != plan.Completed || strings.Join(written, " ") != "2 0 4" {
				t.Errorf("the next release ended with %s: %s, partitions %v", d.Reason, d.Message, written)
			}
			w.settled(4, "v3")
			watch.verify(t, w)
		})
	}
}

// TestStatefulSetRollsBack puts the stable template back. With ordered pods the controller waits for the broken one for
// ever; the agent takes it out of the way.
func TestStatefulSetRollsBack(t *testing.T) {
	for _, c := range []struct {
		name, more string
		onFailure  plan.OnFailure
	}{
		{"ordered, at once", "", plan.Rollback},
		{"ordered, in batches", "", plan.RollbackInBatches},
		{"parallel", "  podManagementPolicy: Parallel", plan.Rollback},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newStateful(t, 4, 4, c.more)
			watch := w.watchPods(4, 0, 1, 0, "none")
			w.statefulImage(kubetest.TagMissing)
			options := w.optionsOf("StatefulSet")
			options.Release = "bad"
			batchPlan := thirds()
			batchPlan.OnFailure = c.onFailure
			d, _ := w.abortedSteps(batchPlan, options)
			if d.Reason != plan.RolledBack || !strings.Contains(d.Message, "revert the pod template in Git") {
				t.Fatalf("ended with %s: %s", d.Reason, d.Message)
			}
			w.settled(4, "v1")
			watch.verify(t, w)
			if p := w.partitionOf("statefulsets"); p != float64(4) {
				t.Errorf("the partition is %v, want 4 at rest", p)
			}
			if !w.told("RolledBack", "revert the pod template in Git") {
				t.Error("no Event says what to revert")
			}
			// Git still has the bad template, and the Job runs again with the same release.
			w.statefulImage(kubetest.TagMissing)
			if again, written := w.steps(batchPlan, options); again.Reason != plan.RolledBack || len(written) > 0 {
				t.Errorf("run again it ends with %s, partitions %v", again.Reason, written)
			}
			for name, image := range w.podImages() {
				if image != "example.com/app:v1" {
					t.Errorf("%s runs %s", name, image)
				}
			}
			// Nothing of the failed release is left for the next one (kubevela#7170).
			w.statefulImage("v3")
			options.Release = "good"
			if d, written := w.steps(thirds(), options); d.Reason != plan.Completed || strings.Join(written, " ") != "3 2 0 4" {
				t.Errorf("the next release ended with %s: %s, partitions %v", d.Reason, d.Message, written)
			}
		})
	}
}

// told tells whether there is an Event with that reason and these words.
func (w *world) told(reason, words string) bool {
	w.t.Helper()
	for _, e := range kubetest.Field(w.Get(w.t, w.Path("events")), "items").([]any) {
		message, _ := kubetest.Field(e, "message").(string)
		if kubetest.Field(e, "reason") == reason && strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// TestStatefulSetGoesBackInBatches fails in its second batch and keeps, on the way back too, only the pods of one batch
// moving.
func TestStatefulSetGoesBackInBatches(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 5, 5)
	watch := w.watchPods(5, 0, 1, 0, "none")
	w.statefulImage("v2")
	batchPlan := plan.BatchPlan{OnFailure: plan.RollbackInBatches, Batches: []plan.Batch{
		{Replicas: plan.Pods(1)}, {Replicas: plan.Pods(3), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(100)},
	}}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	batchPlan.Mode = plan.Partition
	var back []string
	asked := false
	d, err := agent.Run(ctx, batchPlan, w.optionsOf("StatefulSet"), func(o rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.AwaitingApproval && d.Batch == 1 && !asked {
			asked = true
			w.abort(w.optionsOf("StatefulSet"))
		}
		for _, a := range d.Actions {
			if o.Progress.Back && a.Kind != rollout.RecordProgress {
				back = append(back, a.String())
			}
		}
	})
	if err != nil || d.Reason != plan.RolledBack {
		t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	w.settled(5, "v1")
	watch.verify(t, w)
	if got := strings.Join(back, "\n"); len(back) != 4 || !strings.HasPrefix(got, "set partition to 3") ||
		!strings.Contains(back[1], "restore template") || !strings.HasPrefix(back[2], "set partition to 2") ||
		!strings.HasPrefix(back[3], "set partition to 5") {
		t.Errorf("on the way back:\n%s", got)
	}
}

// abort is what a person's command does.
func (w *world) abort(of agent.Options) {
	w.t.Helper()
	of.Config, of.Identity = w.Options().Config, "somebody"
	v, err := steer.Open(person(of), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ask(v, rollout.Request{Kind: rollout.Abort})
}

// aborts lets a person abort a release in partition mode once the first batch waits for its pods.
func (w *world) aborts(of agent.Options) func(rollout.Observed, rollout.Decision) {
	log, asked := w.Log(), false
	return func(o rollout.Observed, d rollout.Decision) {
		log(o, d)
		if d.Reason == plan.PodsNotReady && !o.Progress.Back && !asked {
			asked = true
			w.abort(of)
		}
	}
}

// statefulAgent is a user with the rights of the printed Role for the StatefulSet, without those on a resource.
func (w *world) statefulAgent(without string) *kubetest.User {
	w.t.Helper()
	o := manifests.Job{Mode: plan.Partition, DeleteMode: manifests.DeleteModeDelete}
	o.CloneSet.APIVersion, o.CloneSet.Kind, o.CloneSet.Name = "apps/v1", "StatefulSet", "demo"
	var rules []kubetest.Rule
	for _, r := range agenttest.Rules(o.Rules()) {
		if r.Resources[0] != without {
			rules = append(rules, r)
		}
	}
	user := w.User(w.t, w.namespace, rules...)
	kubetest.Eventually(w.t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.Path("statefulsets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	return user
}

// TestStatefulSetRights goes back from a broken pod with exactly the rights of the printed Role, and without those on
// pods says what a person has to do.
func TestStatefulSetRights(t *testing.T) {
	for _, whole := range []bool{true, false} {
		t.Run(fmt.Sprintf("whole %v", whole), func(t *testing.T) {
			t.Parallel()
			w := newStateful(t, 2, 2)
			without := ""
			if !whole {
				without = "pods"
			}
			user := w.statefulAgent(without)
			w.statefulImage(kubetest.TagMissing)
			var warnings []string
			options := w.optionsOf("StatefulSet")
			options.Config = agenttest.Config(t, user.Client)
			options.Warn = func(err error) { warnings = append(warnings, err.Error()) }
			p := thirds()
			p.OnFailure = plan.Rollback
			if !whole {
				p.ProgressDeadline = 3 * time.Second // nobody takes the broken pod away
			}
			d, _ := w.abortedSteps(p, options)
			switch {
			case whole && (d.Reason != plan.RolledBack || len(warnings) > 0):
				t.Errorf("ended with %s: %s, warnings %v", d.Reason, d.Message, warnings)
			case !whole && (d.Reason != plan.DeadlineExceeded || len(warnings) != 1 ||
				!strings.Contains(warnings[0], "delete it by hand")):
				t.Errorf("without rights on pods it ended with %s: %s, warnings %v", d.Reason, d.Message, warnings)
			}
		})
	}
}

// TestStatefulSetWhoseFirstRevisionNeverStarts is kubernetes#60164: its controller waits for a pod that never gets ready and
// makes no other. The pod is named, and deleted where the plan says so.
func TestStatefulSetWhoseFirstRevisionNeverStarts(t *testing.T) {
	for _, unblock := range []bool{false, true} {
		t.Run(fmt.Sprint("unblock ", unblock), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.Create(t, w.Path("statefulsets"), strings.Replace(stateful(3, 3), ":v1", ":"+kubetest.TagCrash, 1))
			kubetest.Eventually(t, "the first pod crashes", func() (bool, string) {
				pod, err := w.TryGet(w.Path("pods", "demo-0"))
				return err == nil && strings.Contains(fmt.Sprint(kubetest.Field(pod, "status")), "CrashLoopBackOff"), fmt.Sprint(pod, err)
			})
			w.statefulImage("v2")
			p := thirds()
			p.Mode, p.Unblock, p.ProgressDeadline, p.OnFailure = plan.Partition, unblock, 20*time.Second, plan.Stop
			d, err := agent.Run(t.Context(), p, w.optionsOf("StatefulSet"), w.Log())
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case unblock && (d.Reason != plan.Completed || !strings.Contains(d.Message, "no pod was ready before")):
				t.Errorf("ended with %s: %s", d.Reason, d.Message)
			case unblock:
				w.settled(3, "v2")
			case d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, "demo-0") ||
				!strings.Contains(d.Message, "CrashLoopBackOff") || !strings.Contains(d.Message, "unblock: true"):
				t.Errorf("ended with %s: %s", d.Reason, d.Message)
			}
		})
	}
}

// TestStatefulSetMinReadySeconds calls no batch ready before its pods have been for so long.
func TestStatefulSetMinReadySeconds(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 2, 2, "  minReadySeconds: 2")
	w.statefulImage("v2")
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	batches := 0
	d, err := agent.Run(t.Context(), p, w.optionsOf("StatefulSet"), func(o rollout.Observed, d rollout.Decision) {
		if d.Reason != plan.BatchReady || o.Progress.Finished || len(d.Actions) != 1 || d.Actions[0].Progress.Finished {
			return
		}
		batches++
		pod := w.Get(t, w.Path("pods", fmt.Sprintf("demo-%d", 1-d.Batch)))
		for _, c := range kubetest.Field(pod, "status", "conditions").([]any) {
			since, _ := time.Parse(time.RFC3339, fmt.Sprint(kubetest.Field(c, "lastTransitionTime")))
			if kubetest.Field(c, "type") == "Ready" && (kubetest.Field(c, "status") != "True" || o.Now.Sub(since) < 2*time.Second) {
				t.Errorf("batch %d is ready at %v with %v", d.Batch+1, o.Now, c)
			}
		}
	})
	if err != nil || d.Reason != plan.Completed || batches != 2 {
		t.Errorf("ended with %s: %s after %d batches, %v", d.Reason, d.Message, batches, err)
	}
}

// TestStatefulSetGuessesNothing has an old pod that is not ready. The status does not say whose the missing readiness is,
// so it counts against the batch.
func TestStatefulSetGuessesNothing(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 3, 3, "  podManagementPolicy: Parallel")
	w.annotate("demo-0", kubetest.AnnotationCrash)
	kubetest.Eventually(t, "one pod is down", func() (bool, string) {
		status := kubetest.Field(w.Get(t, w.Path("statefulsets", "demo")), "status")
		return kubetest.Field(status, "readyReplicas") == float64(2), fmt.Sprint(status)
	})
	w.statefulImage("v2")
	p := thirds()
	p.ProgressDeadline = 4 * time.Second
	d, _ := w.steps(p, w.optionsOf("StatefulSet"))
	if d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, "0 of 1 updated pods ready") {
		t.Errorf("ended with %s: %s", d.Reason, d.Message)
	}
}

// TestPeopleOfAStatefulSet approve a batch of a StatefulSet with the documented rights and nothing else.
func TestPeopleOfAStatefulSet(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 2, 2)
	w.statefulImage("v2")
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(100)},
	}}
	agent := w.start(p, w.optionsOf("StatefulSet"))
	agent.stands(plan.AwaitingApproval)
	release := func(read bool) *steer.Release {
		options := w.optionsOf("StatefulSet")
		options.Config, options.Identity = agenttest.Config(t, w.personOf("StatefulSet", plan.Partition, read).Client), ""
		v, err := steer.Open(person(options), nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	reader := release(true)
	if s := w.look(reader); s.Decision.Reason != plan.AwaitingApproval {
		t.Errorf("who may look sees %+v", s.Decision)
	}
	if _, err := reader.Request(t.Context(), rollout.Request{Kind: rollout.Approve}); err == nil ||
		!strings.Contains(err.Error(), "cannot patch") {
		t.Errorf("who may only look approves: %v", err)
	}
	w.ask(release(false), rollout.Request{Kind: rollout.Approve})
	agent.end(plan.Completed)
}

// TestUndoAfterTheReleaseOfAStatefulSet writes the template before it back; the pods stay until the next run steps them.
func TestUndoAfterTheReleaseOfAStatefulSet(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 2, 2)
	w.statefulImage("v2")
	options := w.optionsOf("StatefulSet")
	if d, _ := w.steps(thirds(), options); d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	user := w.personOf("StatefulSet", plan.Partition, false,
		kubetest.Rule{APIGroups: []string{"apps"}, Resources: []string{"controllerrevisions"}, Verbs: []string{"list"}},
		kubetest.Rule{
			APIGroups: []string{"apps"}, Resources: []string{"statefulsets"}, Verbs: []string{"patch"},
			ResourceNames: []string{"demo"},
		})
	options.Config = agenttest.Config(t, user.Client)
	v, err := steer.Open(person(options), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := w.ask(v, rollout.Request{Kind: rollout.Undo}); a.Restore == "" {
		t.Errorf("%+v", a)
	}
	containers := kubetest.Field(w.Get(t, w.Path("statefulsets", "demo")), "spec", "template", "spec", "containers").([]any)
	if image := kubetest.Field(containers[0], "image"); image != "example.com/app:v1" {
		t.Errorf("the template has %v", image)
	}
	for pod, image := range w.podImages() {
		if image != "example.com/app:v2" {
			t.Errorf("%s runs %s before anybody acts on it", pod, image)
		}
	}
	if d, _ := w.steps(thirds(), w.optionsOf("StatefulSet")); d.Reason != plan.Completed {
		t.Fatalf("the next run ended with %s: %s", d.Reason, d.Message)
	}
	w.settled(2, "v1")
}

// TestRollbackLosesARace: something else writes the StatefulSet right before its template is restored. That is a conflict, and
// tried again; a test operation that fails would look like a mistake in the patch, and end the rollback.
func TestRollbackLosesARace(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 2, 2)
	w.statefulImage(kubetest.TagMissing)
	var lost sync.Once
	var codes []int
	proxy := w.Proxy(t, func(r *http.Request) kubetest.Fault {
		if r.Header.Get("Content-Type") != "application/json-patch+json" {
			return kubetest.Fault{}
		}
		lost.Do(func() {
			w.Patch(t, w.Path("statefulsets", "demo"), map[string]any{
				"metadata": map[string]any{"annotations": map[string]any{"somebody": "else"}},
			})
		})
		return kubetest.Fault{Answered: func(code int) { codes = append(codes, code) }}
	})
	options := w.optionsOf("StatefulSet")
	options.Config = agenttest.Config(t, proxy.For(w.Client))
	p := thirds()
	p.OnFailure = plan.Rollback
	if d, _ := w.abortedSteps(p, options); d.Reason != plan.RolledBack {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if want := []int{http.StatusConflict, http.StatusOK}; !slices.Equal(codes, want) {
		t.Errorf("the template was written with %v, want %v", codes, want)
	}
	w.settled(2, "v1")
}

// TestStatefulSetThatIsScaledWhileItWaits keeps the number of pods that a batch has let pass: those that are added after the
// agent has seen the new number are of the revision before.
func TestStatefulSetThatIsScaledWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 3, 3)
	w.statefulImage("v2")
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(100)},
	}}
	agent := w.start(p, w.optionsOf("StatefulSet"))
	agent.stands(plan.AwaitingApproval)
	updated := func() int {
		n := 0
		for _, image := range w.podImages() {
			if image == "example.com/app:v2" {
				n++
			}
		}
		return n
	}
	w.Patch(t, w.Path("statefulsets", "demo"), map[string]any{"spec": map[string]any{"replicas": 8}})
	kubetest.Eventually(t, "the partition is above all pods", func() (bool, string) {
		at := fmt.Sprint(w.partitionOf("statefulsets"))
		return at == "8", at
	})
	before := updated()
	kubetest.Eventually(t, "all pods are there", func() (bool, string) {
		return len(w.podImages()) == 8,
			fmt.Sprint(w.podImages())
	})
	if n := updated(); n > before+1 { // its controller may be at a pod that it has looked up before
		t.Errorf("%d pods are updated, %d when the partition was raised: %v", n, before, w.podImages())
	}
	agent.stands(plan.AwaitingApproval)
	v, err := steer.Open(person(w.optionsOf("StatefulSet")), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.ask(v, rollout.Request{Kind: rollout.Approve})
	agent.end(plan.Completed)
	w.settled(8, "v2")
	if at := w.partitionOf("statefulsets"); at != float64(3) {
		t.Errorf("the partition rests at %v, want 3", at)
	}
}
