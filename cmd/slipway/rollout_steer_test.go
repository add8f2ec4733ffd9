// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

const steerPlan = `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo}, spec: {
target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo},
batches: [{replicas: 1, pause: {untilApproved: true}}, {replicas: 100%}]}}`

// TestRolloutPeople is a release as people meet it at the command line, on a real control plane: what they read, what they ask
// and how, and every exit code on the way.
func TestRolloutPeople(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	ns := c.Namespace(t)
	at := "/apis/apps.kruise.io/v1alpha1/namespaces/" + ns + "/clonesets"
	c.Create(t, at, runSet)
	kubeconfig := c.Kubeconfig(t)
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(steerPlan), 0o600); err != nil {
		t.Fatal(err)
	}
	slipway := func(out *buffer, command string, args ...string) int {
		return run(t.Context(), append([]string{"rollout", command, "--kubeconfig", kubeconfig, "-n", ns}, args...),
			strings.NewReader(""), out, out)
	}
	must := func(want int, says, command string, args ...string) string {
		t.Helper()
		var out buffer
		if code := slipway(&out, command, args...); code != want || !strings.Contains(out.String(), says) {
			t.Fatalf("%s %v: exit code %d, want %d and %q\n%s", command, args, code, want, says, out.String())
		}
		return out.String()
	}
	type end struct {
		code int
		out  *buffer
	}
	begin := func(command string, args ...string) <-chan end {
		ended := make(chan end, 1)
		out := &buffer{}
		go func() { ended <- end{slipway(out, command, args...), out} }()
		return ended
	}
	release := func(tag string, more ...string) (agent, watch <-chan end) {
		c.Patch(t, at+"/demo", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
		must(14, "NotStarted: nobody has acted on generation ", "status", "demo")
		watch = begin("watch", "demo")
		agent = begin("run", append([]string{"demo", "--plan", plan, "--identity", "agent-" + tag, "--lease", "1s"}, more...)...)
		kubetest.Eventually(t, "the batch waits for approval", func() (bool, string) {
			var out buffer
			code := slipway(&out, "status", "cloneset/demo")
			return code == 14 && strings.Contains(out.String(), "AwaitingApproval"), out.String()
		})
		return agent, watch
	}
	ends := func(ended <-chan end, want int, says string) {
		t.Helper()
		if e := <-ended; e.code != want || !strings.Contains(e.out.String(), says) {
			t.Fatalf("exit code %d, want %d and %q\n%s", e.code, want, says, e.out.String())
		}
	}

	must(14, "no release is recorded", "status", "demo")
	must(1, "CloneSet "+ns+"/nothing does not exist", "status", "nothing")
	must(1, "CloneSet "+ns+"/demo: no release of CloneSet "+ns+"/demo is recorded", "approve", "demo")
	must(0, "done", "run", "demo")
	must(0, "Completed: ", "status", "demo")
	must(0, "Completed", "watch", "demo")

	agent, watch := release("v2")
	table := must(14, "agent    agent-v2", "status", "--plan", plan)
	for _, part := range []string{
		"state    AwaitingApproval: batch 1 of 2: 1 of 1 updated pods ready; waiting for approval",
		"BATCH   UPDATED  THEN", "1 of 2  1        wait for approval, next batch  ready since",
	} {
		if !strings.Contains(table, part) {
			t.Errorf("status shows no %q:\n%s", part, table)
		}
	}
	page, stop := servedPage(t, "--kubeconfig", kubeconfig, "-n", ns, "demo")
	page("Not finished", "AwaitingApproval", "demo-")
	must(14, "the release has not ended in time: 1s: batch 1 of 2", "status", "demo", "--wait", "--timeout", "1s")
	must(14, "the release has not ended in time", "watch", "demo", "--timeout", "1s")
	must(1, "batch 2 of 2 needs no approval", "approve", "demo", "--batch", "2")
	if out := plugin(t, c, 14, "rollout", "status", "demo", "-n", ns); !strings.Contains(out, "AwaitingApproval") {
		t.Errorf("the plugin shows %s", out)
	}
	if out := plugin(t, c, 0, "rollout", "approve", "demo", "-n", ns, "--as", "alice", "--as-group", "system:masters", "-m",
		"looks good"); !strings.Contains(out, "batch 1 of 2 approved by alice at ") {
		t.Errorf("the plugin answers %s", out)
	}
	ends(agent, 0, "approved by alice at ")
	ends(watch, 0, `"reason":"Completed`)
	page("Done", "A person asks to approve batch 1", "Completed")
	stop()
	var status struct {
		Ended    bool
		ExitCode int
		State    string
		Requests []struct{ Who, Asked, Why string }
	}
	if err := json.Unmarshal([]byte(must(0, "alice", "status", "demo", "-o", "json")), &status); err != nil {
		t.Fatal(err)
	}
	if r := status.Requests; !status.Ended || status.State != "Completed" || len(r) != 1 || r[0].Who != "alice" ||
		r[0].Asked != "approve batch 1" || r[0].Why != "looks good" {
		t.Errorf("status as JSON is %+v", status)
	}

	must(0, "done - Completed: 5 of 5 updated pods ready", "watch", "demo", "-o", "table")

	agent, watch = release("v3")
	must(0, "held by ", "pause", "demo")
	must(14, "Held: batch 1 of 2: held by ", "status", "demo")
	must(0, "resumed by ", "resume", "demo")
	must(0, "aborted by ", "abort", "demo")
	ends(agent, 11, "aborted by ")
	ends(watch, 11, "Aborted: it was aborted by ")
	must(11, "Aborted", "status", "demo", "--wait")
	must(1, "the release has ended, so there is nothing to approve", "approve", "demo")
	out := must(0, "the template is that of revision demo-", "undo", "demo")
	if !strings.Contains(out, "note: Git still has the template that is undone") ||
		!strings.Contains(out, "note: no agent is at work (there is no Lease)") {
		t.Errorf("undo says %s", out)
	}
	must(1, "already: a controller, or slipway rollout run, has to act on it: nothing was stored", "undo", "demo")
	must(0, "done", "run", "demo")

	agent, watch = release("v4")
	must(0, "the release turns back to demo-", "undo", "demo")
	ends(agent, 12, "rolled back to demo-")
	ends(watch, 12, "RolledBack")
	must(12, "RolledBack", "status", "demo")
}

