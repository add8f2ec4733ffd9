// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
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
		"Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles", "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings",
		"Job": "/apis/batch/v1/namespaces/NS/jobs", "Deployment": "/apis/apps/v1/namespaces/NS/deployments",
	}
	for _, o := range []kube.JobOptions{
		{Mode: rollout.Direct, DeleteMode: kube.DeleteModeEvict, Plan: []byte(jobPlan), For: kube.ArgoCD, Wave: "3", Owner: "BatchPlan/demo", Await: true},
		{Mode: rollout.Partition, DeleteMode: kube.DeleteModeDelete, Plan: []byte(jobPlan), For: kube.Flux, CloneSet: rollout.CloneSet{APIVersion: "apps/v1", Kind: "StatefulSet"}},
		{Mode: rollout.Partition, DeleteMode: kube.DeleteModeDelete},
		{Mode: rollout.Direct, DeleteMode: kube.DeleteModeDelete, Stay: true},
	} {
		o.Image, o.CloneSet.Name, o.CloneSet.UID, o.CloneSet.Spec.HasClaims = "example.com/slipway:v1", "demo", "u", true
		manifests, err := o.Manifests()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range manifests {
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

// TestSecretsAreMounted looks for every key that a plan refers to at its file, and nowhere else.
func TestSecretsAreMounted(t *testing.T) {
	o := kube.JobOptions{Mode: rollout.Direct, DeleteMode: kube.DeleteModeDelete, Image: "i", Plan: []byte(jobPlan)}
	o.CloneSet.Name = "demo"
	manifests, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	pod := kubetest.Field(manifests[len(manifests)-1], "spec", "template", "spec")
	files := map[string]bool{}
	mounts := kubetest.Field(pod, "containers", 0, "volumeMounts").([]any)
	for i, v := range kubetest.Field(pod, "volumes").([]any) {
		if kubetest.Field(v, "name") != kubetest.Field(mounts[i], "name") || kubetest.Field(mounts[i], "readOnly") != true {
			t.Errorf("%v is mounted as %v", v, mounts[i])
		}
		if name := kubetest.Field(v, "secret", "secretName"); name != nil && kubetest.Field(v, "secret", "optional") != (name == "chat") {
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
	plan := []byte(`# how it goes
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
	o := kube.JobOptions{Mode: rollout.Direct, DeleteMode: kube.DeleteModeDelete, Image: "i", Plan: plan}
	o.CloneSet.Name = "demo"
	manifests, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	text := kubetest.Field(manifests[3], "data", "plan.yaml").(string)
	want, wantErr := rollout.ParsePlan("plan.yaml", plan)
	got, gotErr := rollout.ParsePlan("plan.yaml", []byte(text))
	if wantErr != nil || gotErr != nil || !reflect.DeepEqual(want, got) {
		t.Errorf("%v, %v: %+v, want %+v\n%s", wantErr, gotErr, got, want, text)
	}
	if strings.Contains(text, "local-config") {
		t.Errorf("what a tool has noted is part of the release:\n%s", text)
	}
}
