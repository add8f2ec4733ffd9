// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/check/checktest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
)

var shared = kubetest.Shared{Options: kubetest.Options{ControllerManager: true}}

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Stop()
	os.Exit(code)
}

var installed sync.Once

// world is a namespace of a real control plane with one CloneSet, demo, of six pods that a release updates two at a time.
type world struct {
	*kubetest.Cluster
	t         *testing.T
	namespace string
	tag       int
	log       bytes.Buffer    // audit log of the last release
	rules     []kubetest.Rule // of the agent; nil: those of the printed Role
	least     int             // pods available at any observation of the last release
}

func newWorld(t *testing.T, updateType string) *world {
	t.Helper()
	c := shared.Get(t)
	installed.Do(func() { c.Install(t, crd.CloneSet()) })
	w := &world{Cluster: c, t: t, namespace: c.Namespace(t), tag: 1}
	c.Create(t, w.path("clonesets"), `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  replicas: 6
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: `+updateType+`, maxUnavailable: 2}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "example.com/app:v1"}]}
`)
	w.release(t.Context(), "", plan.Completed)
	return w
}

func (w *world) path(resource string, name ...string) string {
	group := map[string]string{"clonesets": "/apis/apps.kruise.io/v1alpha1", "jobs": "/apis/batch/v1"}[resource]
	if group == "" {
		group = "/api/v1"
	}
	return strings.Join(append([]string{group, "namespaces", w.namespace, resource}, name...), "/")
}

// image begins the next release.
func (w *world) image() {
	w.tag++
	w.Patch(w.t, w.path("clonesets", "demo"),
		map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": fmt.Sprintf("example.com/app:v%d", w.tag)}},
		}}}})
}

// planOf is the text of a plan with the given batches, checks and more.
func planOf(spec string) string {
	return "apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n" +
		"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n" + spec
}

// rights are those of the Role that rollout job prints for a plan.
func rights(text string) []kubetest.Rule {
	o := manifests.Job{Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete, Plan: []byte(text)}
	o.CloneSet.Name = "demo"
	var rules []kubetest.Rule
	for _, r := range o.Rules() {
		names, _ := r["resourceNames"].([]string)
		rules = append(rules, kubetest.Rule{
			APIGroups: r["apiGroups"].([]string), Resources: r["resources"].([]string),
			Verbs: r["verbs"].([]string), ResourceNames: names,
		})
	}
	return rules
}

