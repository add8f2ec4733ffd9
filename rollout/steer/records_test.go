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

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// recordOf is the ConfigMap of a release of a revision, owned by a target.
func recordOf(name, kind, target, revision string) string {
	return fmt.Sprintf(
		`{"metadata": {"name": %q, "namespace": "shop", "uid": "u", "resourceVersion": "1", "ownerReferences": [{"apiVersion": "apps.kruise.io/v1alpha1", "kind": %q, "name": %q, "uid": "uid-of-demo"}]},
		"data": {"release": "r", "progress": "{\"version\":1,\"revision\":\"%s\",\"stable\":\"demo-1\",\"batch\":0}"}}`, name, kind,
		target, revision)
}

func leaseAt(at string) string {
	return `{"spec": {"holderIdentity": "agent", "leaseDurationSeconds": 15, "renewTime": "` + at + `"}}`
}

// TestTwoMemories asks to pause where a CloneSet was released in both modes: the release that is alive is held, and no other.
func TestTwoMemories(t *testing.T) {
	const (
		direct, stepping = "/api/v1/namespaces/shop/configmaps/slipway-demo",
			"/api/v1/namespaces/shop/configmaps/slipway-demo.cloneset"
		lockDirect, lockStep = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/slipway-demo",
			"/apis/coordination.k8s.io/v1/namespaces/shop/leases/slipway-demo.cloneset"
		fresh, stale           = "2026-01-01T00:05:55.000000Z", "2026-01-01T00:01:00.000000Z"
		directNow, steppingNow = "demo-3", "demo-2"
	)
	both := func(more ...string) map[string]string {
		all := map[string]string{
			direct:   recordOf("slipway-demo", "CloneSet", "demo", directNow),
			stepping: recordOf("slipway-demo.cloneset", "CloneSet", "demo", steppingNow),
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	for name, c := range map[string]struct {
		there   map[string]string
		mode    plan.Mode
		update  string // revision of the present template
		patched string
		refused string
	}{
		"direct is at work":             {both(lockDirect, leaseAt(fresh)), "", steppingNow, direct, ""},
		"partition is at work":          {both(lockStep, leaseAt(fresh)), "", directNow, stepping, ""},
		"both are at work":              {both(lockDirect, leaseAt(fresh), lockStep, leaseAt(fresh)), "", "demo-9", stepping, ""},
		"an agent died":                 {both(lockStep, leaseAt(stale)), "", directNow, direct, ""},
		"direct is of this revision":    {both(), "", directNow, direct, ""},
		"partition is of this revision": {both(), "", steppingNow, stepping, ""},
		"neither is":                    {both(), "", "demo-9", "", "say --mode direct or --mode partition, or give the --plan"},
		"the plan says partition":       {both(lockDirect, leaseAt(fresh)), plan.Partition, directNow, stepping, ""},
		"only direct":                   {map[string]string{direct: both()[direct]}, "", steppingNow, direct, ""},
		"only partition":                {map[string]string{stepping: both()[stepping]}, "", directNow, stepping, ""},
		"the record of another target": {
			map[string]string{direct: recordOf("slipway-demo", "StatefulSet", "demo", directNow)},
			"",
			directNow, "", "no release of CloneSet shop/demo is recorded",
		},
		"the record of another CloneSet": {
			map[string]string{direct: recordOf("slipway-demo", "CloneSet", "other", directNow)},
			"",
			directNow, "", "no release of CloneSet shop/demo is recorded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			patched := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Date", "Thu, 01 Jan 2026 00:06:00 GMT")
				text, ok := c.there[r.URL.Path]
				switch {
				case strings.HasSuffix(r.URL.Path, "/clonesets/demo"):
					text = fmt.Sprintf(`{"metadata":{"name":"demo","namespace":"shop","uid":"uid-of-demo","generation":2},`+
						`"spec":{"replicas":3},"status":{"observedGeneration":2,"updateRevision":%q}}`, c.update)
				case !ok:
					w.WriteHeader(http.StatusNotFound)
					text = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"not found","code":404}`
				case r.Method == http.MethodPatch:
					patched = r.URL.Path
				}
				if _, err := io.WriteString(w, text); err != nil {
					t.Error(err)
				}
			}))
			t.Cleanup(server.Close)
			v, err := steer.Open(steer.Options{
				Config: &rest.Config{Host: server.URL, QPS: -1}, Namespace: "shop", Name: "demo", Mode: c.mode, Identity: "alice",
				Now: func() time.Time { return time.Date(2026, 1, 1, 0, 6, 0, 0, time.UTC) },
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Request(t.Context(), rollout.Request{Kind: rollout.Pause})
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("it says %v, want %q", err, c.refused)
			}
			if patched != c.patched {
				t.Errorf("%q was written, want %q", patched, c.patched)
			}
		})
	}
}