// servedPage serves the page of a release until stop. page waits until it has all of the words.
func servedPage(t *testing.T, args ...string) (page func(words ...string), stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"rollout", "serve", "--address", "127.0.0.1:0"}, args...), strings.NewReader(""), &out, &out)
	}()
	url := ""
	kubetest.Eventually(t, "the page is served", func() (bool, string) {
		_, after, _ := strings.Cut(out.String(), "the page is at ")
		url, _, _ = strings.Cut(after, ",")
		return url != "", out.String()
	})
	page = func(words ...string) {
		t.Helper()
		kubetest.Eventually(t, "the page is up to date", func() (bool, string) {
			answer, err := http.Get(url)
			if err != nil {
				return false, err.Error()
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			lacks := slices.IndexFunc(words, func(w string) bool { return !strings.Contains(string(body), w) })
			return err == nil && lacks < 0, string(body)
		})
	}
	return page, func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("the end of serving is exit code %d: %s", code, out.String())
		}
	}
}

// plugin runs the real kubectl with slipway as its plugin, and returns what it writes.
func plugin(t *testing.T, c *kubetest.Cluster, want int, args ...string) string {
	t.Helper()
	out, err := c.Kubectl(t, c.Client, "", append([]string{"slipway"}, args...)...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if code != want {
		t.Fatalf("kubectl slipway %v: exit code %d, want %d: %v\n%s", args, code, want, err, out)
	}
	return out
}
