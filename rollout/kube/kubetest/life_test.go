// SPDX-License-Identifier: Apache-2.0

package kubetest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// children returns the ids of the servers that this or another test process started: those that run in its folder.
func children(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(entries) == 0 {
		t.Skip("no /proc to look at")
	}
	var found []int
	for _, entry := range entries {
		command, err := os.ReadFile(filepath.Join(entry, "cmdline"))
		if err != nil || !bytes.Contains(command, fmt.Appendf(nil, "slipway-kubetest-%d-", pid)) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, child)
	}
	return found
}

func awaitNoChildren(t *testing.T, pid int) {
	t.Helper()
	kubetest.Eventually(t, "no server is left", func() (bool, string) {
		left := children(t, pid)
		return len(left) == 0, fmt.Sprint(left)
	})
}

// inner is the environment variable that makes the test binary a process that is killed.
const inner = "SLIPWAY_TEST_KUBETEST_INNER"

// The test binary runs itself, to be killed with its servers running or to end by itself.
func TestServersEndWithTheProcess(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it needs a control plane")
	}
	for _, ending := range []string{"killed", "done"} {
		t.Run(ending, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestInner$")
			cmd.Env = append(os.Environ(), inner+"="+ending)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if (err == nil) != (ending == "done") || !strings.Contains(out.String(), "servers: 4") {
				t.Fatalf("%v\n%s", err, out.String())
			}
			awaitNoChildren(t, cmd.Process.Pid)
			folders, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("slipway-kubetest-%d-*", cmd.Process.Pid)))
			if err != nil {
				t.Fatal(err)
			}
			for _, folder := range folders {
				if ending == "done" {
					t.Errorf("%s is left", folder)
				}
				os.RemoveAll(folder)
			}
		})
	}
}

func TestInner(t *testing.T) {
	ending := os.Getenv(inner)
	if ending == "" {
		t.Skip("TestServersEndWithTheProcess runs it")
	}
	c := kubetest.Start(t, kubetest.Options{ControllerManager: true})
	testControllers(t, c)
	fmt.Println("servers:", len(children(t, os.Getpid())))
	if ending == "killed" {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		_ = self.Kill()
	}
}

// testControllers looks at what kube-controller-manager does: owned pods go with their owner, a Job runs to its end.
func testControllers(t *testing.T, c *kubetest.Cluster) {
	t.Helper()
	ns := c.Namespace(t)
	owner := c.Create(t, "/api/v1/namespaces/"+ns+"/configmaps",
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}`)
	owned := pod("owned", "app:v1", nil)
	owned["metadata"].(object)["ownerReferences"] = []object{{
		"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": kubetest.Field(owner, "metadata", "uid"),
	}}
	c.Create(t, pods(ns), owned)
	jobs := "/apis/batch/v1/namespaces/" + ns + "/jobs"
	c.Create(t, jobs, `
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    metadata: {annotations: {kubelet.slipway.dev/complete-after: 10ms}}
    spec: {restartPolicy: Never, containers: [{name: app, image: "app:v1"}]}
`)
	kubetest.Eventually(t, "the Job is complete", func() (bool, string) {
		job := c.Get(t, jobs+"/once")
		return kubetest.Condition(job, "Complete") == "True", fmt.Sprint(job["status"])
	})
	c.Delete(t, "/api/v1/namespaces/"+ns+"/configmaps/owner")
	awaitGone(t, c, pods(ns)+"/owned")
}

// A restart disturbs everybody, so it has a control plane of its own.
func TestAPIServerRestarts(t *testing.T) {
	t.Parallel()
	c := kubetest.Start(t, kubetest.Options{})
	ns := c.Namespace(t)
	agent := c.User(t, ns, kubetest.Rule{Resources: []string{"pods"}, Verbs: []string{"get"}})
	c.Create(t, pods(ns), pod("before", "app:v1", map[string]string{kubetest.AnnotationReadyAfter: "500ms"}))
	c.StopAPI(t)
	if _, err := agent.TryGet(pods(ns) + "/before"); err == nil {
		t.Error("the API server still answers")
	}
	c.StartAPI(t)
	agent.Get(t, pods(ns)+"/before")
	await(t, c, pods(ns)+"/before", "Running ready=True running app:v1 restarts=0")
	if log := c.Requests(t, ns); log.Count()["create pods"] != 1 || log.Count()["get pods"] == 0 {
		t.Errorf("the audit log begins anew: %v", log.Count())
	}
}
