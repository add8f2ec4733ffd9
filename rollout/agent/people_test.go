// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// atWork is an agent at work in a test.
type atWork struct {
	w        *world
	stop     context.CancelFunc
	ended    chan struct{}
	decision rollout.Decision
	err      error

	mu   sync.Mutex
	seen []rollout.Decision
}

// start runs an agent until the release or the test ends.
func (w *world) start(plan plan.BatchPlan, options agent.Options) *atWork {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	r := &atWork{w: w, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.decision, r.err = agent.Run(ctx, plan, options, func(_ rollout.Observed, d rollout.Decision) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.seen = append(r.seen, d)
		})
	}()
	w.t.Cleanup(func() { stop(); <-r.ended })
	return r
}

// decided waits until the agent has decided for a reason.
func (r *atWork) decided(reason plan.Reason) rollout.Decision {
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
func (r *atWork) stands(reason plan.Reason) rollout.Decision {
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

// waitsIn waits until the agent waits for the approval of a batch.
func (r *atWork) waitsIn(batch int) { r.standsIn(batch, plan.AwaitingApproval) }

// standsIn waits until the agent waits in a batch for a reason.
func (r *atWork) standsIn(batch int, reason plan.Reason) {
	kubetest.Eventually(r.w.t, fmt.Sprintf("batch %d has %s", batch+1, reason), func() (bool, string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.seen) == 0 {
			return false, "nothing was decided"
		}
		last := r.seen[len(r.seen)-1]
		return last.Reason == reason && last.Batch == batch, last.Message
	})
}

// end waits for the end of the release, which must be the given one.
func (r *atWork) end(want plan.Reason) {
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

// person is somebody who looks at the release that an agent with these options carries out.
func person(o agent.Options) steer.Options {
	return steer.Options{
		Config: o.Config, Namespace: o.Namespace, Kind: o.Kind, Name: o.Name, Version: o.Version, Mode: o.Mode,
		Release: o.Release, Identity: o.Identity, Lease: o.Lease, Now: o.Now,
	}
}

// release is the release as a person sees it who has the given client.
func (w *world) release(c *kubetest.Client) *steer.Release {
	w.t.Helper()
	options := w.Options()
	options.Config, options.Identity = agenttest.Config(w.t, c), "somebody"
	v, err := steer.Open(person(options), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) ask(v *steer.Release, r rollout.Request) request.Answer {
	w.t.Helper()
	answer, err := v.Request(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("%s: %v", r.Kind, err)
	}
	return answer
}

func (w *world) look(v *steer.Release) steer.Status {
	w.t.Helper()
	s, err := v.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func refusal(err error) string {
	var r *request.RefusedError
	if errors.As(err, &r) {
		return r.Why
	}
	return ""
}

var waits = rollout.Request{Kind: rollout.Approve, Batch: -1}

// approvals are three batches, the first two of which wait for approval.
func approvals() plan.BatchPlan {
	pause := plan.Pause{UntilApproved: true}
	return plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: pause}, {Replicas: plan.Pods(2), Pause: pause}, {Replicas: plan.Percent(100)},
	}}
}

// ready is a CloneSet at rest on v1 whose template is v2 by now.
func (w *world) ready() {
	w.t.Helper()
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
}

const people = `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`

// TestApprovalLetsTheBatchPass approves one batch as it waits and one ahead, as a user with exactly the rights that the help
// prints, and finds who and when in the agent's words, in the record and in an Event.
func TestApprovalLetsTheBatchPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	alice := w.person(false)
	v := w.release(alice.Client)
	if _, err := v.Request(t.Context(), waits); !strings.Contains(refusal(err), "has ended") {
		t.Errorf("an approval of the release before says %v", err)
	}
	agent := w.start(approvals(), w.Options())
	agent.stands(plan.AwaitingApproval)
	if s := w.look(v); s.Decision.Reason != plan.AwaitingApproval || s.Agent.Holder != "agent" || s.Agent.Absent(time.Now()) != "" {
		t.Errorf("the release looks like %+v %+v", s.Decision, s.Agent)
	}
	ahead := rollout.Request{Kind: rollout.Approve, Batch: 1}
	if a := w.ask(v, ahead); !a.Changed {
		t.Errorf("ahead: %+v", a)
	}
	if a := w.ask(v, waits); !a.Changed || !strings.Contains(a.Message,
		"batch 1 of 3 approved by system:serviceaccount:"+w.namespace) {
		t.Errorf("approved: %+v", a)
	}
	agent.end(plan.Completed)
	var said []string
	for _, d := range agent.seen {
		if d.Reason == plan.BatchStarted && strings.Contains(d.Message, "; approved by system:serviceaccount:"+w.namespace) {
			said = append(said, d.Message)
		}
	}
	if len(said) != 2 {
		t.Errorf("the agent says %q", said)
	}
	if s := w.look(v); s.Decision.Reason != plan.Completed || len(s.Observed.Progress.Requests) != 2 || s.Agent.Holder != "" {
		t.Errorf("in the end it looks like %+v", s)
	}
	if n := len(w.events("Approve")); n != 2 {
		t.Errorf("%d Events tell of approvals", n)
	}
	// A pod that is lost later is replaced without asking again.
	w.Delete(t, w.Path("pods", w.Pods()[0]))
	w.Release(approvals(), plan.Completed)
}

