// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

var cluster = kubetest.Shared{Options: kubetest.Options{
	ControllerManager: true,
	Definitions:       [][]byte{crd.CloneSet(), crd.SidecarSet()},
}}

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

func cloneSets(namespace string) string {
	return "/apis/apps.kruise.io/v1alpha1/namespaces/" + namespace + "/clonesets"
}

// demo is the CloneSet of the article that slipway started from.
const demo = `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  replicas: 5
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: InPlaceIfPossible, partition: 3, maxSurge: 20%, maxUnavailable: 0}
  template:
    metadata: {labels: {app: demo}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - {name: app, image: "app:v1", ports: [{containerPort: 80}], someFieldOfTomorrow: 1}
`

func TestTheServerTakesOurDefinitions(t *testing.T) {
	c := cluster.Get(t)
	for _, name := range []string{crd.CloneSetName, crd.SidecarSetName} {
		live := c.Get(t, definitions+name)
		for _, condition := range []string{"NamesAccepted", "Established"} {
			if got := kubetest.Condition(live, condition); got != "True" {
				t.Errorf("%s: %s is %q", name, condition, got)
			}
		}
		if got := kubetest.Condition(live, "NonStructuralSchema"); got != "" {
			t.Errorf("%s: the schema is not structural: %s", name, got)
		}
		if got := crd.OriginOf(live); got != crd.Ours {
			t.Errorf("%s: the live definition is %s, want ours", name, got)
		}
	}
}

func TestShortNames(t *testing.T) {
	c := cluster.Get(t)
	want := map[string]any{
		"clonesets": "clone", "clonesets/scale": nil, "clonesets/status": nil,
		"sidecarsets": "sidecarset", "sidecarsets/status": nil,
	}
	kubetest.Eventually(t, "discovery has the short names", func() (bool, string) {
		got := map[string]any{}
		resources, _ := c.Get(t, "/apis/apps.kruise.io/v1alpha1")["resources"].([]any)
		for _, r := range resources {
			got[fmt.Sprint(kubetest.Field(r, "name"))] = kubetest.Field(r, "shortNames", 0)
		}
		diff := cmp.Diff(want, got)
		return diff == "", diff
	})
}