// agent is a user with the rights of the printed Role.
func (w *world) agent(text string) *rest.Config {
	w.t.Helper()
	rules := w.rules
	if rules == nil {
		rules = rights(text)
	}
	user := w.User(w.t, w.namespace, rules...)
	kubetest.Eventually(w.t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.path("clonesets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	config, _, err := kube.Access{Kubeconfig: user.Kubeconfig(w.t), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		w.t.Fatal(err)
	}
	return config
}

// run is what rollout run does: an agent and its measurements, with an audit log.
func (w *world) run(ctx context.Context, text string, watch func(rollout.Observed, rollout.Decision)) (rollout.Decision, error) {
	w.t.Helper()
	var p plan.BatchPlan
	if text != "" {
		var err error
		if p, err = plan.ParsePlan("plan.yaml", []byte(text)); err != nil {
			w.t.Fatal(err)
		}
	}
	config := w.agent(text)
	measuring, err := check.New(check.Options{Plan: p, Config: config, Now: time.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	defer measuring.Close()
	w.log.Reset()
	w.least = 6
	audit := report.NewAudit(&w.log, p)
	d, err := agent.Run(ctx, p, agent.Options{
		Config: config, Namespace: w.namespace, Name: "demo", Identity: "agent", Lease: time.Second, Now: time.Now, Restart: true,
		Checks: measuring,
	}, func(o rollout.Observed, d rollout.Decision) {
		for _, m := range measuring.Take() {
			audit.Measure(m)
		}
		audit.Record(o, d)
		w.least = min(w.least, o.Counts().Available)
		if testing.Verbose() {
			w.t.Logf("%s %s: %s | %s %v", d.Verdict, d.Reason, d.Message, d.Writes(), d.Checks)
		}
		if watch != nil {
			watch(o, d)
		}
	})
	return d, errors.Join(err, audit.Err())
}

// release runs an agent to the end of a release, which must be the given one, and makes its decisions again.
func (w *world) release(ctx context.Context, text string, want plan.Reason) rollout.Decision {
	w.t.Helper()
	return w.watched(ctx, text, want, nil)
}

func (w *world) watched(ctx context.Context, text string, want plan.Reason, watch func(rollout.Observed,
	rollout.Decision),
) rollout.Decision {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	d, err := w.run(ctx, text, watch)
	if err != nil || d.Reason != want {
		w.t.Fatalf("the release ended with %s (%s), %v; want %s", d.Reason, d.Message, err, want)
	}
	if n, err := report.Replay(bytes.NewReader(w.log.Bytes())); err != nil || n == 0 {
		w.t.Errorf("%d decisions made again: %v", n, err)
	}
	if w.least < 4 && w.tag > 1 {
		w.t.Errorf("only %d pods were available", w.least)
	}
	return d
}

// updated is how many pods run the present image.
func (w *world) updated() int {
	n := 0
	for _, pod := range w.pods() {
		if kubetest.Field(pod, "spec", "containers", 0, "image") == fmt.Sprintf("example.com/app:v%d", w.tag) {
			n++
		}
	}
	return n
}

func (w *world) pods() []any {
	w.t.Helper()
	all, _ := w.Get(w.t, w.path("pods")+"?labelSelector=app%3Ddemo")["items"].([]any)
	return all
}

func (w *world) jobs() []any {
	w.t.Helper()
	all, _ := w.Get(w.t, w.path("jobs"))["items"].([]any)
	return all
}

// measured are the measurements in the audit log.
func (w *world) measured() []plan.Measurement {
	w.t.Helper()
	var all []plan.Measurement
	for _, line := range strings.Split(strings.TrimSpace(w.log.String()), "\n") {
		var entry struct{ Measurement *plan.Measurement }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			w.t.Fatal(err)
		}
		if entry.Measurement != nil {
			all = append(all, *entry.Measurement)
		}
	}
	return all
}

// TestReleaseAsksPrometheus goes through a release in three batches, each of which a real Prometheus has to agree to.
func TestReleaseAsksPrometheus(t *testing.T) {
	s := checktest.NewShop(t)
	p := checktest.StartPrometheus(t, s)
	w := newWorld(t, "ReCreate")
	spec := func(more string) string {
		const batches = "[{replicas: 2, checks: [errors]}, {replicas: 4, checks: [errors]}, {replicas: 100%, checks: [errors]}]"
		check := `{name: errors, prometheus: {address: "` + p.Address + `", query: "` + checktest.ErrorRate +
			`", max: 0.15}, interval: 100ms, count: 3, inconclusiveLimit: 100`
		return planOf("  batches: " + batches + "\n  checks:\n  - " + check + more)
	}
	w.image()
	w.release(t.Context(), spec("}\n"), plan.Completed)
	passed := map[int]int{}
	for _, m := range w.measured() {
		if m.Check != "errors" || m.Time.IsZero() {
			t.Errorf("%+v", m)
		}
		if m.Verdict == plan.CheckPassed {
			passed[m.Batch]++
		}
	}
	if len(passed) != 3 || passed[0] != 3 || passed[1] != 3 || passed[2] != 3 || w.updated() != 6 {
		t.Errorf("%v measurements passed, %d pods updated", passed, w.updated())
	}

	s.Set(5, false)
	kubetest.Eventually(t, "the errors are seen", func() (bool, string) {
		m, err := check.Try(t.Context(), check.Options{Now: time.Now}, asks(t, p, checktest.ErrorRate, "max: 0.15"), plan.Workload{})
		return m.Verdict == plan.CheckFailed, fmt.Sprint(m, err)
	})
	w.image()
	d := w.release(t.Context(), spec("}\n"), plan.ChecksFailed)
	if d.Reason.ExitCode() != 11 || w.updated() != 2 || !strings.HasPrefix(d.Message, "batch 1 of 3: check errors failed: 0.") ||
		!strings.HasSuffix(d.Message, "is not at most 0.15") {
		t.Errorf("exit code %d with %d pods updated: %s", d.Reason.ExitCode(), w.updated(), d.Message)
	}
	d = w.release(t.Context(), spec(", dryRun: true}\n"), plan.Completed)
	if got := w.measured(); len(got) == 0 || !got[0].DryRun || got[0].Verdict != plan.CheckFailed {
		t.Errorf("a dry run measured %+v", got)
	}
	w.image()
	d = w.release(t.Context(), spec("}\n  onFailure: Rollback\n"), plan.RolledBack)
	if d.Reason.ExitCode() != 12 || w.updated() != 0 {
		t.Errorf("exit code %d with %d pods updated: %s", d.Reason.ExitCode(), w.updated(), d.Message)
	}
	p.Stop()
	d = w.release(t.Context(), strings.Replace(spec("}\n"), "inconclusiveLimit: 100", "inconclusiveLimit: 2", 1), plan.ChecksFailed)
	if !strings.Contains(d.Message, "3 measurements in a row were inconclusive, at most 2 may be: no answer") || w.updated() != 2 {
		t.Errorf("without a Prometheus, %d pods updated: %s", w.updated(), d.Message)
	}
}

// TestReleaseStopsDuringABatch: a batch whose pods never get ready is not waited for when a check fails during it.
func TestReleaseStopsDuringABatch(t *testing.T) {
	o := newOracle(t)
	w := newWorld(t, "ReCreate")
	w.image()
	w.Patch(t, w.path("clonesets", "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{kubetest.AnnotationReadyAfter: "never"}},
	}}})
	text := planOf(`  batches: [{replicas: 2, checks: [answers]}, {replicas: 100%}]
  checks: [{name: answers, http: {url: "` + o.URL + `"}, interval: 20ms, during: true}]
`)
	d := w.watched(t.Context(), text, plan.ChecksFailed, func(o2 rollout.Observed, _ rollout.Decision) {
		if o.count() > 5 {
			o.answer(500)
		}
	})
	if !strings.Contains(d.Message, "batch 1 of 2: check answers failed: status 500") {
		t.Error(d.Message)
	}
	if got := w.measured(); len(got) < 6 || got[0].Verdict != plan.CheckPassed {
		t.Errorf("measured %+v", got)
	}
}