// TestPromoteEndsThePause ends an hour's pause as a user with exactly the rights that the help prints, and then all that is to
// come.
func TestPromoteEndsThePause(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	v := w.release(w.person(false).Client)
	long := plan.Pause{Duration: time.Hour}
	agent := w.start(plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: long},
		{Replicas: plan.Pods(2), Pause: plan.Pause{Duration: time.Hour, UntilApproved: true}},
		{Replicas: plan.Percent(100), Pause: long},
	}}, w.Options())
	agent.standsIn(0, plan.Soaking)
	promote := rollout.Request{Kind: rollout.Promote}
	if a := w.ask(v, promote); !a.Changed || !strings.Contains(a.Message,
		"the pause of batch 1 of 3 is ended by system:serviceaccount:"+w.namespace) {
		t.Errorf("%+v", a)
	}
	agent.standsIn(1, plan.Soaking)
	if s := w.look(v); s.Decision.Reason != plan.Soaking {
		t.Errorf("the second batch pauses: %+v", s.Decision)
	}
	promote.All = true
	if a := w.ask(v, promote); !a.Changed || !strings.Contains(a.Message, "every pause and approval to come (3) is ended") {
		t.Errorf("%+v", a)
	}
	agent.end(plan.Completed)
	if n := len(w.events("Promote")); n != 2 {
		t.Errorf("%d Events tell of promotions", n)
	}
	if _, err := v.Request(t.Context(), promote); !strings.Contains(refusal(err), "has ended") {
		t.Errorf("after the release: %v", err)
	}
}

// person is a user with the documented rights for the CloneSet's release in direct mode.
func (w *world) person(read bool, more ...kubetest.Rule) *kubetest.User {
	w.t.Helper()
	return w.personOf("CloneSet", plan.Direct, read, more...)
}

// personOf is a user with the documented rights for the release of a target in a mode.
func (w *world) personOf(kind string, mode plan.Mode, read bool, more ...kubetest.Rule) *kubetest.User {
	w.t.Helper()
	of, err := plan.KindNamed(kind)
	if err != nil {
		w.t.Fatal(err)
	}
	var rules []kubetest.Rule
	for _, r := range manifests.PeopleRules(of, "demo", mode, read) {
		names, _ := r["resourceNames"].([]string)
		rules = append(rules, kubetest.Rule{
			APIGroups: r["apiGroups"].([]string), Resources: r["resources"].([]string),
			Verbs: r["verbs"].([]string), ResourceNames: names,
		})
	}
	user := w.User(w.t, w.namespace, append(rules, more...)...)
	kubetest.Eventually(w.t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.Path(of.Resource, "demo"))
		return err == nil, fmt.Sprint(err)
	})
	return user
}

// events are the messages of the Events for a reason.
func (w *world) events(reason string) []string {
	w.t.Helper()
	var messages []string
	for _, e := range kubetest.Field(w.Get(w.t, w.Path("events")), "items").([]any) {
		if kubetest.Field(e.(map[string]any), "reason") == reason {
			messages = append(messages, kubetest.Field(e.(map[string]any), "message").(string))
		}
	}
	return messages
}

