// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/cmd/internal/release"
	"github.com/slipway-dev/slipway/rollout/check/checktest"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// voyage is a folder in Git form, with SidecarSet, workload and BatchPlan, and what becomes of it in a real cluster: it is
// rendered, applied with kubectl, and released with the Job's user and arguments.
type voyage struct {
	rendered
	kind, target, strategy string // the workload: its kind, kind/name on the command line, and update strategy
	image, sidecar, tail   string // of the workload, of its sidecar, and more lines of the plan
	mode, prometheus       string
	controlled             bool // by an agent that stays
	watched                bool // its releases are followed with rollout watch
}

const launchReplicas = 5

func (v *voyage) files() {
	apiVersion := map[string]string{
		"CloneSet": "apps.kruise.io/v1alpha1", "StatefulSet": "apps/v1",
		"Deployment": "apps/v1",
	}[v.kind]
	strategy := map[string]string{"Deployment": "strategy"}[v.kind]
	v.write("sidecarset.yaml", `
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: demo}}
  containers: [{name: log-collector, image: "example.com/logs:`+v.sidecar+`"}]
`)
	v.write("app.yaml", `
apiVersion: `+apiVersion+`
kind: `+v.kind+`
metadata: {name: demo}
spec:
  replicas: 5
  selector: {matchLabels: {app: demo}}
  `+cmp.Or(strategy, "updateStrategy")+`: `+v.strategy+`
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers: [{name: app, image: "example.com/app:`+v.image+`"}]
`)
	v.write("plan.yaml", `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  mode: `+v.mode+`
  target: {apiVersion: `+apiVersion+`, kind: `+v.kind+`, name: demo}
  batches:
  - {replicas: 1, pause: {untilApproved: true}}
  - {replicas: 60%, checks: [errors]}
  - {replicas: 100%}
  checks:
  - {name: errors, prometheus: {address: "`+v.prometheus+`", query: "`+checktest.ErrorRate+
		`", max: 0.15}, interval: 100ms, count: 3, inconclusiveLimit: 100}
`+v.tail)
}

// release renders the folder, applies it with kubectl and runs the agent, which a person lets pass where it asks.
func (v *voyage) release(want int) string {
	v.t.Helper()
	v.files()
	manifests := slipwayOutput(v.t, "render", v.dir, "--release-image", slipwayImage)
	v.objects = objectsIn(v.t, manifests)
	if out, err := v.c.Kubectl(v.t, v.c.Client, manifests, "apply", "-n", v.namespace, "-f", "-"); err != nil {
		v.t.Fatal(err, out)
	}
	if v.mode == "Partition" && v.kind == "CloneSet" && !v.controlled {
		v.controlled = true
		v.control()
	}
	return v.run(want)
}

// control starts an agent that stays, which has the controller's part.
func (v *voyage) control() {
	v.t.Helper()
	ctx, stop := context.WithCancel(v.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var out buffer
		args := []string{
			"rollout", "run", "demo", "--stay", "--mode=direct", "-n", v.namespace, "--kubeconfig", v.c.Kubeconfig(v.t),
			"--lease", "1s",
		}
		if code := run(ctx, args, strings.NewReader(""), &out, &out); code != release.ExitSignal {
			v.t.Errorf("the controller ended with %d\n%s", code, out.String())
		}
	}()
	v.t.Cleanup(func() { stop(); <-ended })
}

// run runs the agent.
func (v *voyage) run(want int) string {
	v.t.Helper()
	ctx, ended := context.WithCancel(v.t.Context())
	approved := make(chan struct{})
	go func() {
		defer close(approved)
		for ctx.Err() == nil {
			var out buffer
			run(ctx, []string{"rollout", "approve", v.target, "-n", v.namespace, "--kubeconfig", v.c.Kubeconfig(v.t)},
				strings.NewReader(""), &out, &out)
		}
	}()
	watch := v.watch()
	code, out := v.try()
	ended()
	<-approved
	watch(code)
	if code != want {
		v.t.Fatalf("exit code %d, want %d\n%s", code, want, out)
	}
	return out
}

// watch follows a release with rollout watch, which has to end as the agent does, with a row for each batch.
func (v *voyage) watch() (ends func(code int)) {
	v.t.Helper()
	if !v.watched {
		return func(int) {}
	}
	ended := make(chan int, 1)
	var out buffer
	go func() {
		args := []string{"rollout", "watch", v.target, "-n", v.namespace, "--kubeconfig", v.c.Kubeconfig(v.t), "-o", "table"}
		ended <- run(v.t.Context(), args, strings.NewReader(""), &out, &out)
	}()
	return func(code int) {
		v.t.Helper()
		row := " pods ready"
		if code == plan.RolledBack.ExitCode() {
			row = "RolledBack" // it may be over before an observation between
		}
		if got := <-ended; got != code || !strings.Contains(out.String(), row) {
			v.t.Errorf("whoever watches sees exit code %d, and the agent ended with %d\n%s", got, code, out.String())
		}
	}
}

// pods are the pods that serve: ready and not on their way out. Each is its images and what tells it from another pod.
func (v *voyage) pods() map[string]string {
	v.t.Helper()
	pods := map[string]string{}
	for _, p := range kubetest.Field(v.c.Get(v.t, "/api/v1/namespaces/"+v.namespace+"/pods?labelSelector=app%3Ddemo"),
		"items").([]any) {
		ready := slices.ContainsFunc(kubetest.Field(p, "status", "conditions").([]any), func(c any) bool {
			return kubetest.Field(c, "type") == "Ready" && kubetest.Field(c, "status") == "True"
		})
		if !ready || kubetest.Field(p, "metadata", "deletionTimestamp") != nil {
			continue
		}
		var images []string
		for _, c := range kubetest.Field(p, "spec", "containers").([]any) {
			images = append(images, strings.TrimPrefix(kubetest.Field(c, "image").(string), "example.com/"))
		}
		pods[fmt.Sprint(kubetest.Field(p, "metadata", "uid"), kubetest.Field(p, "status", "podIP"))] = strings.Join(images, " ")
	}
	return pods
}

