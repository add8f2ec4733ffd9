// SPDX-License-Identifier: Apache-2.0

package kubetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

type object = map[string]any

const gate = "InPlaceUpdateReady"

// pods is the collection of a namespace; a pod's name follows it.
func pods(namespace string) string { return "/api/v1/namespaces/" + namespace + "/pods" }

// pod is a pod with one container named app.
func pod(name, image string, annotations map[string]string) object {
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": name, "annotations": annotations},
		"spec":     object{"containers": []object{{"name": "app", "image": image}}},
	}
}

// gated adds the readiness gate to a pod.
func gated(p object) object {
	p["spec"].(object)["readinessGates"] = []object{{"conditionType": gate}}
	return p
}

// summary is what the tests look at: phase, Ready, and of the container its state, image, restarts.
func summary(p object) string {
	status := kubetest.Field(p, "status", "containerStatuses", 0)
	state := "none"
	for name := range asObject(kubetest.Field(status, "state")) {
		state = name
		if reason := kubetest.Field(status, "state", name, "reason"); reason != nil {
			state = fmt.Sprint(reason)
		}
	}
	return fmt.Sprintf("%v ready=%s %s %v restarts=%v", kubetest.Field(p, "status", "phase"), kubetest.Condition(p, "Ready"),
		state, kubetest.Field(status, "image"), kubetest.Field(status, "restartCount"))
}

func asObject(v any) object {
	o, _ := v.(object)
	return o
}

// await waits until the pod's summary is as wanted and returns the pod.
func await(t *testing.T, c *kubetest.Cluster, path, want string) object {
	t.Helper()
	var p object
	kubetest.Eventually(t, path+" is "+want, func() (bool, string) {
		var err error
		if p, err = c.TryGet(path); err != nil {
			return false, err.Error()
		}
		return summary(p) == want, summary(p)
	})
	return p
}

func setGate(t *testing.T, c *kubetest.Cluster, path, status string) {
	t.Helper()
	current := c.Get(t, path)
	conditions, _ := kubetest.Field(current, "status", "conditions").([]any)
	var kept []any
	for _, condition := range conditions {
		if kubetest.Field(condition, "type") != gate {
			kept = append(kept, condition)
		}
	}
	kept = append(kept, object{"type": gate, "status": status})
	c.Patch(t, path+"/status", object{
		"metadata": object{"resourceVersion": kubetest.Field(current, "metadata", "resourceVersion")},
		"status":   object{"conditions": kept},
	})
}

func annotate(t *testing.T, c *kubetest.Cluster, path, key string, value any) {
	t.Helper()
	c.Patch(t, path, object{"metadata": object{"annotations": object{key: value}}})
}

func TestPodGetsReady(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, pods(ns), pod("a", "app:v1", nil))
	got := await(t, c, pods(ns)+"/a", "Running ready=True running app:v1 restarts=0")
	if node := kubetest.Field(got, "spec", "nodeName"); node != kubetest.Node {
		t.Errorf("the pod is on node %v, want %s", node, kubetest.Node)
	}
	if ip, _ := kubetest.Field(got, "status", "podIP").(string); !strings.HasPrefix(ip, "10.") || ip == "10.0.0.0" {
		t.Errorf("the pod's address is %q", ip)
	}
}

