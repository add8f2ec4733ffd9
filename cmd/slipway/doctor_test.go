// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// logCollector is a SidecarSet with an image of a tag.
func logCollector(name, tag string) string {
	return fmt.Sprintf(`
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: demo}}
  namespaceSelector: {matchLabels: {team: shop}}
  containers:
  - {name: %[1]s, image: "%[1]s:%s"}
`, name, tag)
}

// shop fills a namespace: a Deployment that slipway has fitted out, one that it has not, and a pod of the webhook's.
func shop(t *testing.T, c *kubetest.Cluster) string {
	t.Helper()
	c.Install(t, crd.SidecarSet())
	ns := c.Namespace(t)
	c.Patch(t, "/api/v1/namespaces/"+ns, `{"metadata": {"labels": {"team": "shop"}}}`)
	const sets = "/apis/apps.kruise.io/v1alpha1/sidecarsets"
	c.Create(t, sets, logCollector("log-collector", "2"))
	c.Create(t, sets, logCollector("stray", "1"))
	deployments := "/apis/apps/v1/namespaces/" + ns + "/deployments"
	const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %[2]s}, annotations: {slipway.dev/injected: '%s'}}
    spec: {containers: [{name: app, image: "app:v1"}, {name: log-collector, image: "log-collector:1"}]}
`
	c.Create(t, deployments, fmt.Sprintf(deployment, "fitted", "demo",
		`{"sets":{"log-collector":{"containers":["log-collector"]}}}`))
	c.Create(t, deployments, fmt.Sprintf(deployment, "unrelated", "other", `{"sets":{}}`))
	c.Create(t, "/api/v1/namespaces/"+ns+"/pods", `
apiVersion: v1
kind: Pod
metadata: {name: old, annotations: {kruise.io/sidecarset-injected-list: "log-collector,stray"}}
spec: {containers: [{name: app, image: "app:v1"}]}
`)
	c.Create(t, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: kruise-mutating-webhook-configuration}
webhooks:
- name: mpod.kb.io
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  timeoutSeconds: 1
  clientConfig: {service: {name: kruise-webhook-service, namespace: kruise-system, path: /mutate-pod}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
`)
	return ns
}

