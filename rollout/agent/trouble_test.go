// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestPodsThatDoNotGetReady stops at the deadline, and no pod that serves is lost.
func TestPodsThatDoNotGetReady(t *testing.T) {
	for _, tag := range []string{kubetest.TagCrash, kubetest.TagMissing, kubetest.TagUnready} {
		for _, kind := range []string{"ReCreate", "InPlaceIfPossible"} {
			t.Run(tag+" "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, agenttest.CloneSet(4, `{type: `+kind+`, maxSurge: 0, maxUnavailable: 1}`))
				w.Release(plan.BatchPlan{}, plan.Completed)
				w.Image(tag)
				watch := w.watchPods(4, 0, 1, 0, tag)
				ctx, cancel := context.WithTimeout(t.Context(), hangs)
				defer cancel()
				w.ReleaseWith(ctx, plan.BatchPlan{ProgressDeadline: 2 * time.Second}, w.Options(), plan.DeadlineExceeded)
				watch.verify(t, w)
				if row := w.Row(); !strings.HasPrefix(row, "demo 4 1 0 3 4") {
					t.Errorf("row %s", row)
				}
				reason := kubetest.Field(w.progressing(), "reason")
				if reason != "ProgressDeadlineExceeded" {
					t.Errorf("the status says %v", reason)
				}
				// The same release, started again, has the same end. With another image it goes on.
				w.ReleaseWith(ctx, plan.BatchPlan{ProgressDeadline: 2 * time.Second}, w.Options(), plan.DeadlineExceeded)
				w.Image("v3")
				w.Release(plan.BatchPlan{}, plan.Completed)
			})
		}
	}
}

func (w *world) progressing() any {
	w.t.Helper()
	for _, c := range kubetest.Field(w.Get(w.t, w.Path("clonesets", "demo")), "status", "conditions").([]any) {
		if kubetest.Field(c, "type") == "Progressing" {
			return c
		}
	}
	return nil
}

// pullsFail gives a batch up whose image, kubetest.TagMissing, cannot be pulled. A deadline would have to be long enough for
// the pods that come back, however busy the machine is.
func pullsFail() plan.FailFast {
	return plan.FailFast{Reasons: []string{"ImagePullBackOff"}, After: time.Second}
}

// TestRollback returns to the stable revision when the new one does not get ready.
func TestRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image(kubetest.TagMissing)
	w.Release(plan.BatchPlan{FailFast: pullsFail(), OnFailure: plan.Rollback}, plan.RolledBack)
	if row := w.Row(); !strings.HasPrefix(row, "demo 4 0 0 4 4") {
		t.Errorf("row %s", row)
	}
}

// TestPodsThatEndOrStay covers evicted pods, which are replaced, and pods that hang while they terminate, which are not
// waited for.
func TestPodsThatEndOrStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	pods := w.Pods()
	w.annotate(pods[0], kubetest.AnnotationStuck)
	w.annotate(pods[1], kubetest.AnnotationEvict)
	w.Image("v2")
	w.Release(plan.BatchPlan{}, plan.Completed)
	if row := w.Row(); !strings.HasPrefix(row, "demo 3 3 3 3 3") {
		t.Errorf("row %s", row)
	}
	pod, err := w.TryGet(w.Path("pods", pods[0]))
	if err != nil || kubetest.Field(pod, "metadata", "deletionTimestamp") == nil {
		t.Errorf("the stuck pod: %v, %v", pod, err)
	}
}

// pods are the names of the pods.
func (w *world) annotate(pod, annotation string) {
	w.t.Helper()
	w.Patch(w.t, w.Path("pods", pod), map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotation: "yes"}}})
}

// TestChangedBySomebodyElse covers what people do to a CloneSet in the middle of its release.
func TestChangedBySomebodyElse(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*world)
		reason   plan.Reason
		deadline time.Duration
	}{
		{"another template", func(w *world) { w.Image("v3") }, plan.Superseded, time.Hour},
		{"deleted", func(w *world) { w.Delete(w.t, w.Path("clonesets", "demo")) }, plan.Superseded, time.Hour},
		{"scaled out", func(w *world) { w.scale(5); w.Image("unready-2"); w.Image("unready") }, "", 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("unready")
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			changed := false
			d, err := agent.Run(ctx, plan.BatchPlan{ProgressDeadline: c.deadline}, w.Options(),
				func(_ rollout.Observed, d rollout.Decision) {
					if d.Verdict == rollout.Wait && !changed {
						changed = true
						c.change(w)
					}
				})
			if err != nil || c.reason != "" && d.Reason != c.reason {
				t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
			}
		})
	}
}

func (w *world) scale(replicas int) {
	w.t.Helper()
	w.Patch(w.t, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{"replicas": replicas}})
}