// TestPauseHoldsEveryWrite holds a release between two pods: nothing is written (I7), although the deadline passes twice, and
// the release goes on after it.
func TestPauseHoldsEveryWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, people))
	w.ready()
	v := w.release(w.person(false).Client)
	p := approvals()
	p.ProgressDeadline = 10 * time.Second
	agent := w.start(p, w.Options())
	agent.stands(plan.AwaitingApproval)
	w.ask(v, rollout.Request{Kind: rollout.Pause, Why: "incident 42"})
	agent.stands(plan.HeldByPerson)
	w.ask(v, waits) // an approval does not resume
	noted := w.look(v).Observed.Progress.Paused
	if noted.IsZero() {
		kubetest.Eventually(t, "the pause is noted", func() (bool, string) {
			noted = w.look(v).Observed.Progress.Paused
			return !noted.IsZero(), ""
		})
	}
	before := len(w.podWrites())
	w.Delete(t, w.Path("pods", w.Pods()[0])) // a reason to write, if it were not held
	kubetest.Eventually(t, "the deadline passes twice", func() (bool, string) {
		return time.Since(noted) > 2*p.ProgressDeadline, ""
	})
	if n := len(w.podWrites()) - before; n != 0 {
		t.Errorf("%d writes on pods while the release is held", n)
	}
	if s := w.look(v); s.Decision.Reason != plan.HeldByPerson || !strings.Contains(s.Decision.Message, "(incident 42)") {
		t.Errorf("held it looks like %+v", s.Decision)
	}
	w.ask(v, rollout.Request{Kind: rollout.Resume})
	w.ask(v, rollout.Request{Kind: rollout.Approve, Batch: 1})
	agent.end(plan.Completed)
	if d := agent.decided(plan.Resumed); !strings.Contains(d.Message, "resumed by system:serviceaccount:") {
		t.Errorf("the agent says %s", d.Message)
	}
}

// images counts the images of the pods that are to stay.
func (w *world) images() map[string]int {
	w.t.Helper()
	images := map[string]int{}
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		if kubetest.Field(p, "metadata", "deletionTimestamp") != nil {
			continue
		}
		c := kubetest.Field(p.(map[string]any), "spec", "containers").([]any)[0].(map[string]any)
		images[c["image"].(string)]++
	}
	return images
}

// TestAbortFailsAsThePlanSays, and undo turns back whatever the plan says; both end a pause.
func TestAbortAndUndo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask  rollout.RequestKind
		fail plan.OnFailure
		ends plan.Reason
		code int
		v1   int // pods of the image before
	}{
		"abort stops":      {rollout.Abort, plan.Stop, plan.AbortedByPerson, 11, 2},
		"abort rolls back": {rollout.Abort, plan.Rollback, plan.RolledBack, 12, 3},
		"undo":             {rollout.Undo, plan.Stop, plan.RolledBack, 12, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(3, people))
			w.ready()
			v := w.release(w.Client)
			p := approvals()
			p.OnFailure = c.fail
			agent := w.start(p, w.Options())
			agent.stands(plan.AwaitingApproval)
			w.ask(v, rollout.Request{Kind: rollout.Pause})
			w.ask(v, rollout.Request{Kind: c.ask, Why: "errors doubled"})
			agent.end(c.ends)
			if code := agent.decision.Reason.ExitCode(); code != c.code || !strings.Contains(agent.decision.Message, "(errors doubled)") {
				t.Errorf("exit code %d: %s", code, agent.decision.Message)
			}
			if got := w.images(); got["example.com/app:v1"] != c.v1 || got["example.com/app:v1"]+got["example.com/app:v2"] != 3 {
				t.Errorf("the pods run %v", got)
			}
			if s := w.look(v); s.Decision.Reason.ExitCode() != c.code || !s.Decision.Ended() {
				t.Errorf("it looks like %+v", s.Decision)
			}
			for _, r := range []rollout.Request{waits, {Kind: rollout.Pause}, {Kind: rollout.Abort}} {
				if _, err := v.Request(t.Context(), r); !strings.Contains(refusal(err), "the release has ended") {
					t.Errorf("%s after the end: %v", r.Kind, err)
				}
			}
			// The same release, begun again by a Job that is started again, does not begin again by itself.
			w.Release(p, c.ends)
			// kubevela#7170: nothing that was asked of it is asked of the next one.
			w.Image("v3")
			next := w.start(approvals(), w.Options())
			next.stands(plan.AwaitingApproval)
			if s := w.look(v); len(s.Observed.Progress.Requests) != 0 || s.Decision.Reason != plan.AwaitingApproval {
				t.Errorf("the next release begins with %+v", s)
			}
		})
	}
}

