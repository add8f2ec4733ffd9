// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/notify"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// post is what a receiver was sent.
type post struct {
	path   string
	header http.Header
	body   []byte
}

// server is a receiver that keeps what it was sent and answers as it is told: the statuses one after the other, then 200.
type server struct {
	*httptest.Server
	mutex   sync.Mutex
	posts   []post
	answers []int
	header  http.Header
	said    string
}

func newServer(t *testing.T, answers ...int) *server {
	t.Helper()
	s := &server{answers: answers, header: http.Header{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.posts = append(s.posts, post{r.URL.Path, r.Header, body})
	for name, values := range s.header {
		w.Header()[name] = values
	}
	if len(s.answers) > 0 {
		w.WriteHeader(s.answers[0])
		s.answers = s.answers[1:]
	}
	_, _ = io.WriteString(w, s.said)
}

func (s *server) got() []post {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.posts)
}

// reasons are those of the events that a webhook got.
func (s *server) reasons(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, p := range s.got() {
		var e notify.Event
		if err := json.Unmarshal(p.body, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Reason)
	}
	return all
}

// warnings collects what was warned of.
type warnings struct {
	mutex sync.Mutex
	all   []string
}

func (w *warnings) add(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.all = append(w.all, err.Error())
}

func (w *warnings) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return strings.Join(w.all, "\n")
}

