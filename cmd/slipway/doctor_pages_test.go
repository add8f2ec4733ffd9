// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

// standIn answers the lists of a few kinds, of pods in two pages, and returns a kubeconfig for itself.
func standIn(t *testing.T, answers map[string]string) string {
	t.Helper()
	return served(t, func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if next := r.URL.Query().Get("continue"); next != "" {
			path += "#" + next
		}
		answer, ok := answers[path]
		if !ok {
			answer = `404 {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}`
		}
		code, body, _ := strings.Cut(answer, " ")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(map[string]int{"200": 200, "401": 401, "404": 404, "500": 500}[code])
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	})
}

// served starts a server and returns a kubeconfig for it.
func served(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(
		`{"apiVersion": "v1", "kind": "Config", "current-context": "t", "contexts": [{"name": "t", "context": {"cluster": "t"}}],
"clusters": [{"name": "t", "cluster": {"server": %q}}]}`, server.URL)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctorReadsEveryPage(t *testing.T) {
	pod := func(name string) string {
		return fmt.Sprintf(`{"metadata": {"name": %q, "namespace": "shop", "annotations": {"kruise.io/sidecarset-injected-list": `+
			`"logs"}}}`, name)
	}
	kubeconfig := standIn(t, map[string]string{
		"/api/v1/namespaces": `200 {"items": [{"metadata": {"name": "shop"}}]}`,
		"/api/v1/pods":       `200 {"metadata": {"continue": "two"}, "items": [` + pod("a") + `]}`,
		"/api/v1/pods#two":   `200 {"items": [` + pod("b") + `]}`,
		"/apis/batch/v1/jobs": `500 {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": "etcd ` +
			`is away"}`,
	})
	got, text := diagnose(t, "--kubeconfig", kubeconfig, "-A")
	want := []string{
		"info cluster-seen ",
		"info kind-not-served ",
		"warning injected-by-webhook Pod/shop/a",
		"warning injected-by-webhook Pod/shop/b",
		"warning not-seen ",
		"warning not-seen ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s%s", diff, text)
	}
	for _, said := range []string{
		"the cluster has no CustomResourceDefinition sidecarsets.apps.kruise.io",
		"Jobs were not seen in the cluster: etcd is away",
	} {
		if !strings.Contains(text, said) {
			t.Errorf("%q is not in\n%s", said, text)
		}
	}
}

func TestDoctorFormats(t *testing.T) {
	kubeconfig := standIn(t, map[string]string{
		"/api/v1/namespaces": `200 {"items": []}`,
		"/api/v1/pods": `500 {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": "etcd ` +
			`is away"}`,
	})
	for format, want := range map[string]string{
		"text":  "warning: Pods were not seen in the cluster: etcd is away [not-seen]\n  the server gave an error: try again\n",
		"sarif": `"ruleId": "not-seen"`,
	} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), []string{"doctor", "-A", "--kubeconfig", kubeconfig, "-o", format}, strings.NewReader(""), &stdout,
			&stderr)
		if code != 0 || !strings.Contains(stdout.String(), want) || stderr.Len() > 0 {
			t.Errorf("-o %s: exit code %d, want %q in\n%s%s", format, code, want, &stdout, &stderr)
		}
	}
}

func TestDoctorIsNotLetIn(t *testing.T) {
	kubeconfig := standIn(t, map[string]string{
		"/apis/apps.kruise.io/v1alpha1/sidecarsets": `401 {"kind": "Status", "apiVersion": "v1", "reason": "Unauthorized", "code": ` +
			`401, "message": "Unauthorized"}`,
	})
	var stdout, stderr strings.Builder
	code := run(t.Context(), []string{"doctor", "--kubeconfig", kubeconfig}, strings.NewReader(""), &stdout, &stderr)
	if code != command.ExitFailure || !strings.Contains(stderr.String(), "has asked for the client to provide credentials") ||
		!strings.Contains(stderr.String(), "reading the cluster at http://127.0.0.1:") ||
		stdout.Len() > 0 {
		t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
}

// TestNoAPIServer asks what is none, or is not let through to one.
func TestNoAPIServer(t *testing.T) {
	const noServer = "what answers is no Kubernetes API server: is the address in the kubeconfig right"
	for _, e := range []struct {
		name        string
		code        int
		body        string
		want, never string
	}{
		{"a page to log in", 200, "<html>Log in</html>", noServer, "invalid character"},
		{"nothing", 200, "", noServer, "unexpected end"},
		{"a list of its own", 200, "[]", noServer, "unmarshal"},
		{"an object of its own", 200, "{}", noServer, "saw 0"},
		{"an answer that is cut off", 200, `{"kind": "List", "items": [`, "decoding the server's answer", "saw 0"},
		{"an element that is none", 200, `{"kind": "List", "items": [null]}`, "reading a SidecarSet: it is null", "saw 0"},
		{"no such page", 404, "<html>Not found</html>", "kubectl get --raw /version asks it", "--permissions"},
		{"no gateway", 502, "<html>Bad gateway</html>", "kubectl get --raw /version asks it", "--permissions"},
		{"a proxy", 403, "<html>Blocked</html>", "such as a proxy, refuses", "permission"},
		{
			"no permission", 403, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}`,
			"slipway doctor --permissions prints all that it needs", "--raw",
		},
	} {
		t.Run(e.name, func(t *testing.T) {
			kubeconfig := served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(e.code)
				if _, err := w.Write([]byte(e.body)); err != nil {
					t.Error(err)
				}
			})
			var out strings.Builder
			code := run(t.Context(), []string{"doctor", "-A", "--kubeconfig", kubeconfig}, strings.NewReader(""), &out, &out)
			if code != command.ExitFailure || !strings.Contains(out.String(), e.want) || strings.Contains(out.String(), e.never) {
				t.Errorf("exit code %d, want %q and nothing of %q in\n%s", code, e.want, e.never, &out)
			}
		})
	}
}

// TestRequestTimeout asks a server that never answers.
func TestRequestTimeout(t *testing.T) {
	path := served(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, args := range [][]string{{"doctor"}, {"rollout", "status", "demo"}, {"rollout", "crds", "--check"}} {
		var stdout, stderr strings.Builder
		code := run(t.Context(), append(args, "--kubeconfig", path, "--request-timeout", "50ms"), strings.NewReader(""), &stdout,
			&stderr)
		if code == 0 || !strings.Contains(stderr.String(), "no answer within 50ms (--request-timeout)") {
			t.Errorf("%v: exit code %d: %s%s", args, code, &stdout, &stderr)
		}
	}
}
