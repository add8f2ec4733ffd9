// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// slowDelete holds the first deletion of a pod back, as a slow server or webhook does, until pods that the decision counted on
// are lost and the agent's watch has brought it.
type slowDelete struct {
	next    http.RoundTripper
	victims func() []string
	delete  func(pod string)
	lost    chan struct{} // closed once the watch has told of every victim
	once    *sync.Once
}

func (s slowDelete) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/pods/") {
		s.once.Do(func() {
			for _, pod := range s.victims() {
				s.delete(pod)
			}
			select {
			case <-s.lost:
			case <-r.Context().Done():
			}
		})
	}
	response, err := s.next.RoundTrip(r)
	if err == nil && r.URL.Query().Get("watch") != "" && strings.HasSuffix(r.URL.Path, "/pods") {
		response.Body = &told{ReadCloser: response.Body, wanted: 3, done: s.lost}
	}
	return response, err
}

// told closes a channel when the events that were read speak of so many deletions.
type told struct {
	io.ReadCloser
	text   bytes.Buffer
	wanted int
	done   chan struct{}
	closed bool
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.text.Write(p[:n])
	if !t.closed && bytes.Count(t.text.Bytes(), []byte(`"deletionTimestamp"`)) >= t.wanted {
		t.closed = true
		close(t.done)
	}
	return n, err
}

// TestListIsGivenUpWhenPodsAreLost loses three of ten pods while a list of five deletions is written one by one: no more than
// the budget of five may be missing then.
func TestListIsGivenUpWhenPodsAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(10, `{type: ReCreate, maxUnavailable: 5}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("unready")
	var victims []string
	options := w.Options()
	options.Parallel, options.Config = 1, rest.CopyConfig(options.Config)
	shared := slowDelete{
		victims: func() []string { return victims }, delete: func(pod string) { w.Delete(t, w.Path("pods", pod)) },
		lost: make(chan struct{}), once: new(sync.Once),
	}
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		s := shared
		s.next = next
		return s
	})
	d, err := agent.Run(t.Context(), plan.BatchPlan{ProgressDeadline: 5 * time.Second}, options,
		func(o rollout.Observed, d rollout.Decision) {
			taken := map[string]bool{}
			for _, a := range d.Actions {
				taken[a.Pod.Name] = true
			}
			if len(victims) > 0 || len(d.Actions) < 5 {
				return
			}
			for _, p := range o.Pods {
				if !taken[p.Name] && len(victims) < 3 {
					victims = append(victims, p.Name)
				}
			}
		})
	if err != nil || d.Reason != plan.DeadlineExceeded || len(victims) != 3 {
		t.Fatalf("ended with %s: %s, %v; %d pods were lost", d.Reason, d.Message, err, len(victims))
	}
	ready := 0
	for _, p := range kubetest.Field(w.Get(t, w.Path("pods")), "items").([]any) {
		for _, c := range kubetest.Field(p, "status", "conditions").([]any) {
			if kubetest.Field(c, "type") == "Ready" && kubetest.Field(c, "status") == "True" &&
				kubetest.Field(p, "metadata", "deletionTimestamp") == nil {
				ready++
			}
		}
	}
	if ready < 5 {
		t.Errorf("%d pods are ready, fewer than the 5 that the budget keeps", ready)
	}
}
