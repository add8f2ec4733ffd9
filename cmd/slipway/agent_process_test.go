// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// agentProcess is a process that releases a CloneSet whose new pods do not get ready.
type agentProcess struct {
	*exec.Cmd
	stdout, stderr buffer
	ended          chan struct{}
}

// post is a namespace in which agents work on the CloneSet demo.
type post struct {
	*kubetest.Cluster
	kubeconfig, namespace string
}

func newPost(t *testing.T, c *kubetest.Cluster, image string) *post {
	t.Helper()
	t.Parallel()
	p := &post{c, c.Kubeconfig(t), c.Namespace(t)}
	c.Create(t, p.path("clonesets"), strings.ReplaceAll(runSet, "app:v1", image))
	return p
}

// TestAgentProcesses starts real processes on a real control plane.
func TestAgentProcesses(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	t.Run("take over", func(t *testing.T) { takeOver(t, newPost(t, c, "app:unready")) })
	t.Run("metrics", func(t *testing.T) { metrics(t, newPost(t, c, "app:unready")) })
	t.Run("tokens", func(t *testing.T) { expireToken(t, newPost(t, c, "app:v1")) })
}

func (p *post) path(resource string) string {
	group := map[string]string{"clonesets": "/apis/apps.kruise.io/v1alpha1", "leases": "/apis/coordination.k8s.io/v1"}[resource]
	if group == "" {
		group = "/api/v1"
	}
	return group + "/namespaces/" + p.namespace + "/" + resource
}

// start starts an agent.
func (p *post) start(t *testing.T, identity string, args ...string) *agentProcess {
	t.Helper()
	args = append([]string{
		"rollout", "run", "demo", "--kubeconfig", p.kubeconfig, "-n", p.namespace, "--lease", "2s", "--identity",
		identity,
	}, args...)
	a := &agentProcess{Cmd: exec.CommandContext(t.Context(), "slipway", args...), ended: make(chan struct{})}
	a.Stdout, a.Stderr = &a.stdout, &a.stderr
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.Wait(); close(a.ended) }()
	return a
}

// waits returns when the agent has nothing to do but to wait for pods.
func (a *agentProcess) waits(t *testing.T) {
	t.Helper()
	kubetest.Eventually(t, "the agent waits for pods", func() (bool, string) {
		select {
		case <-a.ended:
			t.Fatalf("the agent has ended: %s", a.stderr.String())
		default:
		}
		return strings.Contains(a.stdout.String(), `"msg":"wait"`), a.stdout.String() + a.stderr.String()
	})
}

func (a *agentProcess) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-a.ended:
	case <-time.After(time.Minute):
		t.Fatalf("the agent does not end: %s", a.stdout.String())
	}
	return a.ProcessState.ExitCode()
}

// holder is who has the lock, "" where nobody has.
func (p *post) holder(t *testing.T) string {
	t.Helper()
	leases, _ := kubetest.Field(p.Get(t, p.path("leases")), "items").([]any)
	if len(leases) == 0 {
		return ""
	}
	return fmt.Sprint(kubetest.Field(leases[0], "spec", "holderIdentity"))
}

// memory is who wrote down the progress last, as which agent in a row.
func (p *post) memory(t *testing.T) string {
	t.Helper()
	data := kubetest.Field(p.Get(t, p.path("configmaps")+"/slipway-demo"), "data")
	return fmt.Sprint(kubetest.Field(data, "holder"), " ", kubetest.Field(data, "epoch"))
}

