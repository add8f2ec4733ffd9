// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// edit changes the record of a release by hand: its progress, and other keys.
func (w *world) edit(change map[string]any, keys map[string]any) {
	w.t.Helper()
	var progress map[string]any
	if err := json.Unmarshal([]byte(w.recorded()["progress"].(string)), &progress); err != nil {
		w.t.Fatal(err)
	}
	for name, v := range change {
		progress[name] = v
	}
	data := map[string]any{}
	for key, v := range keys {
		data[key] = v
	}
	if change != nil {
		text, err := json.Marshal(progress)
		if err != nil {
			w.t.Fatal(err)
		}
		data["progress"] = string(text)
	}
	w.Patch(w.t, w.Path("configmaps", "slipway-demo")+"?fieldManager=kubectl-edit", map[string]any{"data": data})
}

// TestAnEditOfTheRecordIsNotBelieved: whoever may approve may patch the ConfigMap. What he writes there by hand moves no pod and
// ends nothing, while the agent is at work and when the next one comes; the agent says what it does not believe.
func TestAnEditOfTheRecordIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	var mu sync.Mutex
	var warnings []string
	options := func() agent.Options {
		o := w.Options()
		o.Warn = func(err error) {
			mu.Lock()
			defer mu.Unlock()
			warnings = append(warnings, err.Error())
		}
		return o
	}
	stillWaits := func(r *atWork, words string) {
		t.Helper()
		kubetest.Eventually(t, "the agent says that it does not believe it", func() (bool, string) {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(strings.Join(warnings, "\n"), words), strings.Join(warnings, "\n")
		})
		mu.Lock()
		warnings = nil
		mu.Unlock()
		if d := r.stands(plan.AwaitingApproval); d.Batch != 0 {
			t.Errorf("it stands at %+v", d)
		}
		if got := w.images(); got["example.com/app:v2"] != 1 {
			t.Errorf("the pods run %v", got)
		}
	}
	work := w.start(approvals(), options())
	work.stands(plan.AwaitingApproval)
	alices := rollout.Request{Kind: rollout.Approve, By: "alice", At: time.Now().UTC()}
	text, err := json.Marshal(alices)
	if err != nil {
		t.Fatal(err)
	}
	w.edit(nil, map[string]any{kube.RequestKey(alices): string(text)})
	stillWaits(work, `it says that alice asked to approve batch 1, and the field manager "kubectl-edit"`)
	w.edit(map[string]any{"approved": 3, "batch": 2, "requests": []any{alices}}, nil)
	stillWaits(work, `the field manager "kubectl-edit"`)
	work.stop()
	<-work.ended

	w.edit(map[string]any{"batch": 2, "approved": 3, "outcome": "Completed", "first": true, "stable": "demo-none"}, nil)
	work = w.start(approvals(), options())
	stillWaits(work, "by no agent: the release goes through its batches again")
	v := w.release(w.Client)
	w.ask(v, waits)
	work.waitsIn(1)
	if got := w.images(); got["example.com/app:v2"] != 2 {
		t.Errorf("the pods run %v", got)
	}
	w.ask(v, waits)
	work.end(plan.Completed)
	approved := 0
	for key := range w.recorded() {
		if strings.HasPrefix(key, "request-") {
			approved++
		}
	}
	if approved != 2 {
		t.Errorf("%d approvals have an entry of their own: %v", approved, w.recorded())
	}
}

