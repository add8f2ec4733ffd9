// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// kruiseSet is a CloneSet as a running Kruise keeps it; its two revisions were called demo-54ffd4b79b and
// demo-756d97b58c there.
const kruiseSet = `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo, namespace: default, uid: u}
spec:
  selector: {matchLabels: {app: demo}}
  template:
    metadata:
      creationTimestamp: null
      labels: {app: demo}
    spec:
      containers:
      - image: example.com/app:TAG
        imagePullPolicy: Always
        name: app
        resources: {}
        terminationMessagePath: /dev/termination-log
        terminationMessagePolicy: File
        volumeMounts: [{mountPath: /data, name: data}]
      dnsPolicy: ClusterFirst
      nodeName: n0
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {}
      terminationGracePeriodSeconds: 30
`

func TestRevisionsAreCalledAsKruiseCallsThem(t *testing.T) {
	for tag, want := range map[string]string{"v1": "demo-54ffd4b79b", "v2": "demo-756d97b58c"} {
		manifest, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(kruiseSet, "TAG", tag)))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := kube.RevisionOf(manifest)
		if err != nil || got != want {
			t.Errorf("%s: revision %s, %v; want %s", tag, got, err, want)
		}
	}
}

// The names are those that a Kruise gave the same templates, which its webhook had not seen. It is not to make new
// revisions, and so new pods, where it takes over.
func TestRevisionsOfTemplatesWithoutDefaultsAreCalledAsKruiseCallsThem(t *testing.T) {
	for name, template := range map[string]string{
		"demo-d77c79fd8": `{metadata: {labels: {app: demo}}, spec: {containers: [{name: app, image: "example.com/app:v4"}]}}`,
	} {
		manifest, err := yaml.YAMLToJSON([]byte(`{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: demo},
spec: {selector: {matchLabels: {app: demo}}, template: ` + template + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, data, err := kube.RevisionOf(manifest); err != nil || got != name {
			t.Errorf("revision %s, %v; want %s\n%s", got, err, name, data)
		}
	}
}

func TestNamesOfOneImage(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"nginx", "docker.io/library/nginx:latest", true},
		{"nginx:1.25", "docker.io/library/nginx:1.25", true},
		{"docker.io/nginx", "index.docker.io/library/nginx:latest", true},
		{"grafana/loki:3", "docker.io/grafana/loki:3", true},
		{"localhost/app", "localhost/app:latest", true},
		{"registry:5000/app", "registry:5000/app:latest", true},
		{"example.com/app:v1", "example.com/app:v2", false},
		{"example.com/app@sha256:12", "example.com/app:latest", false},
	} {
		if got := manifest.SameImage(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: same %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

// TestEndOfAnInPlaceUpdate holds the ways in which a running container shows its new image, or not.
func TestEndOfAnInPlaceUpdate(t *testing.T) {
	const pod = `{"metadata":{"labels":{"controller-revision-hash":"demo-2"},"annotations":{"apps.kruise.io/inplace-update-state":
		"{\"revision\":\"STATE\",\"updateTimestamp\":\"2026-01-01T00:00:10Z\",\"lastContainerStatuses\":{\"app\":{\"imageID\":\"id1\"}}}"}},
		"spec":{"containers":[{"name":"app","image":"example.com/app:v2"}]},
		"status":{"containerStatuses":[{"name":"app","image":"IMAGE","imageID":"ID","state":{"running":{"startedAt":"STARTED"}}}]}}`
	for _, c := range []struct {
		state, image, id, started, reason string
		pending                           bool
	}{
		{"demo-2", "example.com/app:v1", "id1", "2026-01-01T00:00:00Z", "nothing has happened", true},
		{"demo-2", "example.com/app:v1", "id2", "2026-01-01T00:00:00Z", "another image", false},
		{"demo-2", "example.com/app:v2", "id1", "2026-01-01T00:00:00Z", "the same image under the new tag", false},
		{
			"demo-2", "mirror.example.com/app:v2", "id1", "2026-01-01T00:00:30Z", "the runtime calls it otherwise, but it started anew",
			false,
		},
		{"demo-1", "example.com/app:v1", "id1", "2026-01-01T00:00:00Z", "the state of an earlier update", false},
	} {
		data := strings.NewReplacer(`STATE\`, c.state+`\`, "IMAGE", c.image, `"ID"`, `"`+c.id+`"`, "STARTED", c.started).Replace(pod)
		got, err := kube.Pending([]byte(data))
		if err != nil || got != c.pending {
			t.Errorf("%s: pending %v, %v; want %v", c.reason, got, err, c.pending)
		}
	}
}
