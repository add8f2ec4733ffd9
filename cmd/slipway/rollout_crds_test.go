// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// foreignSet defines SidecarSets as somebody else does.
const foreignSet = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sidecarsets.apps.kruise.io, labels: {app.kubernetes.io/managed-by: slipway}, annotations: {api-approved.kubernetes.io: unapproved}}
spec:
  group: apps.kruise.io
  scope: Cluster
  names: {kind: SidecarSet, plural: sidecarsets, singular: sidecarset}
  versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`

// TestRolloutCRDs installs the definitions into a cluster that has none, again over themselves, and not over those of
// somebody else.
func TestRolloutCRDs(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	const at = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	kubeconfig := c.Kubeconfig(t)
	slipway := func(want int, args ...string) string {
		t.Helper()
		var out buffer
		if code := run(t.Context(), append([]string{"rollout", "crds"}, args...), strings.NewReader(""), &out, &out); code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, out.String())
		}
		return out.String()
	}
	both := func(word string) string {
		return fmt.Sprintf("%s\t%s\n%s\t%[2]s\n", crd.CloneSetName, word, crd.SidecarSetName)
	}
	versions := func() string {
		var out []any
		for _, d := range kubetest.Field(c.Get(t, at), "items").([]any) {
			out = append(out, kubetest.Field(d, "metadata", "resourceVersion"))
		}
		return fmt.Sprint(out...)
	}

	if got := slipway(0); got != string(crd.CloneSet())+"---\n"+string(crd.SidecarSet()) {
		t.Errorf("printed is\n%s", got)
	}
	for _, step := range []struct{ flag, word string }{
		{"--check", "absent"}, {"--install", "created"}, {"--check", "ours"}, {"--install", "replaced"}, {"--check", "ours"},
	} {
		if got := slipway(0, step.flag, "--kubeconfig", kubeconfig); got != both(step.word) {
			t.Errorf("%s says %q, want %s", step.flag, got, step.word)
		}
	}
	c.Create(t, "/apis/apps.kruise.io/v1alpha1/namespaces/"+c.Namespace(t)+"/clonesets", runSet)

	c.Delete(t, at+"/"+crd.SidecarSetName)
	kubetest.Eventually(t, "the definition is gone", func() (bool, string) {
		_, err := c.TryGet(at + "/" + crd.SidecarSetName)
		return err != nil, fmt.Sprint(err)
	})
	c.Create(t, at, foreignSet)
	kubetest.Eventually(t, "the other definition is established", func() (bool, string) {
		live := c.Get(t, at+"/"+crd.SidecarSetName)
		return kubetest.Condition(live, "Established") == "True", fmt.Sprint(live["status"])
	})
	before := versions()
	if got := slipway(13, "--install", "--kubeconfig", kubeconfig); !strings.Contains(got, crd.SidecarSetName+" of Kruise") {
		t.Errorf("over another definition it says %s", got)
	}
	if after := versions(); after != before {
		t.Errorf("definitions %s became %s", before, after)
	}
	nobody := c.User(t, c.Namespace(t))
	if got := slipway(1, "--check", "--kubeconfig", nobody.Kubeconfig(t)); !strings.Contains(got, "who may write Custom") {
		t.Errorf("without rights it says %s", got)
	}
	slipway(2, "--install", "--check")
}