// kubectl get clone prints what the server's table says.
func TestColumns(t *testing.T) {
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, cloneSets(ns), demo)
	c.Patch(t, cloneSets(ns)+"/demo/status", `{"status": {"observedGeneration": 1, "replicas": 6, "readyReplicas": 5,
		"availableReplicas": 5, "updatedReplicas": 1, "updatedReadyReplicas": 0, "labelSelector": "app=demo"}}`)
	columns, rows := c.Table(t, cloneSets(ns), false)
	want := []string{"NAME", "DESIRED", "UPDATED", "UPDATED_READY", "READY", "TOTAL", "AGE"}
	if diff := cmp.Diff(want, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(rows[0][:6]); len(rows) != 1 || got != "[demo 5 1 0 5 6]" {
		t.Errorf("rows %v, want demo 5 1 0 5 6", rows)
	}
	columns, rows = c.Table(t, cloneSets(ns), true)
	want = append(want, "CONTAINERS", "IMAGES", "SELECTOR")
	if diff := cmp.Diff(want, columns); diff != "" {
		t.Errorf("wide columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"app", "app:v1", "app=demo"}, rows[0][7:]); diff != "" {
		t.Errorf("wide cells (-want +got):\n%s", diff)
	}
}

func TestSubresources(t *testing.T) {
	c := cluster.Get(t)
	ns := c.Namespace(t)
	created := c.Create(t, cloneSets(ns), demo)
	path := cloneSets(ns) + "/demo"
	c.Patch(t, path+"/status", `{"status": {"replicas": 4, "labelSelector": "app=demo"}, "spec": {"replicas": 1}}`)
	c.Patch(t, path, `{"status": {"replicas": 9}}`)
	scale := c.Get(t, path+"/scale")
	got := fmt.Sprintf("%v %v %v", kubetest.Field(scale, "spec", "replicas"), kubetest.Field(scale, "status", "replicas"),
		kubetest.Field(scale, "status", "selector"))
	if got != "5 4 app=demo" {
		t.Errorf("scale is %s, want 5 4 app=demo", got)
	}
	generation := func(o map[string]any) any { return kubetest.Field(o, "metadata", "generation") }
	if after := c.Get(t, path); generation(after) != generation(created) {
		t.Errorf("a new status changed the generation from %v to %v", generation(created), generation(after))
	}
	c.Patch(t, path+"/scale", `{"spec": {"replicas": 7}}`)
	if after := c.Get(t, path); kubetest.Field(after, "spec", "replicas") != 7.0 || generation(after) == generation(created) {
		t.Errorf("after scaling: replicas %v, generation %v", kubetest.Field(after, "spec", "replicas"), generation(after))
	}
}

// A PodDisruptionBudget finds out through the scale subresource how many pods there should be.
func TestDisruptionBudget(t *testing.T) {
	c := cluster.Get(t)
	ns := c.Namespace(t)
	uid := kubetest.Field(c.Create(t, cloneSets(ns), demo), "metadata", "uid")
	c.Patch(t, cloneSets(ns)+"/demo", `{"spec": {"replicas": 2}}`)
	pods := "/api/v1/namespaces/" + ns + "/pods"
	for _, name := range []string{"demo-a", "demo-b"} {
		c.Create(t, pods, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: %s
  labels: {app: demo}
  ownerReferences: [{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo, uid: %s, controller: true}]
spec: {containers: [{name: app, image: "app:v1"}]}
`, name, uid))
	}
	budgets := "/apis/policy/v1/namespaces/" + ns + "/poddisruptionbudgets"
	c.Create(t, budgets, `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: demo}
spec: {maxUnavailable: 50%, selector: {matchLabels: {app: demo}}}
`)
	kubetest.Eventually(t, "the budget allows one disruption", func() (bool, string) {
		status := kubetest.Field(c.Get(t, budgets+"/demo"), "status")
		return kubetest.Field(status, "disruptionsAllowed") == 1.0, fmt.Sprint(status)
	})
	evict := func(name string) error {
		_, err := c.TryCreate(pods+"/"+name+"/eviction",
			`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "`+name+`"}}`)
		return err
	}
	if err := evict("demo-a"); err != nil {
		t.Errorf("the first eviction: %v", err)
	}
	var refused *kubetest.StatusError
	if err := evict("demo-b"); !errors.As(err, &refused) || refused.Code != http.StatusTooManyRequests {
		t.Errorf("the second eviction: %v, want status 429", err)
	}
}

// What a pod has is kept, also fields that nobody knows yet.
func TestThePodTemplateIsKept(t *testing.T) {
	c := cluster.Get(t)
	ns := c.Namespace(t)
	container := kubetest.Field(c.Create(t, cloneSets(ns), demo), "spec", "template", "spec", "containers", 0)
	want := map[string]any{
		"name": "app", "image": "app:v1", "someFieldOfTomorrow": 1.0, "ports": []any{map[string]any{"containerPort": 80.0}},
	}
	if diff := cmp.Diff(want, container); diff != "" {
		t.Errorf("the container (-want +got):\n%s", diff)
	}
}

func TestValidation(t *testing.T) {
	c := cluster.Get(t)
	ns := c.Namespace(t)
	c.Create(t, cloneSets(ns), demo)
	tests := map[string]struct {
		patch string
		want  string // part of the refusal; "" is accepted
	}{
		"percent":           {patch: `{"spec": {"updateStrategy": {"maxSurge": "25%"}}}`},
		"number":            {patch: `{"spec": {"updateStrategy": {"maxSurge": 2}}}`},
		"number as text":    {patch: `{"spec": {"updateStrategy": {"maxSurge": "2"}}}`, want: "maxSurge"},
		"type":              {patch: `{"spec": {"updateStrategy": {"type": "Sometimes"}}}`, want: "Unsupported value"},
		"negative replicas": {patch: `{"spec": {"replicas": -1}}`, want: "replicas"},
		"selector":          {patch: `{"spec": {"selector": {"matchLabels": {"app": "other"}}}}`, want: "cannot be changed"},
		"no containers":     {patch: `{"spec": {"template": {"spec": {"containers": []}}}}`, want: "containers"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := c.TryPatch(cloneSets(ns)+"/demo?dryRun=All", test.patch)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
		})
	}
}

func TestSidecarSetColumns(t *testing.T) {
	c := cluster.Get(t)
	const sets = "/apis/apps.kruise.io/v1alpha1/sidecarsets"
	created := c.Create(t, sets, `
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: log}
spec:
  selector: {matchLabels: {app: demo}}
  containers:
  - {name: log, image: "log:v1", podInjectPolicy: AfterAppContainer, volumeMounts: [{name: logs, mountPath: /logs}]}
  volumes: [{name: logs, emptyDir: {}}]
  updateStrategy: {type: RollingUpdate, maxUnavailable: 20%}
`)
	if kubetest.Field(created, "spec", "containers", 0, "volumeMounts", 0, "mountPath") != "/logs" ||
		kubetest.Field(created, "spec", "volumes", 0, "emptyDir") == nil {
		t.Errorf("fields of the sidecar are lost: %v", created["spec"])
	}
	columns, _ := c.Table(t, sets, false)
	if diff := cmp.Diff([]string{"NAME", "MATCHED", "UPDATED", "READY", "AGE"}, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}