// jobPlan has a Job as its check, whose pod has the given annotations.
func jobPlan(annotations, more string) string {
	return planOf(`  batches: [{replicas: 2, checks: [smoke]}]
  checks:
  - name: smoke
    interval: 50ms
    ` + more + `
    job: {keep: 1h, template: {metadata: {labels: {team: shop}}, spec: {template: {
      metadata: {annotations: {` + annotations + `}},
      spec: {restartPolicy: Never, containers: [{name: smoke, image: "example.com/smoke:v1"}]}}}}}
`)
}

const (
	succeeds = kubetest.AnnotationCompleteAfter + ": 50ms"
	fails    = succeeds + ", " + kubetest.AnnotationExitCode + `: "1"`
)

// TestReleaseRunsJobs: a Job that succeeds, fails, or does not end is what becomes of the batch.
func TestReleaseRunsJobs(t *testing.T) {
	w := newWorld(t, "ReCreate")
	w.image()
	w.release(t.Context(), jobPlan(succeeds, "count: 2"), plan.Completed)
	all := w.jobs()
	if len(all) != 2 {
		t.Fatalf("%d Jobs, want one for each measurement", len(all))
	}
	for _, want := range []struct {
		path []any
		is   any
	}{
		{[]any{"metadata", "ownerReferences", 0, "name"}, "demo"},
		{[]any{"metadata", "labels", "slipway.dev/check"}, "smoke"},
		{[]any{"metadata", "labels", "team"}, "shop"},
		{[]any{"spec", "ttlSecondsAfterFinished"}, 3600.0},
		{[]any{"spec", "activeDeadlineSeconds"}, 600.0},
	} {
		if got := kubetest.Field(all[0], want.path...); got != want.is {
			t.Errorf("%v is %v, want %v", want.path, got, want.is)
		}
	}

	w.image()
	d := w.release(t.Context(), jobPlan(fails, ""), plan.ChecksFailed)
	if !strings.Contains(d.Message, "failed: BackoffLimitExceeded") ||
		!strings.Contains(d.Message, "kubectl logs job/slipway-demo-smoke-") {
		t.Error(d.Message)
	}
	w.image()
	d = w.release(t.Context(), jobPlan("", "timeout: 1s\n    inconclusiveLimit: 0"), plan.ChecksFailed)
	if got := w.measured(); len(got) != 1 || got[0].Verdict != plan.CheckInconclusive ||
		!strings.Contains(d.Message, "did not end") {
		t.Errorf("%s; %+v", d.Message, got)
	}
}