// TestUndoAfterTheRelease writes the template before it back, once, and the next run carries it out.
func TestUndoAfterTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	w.ready()
	w.Release(plan.BatchPlan{}, plan.Completed)
	bob := w.person(false)
	if _, err := w.release(bob.Client).Request(t.Context(), rollout.Request{Kind: rollout.Undo}); err == nil ||
		!strings.Contains(err.Error(), "cannot list") || !strings.Contains(err.Error(), "prints a Role") {
		t.Errorf("without the rights for it: %v", err)
	}
	carol := w.person(false, kubetest.Rule{
		APIGroups: []string{"apps"}, Resources: []string{"controllerrevisions"},
		Verbs: []string{"list"},
	},
		kubetest.Rule{
			APIGroups: []string{"apps.kruise.io"}, Resources: []string{"clonesets"}, Verbs: []string{"patch"},
			ResourceNames: []string{"demo"},
		})
	v := w.release(carol.Client)
	if a := w.ask(v, rollout.Request{Kind: rollout.Undo}); a.Restore == "" {
		t.Errorf("%+v", a)
	}
	template := kubetest.Field(w.Get(t, w.Path("clonesets", "demo")), "spec", "template", "spec",
		"containers").([]any)[0].(map[string]any)
	if template["image"] != "example.com/app:v1" {
		t.Errorf("the template has %v", template)
	}
	if s := w.look(v); s.Decision.Ended() || s.Decision.Reason != plan.NotStarted {
		t.Errorf("before anybody acts on it: %+v", s.Decision)
	}
	w.Release(plan.BatchPlan{}, plan.Completed)
	if got := w.images(); got["example.com/app:v1"] != 2 {
		t.Errorf("the pods run %v", got)
	}
}

// TestRequestsOfARace: people ask many things while the agent records, on the real server; the agent's own writes and other
// people's lose none of them, and of two that ask for the same one changes something.
func TestRequestsOfARace(t *testing.T) {
	t.Parallel()
	const batches = 16
	w := newWorld(t, agenttest.CloneSet(batches, `{type: ReCreate, maxSurge: 1, maxUnavailable: 1}`))
	w.ready()
	var p plan.BatchPlan
	for i := range batches {
		p.Batches = append(p.Batches, plan.Batch{Replicas: plan.Pods(i + 1), Pause: plan.Pause{UntilApproved: true}})
	}
	agent := w.start(p, w.Options())
	agent.stands(plan.AwaitingApproval)
	var people sync.WaitGroup
	var mu sync.Mutex
	changes := 0
	for range 3 {
		v := w.release(w.Client)
		people.Go(func() {
			for i := range batches {
				a, err := v.Request(t.Context(), rollout.Request{Kind: rollout.Approve, Batch: i})
				if why := refusal(err); err != nil && !strings.Contains(why, "is over") && !strings.Contains(why, "has ended") {
					t.Errorf("batch %d: %v", i+1, err)
				}
				mu.Lock()
				if a.Changed {
					changes++
				}
				mu.Unlock()
			}
		})
	}
	people.Wait()
	agent.end(plan.Completed)
	approved := map[int]int{}
	requests := w.look(w.release(w.Client)).Observed.Progress.Requests
	for _, r := range requests {
		approved[r.Batch]++
	}
	if len(approved) != batches || len(requests) != batches || changes != batches {
		t.Errorf("%d requests of %d batches are recorded, %d changed something", len(requests), len(approved), changes)
	}
	conflicts := w.Requests(t, w.namespace).Writes().Where(
		func(r kubetest.Request) bool { return r.Resource == "configmaps" && r.Code == 409 })
	t.Logf("%d conflicts", len(conflicts))
}

