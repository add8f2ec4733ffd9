// SPDX-License-Identifier: Apache-2.0

package steer_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/steer"
)

// podOf is a pod of the CloneSet with a uid, of a revision, whose Ready condition has a status.
func podOf(name, owner, revision, ready string) string {
	return fmt.Sprintf(
		`{"metadata": {"name": %q, "labels": {"controller-revision-hash": %q}, "creationTimestamp": "2026-01-01T00:00:00Z",
		"ownerReferences": [{"kind": "CloneSet", "name": "demo", "uid": %q, "controller": true}]}, "spec": {"nodeName": "n"},
		"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": %q}]}}`, name, revision, owner, ready)
}

// TestStatusSeesEveryPod looks at a release with and without its pods.
func TestStatusSeesEveryPod(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", "Thu, 01 Jan 2026 00:06:00 GMT")
		text := ""
		switch {
		case strings.HasSuffix(r.URL.Path, "/clonesets/demo"):
			text = `{"metadata":{"name":"demo","namespace":"shop","uid":"u","generation":2,"managedFields":[{"manager":"slipway","subresource":"status","time":"2026-01-01T00:04:00Z"},` +
				`{"manager":"argocd","time":"2026-01-01T00:05:00Z"}]},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"demo"}}},` +
				`"status":{"observedGeneration":2,"replicas":3,"updatedReplicas":1,"updateRevision":"demo-new"}}`
		case strings.HasSuffix(r.URL.Path, "/configmaps/slipway-demo"):
			text = recordOf("slipway-demo", "CloneSet", "demo", "demo-new")
		case strings.HasSuffix(r.URL.Path, "/pods"):
			text = `{"kind":"PodList","apiVersion":"v1","items":[` + strings.Join([]string{
				podOf("demo-b", "u", "demo-1", "True"), podOf("demo-a", "u", "new", "False"), podOf("other", "elsewhere", "demo-1", "True"),
			}, ",") + `]}`
		default:
			w.WriteHeader(http.StatusNotFound)
			text = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"not found","code":404}`
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	for _, every := range []bool{false, true} {
		v, err := steer.Open(steer.Options{
			Config: &rest.Config{Host: server.URL, QPS: -1}, Namespace: "shop", Name: "demo", Pods: every,
			Now: func() time.Time { return time.Date(2026, 1, 1, 0, 6, 0, 0, time.UTC) },
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := v.Status(t.Context())
		if err != nil || s.Unseen != nil {
			t.Fatal(err, s.Unseen)
		}
		if want := time.Date(2026, 1, 1, 0, 4, 0, 0, time.UTC); !s.AsOf.Equal(want) {
			t.Errorf("no agent is at work, and the numbers are as of %v, not %v", s.AsOf, want)
		}
		got := map[string]string{}
		for _, p := range s.Pods {
			got[p.Name] = p.Revision
		}
		want := map[string]string{}
		if every {
			want = map[string]string{"demo-a": "demo-new", "demo-b": "demo-1"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("every pod %v: %s", every, diff)
		}
		if len(s.Observed.Stuck) != 1 || s.Observed.Stuck[0].Name != "demo-a" || !strings.Contains(s.Decision.Message, "(demo-a)") {
			t.Errorf("every pod %v: it waits for %v: %s", every, s.Observed.Stuck, s.Decision.Message)
		}
	}
}
