// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Rule is a rule of a Role.
type Rule struct {
	APIGroups     []string // nil is the core group
	Resources     []string // pods, pods/status, ...
	ResourceNames []string // nil is any
	Verbs         []string
}

// User is somebody who may do a few things only: a service account.
type User struct {
	// Client acts as the user.
	*Client
	Name      string // as it is written in the audit log
	namespace string
}

// User makes a service account, gives it the rules in its namespace and logs it in.
func (c *Cluster) User(tb testing.TB, namespace string, rules ...Rule) *User {
	tb.Helper()
	name := fmt.Sprintf("user-%d", c.numbers.Add(1))
	meta := map[string]any{"name": name}
	c.Create(tb, "/api/v1/namespaces/"+namespace+"/serviceaccounts",
		map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
	const group = "rbac.authorization.k8s.io"
	rbac := "/apis/" + group + "/v1/namespaces/" + namespace
	c.Create(tb, rbac+"/roles",
		map[string]any{"apiVersion": group + "/v1", "kind": "Role", "metadata": meta, "rules": policyRules(rules)})
	c.Create(tb, rbac+"/rolebindings", map[string]any{
		"apiVersion": group + "/v1", "kind": "RoleBinding", "metadata": meta,
		"roleRef":  map[string]any{"apiGroup": group, "kind": "Role", "name": name},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": name, "namespace": namespace}},
	})
	return c.Login(tb, namespace, name)
}

// policyRules writes rules as RBAC has them, where the core group is "" and a missing list is not any.
func policyRules(rules []Rule) []any {
	list := []any{}
	for _, r := range rules {
		groups := r.APIGroups
		if groups == nil {
			groups = []string{""}
		}
		rule := map[string]any{"apiGroups": groups, "resources": r.Resources, "verbs": r.Verbs}
		if r.ResourceNames != nil {
			rule["resourceNames"] = r.ResourceNames
		}
		list = append(list, rule)
	}
	return list
}

// Login returns a service account that exists, with whatever rights it has, such as those of manifests under test.
func (c *Cluster) Login(tb testing.TB, namespace, serviceAccount string) *User {
	tb.Helper()
	request := c.Create(tb, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+serviceAccount+"/token",
		`{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}`)
	token, _ := Field(request, "status", "token").(string)
	if token == "" {
		tb.Fatalf("no token for %s/%s: %v", namespace, serviceAccount, request)
	}
	return &User{
		Client:    newClient(c.url, token, c.ca),
		Name:      "system:serviceaccount:" + namespace + ":" + serviceAccount,
		namespace: namespace,
	}
}

// Kubeconfig writes a kubeconfig file for the client and returns its path. The file goes with the test.
func (c *Client) Kubeconfig(tb testing.TB) string {
	tb.Helper()
	return writeKubeconfig(tb, c, "")
}

// Kubeconfig writes a kubeconfig file for the user, in the user's namespace.
func (u *User) Kubeconfig(tb testing.TB) string {
	tb.Helper()
	return writeKubeconfig(tb, u.Client, u.namespace)
}

func writeKubeconfig(tb testing.TB, c *Client, namespace string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, kubeconfig(c.url, c.token, c.ca, namespace), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func kubeconfig(url, token string, ca []byte, namespace string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test, namespace: %q}}]
users: [{name: test, user: {token: %q}}]
clusters: [{name: test, cluster: {server: %q, certificate-authority-data: %s}}]
`, namespace, token, url, base64.StdEncoding.EncodeToString(ca))
}

// Kubectl runs the real kubectl with the client's rights and returns what it writes to stdout. The error has what it writes
// to stderr.
func (c *Cluster) Kubectl(tb testing.TB, as *Client, stdin string, args ...string) (string, error) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), c.program("kubectl"), append(args, "--kubeconfig="+as.Kubeconfig(tb))...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOME="+tb.TempDir()) // its cache
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}
