// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

const targetsPlan = `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: fleet}
spec:
  targets:
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: canary}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: east, wave: 1}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: west, wave: 1}
  parallel: 2
  batches: [{replicas: 1}, {replicas: 100%}]
`

// targets is a namespace with the CloneSets of targetsPlan.
type targets struct {
	*kubetest.Cluster
	t              *testing.T
	namespace, dir string
}

func newTargets(t *testing.T) *targets {
	t.Helper()
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	tr := &targets{Cluster: c, t: t, namespace: c.Namespace(t), dir: t.TempDir()}
	for _, name := range []string{"canary", "east", "west"} {
		c.Create(t, tr.sets(), strings.NewReplacer("name: demo", "name: "+name, "app: demo", "app: "+name, "replicas: 5",
			"replicas: 2").Replace(runSet))
	}
	tr.plan(targetsPlan)
	return tr
}

// plan writes the plan.
func (tr *targets) plan(text string) {
	tr.t.Helper()
	if err := os.WriteFile(tr.file("plan.yaml"), []byte(text), 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *targets) sets() string {
	return "/apis/apps.kruise.io/v1alpha1/namespaces/" + tr.namespace + "/clonesets"
}

func (tr *targets) file(name string) string { return filepath.Join(tr.dir, name) }

// slipway runs the plan and wants the exit code.
func (tr *targets) slipway(ctx context.Context, want int, args ...string) string {
	tr.t.Helper()
	var out buffer
	args = append([]string{
		"rollout", "run", "--plan", tr.file("plan.yaml"), "--kubeconfig", tr.Kubeconfig(tr.t), "-n",
		tr.namespace, "--lease", "1s",
	}, args...)
	if code := run(ctx, args, strings.NewReader(""), &out, &out); code != want {
		tr.t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, out.String())
	}
	return out.String()
}

// image gives a CloneSet a template with the image, whose pods follow the annotation.
func (tr *targets) image(name, tag, annotation string) {
	tr.t.Helper()
	template := map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "image": "example.com/app:" + tag},
	}}}
	if annotation != "" {
		key, value, _ := strings.Cut(annotation, "=")
		template["metadata"] = map[string]any{"annotations": map[string]any{key: value}}
	}
	tr.Patch(tr.t, tr.sets()+"/"+name, map[string]any{"spec": map[string]any{"template": template}})
}

// images are those that the pods of a CloneSet run.
func (tr *targets) images(name string) string {
	tr.t.Helper()
	count := map[string]int{}
	for _, p := range kubetest.Field(tr.Get(tr.t, "/api/v1/namespaces/"+tr.namespace+"/pods"), "items").([]any) {
		if kubetest.Field(p, "metadata", "labels", "app") == name && kubetest.Field(p, "metadata", "deletionTimestamp") == nil {
			image := kubetest.Field(p, "spec", "containers").([]any)[0].(map[string]any)["image"].(string)
			count[strings.TrimPrefix(image, "example.com/app:")]++
		}
	}
	return strings.TrimPrefix(fmt.Sprint(count), "map")
}

