// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

const (
	deploymentExample = "../../testdata/examples/deployment"
	gitopsExample     = "../../testdata/examples/rollout/gitops"
	slipwayImage      = "registry.example.com/slipway:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// slipwayOutput runs slipway, which must succeed, and returns what it prints.
func slipwayOutput(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("slipway %s: exit code %d\n%s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// objectsIn are the documents of a stream.
func objectsIn(t *testing.T, stream string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, text := range strings.Split("\n"+stream, "\n---\n") {
		var m map[string]any
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}

// TestGitOpsExamples holds what the example renders to, and what slipway prints for the tools, against the files.
func TestGitOpsExamples(t *testing.T) {
	render := func(tool string) string {
		return slipwayOutput(t, "render", gitopsExample+"/shop", "--release-image", slipwayImage, "--for", tool)
	}
	for file, got := range map[string]string{
		"rendered.yaml": render("none"), "argocd/rendered/shop.yaml": render("argocd"), "flux/rendered/shop.yaml": render("flux"),
		"argocd/snippets.yaml": slipwayOutput(t, "rollout", "gitops", "argocd"),
		"flux/snippets.yaml":   slipwayOutput(t, "rollout", "gitops", "flux"),
		"../../deployment/policy.yaml": slipwayOutput(t, "rollout", "job", "--policy", "--plan", deploymentExample+"/plan.yaml",
			deploymentExample+"/deployment.yaml"),
	} {
		path := filepath.Join(gitopsExample, file)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is stale, run go test ./cmd/slipway -run GitOps -update (-file +now):\n%s", path, diff)
		}
	}
}

// TestGitOpsExamplesHaveTheSnippets looks for what slipway prints in the whole objects of the example.
func TestGitOpsExamplesHaveTheSnippets(t *testing.T) {
	for _, tool := range []string{"argocd/application.yaml", "flux/kustomization.yaml"} {
		text, err := os.ReadFile(filepath.Join(gitopsExample, tool))
		if err != nil {
			t.Fatal(err)
		}
		whole := objectsIn(t, string(text))[0]
		part := objectsIn(t, slipwayOutput(t, "rollout", "gitops", strings.Split(tool, "/")[0]))[0]
		if missing := lacks(whole, part, ""); len(missing) > 0 {
			t.Errorf("%s lacks %v", tool, missing)
		}
	}
}

// lacks lists the paths of part that whole does not have.
func lacks(whole, part any, path string) []string {
	fields, ok := part.(map[string]any)
	if !ok {
		if cmp.Equal(whole, part) {
			return nil
		}
		return []string{path}
	}
	var missing []string
	for key, value := range fields {
		of, _ := whole.(map[string]any)
		missing = append(missing, lacks(of[key], value, path+"."+key)...)
	}
	return missing
}

// TestTrapsOfArgoCD looks at the rendered release for each way in which Argo CD would not start or not end it.
func TestTrapsOfArgoCD(t *testing.T) {
	all := objectsIn(t, slipwayOutput(t, "render", gitopsExample+"/shop", "--release-image", slipwayImage, "--for", "argocd"))
	wave := func(m map[string]any) any {
		return kubetest.Field(m, "metadata", "annotations", "argocd.argoproj.io/sync-wave")
	}
	waves := map[string]any{"shop": nil, "db": "-1"}
	for _, m := range all {
		name := kubetest.Field(m, "metadata", "name").(string)
		target := strings.Split(name, "-")[0]
		if wave(m) != waves[target] {
			t.Errorf("%s %s is in wave %v, its target in %v: in a later one it would wait for what waits for it", m["kind"], name,
				wave(m), waves[target])
		}
		if hook := kubetest.Field(m, "metadata", "annotations", "argocd.argoproj.io/hook"); hook != nil {
			t.Errorf("%s %s is a hook, %v: PostSync waits for a target that waits for it", m["kind"], name, hook)
		}
		if m["kind"] != "Job" {
			continue
		}
		if ttl := kubetest.Field(m, "spec", "ttlSecondsAfterFinished"); ttl != nil {
			t.Errorf("%s goes after %v s, and is missing then", name, ttl)
		}
		if kubetest.Field(m, "metadata", "annotations", "argocd.argoproj.io/compare-options") != "IgnoreExtraneous" {
			t.Errorf("%s makes the application out of sync when the next one comes and nothing prunes", name)
		}
		id := name[len(name)-8:]
		args := fmt.Sprint(kubetest.Field(m, "spec", "template", "spec", "containers", 0, "args"))
		if !strings.Contains(args, "--release-id="+id) || !strings.Contains(args, "--await-target") {
			t.Errorf("%s runs %s: a Job that is applied before its target finds nothing to do", name, args)
		}
		is := slices.ContainsFunc(all, func(m map[string]any) bool {
			return kubetest.Field(m, "metadata", "annotations", "slipway.dev/release") == id
		})
		if !is {
			t.Errorf("no target waits for %s", id)
		}
	}
}

// TestReleaseIsStable renders the same content in many orders: the release stays the same to the byte.
func TestReleaseIsStable(t *testing.T) {
	files, err := filepath.Glob(gitopsExample + "/shop/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	generated := func(args []string) string {
		var out []string
		for _, m := range objectsIn(t, slipwayOutput(t, append(args, "--release-image", slipwayImage)...)) {
			if m["kind"] != "CloneSet" && m["kind"] != "StatefulSet" {
				text, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(text))
			}
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	want := generated(append([]string{"render"}, files...))
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		if got := generated(append([]string{"render"}, files...)); got != want {
			t.Fatalf("in the order %v another release comes out:\n%s", files, cmp.Diff(want, got))
		}
	}
}

// TestRenderedReleaseOnAServer applies what is rendered to a real API server, the Job first and the target last, and
// carries the release out with the Job's user, arguments and plan.
func TestRenderedReleaseOnAServer(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	w := &rendered{t: t, c: c, namespace: c.Namespace(t)}
	w.write("app.yaml", strings.ReplaceAll(runSet, "700ms", "10ms"))
	w.write("plan.yaml", `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 2}, {replicas: 100%}]}}`)
	w.apply(w.render())
	w.agent()
	first := w.job()

	w.render()
	if w.job() != first {
		t.Errorf("the same input is %s, and was %s", w.job(), first)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(runSet, "700ms", "10ms"), "app:v1", "app:v2")
	w.write("app.yaml", text)
	all := w.render()
	if w.job() == first {
		t.Fatalf("another image is %s too", first)
	}
	target := slices.IndexFunc(all, func(m map[string]any) bool { return m["kind"] == "CloneSet" })
	last := all[target]
	w.apply(slices.Delete(slices.Clone(all), target, target+1))
	ended := make(chan struct{})
	go func() { defer close(ended); w.agent() }()
	kubetest.Eventually(t, "the agent looks at its target", func() (bool, string) {
		log := c.Requests(t, w.namespace).Where(func(r kubetest.Request) bool {
			return r.Verb == "list" && r.Resource == "clonesets" && strings.HasPrefix(r.User, "system:serviceaccount:")
		})
		return len(log) == 2, fmt.Sprint(len(log))
	})
	w.apply([]map[string]any{last})
	<-ended
	for _, p := range kubetest.Field(c.Get(t, "/api/v1/namespaces/"+w.namespace+"/pods"), "items").([]any) {
		leaves := kubetest.Field(p, "metadata", "deletionTimestamp") != nil
		if image := kubetest.Field(p, "spec", "containers", 0, "image"); image != "example.com/app:v2" && !leaves {
			t.Errorf("a pod runs %v: the agent did not wait for its target", image)
		}
	}
}

// TestRenderedStatefulSetOnAServer does the same in partition mode, where Kubernetes' own controller replaces the pods: a
// new template moves none of them before the agent comes, and at the end the partition rests where Git has it.
func TestRenderedStatefulSetOnAServer(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{ControllerManager: true})
	t.Run("people follow delete mode", func(t *testing.T) { followsDeleteMode(t, c) })
	w := &rendered{t: t, c: c, namespace: c.Namespace(t)}
	set := `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "example.com/db:v1"}]}
`
	w.write("app.yaml", set)
	w.write("plan.yaml", `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: db},
spec: {target: {apiVersion: apps/v1, kind: StatefulSet, name: db}, batches: [{replicas: 1}, {replicas: 100%}]}}`)
	w.apply(w.render())
	images := func() (all []string) {
		list := c.Get(t, "/api/v1/namespaces/"+w.namespace+"/pods?labelSelector=app%3Ddb")
		for _, p := range kubetest.Field(list, "items").([]any) {
			all = append(all, kubetest.Field(p, "spec", "containers", 0, "image").(string))
		}
		return all
	}
	at := "/apis/apps/v1/namespaces/" + w.namespace + "/statefulsets/db"
	ready := func() (bool, string) {
		status := kubetest.Field(c.Get(t, at), "status")
		return kubetest.Field(status, "readyReplicas") == float64(3), fmt.Sprint(status)
	}
	kubetest.Eventually(t, "all pods are ready", ready)
	w.agent()

	w.write("app.yaml", strings.ReplaceAll(set, ":v1", ":v2"))
	w.apply(w.render())
	kubetest.Eventually(t, "the controller has seen the new template", func() (bool, string) {
		now := c.Get(t, at)
		return kubetest.Field(now, "status", "observedGeneration") == kubetest.Field(now, "metadata", "generation"), fmt.Sprint(now)
	})
	if got := images(); slices.Contains(got, "example.com/db:v2") {
		t.Errorf("pods are updated before the release: %v", got)
	}
	w.agent()
	if got := images(); len(got) != 3 || slices.Contains(got, "example.com/db:v1") {
		t.Errorf("after the release the pods run %v", got)
	}
	if got := kubetest.Field(c.Get(t, at), "spec", "updateStrategy", "rollingUpdate", "partition"); got != float64(1_000_000) {
		t.Errorf("the partition rests at %v", got)
	}
}

// rendered is a folder in Git form and the namespace that it is applied to.
type rendered struct {
	t         *testing.T
	c         *kubetest.Cluster
	namespace string
	dir       string
	objects   []map[string]any
}

func (w *rendered) write(name, text string) {
	w.t.Helper()
	if w.dir == "" {
		w.dir = w.t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *rendered) render() []map[string]any {
	w.t.Helper()
	w.objects = objectsIn(w.t, slipwayOutput(w.t, "render", w.dir, "--release-image", slipwayImage, "--for", "argocd"))
	return w.objects
}

func (w *rendered) of(kind string) map[string]any {
	w.t.Helper()
	i := slices.IndexFunc(w.objects, func(m map[string]any) bool { return m["kind"] == kind })
	if i < 0 {
		w.t.Fatalf("no %s is rendered", kind)
	}
	return w.objects[i]
}

func (w *rendered) job() string {
	w.t.Helper()
	return kubetest.Field(w.of("Job"), "metadata", "name").(string)
}

// apply applies objects as a GitOps tool does, from the last to the first. The server refuses unknown fields.
func (w *rendered) apply(objects []map[string]any) {
	w.t.Helper()
	resources := map[string]string{
		"ServiceAccount": "/api/v1", "ConfigMap": "/api/v1", "Role": "/apis/rbac.authorization.k8s.io/v1",
		"RoleBinding": "/apis/rbac.authorization.k8s.io/v1", "Job": "/apis/batch/v1", "StatefulSet": "/apis/apps/v1",
		"CloneSet": "/apis/apps.kruise.io/v1alpha1",
	}
	for _, m := range slices.Backward(objects) {
		kind := m["kind"].(string)
		path := fmt.Sprintf("%s/namespaces/%s/%ss/%s?fieldManager=git&force=true&fieldValidation=Strict",
			resources[kind], w.namespace, strings.ToLower(kind), kubetest.Field(m, "metadata", "name"))
		text, err := json.Marshal(m)
		if err != nil {
			w.t.Fatal(err)
		}
		if code, answer, err := w.c.Do(http.MethodPatch, path, "application/apply-patch+yaml", text); err != nil || code >= 300 {
			w.t.Fatalf("%s: status %d, %v: %s", kind, code, err, answer)
		}
	}
}

// agent runs what the Job would run, as its service account, to the end of the release.
func (w *rendered) agent() {
	w.t.Helper()
	if code, out := w.try(); code != 0 {
		w.t.Errorf("exit code %d\n%s", code, out)
	}
}

// try does the same for a release that may fail.
func (w *rendered) try() (code int, output string) {
	w.t.Helper()
	user := w.c.Login(w.t, w.namespace, kubetest.Field(w.of("ServiceAccount"), "metadata", "name").(string))
	plan := filepath.Join(w.t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(kubetest.Field(w.of("ConfigMap"), "data", "plan.yaml").(string)), 0o600); err != nil {
		w.t.Error(err)
	}
	args := []string{"--kubeconfig", user.Kubeconfig(w.t), "-n", w.namespace, "--lease", "1s"}
	for _, arg := range kubetest.Field(w.of("Job"), "spec", "template", "spec", "containers", 0, "args").([]any) {
		args = append(args, strings.Replace(arg.(string), "/etc/slipway/plan/plan.yaml", plan, 1))
	}
	args = append(args[6:], args[:6]...)
	var out buffer
	code = run(w.t.Context(), args, strings.NewReader(""), &out, &out)
	return code, fmt.Sprintf("slipway %v\n%s", args, out.String())
}