// secrets writes the values of Secrets: name/key and value in turn.
func secrets(t *testing.T, values ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(values); i += 2 {
		file := filepath.Join(dir, values[i])
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(values[i+1]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// planOf reads a plan with the notifications, as people write it.
func planOf(t *testing.T, notifications string) plan.BatchPlan {
	t.Helper()
	p, err := plan.ParsePlan("plan.yaml", []byte(`{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: cart},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: cart}, batches: [{replicas: 1}, {replicas: 100%}],
notifications: [`+notifications+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// everything is a webhook that is told every reason.
func everything(url string) string {
	words := make([]string, 0, 30)
	for _, r := range plan.Notable() {
		words = append(words, string(r))
	}
	return fmt.Sprintf("{name: all, webhook: {url: %q}, on: [%s]}", url, strings.Join(words, ", "))
}

func observed() rollout.Observed {
	return rollout.Observed{
		Now: time.Unix(1_800_000_000, 0).UTC(), UpdateRevision: "cart-2", StableRevision: "cart-1",
		Workload: plan.Workload{
			APIVersion: "apps.kruise.io/v1alpha1", Namespace: "shop", Name: "cart", Spec: plan.WorkloadSpec{Replicas: 5},
			Status: plan.WorkloadStatus{Replicas: 6, UpdatedReplicas: 2, ReadyReplicas: 5, AvailableReplicas: 5},
		},
		Progress: rollout.Progress{Revision: "cart-2", Stable: "cart-1"},
	}
}

func decision(v rollout.Verdict, r plan.Reason, batch int) rollout.Decision {
	return rollout.Decision{Verdict: v, Reason: r, Message: fmt.Sprintf("batch %d of 2: %s", batch+1, r), Batch: batch, Batches: 2}
}

// quick are options that try again at once.
func quick(w *warnings, secrets string) notify.Options {
	return notify.Options{Warn: w.add, Pause: time.Millisecond, Secrets: secrets, CloseTimeout: time.Minute}
}

// course is what rollout.Run reports of a release with two batches.
func course() []rollout.Decision {
	return []rollout.Decision{
		decision(rollout.Go, plan.BatchStarted, 0), decision(rollout.Go, plan.PodsUpdating, 0),
		decision(rollout.Wait, plan.PodsNotReady, 0),
		decision(rollout.Go, plan.BatchReady, 0), decision(rollout.Wait, plan.AwaitingApproval, 0),
		decision(rollout.Wait, plan.AwaitingApproval, 0),
		decision(rollout.Go, plan.BatchStarted, 1), decision(rollout.Go, plan.PodsUpdating, 1),
		decision(rollout.Go, plan.BatchReady, 1),
		decision(rollout.Done, plan.Completed, 1), decision(rollout.Done, plan.Completed, 1),
	}
}

func TestNewsIsToldOnceAndInOrder(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, everything(s.URL)), quick(&w, ""))
	for _, d := range course() {
		n.Record(observed(), d)
	}
	n.Close()
	want := []string{"BatchStarted", "BatchReady", "AwaitingApproval", "BatchStarted", "BatchReady", "Completed"}
	if diff := cmp.Diff(want, s.reasons(t)); diff != "" || w.String() != "" {
		t.Errorf("told (-want +got):\n%s\nwarnings: %s", diff, w.String())
	}
}

func TestWithoutAWordOnlyWhatPeopleHaveToKnowIsTold(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, fmt.Sprintf("{webhook: {url: %q}}", s.URL)), quick(&w, ""))
	for _, d := range course() {
		n.Record(observed(), d)
	}
	n.Close()
	if diff := cmp.Diff([]string{"AwaitingApproval", "Completed"}, s.reasons(t)); diff != "" {
		t.Error(diff)
	}
}

// The document is a contract with programs. A field may be added to it.
func TestDocumentOfAWebhook(t *testing.T) {
	var w warnings
	s := newServer(t)
	dir := secrets(t, "hook/token", "s3cret", "hook/key", "k3y")
	p := planOf(t, fmt.Sprintf(`{webhook: {url: "%s/x", bearerToken: {secretRef: {name: hook, key: token}},
headers: [{name: X-Team, value: shop}, {name: X-Key, secretRef: {name: hook, key: key}}]}}`, s.URL))
	n := notify.New(p, quick(&w, dir))
	n.Record(observed(), decision(rollout.Wait, plan.AwaitingApproval, 0))
	n.Record(observed(), decision(rollout.Stopped, plan.RolledBack, 0))
	n.Close()
	posts := s.got()
	if len(posts) != 2 {
		t.Fatalf("there are %d posts; warnings: %s", len(posts), w.String())
	}
	want := `{"apiVersion":"slipway.dev/v1alpha1","kind":"ReleaseEvent","time":"2027-01-15T08:00:00Z",` +
		`"target":{"apiVersion":"apps.kruise.io/v1alpha1","kind":"CloneSet","namespace":"shop","name":"cart"},"plan":"cart","release":"cart-2","from":"cart-1",` +
		`"reason":"AwaitingApproval","message":"batch 1 of 2: AwaitingApproval","batch":1,"batches":2,` +
		`"counts":{"desired":5,"updated":2,"updatedReady":0,"updatedAvailable":0,"ready":5,"available":5,"total":6},"ended":false,` +
		`"next":"slipway rollout approve cart -n shop"}`
	if diff := cmp.Diff(want, string(posts[0].body)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(posts[1].body), `"ended":true,"exitCode":12,`) {
		t.Errorf("the end is %s", posts[1].body)
	}
	h := posts[0].header
	if h.Get("Authorization") != "Bearer s3cret" || h.Get("X-Team") != "shop" || h.Get("X-Key") != "k3y" ||
		h.Get("Content-Type") != "application/json" || posts[0].path != "/x" {
		t.Errorf("the post to %s has the headers %v", posts[0].path, h)
	}
}

func TestWebhookIsToldWhyPodsAreNotReady(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, fmt.Sprintf("{webhook: {url: %q}}", s.URL)), quick(&w, ""))
	o := observed()
	o.Stuck = []rollout.Pod{{Name: "demo-x", Waiting: &waiting.Why{
		State: "CrashLoopBackOff", Reason: "CrashLoopBackOff",
		Message: "back-off", Restarts: 2, ExitCode: new(1),
	}}}
	n.Record(o, decision(rollout.Stopped, plan.DeadlineExceeded, 0))
	n.Close()
	var got struct{ Waiting json.RawMessage }
	if err := json.Unmarshal(s.got()[0].body, &got); err != nil {
		t.Fatal(err)
	}
	const want = `[{"count":1,"reason":"CrashLoopBackOff","message":"back-off","pods":["demo-x"],"restarts":2,"exitCode":1}]`
	if diff := cmp.Diff(want, string(got.Waiting)); diff != "" {
		t.Error(diff)
	}
}