// TestPeopleHear what they need to know: nothing is recorded, another release is, nobody is at work, a right is missing.
func TestPeopleHear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	v := w.release(w.Client)
	if _, err := v.Request(t.Context(), waits); !strings.Contains(refusal(err),
		"there is no ConfigMap "+w.namespace+"/slipway-demo") {
		t.Errorf("without a release: %v", err)
	}
	if s := w.look(v); s.Recorded() || s.Decision.Reason != plan.NotStarted {
		t.Errorf("without a release it looks like %+v", s.Decision)
	}
	w.ready()
	agent := w.start(approvals(), w.Options())
	agent.stands(plan.AwaitingApproval)

	options := w.Options()
	options.Release = "another"
	other, err := steer.Open(person(options), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Request(t.Context(), waits); !strings.Contains(refusal(err), "release another has not begun, or is over") {
		t.Errorf("of another release: %v", err)
	}
	if s := w.look(other); s.Decision.Ended() || !strings.Contains(s.Decision.Message, "release another") {
		t.Errorf("another release looks like %+v", s.Decision)
	}

	reader := w.release(w.person(true).Client)
	if s := w.look(reader); s.Decision.Reason != plan.AwaitingApproval || s.Agent.Holder != "agent" {
		t.Errorf("who may only look sees %+v", s)
	}
	if _, err := reader.Request(t.Context(), waits); err == nil ||
		!strings.Contains(err.Error(), `cannot patch resource "configmaps"`) ||
		!strings.Contains(err.Error(), "--help prints a Role") {
		t.Errorf("who may only look and approves hears %v", err)
	}
	nobody := w.release(w.User(t, w.namespace).Client)
	if _, err := nobody.Request(t.Context(), waits); err == nil ||
		!strings.Contains(err.Error(), `cannot get resource "configmaps"`) {
		t.Errorf("who may do nothing hears %v", err)
	}
	// A record and no more: the state of the release is known, the CloneSet is not.
	half := w.User(t, w.namespace, kubetest.Rule{
		Resources: []string{"configmaps"}, Verbs: []string{"get"},
		ResourceNames: []string{"slipway-demo"},
	})
	kubetest.Eventually(t, "the right is known", func() (bool, string) {
		_, err := half.TryGet(w.Path("configmaps", "slipway-demo"))
		return err == nil, fmt.Sprint(err)
	})
	if s := w.look(w.release(half.Client)); s.Unread == nil || s.Agent.Unknown == "" || s.Observed.Progress.Revision == "" ||
		s.Decision.Ended() {
		t.Errorf("who may read only the record sees %+v", s)
	}

	agent.stop()
	<-agent.ended
	a := w.ask(v, waits)
	if s := w.look(v); !a.Changed || !strings.Contains(s.Agent.Absent(time.Now()), "no agent is at work") {
		t.Errorf("without an agent: %+v, %+v", a, s.Agent)
	}
	again := w.start(approvals(), w.Options())
	again.stands(plan.AwaitingApproval)
	if d := again.stands(plan.AwaitingApproval); d.Batch != 1 {
		t.Errorf("the approval without an agent is not acted on later: %+v", d)
	}
}

// TestFollowEndsWithTheRelease, and waits for one that is to come although the one before is done.
func TestFollowEndsWithTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	w.ready()
	v := w.release(w.person(true).Client)
	first, reasons := make(chan struct{}, 1), map[plan.Reason]bool{}
	ended := make(chan steer.Status, 1)
	go func() {
		s, err := v.Follow(t.Context(), func(s steer.Status) {
			reasons[s.Decision.Reason] = true
			select {
			case first <- struct{}{}:
			default:
			}
		})
		if err != nil {
			t.Error(err)
		}
		ended <- s
	}()
	<-first
	agent := w.start(approvals(), w.Options())
	agent.stands(plan.AwaitingApproval)
	w.ask(w.release(w.Client), rollout.Request{Kind: rollout.Approve, All: true})
	agent.end(plan.Completed)
	if s := <-ended; s.Decision.Reason != plan.Completed || !reasons[plan.NotStarted] || !reasons[plan.AwaitingApproval] {
		t.Errorf("ended with %+v after %v", s.Decision, reasons)
	}
	// Of a CloneSet that is gone there is nothing to wait for.
	w.Delete(t, w.Path("clonesets", "demo"))
	if s, err := v.Follow(t.Context(), func(steer.Status) {}); err == nil && !s.Decision.Ended() {
		t.Errorf("of a deleted CloneSet: %+v", s.Decision)
	}
}

