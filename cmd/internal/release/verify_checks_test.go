// SPDX-License-Identifier: Apache-2.0

package release

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// TestVerifyTriesChecks asks a Prometheus that understands some queries.
func TestVerifyTriesChecks(t *testing.T) {
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("query") == "rate(" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status": "error", "errorType": "bad_data", "error": "parse error: unclosed left parenthesis"}`)
			return
		}
		_, _ = io.WriteString(w, `{"status": "success", "data": {"resultType": "scalar", "result": [1700000000, "0.5"]}}`)
	}))
	defer prometheus.Close()
	limit := 0.1
	ask := func(address, query string) plan.Check {
		return plan.Check{
			Name: "errors", Timeout: time.Second,
			Prometheus: &plan.Prometheus{Address: address, Query: query, Range: plan.Range{Max: &limit}},
		}
	}
	secret := ask(prometheus.URL, "errors")
	secret.Prometheus.BearerToken = &plan.SecretRef{Name: "prometheus", Key: "token"}
	for _, c := range []struct {
		name  string
		check plan.Check
		want  string
		says  string
	}{
		{"a wrong query", ask(prometheus.URL, "rate("), verify.CodeCheckFailed, "unclosed left parenthesis"},
		{"above its limit", ask(prometheus.URL, "errors"), verify.CodeCheckFailing, "0.5"},
		{"secrets that are elsewhere", secret, verify.CodeCheckUnsure, "there is no folder"},
		{"no answer", ask("http://127.0.0.1:1", "errors"), verify.CodeCheckUnsure, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			try := tryChecks(verify.Options{Plan: plan.BatchPlan{Checks: []plan.Check{c.check}}, Now: time.Now},
				filepath.Join(t.TempDir(), "secrets"))
			found := try(t.Context(), plan.Workload{Name: "demo"})
			if len(found) != 1 || found[0].Code != c.want || !strings.Contains(found[0].String(), "Check/errors: ") ||
				!strings.Contains(found[0].Message, c.says) {
				t.Errorf("found %v", found)
			}
		})
	}
}
