// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

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
		{Mode: rollout.Direct, DeleteMode: kube.DeleteModeEvict, Plan: []byte("a plan")},
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
