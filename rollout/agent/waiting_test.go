// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestWhyABatchIsNotReady says it in the kubelet's words: while the batch waits, in an Event, in the status, and in the end. The
// plan gives up on such a pod long before its deadline.
func TestWhyABatchIsNotReady(t *testing.T) {
	for _, c := range []struct{ tag, kind, reason, words string }{
		{kubetest.TagMissing, "ReCreate", "ImagePullBackOff", `ImagePullBackOff: Back-off pulling image "example.com/app:missing"`},
		{kubetest.TagMissing, "InPlaceIfPossible", "ImagePullBackOff", `ImagePullBackOff: Back-off pulling image "example.com/app:missing"`},
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
			if want := "given up after 1s by failFast: 1 pod " + c.words; !strings.Contains(d.Message, want) || !strings.Contains(d.Message, "since ") {
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