// TestAnAgentThatStartsAgainFindsItsJob in place of running it twice.
func TestAnAgentThatStartsAgainFindsItsJob(t *testing.T) {
	w := newWorld(t, "ReCreate")
	w.image()
	ctx, kill := context.WithCancel(t.Context())
	text := jobPlan("", "timeout: 1m") // runs until it is told to end
	began := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := w.run(ctx, text, func(_ rollout.Observed, d rollout.Decision) {
			if d.Reason == plan.ChecksRunning {
				close(began)
			}
		})
		ended <- err
	}()
	<-began
	kubetest.Eventually(t, "the Job is there", func() (bool, string) { n := len(w.jobs()); return n == 1, fmt.Sprint(n) })
	kill()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "the Job's pod is there", func() (bool, string) {
		pods, _ := w.Get(t, w.path("pods")+"?labelSelector=job-name")["items"].([]any)
		if len(pods) != 1 {
			return false, fmt.Sprint(len(pods))
		}
		_, err := w.TryPatch(w.path("pods", kubetest.Field(pods[0], "metadata", "name").(string)),
			map[string]any{"metadata": map[string]any{"annotations": map[string]any{kubetest.AnnotationCompleteAfter: "10ms"}}})
		return err == nil, fmt.Sprint(err)
	})
	w.release(t.Context(), text, plan.Completed)
	if n := len(w.jobs()); n != 1 {
		t.Errorf("%d Jobs", n)
	}
}

// TestReleaseLooksAtPods: restarts that an update in place needs are none, a crash is one, and an Event is seen.
func TestReleaseLooksAtPods(t *testing.T) {
	w := newWorld(t, "InPlaceIfPossible")
	text := func(count int) string {
		return planOf(fmt.Sprintf(`  batches: [{replicas: 2, checks: [calm]}, {replicas: 4, checks: [calm]}]
  checks: [{name: calm, interval: 20ms, count: %d, pods: {maxRestarts: 0, maxNotReady: 0, events: [BackOff]}}]
`, count))
	}
	w.image()
	w.release(t.Context(), text(2), plan.Completed)
	for _, m := range w.measured() {
		if !strings.HasSuffix(m.Message, "updated pods: 0 restarts, 0 pods not ready, no Event of BackOff") ||
			!strings.HasPrefix(m.Message, fmt.Sprint(2+2*m.Batch)) {
			t.Errorf("%+v", m)
		}
	}
	restarted := false
	for _, pod := range w.pods() {
		n, _ := kubetest.Field(pod, "status", "containerStatuses", 0, "restartCount").(float64)
		restarted = restarted || n > 0
	}
	if !restarted {
		t.Error("no pod was updated in place")
	}

	// once lets something happen to an updated pod when the check has begun.
	once := func(happens func(pod any)) func(rollout.Observed, rollout.Decision) {
		var done bool
		return func(o rollout.Observed, d rollout.Decision) {
			if done || d.Reason != plan.ChecksRunning || len(o.Checks) == 0 {
				return
			}
			done = true
			i := slices.IndexFunc(o.Pods, func(p rollout.Pod) bool { return p.Active() && p.Revision == o.UpdateRevision })
			happens(w.Get(t, w.path("pods", o.Pods[i].Name)))
		}
	}
	w.image()
	d := w.watched(t.Context(), text(1000), plan.ChecksFailed, once(func(pod any) {
		w.Create(t, w.path("events"), map[string]any{
			"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": "back-off"}, "reason": "BackOff",
			"message": "Back-off pulling image",
			"involvedObject": map[string]any{
				"kind": "Pod", "namespace": w.namespace, "name": kubetest.Field(pod, "metadata", "name"),
				"uid": kubetest.Field(pod, "metadata", "uid"),
			},
			"lastTimestamp": time.Now().UTC().Format(time.RFC3339),
		})
	}))
	if !strings.Contains(d.Message, "1 with Event BackOff (demo-") || !strings.Contains(d.Message, "Back-off pulling image") {
		t.Error(d.Message)
	}
	w.image()
	crashes := planOf(`  batches: [{replicas: 2, checks: [calm]}, {replicas: 100%}]
  checks: [{name: calm, interval: 20ms, count: 1000, during: true, pods: {maxRestarts: 0}}]
`)
	d = w.watched(t.Context(), crashes, plan.ChecksFailed, once(func(pod any) {
		w.Patch(t, w.path("pods", kubetest.Field(pod, "metadata", "name").(string)),
			map[string]any{"metadata": map[string]any{"annotations": map[string]any{kubetest.AnnotationCrash: "yes"}}})
	}))
	if !strings.Contains(d.Message, "2 updated pods: 1 restarts, at most 0") {
		t.Error(d.Message)
	}
}