// TestRequestsThroughTrouble: a server that names nobody, a conflict, and an answer that is lost after the write, while the
// release goes on to the next batch. What is asked again then is the same request, not one for the next batch.
func TestRequestsThroughTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	w.ready()
	agent := w.start(approvals(), w.Options())
	agent.stands(plan.AwaitingApproval)
	var mu sync.Mutex
	patches := 0
	lost := kubetest.Fault{Lose: true, Answered: func(int) { agent.waitsIn(1) }}
	proxy := w.Proxy(t, func(r *http.Request) kubetest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
			return kubetest.Fault{Code: http.StatusNotFound}
		case r.Method != http.MethodPatch:
			return kubetest.Fault{}
		}
		patches++
		return []kubetest.Fault{{}, {Code: http.StatusConflict}, lost}[patches%3]
	})
	v := w.release(proxy.For(w.Client))
	if a := w.ask(v, waits); !strings.Contains(a.Message, "by somebody (name not confirmed) at ") {
		t.Errorf("the answer is %q", a.Message)
	}
	if d := agent.stands(plan.AwaitingApproval); d.Batch != 1 {
		t.Errorf("one approval took the release to %+v", d)
	}
	w.ask(v, waits)
	agent.end(plan.Completed)
	if r := w.look(w.release(w.Client)).Observed.Progress.Requests; len(r) != 2 || !r[0].Claimed {
		t.Errorf("recorded is %+v", r)
	}
}

// elsewhen is an API server whose clock is ahead.
type elsewhen struct {
	http.RoundTripper
	ahead time.Duration
}

func (e elsewhen) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Date", time.Now().Add(e.ahead).UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// TestWindowWakesTheAgent when it opens, by the API server's clock and not before.
func TestWindowWakesTheAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, people))
	w.ready()
	window := plan.Window{Days: []time.Weekday{time.Monday}, From: 9 * 60, To: 10 * 60, TimeZone: "Europe/Berlin"}
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{Window: &window}},
		{Replicas: plan.Percent(100)},
	}}
	opens := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	ahead := time.Until(opens.Add(-8 * time.Second))
	options := w.Options()
	options.Config = rest.CopyConfig(options.Config)
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { return elsewhen{next, ahead} })
	began := make(chan time.Time, 10)
	d, err := agent.Run(t.Context(), p, options, func(o rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.OutsideWindow || d.Reason == plan.BatchStarted && d.Batch == 1 {
			began <- o.Now
		}
	})
	close(began)
	var last time.Time
	n := 0
	for last = range began {
		n++
	}
	if err != nil || d.Reason != plan.Completed || n < 2 || last.Before(opens) {
		t.Errorf("ended with %+v, %v; the second batch began at %s, the window opens at %s", d, err, last, opens)
	}
	if e := w.events("OutsideWindow"); len(e) != 1 || !strings.Contains(e[0], "opens, Mon 5 Jan 2026 09:00 CET") {
		t.Errorf("the Events say %q", e)
	}
}

// TestRecordOfATargetThatIsGone: what people let pass in the release of a CloneSet that was deleted says nothing about the
// release of one that has its name. Nothing of that runs yet, so nothing waits for anybody.
func TestRecordOfATargetThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	options := w.Options()
	options.Release = "r1"
	first := w.start(approvals(), options)
	first.stands(plan.AwaitingApproval)
	first.stop()
	<-first.ended
	record := w.Path("configmaps", "slipway-demo")
	keep := func(finalizers ...any) {
		w.Patch(t, record, map[string]any{"metadata": map[string]any{"finalizers": finalizers}})
	}
	keep("example.com/later") // the garbage collector may take its time
	w.Delete(t, w.Path("clonesets", "demo"))
	set := w.Create(t, w.Path("clonesets"), agenttest.CloneSet(3, people))
	w.Image("v2")
	second := w.start(approvals(), options)
	second.end(plan.Completed)
	if m := second.decision.Message; !strings.Contains(m, "nothing ran before") {
		t.Errorf("it ended with %s", m)
	}
	owner := kubetest.Field(w.Get(t, record), "metadata", "ownerReferences", 0, "uid")
	if uid := kubetest.Field(set, "metadata", "uid"); owner != uid {
		t.Errorf("the record is of %v, want %v", owner, uid)
	}
	keep()
}