// The dance of an in-place update: drain, change the image, wait for the new imageID, open the gate again.
func TestInPlaceUpdate(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	path := pods(ns) + "/a"
	c.Create(t, pods(ns), gated(pod("a", "app:v1", nil)))
	await(t, c, path, "Running ready=False running app:v1 restarts=0")
	setGate(t, c, path, "True")
	before := await(t, c, path, "Running ready=True running app:v1 restarts=0")
	setGate(t, c, path, "False")
	await(t, c, path, "Running ready=False running app:v1 restarts=0")
	c.Patch(t, path, object{"metadata": object{"annotations": object{"revision": "v2"}}})
	image := func(tag string) {
		spec := c.Get(t, path)["spec"].(object)
		container := spec["containers"].([]any)[0].(object)
		container["image"] = tag
		c.Patch(t, path, object{"spec": object{"containers": []any{container}}})
	}
	image("app:v2")
	after := await(t, c, path, "Running ready=False running app:v2 restarts=1")
	setGate(t, c, path, "True")
	await(t, c, path, "Running ready=True running app:v2 restarts=1")
	id := func(p object) any { return kubetest.Field(p, "status", "containerStatuses", 0, "imageID") }
	if id(before) == id(after) {
		t.Errorf("the imageID is %v with both images", id(before))
	}
	image("app:v2--again")
	same := await(t, c, path, "Running ready=True running app:v2--again restarts=2")
	if id(same) != id(after) {
		t.Errorf("the imageID of another name of the image is %v, want %v", id(same), id(after))
	}
}

func TestSlowPods(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, pods(ns), pod("late", "app:v1", map[string]string{kubetest.AnnotationReadyAfter: "1s"}))
	c.Create(t, pods(ns), pod("never", "app:v1", map[string]string{kubetest.AnnotationReadyAfter: "never"}))
	c.Create(t, pods(ns), pod("tag", "app:unready-v2", nil))
	await(t, c, pods(ns)+"/late", "Running ready=False running app:v1 restarts=0")
	await(t, c, pods(ns)+"/late", "Running ready=True running app:v1 restarts=0")
	await(t, c, pods(ns)+"/tag", "Running ready=False running app:unready-v2 restarts=0")
	await(t, c, pods(ns)+"/never", "Running ready=False running app:v1 restarts=0")
	annotate(t, c, pods(ns)+"/never", kubetest.AnnotationReadyAfter, nil)
	await(t, c, pods(ns)+"/never", "Running ready=True running app:v1 restarts=0")
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	path := pods(ns) + "/a"
	c.Create(t, pods(ns), pod("a", "app:v1", nil))
	await(t, c, path, "Running ready=True running app:v1 restarts=0")
	annotate(t, c, path, kubetest.AnnotationCrash, "true")
	await(t, c, path, "Running ready=False CrashLoopBackOff app:v1 restarts=1")
	await(t, c, path, "Running ready=False CrashLoopBackOff app:v1 restarts=2")
	annotate(t, c, path, kubetest.AnnotationCrash, nil)
	await(t, c, path, "Running ready=True running app:v1 restarts=3")
}

func TestBadImages(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, pods(ns), pod("crash", "app:crash", nil))
	c.Create(t, pods(ns), pod("missing", "app:missing-v2", nil))
	await(t, c, pods(ns)+"/crash", "Running ready=False CrashLoopBackOff app:crash restarts=1")
	await(t, c, pods(ns)+"/missing", "Running ready=False ImagePullBackOff app:missing-v2 restarts=0")
}

func TestEviction(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	path := pods(ns) + "/a"
	c.Create(t, pods(ns), pod("a", "app:v1", nil))
	await(t, c, path, "Running ready=True running app:v1 restarts=0")
	annotate(t, c, path, kubetest.AnnotationEvict, "true")
	evicted := await(t, c, path, "Failed ready=False Error app:v1 restarts=0")
	if got := kubetest.Condition(evicted, "DisruptionTarget"); got != "True" {
		t.Errorf("DisruptionTarget is %q, want True", got)
	}
	c.Delete(t, path)
	awaitGone(t, c, path)
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, pods(ns), pod("good", "app:v1", map[string]string{kubetest.AnnotationCompleteAfter: "10ms"}))
	c.Create(t, pods(ns), pod("bad", "app:v1", map[string]string{
		kubetest.AnnotationCompleteAfter: "10ms", kubetest.AnnotationExitCode: "3",
	}))
	await(t, c, pods(ns)+"/good", "Succeeded ready=False Completed app:v1 restarts=0")
	bad := await(t, c, pods(ns)+"/bad", "Failed ready=False Error app:v1 restarts=0")
	if code := kubetest.Field(bad, "status", "containerStatuses", 0, "state", "terminated", "exitCode"); code != 3.0 {
		t.Errorf("exit code %v, want 3", code)
	}
}

