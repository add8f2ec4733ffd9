// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// fleetPlan releases two CloneSets, whose pods slipway replaces, and a StatefulSet, whose pods Kubernetes replaces.
const fleetPlan = `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: fleet}
spec:
  targets:
  - {apiVersion: apps/v1, kind: StatefulSet, name: db, wave: 1}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: east, wave: 1}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: canary}
  parallel: 2
  batches: [{replicas: 1}, {replicas: 100%}]
  failFast: {reasons: [ImagePullBackOff], after: 1s}
`

const fleetDatabase = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, image: "example.com/app:v1"}]}
`

// fleet is a namespace in which the rendered Indexed Job of fleetPlan runs: the Job controller is the real one, and the
// test is the kubelet, which runs what the Job's pods say.
type fleet struct {
	rendered
	ran   []string // index and exit code of each process that has ended, in that order
	ended func(index string)
}

// podProcess is what runs in a pod.
type podProcess struct{ pod, index, code, output string }

// TestTargetsAsIndexedJob renders a plan with several targets, applies it with kubectl, and lets the Job controller start its
// indexes.
func TestTargetsAsIndexedJob(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{ControllerManager: true})
	c.Install(t, crd.CloneSet())
	f := &fleet{rendered: rendered{t: t, c: c, namespace: c.Namespace(t)}}
	f.write("plan.yaml", fleetPlan)

	// Every target is released in its mode and in its turn, also where an index has to start twice.
	f.images("v1", "v1", "v1")
	f.ended = func(index string) {
		if got := f.running("east"); index == "0" && got != "[]" {
			t.Errorf("east runs %s before the first wave is done", got)
		}
	}
	status := f.apply(true)
	if got := kubetest.Field(status, "completedIndexes"); got != "0-2" {
		t.Errorf("completed are the indexes %v of %v", got, f.ran)
	}
	for _, name := range []string{"canary", "east", "db"} {
		if got := f.running(name); got != "[v1]" {
			t.Errorf("%s runs %s", name, got)
		}
	}

	f.ended = func(string) {}

	// The same again is the same Job, and nothing runs.
	first, ran := f.job(), len(f.ran)
	f.apply(false)
	if f.job() != first || len(f.ran) != ran {
		t.Errorf("the same release is %s after %s, and these have run: %v", f.job(), first, f.ran)
	}

	// A new image of one target is a new Job; the other targets have nothing to do and end well.
	f.images("v1", "v1", "v2")
	status = f.apply(false)
	if got := kubetest.Field(status, "completedIndexes"); got != "0-2" || f.job() == first {
		t.Errorf("%s: completed are the indexes %v of %v", f.job(), got, f.ran[ran:])
	}
	if got := f.running("db"); got != "[v2]" {
		t.Errorf("db runs %s", got)
	}
	partition := kubetest.Field(c.Get(t, "/apis/apps/v1/namespaces/"+f.namespace+"/statefulsets/db"), "spec", "updateStrategy",
		"rollingUpdate", "partition")
	if partition != float64(1_000_000) {
		t.Errorf("the partition rests at %v", partition)
	}

	// The first failure ends the release: no index is tried again, and what has not begun does not begin.
	f.images(kubetest.TagMissing, "v3", "v3")
	ran = len(f.ran)
	status = f.apply(false)
	if got := kubetest.Field(status, "failedIndexes"); got != "0-2" {
		t.Errorf("failed are the indexes %v", got)
	}
	if got := f.ran[ran:]; len(got) != 3 || got[0] != "0: 11" || !slices.Contains(got, "1: 11") || !slices.Contains(got, "2: 11") {
		t.Errorf("indexes and exit codes: %v", got)
	}
	if east, db := f.running("east"), f.running("db"); east != "[v1]" || db != "[v2]" {
		t.Errorf("after a failure in the first wave east runs %s and db %s", east, db)
	}
}

// images writes the targets with these tags.
func (f *fleet) images(canary, east, db string) {
	f.t.Helper()
	for name, tag := range map[string]string{"canary": canary, "east": east} {
		f.write(name+".yaml", strings.NewReplacer("name: demo", "name: "+name, "app: demo", "app: "+name, "replicas: 5", "replicas: 2",
			"700ms", "10ms", "app:v1", "app:"+tag).Replace(runSet))
	}
	f.write("db.yaml", strings.ReplaceAll(fleetDatabase, "app:v1", "app:"+db))
}

// running are the image tags of a target's pods.
func (f *fleet) running(app string) string {
	f.t.Helper()
	var tags []string
	list := f.c.Get(f.t, "/api/v1/namespaces/"+f.namespace+"/pods?labelSelector=app%3D"+app)
	for _, p := range kubetest.Field(list, "items").([]any) {
		if kubetest.Field(p, "metadata", "deletionTimestamp") == nil {
			_, tag, _ := strings.Cut(kubetest.Field(p, "spec", "containers", 0, "image").(string), ":")
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return fmt.Sprint(slices.Compact(tags))
}

// apply renders the folder, applies it, and is the kubelet until the Job has ended. With disrupt the node of the first pod
// of index 0 goes away. It returns the Job's status.
func (f *fleet) apply(disrupt bool) any {
	f.t.Helper()
	stream := slipwayOutput(f.t, "render", f.dir, "--release-image", slipwayImage)
	f.objects = objectsIn(f.t, stream)
	if _, err := f.c.Kubectl(f.t, f.c.Client, stream, "apply", "-f", "-", "-n", f.namespace); err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(f.t.Context())
	defer stop()
	ends, started, running := make(chan podProcess), map[string]bool{}, 0
	var status any
	kubetest.Eventually(f.t, "the Job has ended", func() (bool, string) {
		for _, pod := range f.pods() {
			meta := kubetest.Field(pod, "metadata")
			p := podProcess{
				pod:   kubetest.Field(meta, "name").(string),
				index: fmt.Sprint(kubetest.Field(meta, "annotations", completionIndex)),
			}
			if started[p.pod] || kubetest.Field(pod, "status", "phase") != "Running" {
				continue
			}
			started[p.pod] = true
			if disrupt && p.index == "0" {
				f.annotate(p.pod, map[string]any{kubetest.AnnotationEvict: "true"})
				disrupt = false
				continue
			}
			running++
			go p.run(ctx, f.args(pod), ends)
		}
		select {
		case p := <-ends:
			running--
			f.t.Logf("index %s ends with %s: %s", p.index, p.code, p.output)
			f.ran = append(f.ran, p.index+": "+p.code)
			f.ended(p.index)
			f.annotate(p.pod, map[string]any{kubetest.AnnotationExitCode: p.code, kubetest.AnnotationCompleteAfter: "1ms"})
		default:
		}
		job := f.c.Get(f.t, "/apis/batch/v1/namespaces/"+f.namespace+"/jobs/"+f.job())
		status = kubetest.Field(job, "status")
		over := kubetest.Condition(job, "Complete") == "True" || kubetest.Condition(job, "Failed") == "True"
		return over && running == 0, fmt.Sprint(status)
	})
	return status
}

// run runs slipway in a pod to its end.
func (p podProcess) run(ctx context.Context, args []string, ends chan<- podProcess) {
	var out buffer
	p.code = fmt.Sprint(run(ctx, args, strings.NewReader(""), &out, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	p.output = lines[len(lines)-1]
	select {
	case ends <- p:
	case <-ctx.Done():
	}
}

// completionIndex is the annotation in which the Job controller writes a pod's index.
const completionIndex = "batch.kubernetes.io/job-completion-index"

func (f *fleet) pods() []any {
	f.t.Helper()
	list := f.c.Get(f.t, "/api/v1/namespaces/"+f.namespace+"/pods?labelSelector=batch.kubernetes.io%2Fjob-name%3D"+f.job())
	return kubetest.Field(list, "items").([]any)
}

func (f *fleet) annotate(pod string, annotations map[string]any) {
	f.t.Helper()
	f.c.Patch(f.t, "/api/v1/namespaces/"+f.namespace+"/pods/"+pod,
		map[string]any{"metadata": map[string]any{"annotations": annotations}})
}

// args are those of a pod's container as the kubelet hands them over, with the service account and the mounted plan.
func (f *fleet) args(pod any) []string {
	f.t.Helper()
	container := kubetest.Field(pod, "spec", "containers", 0)
	env := kubetest.Field(container, "env", 0)
	if of := fmt.Sprint(kubetest.Field(env, "valueFrom", "fieldRef", "fieldPath")); !strings.Contains(of, completionIndex) {
		f.t.Errorf("the environment has %v", env)
	}
	account := kubetest.Field(pod, "spec", "serviceAccountName").(string)
	config := f.c.Get(f.t, "/api/v1/namespaces/"+f.namespace+"/configmaps/"+
		kubetest.Field(pod, "spec", "volumes", 0, "configMap", "name").(string))
	plan := filepath.Join(f.t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(kubetest.Field(config, "data", "plan.yaml").(string)), 0o600); err != nil {
		f.t.Fatal(err)
	}
	inPod := strings.NewReplacer(
		fmt.Sprintf("$(%v)", kubetest.Field(env, "name")), kubetest.Field(pod, "metadata", "annotations", completionIndex).(string),
		kubetest.Field(container, "volumeMounts", 0, "mountPath").(string)+"/plan.yaml", plan,
	)
	var args []string
	for _, arg := range kubetest.Field(container, "args").([]any) {
		args = append(args, inPod.Replace(arg.(string)))
	}
	return append(args, "--kubeconfig", f.c.Login(f.t, f.namespace, account).Kubeconfig(f.t), "-n", f.namespace, "--lease", "1s")
}