// TestChecksNeedTheirRights takes each right away that the checks add to the Role: the agent says which one it misses.
func TestChecksNeedTheirRights(t *testing.T) {
	text := planOf(`  batches: [{replicas: 2, checks: [smoke, calm]}]
  checks:
  - {name: smoke, interval: 20ms, inconclusiveLimit: 0, job: {template: {spec: {template: {metadata: {annotations: {` +
		succeeds + `}},
      spec: {restartPolicy: Never, containers: [{name: smoke, image: smoke}]}}}}}}
  - {name: calm, interval: 20ms, inconclusiveLimit: 0, count: 100, pods: {events: [BackOff]}}
`)
	base, whole := rights(planOf("  batches: [{replicas: 2}]\n")), rights(text)
	tried := 0
	for i, rule := range whole {
		for j, verb := range rule.Verbs {
			has := func(r kubetest.Rule) bool {
				of := fmt.Sprint(rule.APIGroups, rule.Resources, rule.ResourceNames)
				return slices.Contains(r.Verbs, verb) && fmt.Sprint(r.APIGroups, r.Resources, r.ResourceNames) == of
			}
			if slices.ContainsFunc(base, has) {
				continue // the release itself needs it
			}
			tried++
			t.Run("without "+verb+" "+rule.Resources[0], func(t *testing.T) {
				w := newWorld(t, "ReCreate")
				w.rules = slices.Clone(whole)
				w.rules[i].Verbs = slices.Delete(slices.Clone(rule.Verbs), j, j+1)
				if len(w.rules[i].Verbs) == 0 {
					w.rules = slices.Delete(w.rules, i, i+1)
				}
				w.image()
				d := w.release(t.Context(), text, plan.ChecksFailed)
				if !strings.Contains(d.Message, "cannot "+verb) || !strings.Contains(d.Message, rule.Resources[0]) ||
					!strings.Contains(d.Message, "prints a Role") {
					t.Error(d.Message)
				}
			})
		}
	}
	if tried != 3 {
		t.Errorf("the checks add %d rights", tried)
	}
}

// TestTryLeavesNothingBehind: what is asked before a release changes nothing, and says what could never work.
func TestTryLeavesNothingBehind(t *testing.T) {
	w := newWorld(t, "ReCreate")
	config, _, err := kube.Access{Kubeconfig: w.Kubeconfig(t), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := kubetest.Field(w.Get(t, w.path("clonesets", "demo")), "metadata", "uid").(string)
	options := check.Options{Config: config, Now: time.Now}
	const template = "job: {template: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: smoke, %s: smoke}]}}}}}"
	for _, c := range []struct {
		reason, check, message string
		verdict                plan.CheckVerdict
		err                    error
	}{
		{"a Job", fmt.Sprintf(template, "image"), "the API server takes the Job", plan.CheckPassed, nil},
		{
			"a Job that is none", fmt.Sprintf(template, "picture"), `unknown field "spec.template.spec.containers[0].picture"`,
			plan.CheckInconclusive, check.ErrWrong,
		},
		{"pods", "pods: {maxRestarts: 0, maxNotReady: 0, events: [BackOff]}", "updated pods: 0 restarts", plan.CheckPassed, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			for _, set := range []plan.Workload{
				{Namespace: w.namespace, Name: "demo"},
				{APIVersion: "apps.kruise.io/v1alpha1", Namespace: w.namespace, Name: "demo", UID: uid},
			} {
				m, err := check.Try(t.Context(), options, source(t, c.check), set)
				if m.Verdict != c.verdict || !strings.Contains(m.Message, c.message) || !errors.Is(err, c.err) ||
					(err == nil) != (c.err == nil) {
					t.Errorf("%+v, %v", m, err)
				}
			}
		})
	}
	if n := len(w.jobs()); n > 0 {
		t.Errorf("%d Jobs are there", n)
	}
	nobody := *config
	nobody.Host = "http://127.0.0.1:1"
	m, err := check.Try(t.Context(), check.Options{Config: &nobody, Now: time.Now}, source(t, "pods: {maxRestarts: 0}"),
		plan.Workload{Namespace: w.namespace})
	if !errors.Is(err, check.ErrUnreachable) || m.Verdict != plan.CheckInconclusive {
		t.Errorf("without a cluster: %+v, %v", m, err)
	}
}