// serve waits until all pods that serve have the images.
func (v *voyage) serve(images string) map[string]string {
	v.t.Helper()
	var pods map[string]string
	kubetest.Eventually(v.t, "5 pods serve with "+images, func() (bool, string) {
		pods = v.pods()
		alike := true
		for _, has := range pods {
			alike = alike && has == images
		}
		return alike && len(pods) == launchReplicas, fmt.Sprint(pods)
	})
	return pods
}

// restarts counts those of one container, over all pods.
func (v *voyage) restarts(container string) (n int) {
	v.t.Helper()
	for _, p := range kubetest.Field(v.c.Get(v.t, "/api/v1/namespaces/"+v.namespace+"/pods?labelSelector=app%3Ddemo"),
		"items").([]any) {
		for _, c := range kubetest.Field(p, "status", "containerStatuses").([]any) {
			if kubetest.Field(c, "name") == container {
				n += int(kubetest.Field(c, "restartCount").(float64))
			}
		}
	}
	return n
}

// story is the whole of it: a first release, a second one with approval and check, one that fails, and one that returns.
func (v *voyage) story() {
	v.image, v.sidecar = "v1", "v1"
	v.release(0)
	v.serve("app:v1 logs:v1")
	v.image, v.watched = "v2", v.mode == "Delete"
	v.release(0)
	before := v.serve("app:v2 logs:v1")

	// A bad image stops in the first batch: one pod at most has it, and the budget is kept.
	v.image, v.tail = kubetest.TagUnready+"-3", "  progressDeadline: 3s\n"
	out := v.release(11)
	if !strings.Contains(out, "batch 1 of 3: not ready after 3s") {
		v.t.Errorf("it does not say why it stops:\n%s", out)
	}
	good := 0
	for pod, images := range v.pods() {
		if _, was := before[pod]; was && images == "app:v2 logs:v1" {
			good++
		}
	}
	if least := launchReplicas - v.unavailable(); good < least {
		v.t.Errorf("%d of %d pods serve as before, at least %d must: %v", good, launchReplicas, least, v.pods())
	}
	// The same Job again ends as it did before, and moves nothing.
	v.run(11)
	if !maps.Equal(before, v.pods()) && v.unavailable() == 0 {
		v.t.Errorf("the Job that is run again moves pods: %v, and before %v", v.pods(), before)
	}

	// With a rollback the old pods serve in the end, Git says otherwise, and the agent says so.
	v.image, v.tail = kubetest.TagMissing+"-4", "  failFast: {reasons: [ImagePullBackOff], after: 1s}\n  onFailure: Rollback\n"
	out = v.release(12)
	if !strings.Contains(out, "Git") {
		v.t.Errorf("it does not say what to revert:\n%s", out)
	}
	v.serve("app:v2 logs:v1")
	v.run(12)
	v.serve("app:v2 logs:v1")
}

// unavailable is the budget.
func (v *voyage) unavailable() int {
	if v.kind == "StatefulSet" {
		return 1
	}
	return 0
}

// TestLaunch tells the whole story on a real control plane, with a real Prometheus.
func TestLaunch(t *testing.T) {
	shop := checktest.NewShop(t)
	shop.Set(1, false)
	p := checktest.StartPrometheus(t, shop)
	c := kubetest.Start(t, kubetest.Options{ControllerManager: true})
	c.Install(t, crd.CloneSet())
	begin := func(t *testing.T, kind, target, strategy string) *voyage {
		v := &voyage{kind: kind, target: target, strategy: strategy, mode: "Partition", prometheus: p.Address}
		v.rendered = rendered{t: t, c: c, namespace: c.Namespace(t)}
		return v
	}
	const surge = "{type: InPlaceIfPossible, maxSurge: 1, maxUnavailable: 0}"
	t.Run("direct", func(t *testing.T) {
		t.Parallel()
		v := begin(t, "CloneSet", "demo", surge)
		v.mode = "Direct"
		v.story()
		// Only the sidecar's image changes: the pods stay, and so do the containers of the app.
		v.strategy = "{type: InPlaceIfPossible, maxUnavailable: 1}"
		v.image, v.tail = "v2", ""
		before, app := v.serve("app:v2 logs:v1"), v.restarts("app")
		v.sidecar = "v2"
		v.release(0)
		after := v.serve("app:v2 logs:v2")
		if !slices.Equal(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))) {
			t.Errorf("the pods were %v and are %v", before, after)
		}
		if got := v.restarts("app"); got != app {
			t.Errorf("the app restarted %d times", got-app)
		}
	})
	t.Run("StatefulSet in partition mode", func(t *testing.T) {
		t.Parallel()
		begin(t, "StatefulSet", "statefulset/demo", "{type: RollingUpdate}").story()
	})
	t.Run("StatefulSet in delete mode", func(t *testing.T) {
		t.Parallel()
		v := begin(t, "StatefulSet", "statefulset/demo", "{type: OnDelete}")
		v.mode = "Delete"
		v.story()
	})
	t.Run("Deployment in partition mode", func(t *testing.T) {
		t.Parallel()
		begin(t, "Deployment", "deployment/demo", "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}").story()
	})
	t.Run("CloneSet in partition mode", func(t *testing.T) {
		t.Parallel()
		begin(t, "CloneSet", "demo", surge).story()
	})
}