// takeOver ends agents politely and not, and starts others beside and after them.
func takeOver(t *testing.T, p *post) {
	first := p.start(t, "first")
	first.waits(t)
	second := p.start(t, "second")
	if code := second.exit(t); code != 14 || !strings.Contains(second.stderr.String(), "is held by first") {
		t.Errorf("a second agent ends with %d: %s", code, second.stderr.String())
	}

	began := time.Now()
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, took := first.exit(t), time.Since(began); code != 143 || took > gracePeriod {
		t.Errorf("after SIGTERM: exit code %d after %v: %s", code, took, first.stderr.String())
	}
	if holder, memory := p.holder(t), p.memory(t); holder != "" || memory != "first 1" {
		t.Errorf("after SIGTERM the lock is held by %q, and the memory is by %s", holder, memory)
	}

	third := p.start(t, "third")
	third.waits(t)
	if err := third.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	third.exit(t)
	if holder := p.holder(t); holder != "third" {
		t.Errorf("after SIGKILL the lock is held by %q", holder)
	}

	// The last one finds a lock that nobody renews, takes it, and stops the release that was begun by the first.
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(`{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 100%}], progressDeadline: 1s}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	last := p.start(t, "last", "--plan", plan)
	if code := last.exit(t); code != 11 {
		t.Errorf("the last agent ends with %d: %s", code, last.stderr.String())
	}
	pods, _ := kubetest.Field(p.Get(t, p.path("pods")), "items").([]any)
	if holder, memory := p.holder(t), p.memory(t); len(pods) != 5 || holder != "" || !strings.HasPrefix(memory, "last ") {
		t.Errorf("at the end there are %d pods, the lock is held by %q, and the memory is by %s", len(pods), holder, memory)
	}
}

// metrics scrapes a release that is at work, with Prometheus's own parser.
func metrics(t *testing.T, p *post) {
	address := freeAddress(t)
	p.start(t, "first", "--metrics-address", address).waits(t)
	families := scrape(t, "http://"+address+"/metrics")
	value := func(name string, labels ...string) float64 {
		t.Helper()
		sum, found := 0.0, false
		for _, m := range families[name].GetMetric() {
			if has(m, labels...) {
				sum, found = sum+m.GetCounter().GetValue()+m.GetGauge().GetValue()+float64(m.GetHistogram().GetSampleCount()), true
			}
		}
		if !found {
			t.Errorf("no series %s with %v", name, labels)
		}
		return sum
	}
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"slipway_requests_total", []string{"verb", "post", "resource", "pods", "code", "201"}, 5},
		{"slipway_pods", []string{"state", "desired"}, 5},
		{"slipway_pods", []string{"state", "updated"}, 5},
		{"slipway_pods", []string{"state", "ready"}, 0},
		{"slipway_batch", nil, 1},
		{"slipway_batches", nil, 1},
		{"slipway_batch_target_pods", nil, 5},
	} {
		if got := value(want.name, want.labels...); got != want.value {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	// All writes are timed: five pods, and what keeps the lock and the memory.
	if timed, pods := value("slipway_write_seconds", "verb", "post"), 5.0; timed < pods {
		t.Errorf("%v creations are timed, want at least %v", timed, pods)
	}
	for name, family := range families {
		if family.GetHelp() == "" || family.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has help %q and type %s", name, family.GetHelp(), family.GetType())
		}
	}
}

func has(m *dto.Metric, labels ...string) bool {
	for i := 0; i < len(labels); i += 2 {
		found := false
		for _, l := range m.GetLabel() {
			found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}

func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	return families
}

// freeAddress is where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// expireToken lets a release run on with a token that was renewed in its file, which client-go reads again within a minute,
// and says what is wrong with one that the server does not take.
func expireToken(t *testing.T, p *post) {
	all := kubetest.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}
	user := p.User(t, p.namespace, all)
	var expired atomic.Value // the token that is worth nothing
	var refused atomic.Int64
	expired.Store("")
	proxy := p.Proxy(t, func(r *http.Request) kubetest.Fault {
		if r.Header.Get("Authorization") == "Bearer "+expired.Load().(string) {
			refused.Add(1)
			return kubetest.Fault{Code: http.StatusUnauthorized}
		}
		return kubetest.Fault{}
	})
	old, kubeconfig := tokenOf(t, proxy.ForUser(user))
	fresh, _ := tokenOf(t, p.User(t, p.namespace, all))
	file := filepath.Join(t.TempDir(), "token")
	p.kubeconfig = filepath.Join(filepath.Dir(file), "kubeconfig")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, old)
	write(p.kubeconfig, strings.Replace(kubeconfig, `token: "`+old+`"`, `tokenFile: "`+file+`"`, 1))

	first := p.start(t, "first")
	kubetest.Eventually(t, "the first pods are there", func() (bool, string) {
		return strings.Contains(first.stdout.String(), `"msg":"wait"`), first.stderr.String()
	})
	write(file, fresh)
	expired.Store(old)
	if code := first.exit(t); code != 0 || refused.Load() == 0 {
		t.Errorf("with a renewed token, after %d refusals, the release ends with %d: %s", refused.Load(), code, first.stderr.String())
	}

	write(file, old)
	second := p.start(t, "second")
	if code := second.exit(t); code != 1 || !strings.Contains(second.stderr.String(), "does not accept the token") {
		t.Errorf("with an old token the release ends with %d: %s", code, second.stderr.String())
	}
}

// tokenOf is a user's token, and a kubeconfig that holds it.
func tokenOf(t *testing.T, u *kubetest.User) (token, kubeconfig string) {
	t.Helper()
	data, err := os.ReadFile(u.Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), `token: "`)
	token, _, _ = strings.Cut(rest, `"`)
	return token, string(data)
}
