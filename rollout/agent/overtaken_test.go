// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// between lets something happen after the first deletion of a pod, before the agent goes on with its list.
type between struct {
	next    http.RoundTripper
	happens func()
	word    string // of the event by which the agent hears of it; "": there is none
	of      string // the resource whose watch that is
	heard   chan struct{}
	once    *sync.Once
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil && b.word != "" && r.URL.Query().Get("watch") != "" && strings.HasSuffix(r.URL.Path, "/"+b.of) {
		response.Body = &hears{ReadCloser: response.Body, word: b.word, heard: sync.OnceFunc(func() { close(b.heard) })}
	}
	if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/pods/") {
		b.once.Do(func() {
			b.happens()
			if b.word != "" {
				<-b.heard
			}
		})
	}
	return response, err
}

// hears tells once the reader of a watch asks for more than the event with a word, which is a line: by then it has taken it in.
// While it has read but a part of the line, it asks for the rest.
type hears struct {
	io.ReadCloser
	text  bytes.Buffer
	word  string
	heard func()
}

func (h *hears) Read(p []byte) (int, error) {
	if _, rest, found := bytes.Cut(h.text.Bytes(), []byte(h.word)); found && bytes.IndexByte(rest, '\n') >= 0 {
		h.heard()
	}
	n, err := h.ReadCloser.Read(p)
	h.text.Write(p[:n])
	return n, err
}

// TestListIsGivenUpWhenItIsOvertaken: what comes in after the first of five deletions of one list stops the other four.
func TestListIsGivenUpWhenItIsOvertaken(t *testing.T) {
	var late atomic.Int64 // how far the agent's clock has jumped
	for _, c := range []struct {
		name, of, word string
		happens        func(w *world)
		ends           func(d rollout.Decision, err error) bool
	}{
		{
			"held by a person", "configmaps", `"ask\":\"Pause`, func(w *world) {
				w.ask(w.release(w.Client), rollout.Request{Kind: rollout.Pause})
			}, nil,
		},
		{
			"another template", "clonesets", "app:v3", func(w *world) { w.Image("v3") },
			func(d rollout.Decision, err error) bool { return err == nil && d.Reason == plan.Superseded },
		},
		{
			"a lock that is lost while the process stands still", "", "", func(w *world) {
				name := kubetest.Field(w.leases()[0], "metadata", "name").(string)
				w.Patch(w.t, w.Path("leases", name), map[string]any{"spec": map[string]any{"holderIdentity": "thief"}})
				late.Store(int64(time.Hour))
			}, func(_ rollout.Decision, err error) bool { return held(err) != nil && held(err).Holder == "thief" },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(10, `{type: ReCreate, maxUnavailable: 5}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			options := w.Options()
			options.Parallel, options.Config = 1, rest.CopyConfig(options.Config)
			if c.word == "" {
				options.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
			}
			shared := between{
				happens: func() { c.happens(w) }, of: c.of, word: c.word, heard: make(chan struct{}), once: new(sync.Once),
			}
			options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				b := shared
				b.next = next
				return b
			})
			before := w.deletions()
			agent := w.start(plan.BatchPlan{}, options)
			if c.ends == nil {
				agent.stands(plan.HeldByPerson)
			} else if <-agent.ended; !c.ends(agent.decision, agent.err) {
				t.Errorf("ended with %s: %s, %v", agent.decision.Reason, agent.decision.Message, agent.err)
			}
			if n := w.deletions() - before; n != 1 {
				t.Errorf("%d pods were deleted, 4 of them after it: want 1", n)
			}
		})
	}
}

// deletions are how many pods the agent has deleted.
func (w *world) deletions() int {
	w.t.Helper()
	return len(w.podWrites().Accepted().Where(func(r kubetest.Request) bool { return r.Verb == "delete" }))
}
