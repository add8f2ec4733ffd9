// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// says runs Arm or Disarm and holds what a person is told against the words.
func (w *world) says(act func(context.Context, steer.Options) (string, error), options agent.Options, words string) {
	w.t.Helper()
	said, err := act(w.t.Context(), person(options))
	if err != nil || !strings.Contains(said, words) {
		w.t.Errorf("said %q, %v; want %q", said, err, words)
	}
}

// TestArm is the life of a StatefulSet whose Git leaves the partition out: armed before the template changes, released,
// scaled at rest, and disarmed.
func TestArm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	options := w.optionsOf("StatefulSet")
	w.says(steer.Arm, options, "does not exist: apply it before its release: nothing to arm")
	w.Create(t, w.Path("statefulsets"), strings.Replace(stateful(3, 0), ", rollingUpdate: {partition: 0}", "", 1))
	w.settled(3, "v1")
	w.says(steer.Arm, options, "is armed: its partition was 0 and is 1000000")
	w.says(steer.Arm, options, "is armed already")
	w.statefulImage("v2")
	kubetest.Eventually(t, "the controller sees the new template", func() (bool, string) {
		set := w.Get(t, w.Path("statefulsets", "demo"))
		return kubetest.Field(set, "status", "currentRevision") != kubetest.Field(set, "status", "updateRevision"), ""
	})
	for name, image := range w.podImages() {
		if image != "example.com/app:v1" {
			t.Errorf("%s runs %s before the release", name, image)
		}
	}
	if _, err := steer.Disarm(t.Context(), person(options)); !errors.Is(err, kube.ErrInvalid) {
		t.Errorf("disarmed with pods of two revisions: %v", err)
	}
	if d, written := w.steps(thirds(), options); d.Reason != plan.Completed || written[len(written)-1] != "1000000" {
		t.Fatalf("ended with %s: %s, partitions %v", d.Reason, d.Message, written)
	}
	w.Patch(t, w.Path("statefulsets", "demo"), map[string]any{"spec": map[string]any{"replicas": 5}})
	w.settled(5, "v2")
	w.says(steer.Disarm, options, "is not armed by slipway any more")
	if p := w.partitionOf("statefulsets"); p != nil && p != float64(0) {
		t.Errorf("the partition is still %v", p)
	}
	if got := owned(t, w.Get(t, w.Path("statefulsets", "demo"))); got != "" {
		t.Errorf("slipway still owns %s", got)
	}
	for _, kind := range []string{"leases", "configmaps"} {
		for _, o := range kubetest.Field(w.Get(t, w.Path(kind)), "items").([]any) {
			if name := fmt.Sprint(kubetest.Field(o, "metadata", "name")); kind == "leases" ||
				name != "kube-root-ca.crt" && name != "slipway-demo.statefulset" {
				t.Errorf("%s %s is left", kind, name)
			}
		}
	}
}

// TestArmDeployment pauses a Deployment, and takes off what it has written and nothing else.
func TestArmDeployment(t *testing.T) {
	t.Parallel()
	inGit := deployment(2, "1", "0")
	free := strings.NewReplacer("  paused: true\n", "", "2147483647", "300").Replace(inGit)
	const no = "" // arm is not called
	for name, c := range map[string]struct {
		manifest, armed, removed string
		refused                  bool
		after                    string
	}{
		"paused by slipway": {
			free, "is armed: it is paused, and its progressDeadlineSeconds was 300 and is 2147483647",
			"is not paused any more, and its progressDeadlineSeconds is 600", false, "paused <nil> deadline 600\n",
		},
		"paused by slipway, the deadline is Git's": {
			strings.Replace(inGit, "  paused: true\n", "", 1), "is armed: it is paused", "is not paused any more", false,
			"paused <nil> deadline 2.147483647e+09\n",
		},
		"paused in Git": {
			inGit, "is armed already: it is paused", "it was paused by kubetest (Update, last at", true,
			"paused true deadline 2.147483647e+09\n",
		},
		"never armed": {free, no, "is not armed: it is not paused", false, "paused <nil> deadline 300\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			web := w.Path("deployments", "web")
			w.Create(t, w.Path("deployments"), c.manifest)
			if c.armed != no {
				w.says(steer.Arm, w.ofDeployment(), c.armed)
			}
			kubetest.Eventually(t, "its controller has seen it", func() (bool, string) {
				d := w.Get(t, web)
				return kubetest.Field(d, "status", "observedGeneration") == kubetest.Field(d, "metadata", "generation"), ""
			})
			said, err := steer.Disarm(t.Context(), person(w.ofDeployment()))
			if (err != nil) != c.refused || !strings.Contains(fmt.Sprint(said, err), c.removed) {
				t.Errorf("said %q, %v; want %q", said, err, c.removed)
			}
			d := w.Get(t, web)
			got := fmt.Sprintln("paused", kubetest.Field(d, "spec", "paused"), "deadline",
				kubetest.Field(d, "spec", "progressDeadlineSeconds"))
			if got != c.after {
				t.Errorf("%s, want %s", got, c.after)
			}
		})
	}
}

// TestArmLeavesAReleaseAlone runs in the middle of one.
func TestArmLeavesAReleaseAlone(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 3, 3)
	w.statefulImage("v2")
	p := thirds()
	p.Mode = plan.Partition
	said := ""
	d, err := agent.Run(t.Context(), p, w.optionsOf("StatefulSet"), func(_ rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.BatchReady && said == "" {
			other := w.optionsOf("StatefulSet")
			other.Identity = "hook"
			said, _ = steer.Arm(t.Context(), person(other))
		}
	})
	if err != nil || d.Reason != plan.Completed || !strings.Contains(said,
		"is being released by agent: its partition is left alone") {
		t.Errorf("ended with %s: %s, %v; said %q", d.Reason, d.Message, err, said)
	}
}

// TestPausedInGit arms by a pause: nothing is written while it lasts, and the agent says what to do before it ends.
func TestPausedInGit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{paused: true, maxUnavailable: 1}`))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go w.control(ctx, 4, make(chan any, 1000))
	p := thirds()
	p.Mode = plan.Partition
	paused := make(chan string, 1)
	ended := make(chan rollout.Decision, 1)
	go func() {
		d, err := agent.Run(ctx, p, w.optionsOf("CloneSet"), func(_ rollout.Observed, d rollout.Decision) {
			if d.Reason == plan.PausedBySpec {
				select {
				case paused <- d.Message:
				default:
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		ended <- d
	}()
	if message := <-paused; !strings.Contains(message, "its partition is 0: set it to 100% before you take the pause off") {
		t.Errorf("%s", message)
	}
	writes := w.Requests(t, w.namespace).Writes().By("slipway").Where(
		func(r kubetest.Request) bool { return r.Resource == "clonesets" })
	if len(writes) > 0 {
		t.Errorf("%d writes while paused", len(writes))
	}
	w.PatchStrategy(map[string]any{"partition": "100%"})
	w.PatchStrategy(map[string]any{"paused": false})
	if d := <-ended; d.Reason != plan.Completed {
		t.Errorf("ended with %s: %s", d.Reason, d.Message)
	}
}
