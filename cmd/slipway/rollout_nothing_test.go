// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shelf is a server that keeps JSON objects by their path, as far as people's commands need one.
type shelf struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string]map[string]any
	applied []string // bodies of server-side applies
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	s.check(err)
	at := r.URL.Path
	object := s.objects[at]
	switch {
	case r.Method == http.MethodPost:
		s.check(json.Unmarshal(body, &object))
		if meta, ok := object["metadata"].(map[string]any); ok { // a review has none, and is stored nowhere
			s.objects[fmt.Sprint(at, "/", meta["name"])] = object
		}
	case object == nil:
		name := at[strings.LastIndexByte(at, '/')+1:]
		w.WriteHeader(http.StatusNotFound)
		_, err = fmt.Fprintf(w,
			`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"details":{"name":%q}}`, name)
		s.check(err)
		return
	case r.Method == http.MethodPatch:
		s.applied = append(s.applied, string(body))
	case r.Method == http.MethodDelete:
		delete(s.objects, at)
	}
	s.check(json.NewEncoder(w).Encode(object))
}

// check tells what went wrong here and not in what is tested.
func (s *shelf) check(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// at starts the server with objects, and is a kubeconfig that names it.
func (s *shelf) at(t *testing.T, objects map[string]string) string {
	t.Helper()
	s.t, s.objects = t, map[string]map[string]any{}
	for path, text := range objects {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		s.objects[path] = object
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}], clusters: ` +
		`[{name: c, cluster: {server: "` + server.URL + `"}}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	demoSet = `{"metadata": {"name": "demo", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 1},
		"spec": {"replicas": 3, "selector": {"matchLabels": {"app": "demo"}}, "updateStrategy": {},
			"template": {"metadata": {"labels": {"app": "demo"}}, "spec": {"containers": [{"name": "app", "image": "a"}]}}}}`
	demoRecord = `{"metadata": {"name": "slipway-demo", "namespace": "shop", "resourceVersion": "7"}, "data": {"release": "r",
		"progress": "{\"version\":1,\"revision\":\"demo-2\",\"stable\":\"demo-1\",\"batch\":0}",
		"plan": "{\"version\":1,\"batches\":[{\"replicas\":\"1\"},{\"replicas\":\"100%\"}]}"}}`
)

// TestRequestThatChangesNothingIsNotDone is exit code 1 and says so: a script that asks must not believe that it helped.
func TestRequestThatChangesNothingIsNotDone(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"approve what asks for nothing": {
			[]string{"approve", "--all"},
			"no batch from the present one on needs an approval that it does not have: nothing was stored",
		},
		"resume what is not held": {[]string{"resume"}, "nobody holds the release: nothing was stored"},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			kubeconfig := s.at(t, map[string]string{
				"/apis/apps.kruise.io/v1alpha1/namespaces/shop/clonesets/demo": demoSet,
				"/api/v1/namespaces/shop/configmaps/slipway-demo":              demoRecord,
			})
			var out buffer
			args := append([]string{"rollout"}, append(c.args, "demo", "-n", "shop", "--kubeconfig", kubeconfig)...)
			if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != 1 || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want 1 and %q\n%s", code, c.says, out.String())
			}
			if len(s.applied) > 0 {
				t.Errorf("it was written: %v", s.applied)
			}
		})
	}
}

// TestTargetsAreShownWithoutATarget: one that is not applied yet does not hide how the others stand.
func TestTargetsAreShownWithoutATarget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	const plan = `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo, namespace: shop}, spec: {batches: [{replicas: 1}, {replicas: 100%}], targets: [
		{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, {apiVersion: apps/v1, kind: StatefulSet, name: late, wave: 1}]}}`
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	var s shelf
	kubeconfig := s.at(t, map[string]string{
		"/apis/apps.kruise.io/v1alpha1/namespaces/shop/clonesets/demo": demoSet,
		"/api/v1/namespaces/shop/configmaps/slipway-demo":              demoRecord,
	})
	for _, format := range []string{"table", "json"} {
		var out buffer
		code := run(t.Context(), []string{"rollout", "status", "--plan", file, "-o", format, "--kubeconfig", kubeconfig},
			strings.NewReader(""), &out, &out)
		for _, says := range []string{
			"CloneSet shop/demo", "batch 1 of 2", "StatefulSet shop/late", "NotStarted",
			"it does not exist: apply it before its release",
		} {
			if code != 14 || !strings.Contains(out.String(), says) {
				t.Errorf("exit code %d, want 14 and %q\n%s", code, says, out.String())
			}
		}
	}
}

// TestLimitsThatAreNone are refused, and do not mean that there is no limit.
func TestLimitsThatAreNone(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"run", "--qps", "NaN"}, "--qps NaN and --burst 400: both must be more than 0"},
		{[]string{"run", "--request-timeout", "-1s"}, "--request-timeout -1s: it cannot be negative"},
		{[]string{"status", "--request-timeout", "-1s"}, "--request-timeout -1s: it cannot be negative"},
	} {
		var s shelf
		var out buffer
		args := append([]string{"rollout"}, append(c.args, "demo", "-n", "shop", "--kubeconfig", s.at(t, nil))...)
		if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != 2 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, want 2 and %q\n%s", c.args, code, c.says, out.String())
		}
	}
}

// TestArmAtTheCommandLine arms by every form that names a target.
func TestArmAtTheCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	const plan = `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo, namespace: shop}, spec: {batches: [{replicas: 100%}], targets: [
		{apiVersion: apps/v1, kind: StatefulSet, name: demo}, {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: web}]}}`
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	const partition = `{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"demo","namespace":"shop","resourceVersion":"7"},"spec":{"updateStrategy":{"rollingUpdate":{"partition":1000000}}}}`
	for name, c := range map[string]struct {
		args    []string
		code    int
		says    string
		applied []string
	}{
		"by name": {
			[]string{"statefulset/demo"},
			0,
			"StatefulSet shop/demo is armed: its partition was 0 and is 1000000",
			[]string{partition},
		},
		"of a plan":             {[]string{"statefulset/demo", "--plan", file}, 0, "is armed", []string{partition}},
		"one that is not there": {[]string{"other"}, 0, "nothing to arm", nil},
		"no target":             {nil, 2, "nothing to release", nil},
		"a plan of several": {
			[]string{"--plan", file},
			2, "the plan has 2 targets: name one of statefulset/demo, cloneset/web",
			nil,
		},
		"another than the plan's": {[]string{"--plan", file, "other"}, 2, "other is not among the plan's targets", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			kubeconfig := s.at(t, map[string]string{"/apis/apps/v1/namespaces/shop/statefulsets/demo": demoSet})
			var out buffer
			args := append([]string{"rollout", "arm", "-n", "shop", "--kubeconfig", kubeconfig}, c.args...)
			if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code != c.code ||
				!strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, c.code, c.says, out.String())
			}
			if diff := cmp.Diff(c.applied, s.applied); diff != "" {
				t.Errorf("applied (-want +got):\n%s", diff)
			}
		})
	}
}
