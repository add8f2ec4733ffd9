// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// jobPlan has checks that need secrets and rights.
const jobPlan = `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}
  batches: [{replicas: 100%}]
  checks:
  - {name: errors, prometheus: {headersFrom: {Authorization: {secretRef: {name: prometheus, key: token}}}}}
  - {name: crashes, pods: {maxRestarts: 0}}
  - {name: smoke, job: {}}
  notifications:
  - slack: {secretRef: {name: chat, key: url}}
  - webhook: {secretRef: {name: chat, key: other}}
`

// TestManifestsAreAccepted posts what rollout job prints to a real API server, which refuses unknown fields.
func TestManifestsAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	paths := map[string]string{
		"ServiceAccount": "/api/v1/namespaces/NS/serviceaccounts", "ConfigMap": "/api/v1/namespaces/NS/configmaps",
		"Role":        "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles",
		"RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings",
		"Job":         "/apis/batch/v1/namespaces/NS/jobs", "Deployment": "/apis/apps/v1/namespaces/NS/deployments",
	}
	for _, o := range []manifests.Job{
		{
			Mode: plan.Direct, DeleteMode: manifests.DeleteModeEvict, Plan: []byte(jobPlan), For: manifests.ArgoCD, Wave: "3",
			Owner: "BatchPlan/demo", Await: true,
		},
		{
			Mode: plan.Partition, DeleteMode: manifests.DeleteModeDelete, Plan: []byte(jobPlan), For: manifests.Flux,
			CloneSet: plan.Workload{APIVersion: "apps/v1", Kind: "StatefulSet"},
		},
		{Mode: plan.Partition, DeleteMode: manifests.DeleteModeDelete},
		{Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete, Stay: true},
		{
			DeleteMode: manifests.DeleteModeEvict, Plan: []byte(jobPlan), For: manifests.ArgoCD, Owner: "BatchPlan/demo", Await: true,
			Targets: &manifests.Targets{
				Name: strings.Repeat("long.name-", 20), Parallel: 3, Targets: slices.Repeat([]manifests.Target{
					{CloneSet: plan.Workload{Name: "demo"}, Mode: plan.Direct},
					{CloneSet: plan.Workload{Name: "demo", APIVersion: "apps/v1", Kind: "StatefulSet"}, Mode: plan.Partition},
				}, 500),
			},
		},
	} {
		o.Image, o.CloneSet.Name, o.CloneSet.UID, o.CloneSet.Spec.HasClaims = "example.com/slipway:v1", "demo", "u", true
		objects, err := o.Manifests()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range objects {
			path := paths[m["kind"].(string)]
			if path == "" {
				t.Fatalf("unknown kind %v", m["kind"])
			}
			path = strings.Replace(path, "NS", w.namespace, 1)
			if _, err := w.TryCreate(path+"?fieldValidation=Strict&dryRun=All", m); err != nil {
				t.Errorf("%s: %v", m["kind"], err)
			}
		}
	}
}

// TestPodIsRestricted posts the pods of a Job and of an agent that stays to a real API server whose Pod Security admission
// enforces the strictest standard, and one whose patch weakens it, which the admission refuses.
func TestPodIsRestricted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.Patch(t, "/api/v1/namespaces/"+w.namespace, map[string]any{"metadata": map[string]any{"labels": map[string]any{
		"pod-security.kubernetes.io/enforce": "restricted",
	}}})
	w.Create(t, "/api/v1/namespaces/"+w.namespace+"/serviceaccounts",
		`{apiVersion: v1, kind: ServiceAccount, metadata: {name: demo-rollout}}`)
	for name, test := range map[string]struct {
		stay  bool
		patch string
		want  string // part of the refusal; "" is accepted
	}{
		"Job":        {},
		"Deployment": {stay: true},
		"patched": {patch: "spec: {template: {spec: {tolerations: [{operator: Exists}], containers: [{name: slipway, env: " +
			"[{name: A, value: b}]}]}}}"},
		"weakened": {patch: "spec: {template: {spec: {securityContext: {runAsNonRoot: null}}}}", want: "violates PodSecurity"},
	} {
		o := manifests.Job{
			Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete, Image: "example.com/slipway:v1",
			Plan: []byte(jobPlan), Stay: test.stay,
		}
		o.CloneSet.Name = "demo"
		if test.patch != "" {
			patch, findings := manifests.ReadPatch("patch.yaml", []byte(test.patch), test.stay)
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			o.Patch = patch
		}
		objects, err := o.Manifests()
		if err != nil {
			t.Fatal(err)
		}
		template := kubetest.Field(objects[len(objects)-1], "spec", "template").(map[string]any)
		template["apiVersion"], template["kind"] = "v1", "Pod"
		template["metadata"].(map[string]any)["name"] = "demo"
		_, err = w.TryCreate("/api/v1/namespaces/"+w.namespace+"/pods?fieldValidation=Strict&dryRun=All", template)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want a refusal with %q", name, err, test.want)
		}
	}
}