// TestPausedMeansNoWrites holds I7 on the API server's own log.
func TestPausedMeansNoWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.PatchStrategy(map[string]any{"paused": true})
	w.Image("v2")
	before := len(w.podWrites())
	_, ended := w.startUnready("first")
	kubetest.Eventually(t, "the status says that it is paused", func() (bool, string) {
		c := w.progressing()
		return kubetest.Field(c, "reason") == "CloneSetPaused", ""
	})
	if n := len(w.podWrites()); n != before {
		t.Errorf("%d pod writes while paused", n-before)
	}
	w.PatchStrategy(map[string]any{"paused": false})
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func (w *world) podWrites() kubetest.Log {
	w.t.Helper()
	return w.Requests(w.t, w.namespace).Writes().By("slipway").Where(func(r kubetest.Request) bool { return r.Resource == "pods" })
}

// TestBadInput tells what is wrong and writes nothing.
func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, manifest, message string
		options                 func(*agent.Options)
		invalid                 bool
	}{
		{"neither surge nor unavailable", agenttest.CloneSet(3, `{maxSurge: 0, maxUnavailable: 0}`), "both 0", nil, true},
		{"unreadable bound", agenttest.CloneSet(3, `{maxUnavailable: "a few"}`), "maxUnavailable", nil, true},
		{"no such CloneSet", "", "does not exist", nil, false},
		{
			"no such kind", "", "no CloneSets of apps.kruise.io/v1beta1", func(o *agent.Options) { o.Version = "apps.kruise.io/v1beta1" },
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			if c.manifest != "" {
				if _, err := w.TryCreate(w.Path("clonesets"), c.manifest); err != nil {
					t.Skipf("the definition refuses it already: %v", err)
				}
			}
			options := w.Options()
			if c.options != nil {
				c.options(&options)
			}
			d, err := agent.Run(t.Context(), plan.BatchPlan{}, options, nil)
			if message := d.Message; err != nil {
				message = err.Error()
				if !strings.Contains(message, c.message) {
					t.Errorf("%s", message)
				}
			} else if d.Reason != plan.Invalid || !strings.Contains(message, c.message) {
				t.Errorf("ended with %s: %s", d.Reason, message)
			}
			if c.invalid && err != nil && !errors.Is(err, kube.ErrInvalid) {
				t.Errorf("not told to be invalid: %v", err)
			}
			if n := len(w.Requests(t, w.namespace).Writes().By("slipway")); n != 0 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

// TestPodsOfSomebodyElse have the CloneSet's labels but another owner, or none: they are neither counted nor touched.
func TestPodsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`))
	w.Create(t, w.Path("pods"), `{apiVersion: v1, kind: Pod, metadata: {name: stray, labels: {app: demo}}, spec: {containers: `+
		`[{name: app, image: "example.com/app:v0"}]}}`)
	w.Release(plan.BatchPlan{}, plan.Completed)
	if row := w.Row(); !strings.HasPrefix(row, "demo 2 2 2 2 2") {
		t.Errorf("row %s", row)
	}
	if kubetest.Field(w.Get(t, w.Path("pods", "stray")), "metadata", "deletionTimestamp") != nil {
		t.Error("the stray pod was deleted")
	}
}

// TestServerThatStartsAgain goes on where it was when the API server is back. Until that knows the roles again, it refuses what
// the agent may do.
func TestServerThatStartsAgain(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	own := worldIn(t, c)
	c.Install(t, crd.CloneSet())
	own.Create(t, own.Path("clonesets"), agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	own.Release(plan.BatchPlan{}, plan.Completed)
	own.Image("v2")
	user := own.User(t, own.namespace, agenttest.Rights(false)...)
	kubetest.Eventually(t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(own.Path("clonesets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	options := own.Options()
	options.Config = agenttest.Config(t, user.Client)
	stopped := false
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	d, err := agent.Run(ctx, plan.BatchPlan{}, options, func(o rollout.Observed, d rollout.Decision) {
		if o.Counts().Updated > 0 && !stopped {
			stopped = true
			kubetest.Eventually(t, "the lock is renewed", func() (bool, string) {
				spec := kubetest.Field(own.leases()[0], "spec")
				return kubetest.Field(spec, "renewTime") != kubetest.Field(spec, "acquireTime"), fmt.Sprint(spec)
			})
			c.StopAPI(t)
			c.StartAPI(t)
		}
	})
	if err != nil || d.Reason != plan.Completed {
		t.Fatalf("ended with %s, %v", d.Reason, err)
	}
}

// TestRefusesWhereAControllerIsAlive holds what auto says when the status is somebody else's.
func TestRefusesWhereAControllerIsAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`))
	body := []byte(`{"status": {"observedGeneration": 1, "replicas": 2}}`)
	code, answer, err := w.Do(http.MethodPatch, w.Path("clonesets", "demo", "status")+"?fieldManager=manager",
		"application/merge-patch+json", body)
	if err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, answer)
	}
	_, err = agent.Run(t.Context(), plan.BatchPlan{}, w.Options(), nil)
	if !errors.Is(err, agent.ErrControlled) || !strings.Contains(err.Error(), "written by manager") {
		t.Fatalf("ended with %v", err)
	}
	if n := len(w.Requests(t, w.namespace).Writes().By("slipway")); n != 0 {
		t.Errorf("%d writes", n)
	}
	options := w.Options()
	options.Force = true
	w.ReleaseWith(t.Context(), plan.BatchPlan{}, options, plan.Completed)
}