func TestSlackMessage(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, "{slack: {urlFrom: {secretRef: {name: chat, key: url}}}}"),
		quick(&w, secrets(t, "chat/url", s.URL+"/services/T0/B0")))
	d := decision(rollout.Wait, plan.AwaitingApproval, 0)
	d.Message = "<!channel> & " + strings.Repeat("x", 5000)
	n.Record(observed(), d)
	n.Close()
	posts := s.got()
	if len(posts) != 1 || posts[0].path != "/services/T0/B0" {
		t.Fatalf("posts %v; warnings: %s", posts, w.String())
	}
	var m struct {
		Text   string
		Blocks []struct {
			Type string
			Text struct{ Type, Text string }
		}
	}
	if err := json.Unmarshal(posts[0].body, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Blocks) != 4 || m.Blocks[0].Type != "header" || m.Blocks[0].Text.Text != "● CloneSet shop/cart: waits for approval" ||
		!strings.Contains(m.Blocks[2].Text.Text, "slipway rollout approve cart -n shop") ||
		!strings.HasPrefix(m.Text, "● CloneSet shop/cart: waits for approval: ") {
		t.Errorf("the message is %s", posts[0].body)
	}
	for _, text := range []string{m.Text, m.Blocks[1].Text.Text} {
		if strings.Contains(text, "<!channel>") || !strings.Contains(text, "&lt;!channel&gt; &amp; ") || len([]rune(text)) > 3000 {
			t.Errorf("the text is %d characters: %.60s", len([]rune(text)), text)
		}
	}
}

func TestDeliveryIsTriedAgainWhereThatCanHelp(t *testing.T) {
	tests := map[string]struct {
		answers []int
		posts   int
		warning string
	}{
		"busy, then fine":    {[]int{503, 500, 200}, 3, ""},
		"too many requests":  {[]int{429, 200}, 2, ""},
		"a mistake of ours":  {[]int{400}, 1, "notification all: Completed is not told: the receiver answers 400 Bad Request: no"},
		"not allowed":        {[]int{403}, 1, "403 Forbidden"},
		"moved":              {[]int{302}, 1, "302 Found"},
		"down for good":      {[]int{500, 500, 500, 500, 500, 500, 500}, 6, "500 Internal Server Error: no (tried 6 times)"},
		"taken without word": {[]int{204}, 1, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var w warnings
			s := newServer(t, test.answers...)
			s.said = "no"
			n := notify.New(planOf(t, everything(s.URL)), quick(&w, ""))
			n.Record(observed(), rollout.Decision{Verdict: rollout.Go, Reason: plan.PodsUpdating})
			n.Record(observed(), decision(rollout.Done, plan.Completed, 1))
			n.Close()
			if got := len(s.got()); got != test.posts || !strings.Contains(w.String(), test.warning) ||
				test.warning == "" && w.String() != "" {
				t.Errorf("%d posts, want %d; warnings: %q, want %q", got, test.posts, w.String(), test.warning)
			}
		})
	}
}

// The order of a receiver's events is kept, although the first is tried several times.
func TestOrderIsKeptOverRetries(t *testing.T) {
	var w warnings
	s := newServer(t, 500, 500)
	n := notify.New(planOf(t, everything(s.URL)), quick(&w, ""))
	for _, d := range course() {
		n.Record(observed(), d)
	}
	n.Close()
	want := []string{
		"BatchStarted", "BatchStarted", "BatchStarted", "BatchReady", "AwaitingApproval", "BatchStarted", "BatchReady",
		"Completed",
	}
	if diff := cmp.Diff(want, s.reasons(t)); diff != "" {
		t.Error(diff)
	}
}

// A receiver asks to wait for an hour. The release ends meanwhile, and what is left is told as a warning.
func TestRetryAfterIsHeededAndBounded(t *testing.T) {
	var w warnings
	s := newServer(t, 503)
	s.header.Set("Retry-After", "3600")
	o := quick(&w, "")
	o.CloseTimeout = 50 * time.Millisecond
	n := notify.New(planOf(t, everything(s.URL)), o)
	n.Record(observed(), decision(rollout.Go, plan.BatchStarted, 0))
	n.Close()
	if len(s.got()) > 1 || !strings.Contains(w.String(), "notification all: 1 not told in the 50ms") {
		t.Errorf("%d posts; warnings: %s", len(s.got()), w.String())
	}
}

// transport is a way to receivers without a network, so that time can stand still while one of them is at work.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A receiver that never answers holds up neither the release nor, for longer than its timeout, the end of the agent. The
// others get theirs.
func TestHangingReceiverHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w warnings
		s := &server{header: http.Header{}}
		o := quick(&w, "")
		o.CloseTimeout, o.Timeout = 100*time.Millisecond, time.Hour
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "hanging" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			answer := httptest.NewRecorder()
			s.serve(answer, r)
			return answer.Result(), nil
		})
		n := notify.New(planOf(t, strings.Replace(everything("http://hanging"), "all", "hanging", 1)+", "+everything("http://well")),
			o)
		for i := range 200 {
			n.Record(observed(), decision(rollout.Go, plan.BatchStarted, i)) // would wait for ever if it waited at all
		}
		synctest.Wait()
		n.Record(observed(), decision(rollout.Done, plan.Completed, 1))
		n.Close()
		if got := s.reasons(t); len(got) == 0 || got[len(got)-1] != "Completed" {
			t.Errorf("the other receiver got %v", got)
		}
		if !strings.Contains(w.String(), "notification hanging: 64 not told") ||
			!strings.Contains(w.String(), "too many are waiting") {
			t.Errorf("warnings: %s", w.String())
		}
	})
}

