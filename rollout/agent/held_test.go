// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// newHeld is a world of two pods, of which one is as an agent leaves it that was killed between a resize and the label: held,
// with the memory of a revision that its CloneSet has no more.
func newHeld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, resizable(2, `{type: InPlaceIfPossible, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	pod := kubetest.Field(w.Get(t, w.Path("pods")), "items", 0)
	name := fmt.Sprint(kubetest.Field(pod, "metadata", "name"))
	w.Patch(t, w.Path("pods", name), map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{"slipway.dev/resize": "demo-third"},
	}})
	container := kubetest.Field(pod, "spec", "containers", 0).(map[string]any)
	for _, kind := range []string{"limits", "requests"} {
		kubetest.Field(container, "resources", kind).(map[string]any)["memory"] = "96Mi"
	}
	w.Patch(t, w.Path("pods", name, "resize"), map[string]any{"spec": map[string]any{"containers": []any{container}}})
	kubetest.Eventually(t, "the pod has the memory", func() (bool, string) {
		status := kubetest.Field(w.Get(t, w.Path("pods", name)), "status", "containerStatuses", 0, "resources")
		return kubetest.Field(status, "limits", "memory") == "96Mi", fmt.Sprint(status)
	})
	return w
}

// TestHeldForAnotherRelease: a pod that a killed agent held for a revision that was superseded gets all amounts of the one that
// is released now, also those that this one does not change.
func TestHeldForAnotherRelease(t *testing.T) {
	t.Parallel()
	w := newHeld(t)
	w.resize("v2", "memory", "64Mi", "64Mi") // as before: the image alone changes
	w.Release(plan.BatchPlan{}, plan.Completed)
	if diff := cmp.Diff([]string{"v2 500m 64Mi, 250m 64Mi"}, w.amountsWithoutRestarts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHeldOfAnUnknownRevision gives a held pod back when the release is stopped. Where its revision is gone nobody knows what it
// had, and the agent says so.
func TestHeldOfAnUnknownRevision(t *testing.T) {
	t.Parallel()
	w := newHeld(t)
	w.resize("v2", "memory", "64Mi", "64Mi")
	for _, r := range kubetest.Field(w.Get(t, w.Path("controllerrevisions")), "items").([]any) {
		w.Delete(t, w.Path("controllerrevisions", fmt.Sprint(kubetest.Field(r, "metadata", "name"))))
	}
	stop := make(chan string, 1)
	stop <- "a test"
	options := w.Options()
	var warned []string
	options.Stop, options.Warn = stop, func(err error) { warned = append(warned, err.Error()) }
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	if d, err := agent.Run(ctx, plan.BatchPlan{}, options, w.Log()); err != nil || d.Reason != plan.AbortedByPerson {
		t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	if said := strings.Join(warned, "\n"); !strings.Contains(said, "has left it with cpu and memory that may not be its own") {
		t.Errorf("it said %q", said)
	}
}

// meddler writes a label on a pod when an agent has just marked it as held, and lets that one know of its own write only once
// the agent has seen the label.
type meddler struct {
	next  http.RoundTripper
	w     *world
	state *meddling
}

type meddling struct {
	once, told sync.Once
	seen       chan struct{} // closed when the agent has taken the event in
}

const meddled = `"meddled":"yes"`

func (m meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Method == http.MethodPatch && r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	answer, err := m.next.RoundTrip(r)
	switch {
	case err != nil:
	case r.URL.Query().Has("watch") && strings.HasSuffix(r.URL.Path, "/pods"):
		answer.Body = &watched{ReadCloser: answer.Body, state: m.state}
	case strings.Contains(string(body), `"slipway.dev/resize":"`):
		m.state.once.Do(func() {
			label := map[string]any{"metadata": map[string]any{"labels": map[string]any{"meddled": "yes"}}}
			if _, err = m.w.TryPatch(r.URL.Path, label); err == nil {
				select {
				case <-m.state.seen:
				case <-r.Context().Done():
				}
			}
		})
	}
	return answer, err
}

// watched is a watch, of which it is known when an event has been taken in: its reader comes back for the next one.
type watched struct {
	io.ReadCloser
	state   *meddling
	in, was bool // the event is being read; it has been
}

func (w *watched) Read(p []byte) (int, error) {
	if w.was {
		w.was = false
		w.state.told.Do(func() { close(w.state.seen) })
	}
	n, err := w.ReadCloser.Read(p)
	w.in = w.in || bytes.Contains(p[:n], []byte(meddled))
	if w.in && bytes.HasSuffix(p[:n], []byte("\n")) {
		w.in, w.was = false, true
	}
	return n, err
}

// TestWritesOfAnActionAreOnWhatItHasLeft: what somebody writes on a pod between two writes of one action is looked at before the
// second.
func TestWritesOfAnActionAreOnWhatItHasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resizable(1, `{type: InPlaceOnly, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.resize("v1", "memory", "96Mi", "96Mi")
	options := w.Options()
	options.Config = rest.CopyConfig(options.Config)
	state := &meddling{seen: make(chan struct{})}
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { return meddler{next: next, w: w, state: state} })
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	if d, err := agent.Run(ctx, plan.BatchPlan{}, options, w.Log()); err != nil || d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	var codes []int
	for _, r := range w.Requests(t, w.namespace).Writes() {
		if r.Subresource == "resize" {
			codes = append(codes, r.Code)
		}
	}
	if len(codes) < 2 || codes[0] != http.StatusConflict { // later ones may meet the kubelet
		t.Errorf("the answers to resizes are %v, the first one has to be a conflict", codes)
	}
	if diff := cmp.Diff([]string{"v1 500m 96Mi, 250m 96Mi"}, w.amountsWithoutRestarts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