// TestAForgedRecordDoesNotSayWhereItGoesBack writes, in slipway's own name and while no agent is at work, another revision into
// the record to go back to: one of the target that no pod runs, or a pod template of somebody's own where the annotation is
// gone. The release that fails then goes back to what ran before, and the next agent says what it does not believe.
func TestAForgedRecordDoesNotSayWhereItGoesBack(t *testing.T) {
	for name, newRelease := range steeredReleases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRelease(t)
			other := s.unused()
			s.image("v2")
			work := s.start(s.plan, s.options)
			work.waitsIn(0)
			work.stop()
			<-work.ended

			warning := "and no pod runs that, but older ones run demo-"
			if s.options.Kind == "Deployment" {
				warning = other.Name + ", of which there is no ReplicaSet"
				s.Patch(t, s.path, map[string]any{"metadata": map[string]any{"annotations": map[string]any{plan.OriginalAnnotation: nil}}})
			}
			s.forge(other)
			var warned []string
			stop := make(chan string, 1)
			s.options.Warn, s.options.Stop = func(err error) { warned = append(warned, err.Error()) }, stop
			work = s.start(s.plan, s.options)
			work.waitsIn(0)
			stop <- "a test"
			work.end(plan.RolledBack)
			s.runs(3, "v1")
			if said := strings.Join(warned, "\n"); !strings.Contains(said, warning) {
				t.Errorf("it said %q, want %q", said, warning)
			}
		})
	}
}

// unused is a revision that no pod runs: one that the template had and that was never released, or of a Deployment, whose
// controller would release it, one that there never was.
func (s *steered) unused() kube.Revision {
	s.t.Helper()
	if s.options.Kind == "Deployment" {
		r, err := kube.SetRevision("web", map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:evil"}},
		}})
		if err != nil {
			s.t.Fatal(err)
		}
		return r
	}
	var found kube.Revision
	s.image("skipped")
	kubetest.Eventually(s.t, "its controller has made the revision", func() (bool, string) {
		for _, r := range kubetest.Field(s.Get(s.t, s.Path("controllerrevisions")), "items").([]any) {
			if text, err := json.Marshal(r); err == nil && strings.Contains(string(text), "app:skipped") {
				found.Name = fmt.Sprint(kubetest.Field(r, "metadata", "name"))
			}
		}
		return found.Name != "", ""
	})
	return found
}

// forge writes into the record, as an agent would, what its release goes back to.
func (s *steered) forge(to kube.Revision) {
	s.t.Helper()
	for _, record := range kubetest.Field(s.Get(s.t, s.Path("configmaps")), "items").([]any) {
		var progress map[string]any
		text, ok := kubetest.Field(record, "data", kube.KeyProgress).(string)
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), &progress); err != nil {
			s.t.Fatal(err)
		}
		progress["stable"] = to.Name
		forged, err := json.Marshal(progress)
		if err != nil {
			s.t.Fatal(err)
		}
		template, err := json.Marshal(to)
		if err != nil {
			s.t.Fatal(err)
		}
		s.Patch(s.t, s.Path("configmaps", fmt.Sprint(kubetest.Field(record, "metadata", "name")))+"?fieldManager="+kube.FieldManager,
			map[string]any{"data": map[string]any{kube.KeyProgress: string(forged), kube.KeyStable: string(template)}})
	}
}

// forgetful loses the answer to one write of the record, and the next such write as a whole.
type forgetful struct {
	next   http.RoundTripper
	writes *atomic.Int64
}

func (f forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/configmaps/") {
		return f.next.RoundTrip(r)
	}
	switch f.writes.Add(1) {
	case 2:
		if answer, err := f.next.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
		return nil, errors.New("the answer is lost")
	case 3:
		return nil, errors.New("the request is lost")
	default:
		return f.next.RoundTrip(r)
	}
}

// TestAnAgentBelievesItsOwnRecord: a write whose answer was lost is the agent's own, also once the next one was lost.
func TestAnAgentBelievesItsOwnRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	options := w.Options()
	options.Config = rest.CopyConfig(options.Config)
	lost := forgetful{writes: new(atomic.Int64)}
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { f := lost; f.next = next; return f })
	var warned []string
	options.Warn = func(err error) { warned = append(warned, err.Error()) }
	w.start(thirds(), options).end(plan.Completed)
	if n := lost.writes.Load(); n < 4 || len(warned) > 0 {
		t.Errorf("%d writes of the record, and it said %q", n, warned)
	}
}
