// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// gracePeriod is what Kubernetes leaves a container between SIGTERM and SIGKILL.
const gracePeriod = 30 * time.Second

const runSet = `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  replicas: 5
  selector: {matchLabels: {app: demo}}
  updateStrategy: {maxSurge: 20%, maxUnavailable: 0}
  template:
    metadata: {labels: {app: demo}, annotations: {kubelet.slipway.dev/ready-after: 700ms}}
    spec:
      containers: [{name: app, image: "example.com/app:v1"}]
`

// buffer is output that a test reads while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestRolloutRun goes through the article on a real control plane, at the command line: what people and programs see,
// and each exit code that an agent ends with.
func TestRolloutRun(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	ns := c.Namespace(t)
	at := "/apis/apps.kruise.io/v1alpha1/namespaces/" + ns + "/clonesets"
	c.Create(t, at, runSet)
	kubeconfig := c.Kubeconfig(t)
	slipway := func(ctx context.Context, out *buffer, args ...string) int {
		args = append([]string{"rollout", "run", "demo", "--kubeconfig", kubeconfig, "-n", ns, "--lease", "1s"}, args...)
		return run(ctx, args, strings.NewReader(""), out, out)
	}
	must := func(want int, args ...string) string {
		t.Helper()
		var out buffer
		if code := slipway(t.Context(), &out, args...); code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, out.String())
		}
		return out.String()
	}
	strategy := func(patch map[string]any) {
		c.Patch(t, at+"/demo", map[string]any{"spec": map[string]any{"updateStrategy": patch}})
	}
	image := func(tag string) {
		c.Patch(t, at+"/demo", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
	}
	row := func() string {
		_, rows := c.Table(t, at+"/demo", false)
		return strings.Trim(fmt.Sprint(rows[0][1:6]), "[]")
	}

	must(0)
	strategy(map[string]any{"partition": 3})
	image("v2")
	log := filepath.Join(t.TempDir(), "audit.jsonl")
	rows := watchRows(t, row)
	out := must(0, "--audit-log", log)
	seen := rows()
	if got := row(); got != "5 2 2 5 5" {
		t.Errorf("partition 3 leaves %s", got)
	}
	if !strings.Contains(seen, "5 1 0 5 6") {
		t.Errorf("kubectl's columns do not show the start of the release: %s", seen)
	}
	checkLines(t, out)
	strategy(map[string]any{"partition": 0})
	rows = watchRows(t, row)
	must(0, "--audit-log", log)
	if seen := rows(); row() != "5 5 5 5 5" || !strings.Contains(seen, "5 3 2 5 6") {
		t.Errorf("partition 0 leaves %s after %s", row(), seen)
	}
	// On standard output it stands among the lines for people, as in a pod's log.
	image("v2b")
	mixed := must(0, "--audit-log", "-") + "warning: something else\n"
	for _, args := range [][]string{{"rollout", "replay", "-"}, {"rollout", "report", "-"}} {
		var out buffer
		if code := run(t.Context(), args, strings.NewReader(mixed), &out, &out); code != 0 {
			t.Fatalf("%v: exit code %d\n%s", args, code, out.String())
		}
	}
	var replayed buffer
	if code := run(t.Context(), []string{"rollout", "replay", log}, strings.NewReader(""), &replayed, &replayed); code != 0 {
		t.Errorf("replay: %d, %s", code, replayed.String())
	}
	var page buffer
	if code := run(t.Context(), []string{"rollout", "report", log}, strings.NewReader(""), &page, &page); code != 0 ||
		!strings.Contains(page.String(), "number 2") || !strings.Contains(page.String(), "CloneSet "+ns+"/demo") {
		t.Errorf("report: %d, %.2000s", code, page.String())
	}

	checksAtTheCommandLine(t, image, must)

	image("unready")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var first buffer
	ended := make(chan int, 1)
	go func() { ended <- slipway(ctx, &first, "--identity", "first", "--metrics-address", "127.0.0.1:0") }()
	kubetest.Eventually(t, "the first agent waits", func() (bool, string) {
		return strings.Contains(first.String(), `"msg":"wait"`),
			first.String()
	})
	if out := must(14); !strings.Contains(out, "is held by first") {
		t.Errorf("the second agent says %s", out)
	}
	began := time.Now()
	stop()
	if code := <-ended; code != 143 || time.Since(began) > gracePeriod {
		t.Errorf("exit code %d after %v: %s", code, time.Since(began), first.String())
	}
	hook, told := webhook(t)
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(`{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 100%}], progressDeadline: 1s,
notifications: [{webhook: {url: "`+hook.URL+`"}}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	must(11, "--plan", plan)
	if got := told(); !strings.Contains(got, `"reason":"ProgressDeadlineExceeded"`) || !strings.Contains(got, `"exitCode":11`) {
		t.Errorf("the webhook was told %s", got)
	}
	strategy(map[string]any{"maxSurge": 0})
	must(10, "--restart")
	status := []byte(`{"status": {"observedGeneration": 99}}`)
	if code, answer, err := c.Do(http.MethodPatch, at+"/demo/status?fieldManager=manager", "application/merge-patch+json",
		status); err != nil || code != http.StatusOK {
		t.Fatalf("%d, %v: %s", code, err, answer)
	}
	strategy(map[string]any{"maxSurge": 1})
	if out := must(13, "--restart"); !strings.Contains(out, "written by manager") {
		t.Errorf("auto says %s", out)
	}
}

// webhook is a server that keeps what it is told.
func webhook(t *testing.T) (*httptest.Server, func() string) {
	t.Helper()
	var all buffer
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(&all, r.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server, all.String
}

// An agent that cannot even begin tells so, and what it ends with. The receiver without a secret waits for another reason:
// for what there is to tell, the agent would wait for the secret for as long as it has patience.
func TestRolloutRunNotifiesOfAnErrorBeforeTheFirstLook(t *testing.T) {
	hook, told := webhook(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dir := filesIn(t, "kubeconfig",
		`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: "`+gone.URL+`"}}], users: [{name: a, user: {}}]}`,
		"plan.yaml", `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 100%}],
