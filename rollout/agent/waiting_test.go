// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"strings"
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

// TestWhyABatchIsNotReady says it in the kubelet's words: while the batch waits, in an Event, in the status, and in the end. The
// plan gives up on such a pod long before its deadline.
func TestWhyABatchIsNotReady(t *testing.T) {
	for _, c := range []struct{ tag, kind, reason, words string }{
		{kubetest.TagMissing, "ReCreate", "ImagePullBackOff", `ImagePullBackOff: Back-off pulling image "example.com/app:missing"`},
		{
			kubetest.TagMissing, "InPlaceIfPossible", "ImagePullBackOff",
			`ImagePullBackOff: Back-off pulling image "example.com/app:missing"`,
		},
		{kubetest.TagCrash, "ReCreate", "CrashLoopBackOff", "CrashLoopBackOff: "},
	} {
		t.Run(c.tag+" "+c.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(3, `{type: `+c.kind+`, maxSurge: 0, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image(c.tag)
			waited := ""
			p := plan.BatchPlan{ProgressDeadline: time.Hour, FailFast: plan.FailFast{Reasons: []string{c.reason}, After: time.Second}}
			d, err := agent.Run(t.Context(), p, w.Options(), func(_ rollout.Observed, d rollout.Decision) {
				if d.Verdict == rollout.Wait && strings.Contains(d.Message, c.words) {
					waited = d.Message
				}
			})
			if err != nil || d.Reason != plan.ThresholdExceeded || d.Reason.ExitCode() != 11 {
				t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
			}
			if want := "given up after 1s by failFast: 1 pod " + c.words; !strings.Contains(d.Message, want) ||
				!strings.Contains(d.Message, "since ") {
				t.Errorf("the end is %s; want %s", d.Message, want)
			}
			if !strings.HasPrefix(waited, "batch 1 of 1: 1 of 3 pods updated, 0 ready") || !strings.Contains(waited, "; 1 pod "+c.words) {
				t.Errorf("it waited: %s", waited)
			}
			if said := strings.Join(w.events("PodsNotReady"), "\n"); !strings.Contains(said, c.words) {
				t.Errorf("Events: %s", said)
			}
			if said := kubetest.Field(w.progressing(), "message"); said != d.Message {
				t.Errorf("the status says %v", said)
			}
		})
	}
}

// TestWhyABatchOfAControllerIsNotReady has a controller replace the pods, whose status says nothing of them.
func TestWhyABatchOfAControllerIsNotReady(t *testing.T) {
	fast := plan.FailFast{Reasons: []string{"ImagePullBackOff"}, After: time.Second}
	p := plan.BatchPlan{Batches: thirds().Batches, ProgressDeadline: time.Hour, FailFast: fast}
	for _, c := range []struct {
		kind string
		run  func(*testing.T) (*world, agent.Options, rollout.Decision)
	}{
		{"StatefulSet", func(t *testing.T) (*world, agent.Options, rollout.Decision) {
			t.Helper()
			w := newStateful(t, 3, 3)
			w.statefulImage(kubetest.TagMissing)
			d, _ := w.steps(p, w.optionsOf("StatefulSet"))
			return w, w.optionsOf("StatefulSet"), d
		}},
		{"Deployment", func(t *testing.T) (*world, agent.Options, rollout.Decision) {
			t.Helper()
			w := newDeployment(t, 3, "1")
			w.deploymentImage(kubetest.TagMissing)
			d, _ := w.rolls(p, w.ofDeployment())
			return w, w.ofDeployment(), d
		}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			w, options, d := c.run(t)
			const words = `1 pod ImagePullBackOff: Back-off pulling image "example.com/app:missing"`
			if d.Reason != plan.ThresholdExceeded || !strings.Contains(d.Message, "batch 1 of 3: given up after 1s by failFast: "+words) {
				t.Fatalf("ended with %s: %s", d.Reason, d.Message)
			}
			v, err := steer.Open(person(options), nil)
			if err != nil {
				t.Fatal(err)
			}
			s := w.look(v)
			if holding := s.Observed.Holding(); len(holding) != 1 || holding[0].Reason != "ImagePullBackOff" ||
				holding[0].Container != "app" {
				t.Errorf("from outside it looks like %+v, %v", holding, s.Unseen)
			}
		})
	}
}

// TestWhyIsToldWhoMayListPods shows a release to somebody without that right, too.
func TestWhyIsToldWhoMayListPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	w.ready()
	w.Image(kubetest.TagMissing)
	agent := w.start(plan.BatchPlan{}, w.Options())
	agent.stands(plan.PodsNotReady)
	for _, whole := range []bool{true, false} {
		var rules []kubetest.Rule
		for _, r := range agenttest.Rules(manifests.PeopleRules(plan.Kinds()[0], "demo", plan.Direct, true)) {
			if whole || r.Resources[0] != "pods" {
				rules = append(rules, r)
			}
		}
		user := w.User(t, w.namespace, rules...)
		kubetest.Eventually(t, "the rights are known", func() (bool, string) {
			_, err := user.TryGet(w.Path("clonesets", "demo"))
			return err == nil, fmt.Sprint(err)
		})
		v := w.release(user.Client)
		kubetest.Eventually(t, "why it waits is known", func() (bool, string) {
			s := w.look(v)
			told := strings.Contains(s.Decision.Message, "1 pod ImagePullBackOff")
			return s.Decision.Reason == plan.PodsNotReady && told == whole && (s.Unseen == nil) == whole,
				fmt.Sprintf("%+v %v", s.Decision, s.Unseen)
		})
	}
}

// TestWhichPodDoesNotGo: a pod whose node is dead stays while it terminates, and until it is gone its controller makes none in
// its place. That is said with its name.
func TestWhichPodDoesNotGo(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T) (*world, agent.Options, plan.Mode){
		"StatefulSet": func(t *testing.T) (*world, agent.Options, plan.Mode) {
			t.Helper()
			w := newStateful(t, 3, 3)
			w.statefulImage("v2")
			return w, w.optionsOf("StatefulSet"), plan.Partition
		},
		"StatefulSet of OnDelete": func(t *testing.T) (*world, agent.Options, plan.Mode) {
			t.Helper()
			w := newOnDelete(t, 3, "OrderedReady")
			w.statefulImage("v2")
			return w, w.optionsOf("StatefulSet"), plan.Delete
		},
		"DaemonSet": func(t *testing.T) (*world, agent.Options, plan.Mode) {
			t.Helper()
			d := newDaemons(t, 3, 0)
			d.image("v2")
			return d.world, d.options(), plan.Delete
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, options, mode := begin(t)
			for _, pod := range w.Pods() {
				w.annotate(pod, kubetest.AnnotationStuck)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			p := plan.BatchPlan{Mode: mode, Batches: thirds().Batches, ProgressDeadline: 4 * time.Second}
			d, err := agent.Run(ctx, p, options, w.Log())
			if err != nil || d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, "; 1 pod Terminating (demo-") {
				t.Errorf("ended with %s: %s, %v", d.Reason, d.Message, err)
			}
		})
	}
}