func TestTermination(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, pods(ns), pod("quick", "app:v1", nil))
	c.Create(t, pods(ns), pod("grace", "app:v1", map[string]string{kubetest.AnnotationTerminateAfter: "grace"}))
	c.Create(t, pods(ns), pod("stuck", "app:v1", map[string]string{kubetest.AnnotationStuck: "true"}))
	for _, name := range []string{"quick", "grace", "stuck"} {
		await(t, c, pods(ns)+"/"+name, "Running ready=True running app:v1 restarts=0")
		c.Delete(t, pods(ns)+"/"+name+"?gracePeriodSeconds=2")
	}
	awaitGone(t, c, pods(ns)+"/grace")
	awaitGone(t, c, pods(ns)+"/quick")
	stuck := c.Get(t, pods(ns)+"/stuck")
	if kubetest.Field(stuck, "metadata", "deletionTimestamp") == nil {
		t.Error("the stuck pod is not terminating")
	}
	annotate(t, c, pods(ns)+"/stuck", kubetest.AnnotationStuck, nil)
	awaitGone(t, c, pods(ns)+"/stuck")
}

// A pod may be followed by another one of its name at once, as those of StatefulSets are. kwok deletes by name, so a second
// deletion of the first pod would take the other one away.
func TestANameIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	path := pods(ns) + "/a"
	const lives = 10
	for range lives {
		c.Create(t, pods(ns), pod("a", "app:v1", nil))
		await(t, c, path, "Running ready=True running app:v1 restarts=0")
		c.Delete(t, path)
		awaitGone(t, c, path)
	}
	deletions := c.Requests(t, ns).By("kwok").Where(func(r kubetest.Request) bool { return r.Verb == "delete" })
	if len(deletions) != lives {
		t.Errorf("kwok deleted %d pods in %d requests", lives, len(deletions))
	}
}

func awaitGone(t *testing.T, c *kubetest.Cluster, path string) {
	t.Helper()
	kubetest.Eventually(t, path+" is gone", func() (bool, string) {
		code, _, err := c.Do("GET", path, "", nil)
		return code == 404, fmt.Sprint(code, err)
	})
}

func TestInstall(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	for range 2 {
		c.Install(t, []byte(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.test.slipway.dev}
spec:
  group: test.slipway.dev
  scope: Cluster
  names: {kind: Thing, plural: things}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`))
		c.Get(t, "/apis/test.slipway.dev/v1/things")
	}
}

func TestOnlyTheAgentIsCounted(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	agent := c.User(t, ns, kubetest.Rule{Resources: []string{"pods"}, Verbs: []string{"create", "get"}})
	agent.Create(t, pods(ns), pod("a", "app:v1", nil))
	agent.Create(t, pods(ns), pod("b", "app:v1", nil))
	await(t, c, pods(ns)+"/a", "Running ready=True running app:v1 restarts=0")
	await(t, c, pods(ns)+"/b", "Running ready=True running app:v1 restarts=0")
	if err := agent.TryDelete(pods(ns) + "/a"); err == nil {
		t.Error("the user may delete pods")
	}
	log := c.Requests(t, ns).Writes()
	mine := log.Where(func(r kubetest.Request) bool { return r.User == agent.Name })
	if diff := cmp.Diff(map[string]int{"create pods": 2, "delete pods": 1}, mine.Count()); diff != "" {
		t.Errorf("the user's writes (-want +got):\n%s", diff)
	}
	if kwok := log.By("kwok").Count(); len(kwok) != 1 || kwok["patch pods/status"] < 2 {
		t.Errorf("kwok's writes are %v, want those that made two pods ready", kwok)
	}
	if len(mine) != 3 || mine[0].Code != 201 || mine[2].Code != 403 || len(mine[0].Body) == 0 || len(mine[0].Answer) == 0 {
		t.Errorf("the user's requests lack something: %+v", mine)
	}
}