notifications: [{webhook: {url: "`+hook.URL+`"}}, {name: chat, on: [Completed], slack: {urlFrom: {secretRef: {name: chat, `+
			`key: url}}}}]}}`)
	var out buffer
	code := run(t.Context(), []string{
		"rollout", "run", "--kubeconfig", filepath.Join(dir, "kubeconfig"), "--plan", filepath.Join(dir, "plan.yaml"), "--secrets",
		dir,
	}, strings.NewReader(""), &out, &out)
	if got := told(); code == 0 || !strings.Contains(got, `"reason":"AgentFailed"`) ||
		!strings.Contains(got, fmt.Sprintf(`"exitCode":%d`, code)) ||
		!strings.Contains(got, `"name":"demo"`) {
		t.Errorf("exit code %d, and the webhook was told %s", code, got)
	}
	if !strings.Contains(out.String(), "warning: notification chat: secret chat, key url: ") {
		t.Errorf("the output is %s", out.String())
	}
}

// watchRows collects the different rows until it is asked for them.
func watchRows(t *testing.T, row func() string) func() string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string)
	go func() {
		var all []string
		for ctx.Err() == nil {
			if r := row(); len(all) == 0 || all[len(all)-1] != r {
				all = append(all, r)
			}
		}
		seen <- strings.Join(all, " | ")
	}()
	return func() string {
		cancel()
		return <-seen
	}
}

// checkLines holds that every line of output is one JSON object that says what was done and why.
func checkLines(t *testing.T, out string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["msg"] == nil || fields["reason"] == nil {
			t.Errorf("not a structured line: %s", line)
		}
	}
	if !strings.Contains(lines[len(lines)-1], `"msg":"done"`) {
		t.Errorf("the last line is %s", lines[len(lines)-1])
	}
}

// checksAtTheCommandLine releases with a check that passes, and with one that fails: exit codes, output and audit log.
func checksAtTheCommandLine(t *testing.T, image func(string), must func(int, ...string) string) {
	t.Helper()
	var status atomic.Int32
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request,
	) {
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	plan, log := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "audit.jsonl")
	if err := os.WriteFile(plan, []byte(`{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 2, checks: [healthy]}, {replicas: 100%}],
checks: [{name: healthy, http: {url: "`+server.URL+`"}, interval: 10ms, count: 2}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	image("v3")
	out := must(0, "--plan", plan, "--audit-log", log)
	checkLines(t, out)
	if n := strings.Count(out, `"msg":"measure","reason":"Passed: status 200 OK","check":"healthy","batch":1`); n != 2 {
		t.Errorf("%d measurements in the output: %s", n, out)
	}
	status.Store(http.StatusServiceUnavailable)
	image("v4")
	if out := must(11, "--plan", plan, "--audit-log", log); !strings.Contains(out,
		"batch 1 of 2: check healthy failed: status 503 Service Unavailable is not 200") {
		t.Error(out)
	}
	text, err := os.ReadFile(log)
	if n := bytes.Count(text, []byte(`{"measurement":{"check":"healthy","number":`)); err != nil || n != 3 {
		t.Errorf("%d measurements in the audit log, %v", n, err)
	}
	var replayed buffer
	if code := run(t.Context(), []string{"rollout", "replay", log}, strings.NewReader(""), &replayed, &replayed); code != 0 {
		t.Errorf("replay: %d, %s", code, replayed.String())
	}
}