// TestRolloutTargets releases three CloneSets in two waves, and stops at the first that fails.
func TestRolloutTargets(t *testing.T) {
	tr := newTargets(t)
	tr.slipway(t.Context(), 0, "--audit-log", tr.file("log.jsonl"))
	for _, name := range []string{"canary", "east", "west"} {
		if got := tr.images(name); got != "[v1:2]" {
			t.Errorf("%s runs %s", name, got)
		}
		if _, err := os.Stat(tr.file("log-cloneset-" + name + ".jsonl")); err != nil {
			t.Error(err)
		}
	}
	// The second wave does not start.
	for _, name := range []string{"canary", "east", "west"} {
		tr.image(name, "v2", "")
	}
	tr.image("canary", "v2", kubetest.AnnotationReadyAfter+"=1h")
	tr.plan(targetsPlan + "  progressDeadline: 3s\n")
	out := tr.slipway(t.Context(), 11)
	for _, want := range []string{
		"3 of 3 targets are not done", "CloneSet canary: ", "not ready after 3s",
		"CloneSet east: not started",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if east, west := tr.images("east"), tr.images("west"); east != "[v1:2]" || west != "[v1:2]" {
		t.Errorf("after a failure in the first wave east runs %s and west %s", east, west)
	}
	// A target that waits for its pods ends with the other one of its wave.
	tr.image("canary", "v3", kubetest.AnnotationReadyAfter+"=10ms")
	tr.image("east", "v3", kubetest.AnnotationReadyAfter+"=1h")
	tr.image("west", "v3", kubetest.AnnotationReadyAfter+"=1h")
	tr.Patch(t, tr.sets()+"/west", map[string]any{"spec": map[string]any{"progressDeadlineSeconds": 600}})
	tr.plan(targetsPlan)
	tr.Patch(t, tr.sets()+"/east", map[string]any{"spec": map[string]any{"progressDeadlineSeconds": 3}})
	out = tr.slipway(t.Context(), 11)
	for _, want := range []string{"2 of 3 targets are not done", "CloneSet west: ", "the plan stopped at CloneSet east"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	tr.looks()
	// One target of the plan can be released alone.
	tr.image("canary", "v4", kubetest.AnnotationReadyAfter+"=10ms")
	tr.slipway(t.Context(), 0, "canary")
	tr.slipway(t.Context(), 2, "north")
}

// looks has people look at a plan that has stopped at east: at each target, and at one of them.
func (tr *targets) looks() {
	tr.t.Helper()
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"status", 11, []string{
			"WAVE  TARGET", "0     CloneSet " + tr.namespace + "/canary", "2 of 2   Completed",
			"1     CloneSet " + tr.namespace + "/west", "the plan stopped at CloneSet east",
		}},
		{"status -o json", 11, []string{`"wave": 1`, `"target": "CloneSet ` + tr.namespace + `/west"`, `"exitCode": 11`}},
		{"status canary", 0, []string{"state    Completed"}},
		{"status cloneset/east", 11, []string{"not ready after 3s"}},
		{"verify", 0, []string{
			"CloneSet " + tr.namespace + "/canary: ", "CloneSet " + tr.namespace + "/east: ",
			"CloneSet " + tr.namespace + "/west: ",
		}},
		{"verify -o json", 0, []string{`"targets": [`, `"name": "west"`}},
		{"verify west", 0, []string{"CloneSet " + tr.namespace + "/west: "}},
	} {
		var out buffer
		args := append([]string{"rollout"}, strings.Fields(c.args)...)
		args = append(args, "--plan", tr.file("plan.yaml"), "--kubeconfig", tr.Kubeconfig(tr.t), "-n", tr.namespace)
		if code := run(tr.t.Context(), args, strings.NewReader(""), &out, &out); code != c.code {
			tr.t.Errorf("%s: exit code %d, want %d\n%s", c.args, code, c.code, out.String())
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				tr.t.Errorf("%s: no %q in\n%s", c.args, want, out.String())
			}
		}
	}
}

// TestRolloutIndex releases the targets of a plan as the indexes of a Job do, each in its turn.
func TestRolloutIndex(t *testing.T) {
	tr := newTargets(t)
	jobs := "/apis/batch/v1/namespaces/" + tr.namespace + "/jobs"
	index := func(want, i int) string {
		t.Helper()
		return tr.slipway(t.Context(), want, "--job", "fleet", "--index", fmt.Sprint(i))
	}
	index(1, 0) // there is no such Job
	tr.Create(t, jobs, `
apiVersion: batch/v1
kind: Job
metadata: {name: fleet}
spec:
  completionMode: Indexed
  completions: 3
  parallelism: 2
  backoffLimitPerIndex: 1
  template:
    spec: {restartPolicy: Never, containers: [{name: slipway, image: example.com/slipway}]}
`)
	index(2, 3)
	status := func(field, indexes string) {
		t.Helper()
		tr.Patch(t, jobs+"/fleet/status", map[string]any{"status": map[string]any{field: indexes}})
	}
	// An index of the second wave waits for the first.
	second := make(chan string, 1)
	go func() { second <- index(0, 1) }()
	index(0, 0)
	if got := tr.images("east"); got != "[]" {
		t.Errorf("east runs %s before the first wave is done", got)
	}
	status("completedIndexes", "0")
	<-second
	if got := tr.images("east"); got != "[v1:2]" {
		t.Errorf("east runs %s", got)
	}
	// An index that has begun ends when another one fails.
	tr.image("west", "v2", kubetest.AnnotationReadyAfter+"=1h")
	third := make(chan string, 1)
	go func() { third <- index(11, 2) }()
	kubetest.Eventually(t, "west is under way", func() (bool, string) { return tr.images("west") != "[]", tr.images("west") })
	status("failedIndexes", "1")
	if out := <-third; !strings.Contains(out, "the plan stopped at CloneSet east") {
		t.Error(out)
	}
	// And one whose turn has not come does not begin.
	if out := index(11, 2); !strings.Contains(out, "not started: the plan stopped at CloneSet east") {
		t.Error(out)
	}
}