// inspector is a user with what doctor --permissions prints, without one resource.
func inspector(t *testing.T, c *kubetest.Cluster, ns, without string, args ...string) *kubetest.User {
	t.Helper()
	var roles, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{"doctor", "--permissions"}, args...), strings.NewReader(""), &roles,
		&stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	user := c.User(t, ns)
	account := user.Name[strings.LastIndex(user.Name, ":")+1:]
	if !strings.Contains(roles.String(), without) {
		t.Fatalf("%s is not in the permissions:\n%s", without, &roles)
	}
	for _, role := range strings.Split(roles.String(), "---\n") {
		role = strings.Replace(role, "name: slipway-doctor", "name: "+account+"-doctor", 1)
		if without != "" {
			role = strings.ReplaceAll(role, without, "nothing")
		}
		kind, path := "ClusterRole", "/apis/rbac.authorization.k8s.io/v1/clusterrole"
		if strings.Contains(role, "kind: Role\n") {
			kind, path = "Role", "/apis/rbac.authorization.k8s.io/v1/namespaces/"+ns+"/role"
		}
		c.Create(t, path+"s", role)
		c.Create(t, path+"bindings", fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: %sBinding
metadata: {name: %s-doctor}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[2]s-doctor}
subjects: [{kind: ServiceAccount, name: %[2]s, namespace: %[3]s}]
`, kind, account, ns))
		awaitRole(t, user, role)
	}
	return user
}

// awaitRole waits until the API server counts a role that was bound: it hears of roles and bindings a moment later.
func awaitRole(t *testing.T, user *kubetest.User, text string) {
	t.Helper()
	var role struct {
		Metadata struct{ Namespace string }
		Rules    []struct{ APIGroups, Resources, Verbs []string }
	}
	if err := yaml.Unmarshal([]byte(text), &role); err != nil {
		t.Fatal(err)
	}
	rule := role.Rules[0]
	kubetest.Eventually(t, "the role counts", func() (bool, string) {
		review, err := user.TryCreate("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", map[string]any{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]any{
				"namespace": role.Metadata.Namespace, "verb": rule.Verbs[0], "group": rule.APIGroups[0], "resource": rule.Resources[0],
			}},
		})
		return err == nil && kubetest.Field(review, "status", "allowed") == true, fmt.Sprint(review, err)
	})
}

func TestDoctorOnALiveCluster(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	ns := shop(t, c)
	git := filepath.Join(t.TempDir(), "sets.yaml")
	if err := os.WriteFile(git, []byte(logCollector("log-collector", "1")+"---"+logCollector("planned", "1")), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{
		"error sidecarset-differs SidecarSet/log-collector",
		"error webhook-replaces Deployment/" + ns + "/fitted",
		"info cluster-seen ",
		"info kind-not-served ",
		"info sidecarset-not-in-cluster SidecarSet/planned",
		"warning injected-by-webhook Pod/" + ns + "/old",
		"warning sidecarset-not-in-git SidecarSet/stray",
		"warning webhook-injects Deployment/" + ns + "/fitted",
	}
	tests := map[string]struct {
		without string // a resource that the user may not list
		gone    []string
		instead []string
		said    string // in a message
	}{
		"with every permission": {},
		"without pods": {
			without: "pods",
			gone:    []string{"injected-by-webhook"},
			instead: []string{"warning not-seen "},
			said:    "Pods were not seen in namespace " + ns + ": permission to list pods is missing",
		},
		"without SidecarSets": {
			without: "sidecarsets",
			gone:    []string{"sidecarset-", "webhook-"},
			instead: []string{"warning not-seen "},
			said:    "SidecarSets were not seen in the cluster: permission to list sidecarsets.apps.kruise.io is missing",
		},
		"without webhooks": {
			without: "mutatingwebhookconfigurations",
			gone:    []string{"webhook-"},
			instead: []string{
				"warning not-seen ", "warning match-not-seen SidecarSet/log-collector",
				"warning match-not-seen SidecarSet/stray",
			},
			said: "whether Kruise's webhook is on was not seen",
		},
		"without namespaces": {
			without: "namespaces",
			gone:    []string{"webhook-"},
			instead: []string{
				"warning not-seen ", "warning match-not-seen SidecarSet/log-collector",
				"warning match-not-seen SidecarSet/stray",
			},
			said: "the labels of namespace " + ns + " are not known",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := slices.Clone(test.instead)
			for _, f := range all {
				if !slices.ContainsFunc(test.gone, func(code string) bool { return strings.Contains(f, " "+code) }) {
					want = append(want, f)
				}
			}
			slices.Sort(want)
			user := inspector(t, c, ns, test.without)
			got, text := diagnose(t, "--kubeconfig", user.Kubeconfig(t), "-s", git)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if !strings.Contains(text, test.said) {
				t.Errorf("%q is not in\n%s", test.said, text)
			}
		})
	}
	t.Run("with the permissions for one namespace", func(t *testing.T) {
		user := inspector(t, c, ns, "", "-n", ns)
		got, _ := diagnose(t, "--kubeconfig", user.Kubeconfig(t), "-s", git, "-n", ns)
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	})
	t.Run("without any permission", func(t *testing.T) {
		got, _ := diagnose(t, "--kubeconfig", c.User(t, ns).Kubeconfig(t))
		if !slices.Contains(got, "error nothing-seen ") {
			t.Errorf("no error: %q", got)
		}
	})
	t.Run("no such namespace", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		args := []string{"doctor", "--kubeconfig", c.Kubeconfig(t), "-n", "nowhere"}
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		if code != command.ExitFailure || !strings.Contains(stderr.String(), "there is no namespace nowhere") || stdout.Len() > 0 {
			t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
		}
	})
	t.Run("all namespaces", func(t *testing.T) {
		user := inspector(t, c, ns, "")
		got, text := diagnose(t, "--kubeconfig", user.Kubeconfig(t), "-s", git, "-A")
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("findings (-want +got):\n%s%s", diff, text)
		}
	})
	if writes := c.Requests(t, ns).Writes().By("slipway").Count(); len(writes) > 0 {
		t.Errorf("doctor wrote: %v", writes)
	}
}

// diagnose runs the command and returns its findings in order, and all that it printed.
func diagnose(t *testing.T, args ...string) (findings []string, text string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"doctor", "-o", "json"}, args...), strings.NewReader(""), &stdout, &stderr)
	var report struct{ Findings []manifest.Finding }
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, &stdout, &stderr)
	}
	failed := 0
	if manifest.HasErrors(report.Findings) {
		failed = command.ExitFailure
	}
	if code != failed {
		t.Errorf("exit code %d, want %d", code, failed)
	}
	for _, f := range report.Findings {
		findings = append(findings, fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Object))
	}
	slices.Sort(findings)
	return findings, stdout.String() + stderr.String()
}
