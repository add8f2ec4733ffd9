// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// deployment is a Deployment of v1 as it rests in Git: paused, so that a template that changes waits for its release.
func deployment(replicas int, surge, unavailable string, more ...string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  paused: true
  progressDeadlineSeconds: 2147483647
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: %s, maxUnavailable: %s}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "example.com/app:v1"}]
%s`, replicas, surge, unavailable, strings.Join(more, "\n"))
}

// newDeployment is a world with a Deployment whose pods all run v1, released by the agent itself.
func newDeployment(t *testing.T, replicas int, surge string, more ...string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.Path("deployments"), deployment(replicas, surge, "0", more...))
	if d, _ := w.rolls(thirds(), w.ofDeployment()); d.Reason != plan.Completed ||
		!strings.Contains(d.Message, "; nothing ran before, so ") {
		t.Fatalf("the first release ended with %s: %s", d.Reason, d.Message)
	}
	return w
}

func (w *world) ofDeployment() agent.Options {
	w.t.Helper()
	o := w.Options()
	o.Kind, o.Name = "Deployment", "web"
	return o
}

// rolls carries out a release of the Deployment, and returns the rests: how many pods are wanted, updated, updated and
// available, available, and there in all, whenever a batch was ready.
func (w *world) rolls(p plan.BatchPlan, options agent.Options) (rollout.Decision, []string) {
	w.t.Helper()
	return w.rollsWith(p, options, func(int) {})
}

// rollsWith is rolls with something that happens when a batch is ready, before the next one begins.
func (w *world) rollsWith(p plan.BatchPlan, options agent.Options, happens func(batch int)) (rollout.Decision, []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	p.Mode = plan.Partition
	var rests []string
	log := w.Log()
	d, err := agent.Run(ctx, p, options, func(o rollout.Observed, d rollout.Decision) {
		log(o, d)
		if d.Reason == plan.BatchReady && o.Progress.Ready.IsZero() {
			c := o.Counts()
			rests = append(rests, fmt.Sprintf("%d %d %d %d %d", c.Desired, c.Updated, c.UpdatedAvailable, c.Available, c.Total))
			happens(d.Batch)
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, rests
}

// deploymentImage changes the image of the Deployment as Git would.
func (w *world) deploymentImage(tag string) {
	w.t.Helper()
	w.Patch(w.t, w.Path("deployments", "web"),
		map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
}

// fields are those of the Deployment that a release writes.
func (w *world) fields() string {
	w.t.Helper()
	d := w.Get(w.t, w.Path("deployments", "web"))
	spec := func(path ...any) any { return kubetest.Field(d, append([]any{"spec"}, path...)...) }
	owners := 0
	for _, f := range kubetest.Field(d, "metadata", "managedFields").([]any) {
		if kubetest.Field(f, "manager") == "slipway" {
			owners++
		}
	}
	return fmt.Sprintln("paused", spec("paused"), "minReady", spec("minReadySeconds"), "deadline", spec("progressDeadlineSeconds"),
		"surge", spec("strategy", "rollingUpdate", "maxSurge"), "unavailable", spec("strategy", "rollingUpdate", "maxUnavailable"),
		"annotation", kubetest.Field(d, "metadata", "annotations", plan.OriginalAnnotation), "owned", owners)
}

// TestDeployment releases a Deployment in batches that kube-controller-manager reconciles, with nothing installed.
func TestDeployment(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 10, "1")
	before := w.fields()
	w.deploymentImage("v2")
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1)},
		{Replicas: plan.Percent(20)},
		{Replicas: plan.Percent(100)},
	}}
	d, rests := w.rolls(p, w.ofDeployment())
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if diff := cmp.Diff([]string{"10 1 1 10 10", "10 2 2 10 10", "10 10 10 10 10"}, rests); diff != "" {
		t.Errorf("rests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
	w.visible(w.ofDeployment())
}

// budget watches that pods are ready. How many there are is no matter of pods here: the ReplicaSets of a step, one of which
// grows and the other shrinks, are carried out by themselves.
func (w *world) budget(replicas, unavailable int) *watcher {
	w.t.Helper()
	return w.watchPods(replicas, replicas, unavailable, 0, "none that may not be deleted")
}

// runs waits until all pods that serve have an image.
func (w *world) runs(replicas int, tag string) {
	w.t.Helper()
	kubetest.Eventually(w.t, fmt.Sprintf("%d pods run %s", replicas, tag), func() (bool, string) {
		found := w.podImages()
		for _, image := range found {
			if image != "example.com/app:"+tag {
				return false, fmt.Sprint(found)
			}
		}
		return len(found) == replicas, fmt.Sprint(found)
	})
}

// TestDeploymentKilledAtEveryWrite kills the agent before and after its writes and starts another one: the budget holds, and the
// end is that of a release that nobody killed. SLIPWAY_SEEDS asks for more of the writes.
func TestDeploymentKilledAtEveryWrite(t *testing.T) {
	shared.Get(t)
	const most = 60
	for at := 1; at <= most; at += max(1, 20-seeds(t, 1)) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", at, after), func(t *testing.T) {
				t.Parallel()
				w := newDeployment(t, 3, "1")
				before := w.fields()
				w.deploymentImage("v2")
				watch := w.budget(3, 0)
				p := thirds()
				p.Mode = plan.Partition
				ctx, cancel := context.WithTimeout(t.Context(), hangs)
				defer cancel()
				d, dead, err := w.killAt(ctx, cancel, at, after, p, w.ofDeployment(), w.Log())
				if !dead && (err != nil || d.Reason != plan.Completed) {
					t.Fatalf("the release that nobody killed ended with %s, %v", d.Reason, err)
				}
				if !dead {
					watch.verify(t, w)
					return // it makes fewer writes
				}
				if d, _ := w.rolls(p, w.ofDeployment()); d.Reason != plan.Completed {
					t.Fatalf("ended with %s: %s", d.Reason, d.Message)
				}
				watch.verify(t, w)
				w.runs(3, "v2")
				if diff := cmp.Diff(before, w.fields()); diff != "" {
					t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestDeploymentScaled scales at a rest, as a HorizontalPodAutoscaler does: the release goes on with as many pods as there are.
func TestDeploymentScaled(t *testing.T) {
	for _, to := range []int{9, 2} {
		t.Run(fmt.Sprint(to), func(t *testing.T) {
			t.Parallel()
			w := newDeployment(t, 6, "2")
			w.deploymentImage("v2")
			watch := w.budget(6, 6-min(6, to)) // of what there is at any time
			d, _ := w.rollsWith(thirds(), w.ofDeployment(), func(batch int) {
				if batch == 1 {
					w.Patch(t, w.Path("deployments", "web"), map[string]any{"spec": map[string]any{"replicas": to}})
				}
			})
			if d.Reason != plan.Completed {
				t.Fatalf("ended with %s: %s", d.Reason, d.Message)
			}
			w.runs(to, "v2")
			watch.verify(t, w)
		})
	}
}

// TestDeploymentToNoneAndBack scales to zero and back at a rest. Which pods come back is its controller's affair; that the
// release ends is slipway's.
func TestDeploymentToNoneAndBack(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	w.deploymentImage("v2")
	scale := func(n int) {
		w.Patch(t, w.Path("deployments", "web"), map[string]any{"spec": map[string]any{"replicas": n}})
	}
	d, _ := w.rollsWith(thirds(), w.ofDeployment(), func(batch int) {
		if batch == 0 {
			scale(0)
			w.runs(0, "")
			scale(4)
		}
	})
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	w.runs(4, "v2")
}

// TestDeploymentSuperseded changes the template at a rest: nothing moves, the release ends and says so, and the next one takes
// over from where this one stood.
func TestDeploymentSuperseded(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	before := w.fields()
	w.deploymentImage("v2")
	watch := w.budget(4, 0)
	d, _ := w.rollsWith(thirds(), w.ofDeployment(), func(batch int) {
		if batch == 1 {
			w.deploymentImage("v3")
		}
	})
	if d.Reason != plan.Superseded {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if got := w.fields(); !strings.HasPrefix(got, "paused true minReady 2.147483646e+09") {
		t.Errorf("it is not held: %s", got)
	}
	if d, rests := w.rolls(thirds(), w.ofDeployment()); d.Reason != plan.Completed || len(rests) != 3 {
		t.Fatalf("the next release ended with %s: %s, rests %v", d.Reason, d.Message, rests)
	}
	w.runs(4, "v3")
	watch.verify(t, w)
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
}

// TestDeploymentReverted puts the old template back at a rest, as a revert in Git does: the controller goes back by itself.
func TestDeploymentReverted(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	before := w.fields()
	w.deploymentImage("v2")
	watch := w.budget(4, 0)
	d, _ := w.rollsWith(thirds(), w.ofDeployment(), func(batch int) {
		if batch == 1 {
			w.deploymentImage("v1")
		}
	})
	if d.Reason != plan.RolledBack || strings.Contains(d.Message, "revert the pod template in Git") {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	w.runs(4, "v1")
	watch.verify(t, w)
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
}

// TestDeploymentStops leaves a release that fails as it is, and paused; the next one goes on from there.
func TestDeploymentStops(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	before := w.fields()
	w.deploymentImage(kubetest.TagUnready)
	watch := w.budget(4, 0)
	p := thirds()
	p.ProgressDeadline = 3 * time.Second
	d, _ := w.rolls(p, w.ofDeployment())
	if d.Reason != plan.DeadlineExceeded {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	stopped := w.fields()
	if !strings.HasPrefix(stopped, "paused true minReady 2.147483646e+09") {
		t.Errorf("it is not held: %s", stopped)
	}
	if d, _ := w.rolls(p, w.ofDeployment()); d.Reason != plan.DeadlineExceeded || w.fields() != stopped {
		t.Errorf("run again it ends with %s, and has %s", d.Reason, w.fields())
	}
	w.deploymentImage("v2")
	if d, rests := w.rolls(thirds(), w.ofDeployment()); d.Reason != plan.Completed {
		t.Fatalf("the next release ended with %s: %s, rests %v", d.Reason, d.Message, rests)
	}
	w.runs(4, "v2")
	watch.verify(t, w)
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
}

// TestDeploymentRevertedAfterAStop releases the old template after a release that failed: its pods are there, and nothing is
// held back.
func TestDeploymentRevertedAfterAStop(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	before := w.fields()
	w.deploymentImage(kubetest.TagUnready)
	p := thirds()
	p.ProgressDeadline = 3 * time.Second
	if d, _ := w.rolls(p, w.ofDeployment()); d.Reason != plan.DeadlineExceeded {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	w.deploymentImage("v1")
	d, _ := w.rolls(thirds(), w.ofDeployment())
	if d.Reason != plan.Completed || !strings.Contains(d.Message, "; no pod of another revision has to stay, so ") {
		t.Errorf("ended with %s: %s", d.Reason, d.Message)
	}
	w.runs(4, "v1")
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
}

// TestDeploymentGoesBackWithoutHistory goes back after every pod was updated, where the controller has deleted the old
// ReplicaSet.
func TestDeploymentGoesBackWithoutHistory(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 3, "1", "  revisionHistoryLimit: 0")
	w.deploymentImage("v2")
	watch := w.budget(3, 0)
	options := w.ofDeployment()
	stop := make(chan string, 1)
	options.Stop = stop
	p := thirds()
	p.OnFailure, p.Batches[2].Pause.UntilApproved = plan.Rollback, true
	d, _ := w.rollsWith(p, options, func(batch int) {
		if batch == 2 {
			stop <- "a test"
		}
	})
	if d.Reason != plan.RolledBack {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	w.runs(3, "v1")
	watch.verify(t, w)
}

// TestDeploymentWithoutItsAnnotation loses the annotation in the middle, as kubectl rollout undo does.
func TestDeploymentWithoutItsAnnotation(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 4, "1")
	before := w.fields()
	w.deploymentImage("v2")
	d, _ := w.rollsWith(thirds(), w.ofDeployment(), func(int) {
		w.Patch(t, w.Path("deployments", "web"), map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{plan.OriginalAnnotation: nil}},
		})
	})
	if diff := cmp.Diff(before, w.fields()); diff != "" || d.Reason != plan.Completed {
		t.Errorf("ended with %s, fields (-want +got):\n%s", d.Reason, diff)
	}
}

// TestDeploymentsOfOthersAreRefused names who else rolls a Deployment.
func TestDeploymentsOfOthersAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ metadata, spec, want string }{
		"an operator": {
			"{name: web, ownerReferences: [{apiVersion: example.com/v1, kind: Site, name: shop, uid: a-b, controller: true}]}",
			"RollingUpdate",
			"Deployment %s/web: it is rolled by its owner Site shop (example.com/v1)",
		},
		"Kruise Rollouts": {
			`{name: web, annotations: {rollouts.kruise.io/in-progressing: "{}"}}`, "RollingUpdate",
			"it is rolled by Kruise Rollouts (annotation rollouts.kruise.io/in-progressing)",
		},
		"Kruise Rollouts, with several marks": {
			`{name: web, annotations: {rollouts.kruise.io/d: d, rollouts.kruise.io/c: c, rollouts.kruise.io/b: b, rollouts.kruise.io/a: a}}`,
			"RollingUpdate", "it is rolled by Kruise Rollouts (annotation rollouts.kruise.io/a)",
		},
		"nobody in batches": {"{name: web}", "Recreate", "Recreate stops every pod before the first new one starts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			manifest := strings.Replace(deployment(2, "1", "0"), "{name: web}", c.metadata, 1)
			if c.spec == "Recreate" {
				manifest = strings.Replace(manifest, "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}",
					"strategy: {type: Recreate}", 1)
			}
			w.Create(t, w.Path("deployments"), manifest)
			p := thirds()
			p.Mode = plan.Partition
			_, err := agent.Run(t.Context(), p, w.ofDeployment(), nil)
			want := strings.ReplaceAll(c.want, "%s", w.namespace)
			if !errors.Is(err, kube.ErrInvalid) || !strings.Contains(err.Error(),
				strings.TrimPrefix(want, "Deployment "+w.namespace+"/web: ")) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// silencer ends an agent at the first list of ReplicaSets after something was decided, which is the observation before a write.
type silencer struct {
	next    http.RoundTripper
	decided *atomic.Bool
	dead    *atomic.Bool
	end     context.CancelFunc
}

func (s silencer) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.decided.Load() && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/replicasets") &&
		!r.URL.Query().Has("watch") {
		s.dead.Store(true)
		s.end()
	}
	if s.dead.Load() {
		return nil, errKilled
	}
	return s.next.RoundTrip(r)
}

// TestDeploymentAgentEndsWhereTheServerIsSilent tells an agent to end in the middle of its last observation before a step,
// which nobody answers: it does not ask again until somebody does, and opens no step by what it has decided long ago.
func TestDeploymentAgentEndsWhereTheServerIsSilent(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 3, "1")
	w.deploymentImage("v2")
	ctx, cancel := context.WithCancel(t.Context())
	s := silencer{decided: new(atomic.Bool), dead: new(atomic.Bool), end: cancel}
	options := w.ofDeployment()
	options.Config = rest.CopyConfig(options.Config)
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { s := s; s.next = next; return s })
	p := thirds()
	p.Mode = plan.Partition
	ended := make(chan error, 1)
	go func() {
		_, err := agent.Run(ctx, p, options, func(_ rollout.Observed, d rollout.Decision) {
			if slices.ContainsFunc(d.Actions, func(a rollout.Action) bool { return a.Fields != nil && a.Fields.Opens() }) {
				s.decided.Store(true)
			}
		})
		ended <- err
	}()
	kubetest.Eventually(t, "the agent has ended", func() (bool, string) { return len(ended) > 0, "it goes on" })
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}
