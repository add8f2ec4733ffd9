// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// assignNode gives each pod without a node the one that it asks for, as a DaemonSet's does, or else Node, in place of a
// scheduler.
const assignNode = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: assign-node}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  matchConditions:
  - {name: no-node, expression: "!has(object.spec.nodeName) || object.spec.nodeName == ''"}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{spec: Object.spec{nodeName: has(object.spec.affinity) && has(object.spec.affinity.nodeAffinity) &&
        has(object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution) &&
        object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.exists(t, has(t.matchFields)) ?
        object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0] :
        '` + Node + `'}}
`

const bindAssignNode = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: assign-node}
spec: {policyName: assign-node}
`

const furnishedNamespace = "kubetest"

// furnish fills an empty control plane with what every test needs, and writes the kubeconfigs of the servers.
func (c *Cluster) furnish() error {
	for name, token := range map[string]string{kwokConfig: c.tokens.kwok, managersConfig: c.tokens.managers} {
		if err := os.WriteFile(c.file(name), kubeconfig(c.url, token, c.ca, ""), 0o600); err != nil {
			return err
		}
	}
	policies := "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic"
	for _, o := range []struct {
		path   string
		object any
	}{
		{policies + "ies", assignNode},
		{policies + "ybindings", bindAssignNode},
		{"/api/v1/nodes", map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": Node}}},
	} {
		if _, err := c.TryCreate(o.path, o.object); err != nil {
			return err
		}
	}
	for _, definition := range c.options.Definitions {
		if err := c.install(definition); err != nil {
			return err
		}
	}
	if err := c.makeNamespace(furnishedNamespace); err != nil {
		return err
	}
	return poll("a pod gets its node", c.assignsNode)
}

// assignsNode tries a pod: the API server takes a moment to notice a policy.
func (c *Cluster) assignsNode() (bool, error) {
	pod, err := c.TryCreate("/api/v1/namespaces/"+furnishedNamespace+"/pods?dryRun=All",
		`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": {"containers": [{"name": "c", "image": "c"}]}}`)
	if err != nil {
		return false, err
	}
	return Field(pod, "spec", "nodeName") == Node, nil
}

func (c *Cluster) nodeReady() (bool, error) {
	node, err := c.TryGet("/api/v1/nodes/" + Node)
	if err != nil {
		return false, err
	}
	return Condition(node, "Ready") == "True", nil
}

// makeNamespace makes a namespace that pods can be created in: they need its default service account.
func (c *Cluster) makeNamespace(name string) error {
	_, err := c.TryCreate("/api/v1/namespaces",
		map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	if err != nil {
		return err
	}
	_, err = c.TryCreate("/api/v1/namespaces/"+name+"/serviceaccounts",
		map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "default"}})
	var status *StatusError
	if errors.As(err, &status) && status.Code == http.StatusConflict {
		return nil // kube-controller-manager was quicker
	}
	return err
}

// Namespace makes a namespace for the test, named after it. When the test ends its pods are deleted, also stuck ones.
func (c *Cluster) Namespace(tb testing.TB) string {
	tb.Helper()
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, tb.Name())
	name = fmt.Sprintf("%.40s-%d", strings.Trim(name, "-"), c.numbers.Add(1))
	if err := c.makeNamespace(name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		// The control plane may be gone already, which is as good.
		_ = c.TryDelete("/api/v1/namespaces/" + name + "/pods?gracePeriodSeconds=0")
	})
	return name
}

// Install creates a CustomResourceDefinition, if it is not there yet, and waits until its objects can be read.
func (c *Cluster) Install(tb testing.TB, manifest []byte) {
	tb.Helper()
	if err := c.install(manifest); err != nil {
		tb.Fatal(err)
	}
}

func (c *Cluster) install(manifest []byte) error {
	const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	definition, err := c.TryCreate(definitions, manifest)
	var status *StatusError
	if errors.As(err, &status) && status.Code == http.StatusConflict { // another test was first
		definition, err = c.TryGet(definitions + "/" + status.Name)
	}
	if err != nil {
		return err
	}
	spec := definition["spec"]
	path := fmt.Sprintf("/apis/%s/%s/%s",
		Field(spec, "group"), Field(spec, "versions", 0, "name"), Field(spec, "names", "plural"))
	return poll(path+" can be read", func() (bool, error) {
		if _, err := c.TryGet(path); err != nil {
			return false, err
		}
		return true, nil
	})
}

// Condition returns the status of a condition of an object, "" where it has none.
func Condition(object map[string]any, kind string) string {
	conditions, _ := Field(object, "status", "conditions").([]any)
	for _, condition := range conditions {
		if Field(condition, "type") == kind {
			status, _ := Field(condition, "status").(string)
			return status
		}
	}
	return ""
}

// Eventually waits until the condition holds, and fails the test with what the condition said last if it never does.
func Eventually(tb testing.TB, what string, condition func() (holds bool, state string)) {
	tb.Helper()
	var state string
	err := poll(what, func() (bool, error) {
		var holds bool
		holds, state = condition()
		return holds, nil
	})
	if err != nil {
		tb.Fatalf("%v; last: %s", err, state)
	}
}