func TestAgentThatFailsSaysSo(t *testing.T) {
	tests := map[string]struct {
		before []rollout.Decision
		want   []string
	}{
		"in the middle": {
			[]rollout.Decision{decision(rollout.Wait, plan.AwaitingApproval, 0)},
			[]string{"AwaitingApproval", "AgentFailed"},
		},
		"before the first observation": {nil, []string{"AgentFailed"}},
		"after the end": {[]rollout.Decision{
			decision(rollout.Wait, plan.PodsNotReady, 0),
			decision(rollout.Stopped, plan.ChecksFailed, 0),
		}, []string{"ChecksFailed"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var w warnings
			s := newServer(t)
			n := notify.New(planOf(t, everything(s.URL)), quick(&w, ""))
			for _, d := range test.before {
				n.Record(observed(), d)
			}
			n.Failed(errors.New("observing CloneSet: connection refused"), 1)
			n.Close()
			if diff := cmp.Diff(test.want, s.reasons(t)); diff != "" {
				t.Error(diff)
			}
			if posts := s.got(); test.want[0] != "ChecksFailed" &&
				!strings.Contains(string(posts[len(posts)-1].body), `"message":"observing CloneSet: connection refused"`) {
				t.Errorf("the last post is %s", posts[len(posts)-1].body)
			}
		})
	}
}

func TestReleaseThatHadEndedBeforeIsNotToldAgain(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, everything(s.URL)), quick(&w, ""))
	o := observed()
	o.Progress.Outcome = plan.ChecksFailed
	n.Record(o, decision(rollout.Stopped, plan.ChecksFailed, 0))
	n.Failed(errors.New("nothing to do with it"), 1)
	n.Close()
	if got := s.reasons(t); len(got) > 0 {
		t.Errorf("told %v", got)
	}
}

func TestAgentThatStaysTellsOfTheNextRelease(t *testing.T) {
	var w warnings
	s := newServer(t)
	n := notify.New(planOf(t, fmt.Sprintf("{webhook: {url: %q}, on: [BatchStarted, Completed]}", s.URL)), quick(&w, ""))
	for range 2 {
		for _, d := range course() {
			n.Record(observed(), d)
		}
	}
	n.Close()
	release := []string{"BatchStarted", "BatchStarted", "Completed"}
	if diff := cmp.Diff(append(slices.Clone(release), release...), s.reasons(t)); diff != "" {
		t.Error(diff)
	}
}

// TestNoWarningHoldsASecret lets every delivery fail in another way: servers that repeat what they were sent, addresses
// that nobody answers, values that are no address.
func TestNoWarningHoldsASecret(t *testing.T) {
	const secret = "T0KEN/with?odd=chars"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, r.URL.String(), r.URL.Path, r.Header.Get("Authorization"))
	}))
	defer echo.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, value := range map[string]string{
		"repeated": echo.URL + "/" + secret, "gone": gone.URL + "/" + secret, "no URL": secret, "broken": "http://[::1" + secret,
		"control": "http://x/\x7f" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			var w warnings
			dir := secrets(t, "chat/url", value, "hook/token", secret)
			p := planOf(t, `{name: chat, slack: {urlFrom: {secretRef: {name: chat, key: url}}}},
{name: hook, webhook: {urlFrom: {secretRef: {name: chat, key: url}}, bearerToken: {secretRef: {name: hook, key: token}}}}`)
			n := notify.New(p, quick(&w, dir))
			n.Record(observed(), decision(rollout.Wait, plan.AwaitingApproval, 0))
			n.Close()
			if w.String() == "" || strings.Contains(w.String(), "T0KEN") {
				t.Errorf("warnings: %s", w.String())
			}
		})
	}
}

func TestMissingSecretIsAWarningAtOnce(t *testing.T) {
	var w warnings
	n := notify.New(planOf(t, "{slack: {urlFrom: {secretRef: {name: chat, key: url}}}}"), quick(&w, t.TempDir()))
	if !strings.Contains(w.String(), "notification number 1: secret chat, key url: ") {
		t.Errorf("warnings: %s", w.String())
	}
	n.Close()
}
