// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// running is an agent at work in a test.
type running struct {
	w        *world
	stop     context.CancelFunc
	ended    chan struct{}
	decision rollout.Decision
	err      error

	mu   sync.Mutex
	seen []rollout.Decision
}

// start runs an agent until the release or the test ends.
func (w *world) start(plan rollout.Plan, options kube.Options) *running {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	r := &running{w: w, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.decision, r.err = kube.Run(ctx, plan, options, func(_ rollout.Observed, d rollout.Decision) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.seen = append(r.seen, d)
		})
	}()
	w.t.Cleanup(func() { stop(); <-r.ended })
	return r
}

// decided waits until the agent has decided for a reason.
func (r *running) decided(reason rollout.Reason) rollout.Decision {
	r.w.t.Helper()
	var found rollout.Decision
	kubetest.Eventually(r.w.t, "the agent decides "+string(reason), func() (bool, string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var all []string
		for _, d := range r.seen {
			if d.Reason == reason {
				found = d
				return true, ""
			}
			all = append(all, string(d.Reason)+": "+d.Message)
		}
		return false, strings.Join(all, "\n")
	})
	return found
}

// stands waits until the agent's last decision has a reason.
func (r *running) stands(reason rollout.Reason) rollout.Decision {
	r.w.t.Helper()
	var last rollout.Decision
	kubetest.Eventually(r.w.t, "the release stands at "+string(reason), func() (bool, string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.seen) > 0 {
			last = r.seen[len(r.seen)-1]
		}
		return last.Reason == reason, string(last.Reason) + ": " + last.Message
	})
	return last
}

// end waits for the end of the release, which must be the given one.
func (r *running) end(want rollout.Reason) {
	r.w.t.Helper()
	kubetest.Eventually(r.w.t, "the release ends", func() (bool, string) {
		select {
		case <-r.ended:
			return true, ""
		default:
			return false, "it runs"
		}
	})
	if r.err != nil || r.decision.Reason != want {
		r.w.t.Fatalf("ended with %s (%s), %v; want %s", r.decision.Reason, r.decision.Message, r.err, want)
	}
}

// visit is a person in front of the release, as the given client.
func (w *world) visit(c *kubetest.Client) *kube.Visit {
	w.t.Helper()
	options := w.options()
	options.Config, options.Identity = config(w.t, c), "somebody"
	v, err := kube.NewVisit(options, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) ask(v *kube.Visit, r rollout.Request) rollout.Answer {
	w.t.Helper()
	answer, err := v.Ask(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("%s: %v", r.Ask, err)
	}
	return answer
}

func (w *world) look(v *kube.Visit) kube.Sight {
	w.t.Helper()
	s, err := v.Look(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func refusal(err error) string {
	var r *rollout.Refusal
	if errors.As(err, &r) {
		return r.Why
	}
	return ""
}

var waits = rollout.Request{Ask: rollout.Approve, Batch: -1}

// approvals are three batches, the first two of which wait for approval.
func approvals() rollout.Plan {
	pause := rollout.Pause{UntilApproved: true}
	return rollout.Plan{Batches: []rollout.Batch{
		{Replicas: rollout.Pods(1), Pause: pause}, {Replicas: rollout.Pods(2), Pause: pause}, {Replicas: rollout.Percent(100)},
	}}
}

// ready is a CloneSet at rest on v1 whose template is v2 by now.
func (w *world) ready() {
	w.t.Helper()
	w.release(rollout.Plan{}, rollout.Completed)
	w.image("v2")
}

const people = `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`

// TestApprovalLetsTheBatchPass approves one batch as it waits and one ahead, as a user with exactly the rights that the help
// prints, and finds who and when in the agent's words, in the memory and in an Event.
func TestApprovalLetsTheBatchPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, set(3, people))
	w.ready()
	alice := w.person(false)
	v := w.visit(alice.Client)
	if _, err := v.Ask(t.Context(), waits); !strings.Contains(refusal(err), "has ended") {
		t.Errorf("an approval of the release before says %v", err)
	}
	agent := w.start(approvals(), w.options())
	agent.stands(rollout.AwaitingApproval)
	if s := w.look(v); s.Decision.Reason != rollout.AwaitingApproval || s.Agent.Holder != "agent" || s.Agent.Absent(time.Now()) != "" {
		t.Errorf("the release looks like %+v %+v", s.Decision, s.Agent)
	}
	ahead := rollout.Request{Ask: rollout.Approve, Batch: 1}
	if a := w.ask(v, ahead); !a.Changed {
		t.Errorf("ahead: %+v", a)
	}
	if a := w.ask(v, waits); !a.Changed || !strings.Contains(a.Message, "batch 1 of 3 approved by system:serviceaccount:"+w.namespace) {
		t.Errorf("approved: %+v", a)
	}
	agent.end(rollout.Completed)
	var said []string
	for _, d := range agent.seen {
		if d.Reason == rollout.BatchStarted && strings.Contains(d.Message, "; approved by system:serviceaccount:"+w.namespace) {
			said = append(said, d.Message)
		}
	}
	if len(said) != 2 {
		t.Errorf("the agent says %q", said)
	}
	if s := w.look(v); s.Decision.Reason != rollout.Completed || len(s.Observed.Progress.Requests) != 2 || s.Agent.Holder != "" {
		t.Errorf("in the end it looks like %+v", s)
	}
	if n := len(w.events("Approve")); n != 2 {
		t.Errorf("%d Events tell of approvals", n)
	}
}

// person is a user with the documented rights.
func (w *world) person(read bool, more ...kubetest.Rule) *kubetest.User {
	w.t.Helper()
	var rules []kubetest.Rule
	for _, r := range kube.PeopleRules("demo", read) {
		names, _ := r["resourceNames"].([]string)
		rules = append(rules, kubetest.Rule{APIGroups: r["apiGroups"].([]string), Resources: r["resources"].([]string), Verbs: r["verbs"].([]string), ResourceNames: names})
	}
	user := w.User(w.t, w.namespace, append(rules, more...)...)
	kubetest.Eventually(w.t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.path("clonesets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	return user
}

// events are the messages of the Events for a reason.
func (w *world) events(reason string) []string {
	w.t.Helper()
	var messages []string
	for _, e := range kubetest.Field(w.Get(w.t, w.path("events")), "items").([]any) {
		if kubetest.Field(e.(map[string]any), "reason") == reason {
			messages = append(messages, kubetest.Field(e.(map[string]any), "message").(string))
		}
	}
	return messages
}