// TestSecretsAreMounted looks for every key that a plan refers to at its file, and nowhere else.
func TestSecretsAreMounted(t *testing.T) {
	o := manifests.Job{Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete, Image: "i", Plan: []byte(jobPlan)}
	o.CloneSet.Name = "demo"
	objects, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	pod := kubetest.Field(objects[len(objects)-1], "spec", "template", "spec")
	files := map[string]bool{}
	mounts := kubetest.Field(pod, "containers", 0, "volumeMounts").([]any)
	for i, v := range kubetest.Field(pod, "volumes").([]any) {
		if kubetest.Field(v, "name") != kubetest.Field(mounts[i], "name") || kubetest.Field(mounts[i], "readOnly") != true {
			t.Errorf("%v is mounted as %v", v, mounts[i])
		}
		if name := kubetest.Field(v, "secret", "secretName"); name != nil &&
			kubetest.Field(v, "secret", "optional") != (name == "chat") {
			t.Errorf("%v: a release waits for what its checks need, and for nothing else", v)
		}
		items, _ := kubetest.Field(v, "secret", "items").([]any)
		for _, item := range items {
			files[kubetest.Field(mounts[i], "mountPath").(string)+"/"+kubetest.Field(item, "path").(string)] = true
		}
	}
	want := map[string]bool{
		"/etc/slipway/secrets/chat/other": true, "/etc/slipway/secrets/chat/url": true, "/etc/slipway/secrets/prometheus/token": true,
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, rule := range o.Rules() {
		if slices.Contains(rule["resources"].([]string), "secrets") {
			t.Errorf("the agent may read Secrets: %v", rule)
		}
	}
}

// TestPlanInTheConfigMap reads back what the ConfigMap holds: it says what the plan says, whatever the plan is written in.
func TestPlanInTheConfigMap(t *testing.T) {
	planText := []byte(`# how it goes
kind: BatchPlan
apiVersion: slipway.dev/v1alpha1
metadata: {name: "demo", labels: {a: b}, annotations: {config.kubernetes.io/local-config: "true"}}
spec:
  target: &target {kind: CloneSet, name: demo, apiVersion: apps.kruise.io/v1alpha1}
  failureThreshold: 25%
  progressDeadline: "1h30m"
  batches:
  - {replicas: 1, pause: {duration: 10m, untilApproved: true}}
  - replicas: "50%"   # half
    checks: [errors]
  - replicas: 100%
  checks:
  - name: errors
    interval: 1m
    count: 5
    prometheus: {address: http://prometheus:9090, max: 1e-2, min: -0, query: "sum(rate(errors[1m])) # 'all'\n"}
  onFailure: RollbackInBatches
`)
	o := manifests.Job{Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete, Image: "i", Plan: planText}
	o.CloneSet.Name = "demo"
	objects, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	text := kubetest.Field(objects[3], "data", "plan.yaml").(string)
	want, wantErr := plan.ParsePlan("plan.yaml", planText)
	got, gotErr := plan.ParsePlan("plan.yaml", []byte(text))
	if wantErr != nil || gotErr != nil || !reflect.DeepEqual(want, got) {
		t.Errorf("%v, %v: %+v, want %+v\n%s", wantErr, gotErr, got, want, text)
	}
	if strings.Contains(text, "local-config") {
		t.Errorf("what a tool has noted is part of the release:\n%s", text)
	}
}

// TestTargetRights looks at the rights of a plan with several targets: each target has its own, and no name is lost.
func TestTargetRights(t *testing.T) {
	target := func(apiVersion, kind, name string, mode plan.Mode) manifests.Target {
		return manifests.Target{CloneSet: plan.Workload{APIVersion: apiVersion, Kind: kind, Name: name}, Mode: mode}
	}
	o := manifests.Job{DeleteMode: manifests.DeleteModeDelete, Image: "i", Plan: []byte(jobPlan), Targets: &manifests.Targets{
		Name: "fleet", Parallel: 9, Targets: []manifests.Target{
			target("apps.kruise.io/v1alpha1", "CloneSet", "one", plan.Direct),
			target("apps.kruise.io/v1alpha1", "CloneSet", "two", plan.Direct),
			target("apps.kruise.io/v1alpha1", "CloneSet", "stepped", plan.Partition),
			target("apps/v1", "StatefulSet", "db", plan.Partition),
		},
	}}
	objects, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	may := func(rules []map[string]any, group, resource, verb, name string) bool {
		return slices.ContainsFunc(rules, func(r map[string]any) bool {
			names, named := r["resourceNames"].([]string)
			return r["apiGroups"].([]string)[0] == group && r["resources"].([]string)[0] == resource &&
				slices.Contains(r["verbs"].([]string), verb) && (!named || slices.Contains(names, name))
		})
	}
	rules := kubetest.Field(objects[1], "rules").([]map[string]any)
	for _, single := range o.Targets.Targets {
		alone := manifests.Job{CloneSet: single.CloneSet, Mode: single.Mode, DeleteMode: o.DeleteMode, Plan: o.Plan}
		for _, r := range alone.Rules() {
			names, named := r["resourceNames"].([]string)
			if !named {
				names = []string{""}
			}
			for _, verb := range r["verbs"].([]string) {
				group, resource := r["apiGroups"].([]string)[0], r["resources"].([]string)[0]
				if !may(rules, group, resource, verb, names[0]) {
					t.Errorf("%s lacks %s of %s %s", single.CloneSet.Name, verb, resource, names[0])
				}
			}
		}
	}
	for _, name := range []string{"one", "two"} {
		if may(rules, "apps.kruise.io", "clonesets", "patch", name) {
			t.Errorf("CloneSet %s, whose pods the agent replaces, may be patched", name)
		}
	}
	job := objects[len(objects)-1]
	name := kubetest.Field(job, "metadata", "name").(string)
	if !may(rules, "batch", "jobs", "watch", name) || may(rules, "batch", "jobs", "watch", "other") {
		t.Errorf("the Job %s is not the one that may be watched: %v", name, rules)
	}
	if n := kubetest.Field(job, "spec", "parallelism"); n != 4 {
		t.Errorf("%v of 4 targets side by side", n)
	}
}
