// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// stay runs an agent that stays until the test ends, and waits for its first rest.
func (w *world) stay(options agent.Options) (stop func() error) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	options.Stay = true
	go func() {
		_, err := agent.Run(ctx, plan.BatchPlan{}, options, nil)
		ended <- err
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	w.t.Cleanup(func() { _ = stop() })
	return stop
}

// TestStay heals pods between releases and begins the next release by itself.
func TestStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	stop := w.stay(w.Options())
	row := func(want string) {
		kubetest.Eventually(t, want, func() (bool, string) { return w.Row() == "demo "+want, w.Row() })
	}
	row("2 2 2 2 2")
	// The pod in its place may have its name, but is another one.
	lost := w.uids()[0]
	w.Delete(t, w.Path("pods", w.Pods()[0]))
	kubetest.Eventually(t, "the pod is replaced", func() (bool, string) {
		live := w.uids()
		return len(live) == 2 && len(w.live()) == 2 && !slices.Contains(live, lost), fmt.Sprint(live)
	})
	row("2 2 2 2 2")
	w.Image("v2")
	kubetest.Eventually(t, "the next release is done", func() (bool, string) {
		return w.end(2)[:16] == "2 of 2 updated; " && kubetest.Field(w.progressing(), "reason") == "CloneSetAvailable", w.end(2)
	})
	if err := stop(); err == nil {
		t.Error("an agent that was stopped did not say so")
	}
}

// TestAChangeInTheAnswerToAnOwnWrite changes the template just before the agent writes the status that it waits with: the
// answer is the only thing that shows the new template, because watches show nothing any more.
func TestAChangeInTheAnswerToAnOwnWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	var proxy *kubetest.Proxy
	var change sync.Once
	proxy = w.Proxy(t, func(r *http.Request) kubetest.Fault {
		if r.Method != http.MethodPatch || !strings.HasSuffix(r.URL.Path, "/demo/status") {
			return kubetest.Fault{}
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil && bytes.Contains(body, []byte("waiting for approval")) {
			change.Do(func() {
				proxy.HoldWatches()
				w.Image("v3")
			})
		}
		return kubetest.Fault{}
	})
	options := w.Options()
	options.Config = agenttest.Config(t, proxy.For(w.Client))
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}},
		{Replicas: plan.Percent(100)},
	}}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	w.ReleaseWith(ctx, p, options, plan.Superseded)
}
