// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// secrets is a folder with the values of Secrets, by NAME/KEY.
func secrets(t *testing.T, values map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, value := range values {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// source reads what a check asks from the text of a plan.
func source(t *testing.T, text string) plan.Check {
	t.Helper()
	p, err := plan.ParsePlan("plan.yaml", []byte("apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: "+
		"demo}\nspec:\n"+
		"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n  batches: [{replicas: 1, checks: [asked]}]\n"+
		"  checks: [{name: asked, "+text+"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p.Checks[0]
}

func TestHTTP(t *testing.T) {
	answers := map[string]func(http.ResponseWriter, *http.Request){
		"/ok":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) },
		"/broken":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"/json":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) },
		"/elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) },
		"/long":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
		"/half": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		},
		"/slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/guarded": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" || r.Header.Get("X-Scope-Orgid") != "shop" ||
				r.Header.Get("X-Key") != "k3y" {
				w.WriteHeader(401)
			}
		},
	}
	mux := http.NewServeMux()
	for path, answer := range answers {
		mux.HandleFunc(path, answer)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	folder := secrets(t, map[string]string{"shop/token": "t0ken\n", "shop/key": "k3y"})
	const passed, failed, inconclusive = plan.CheckPassed, plan.CheckFailed, plan.CheckInconclusive
	for _, c := range []struct {
		reason, http, value, message string
		verdict                      plan.CheckVerdict
		err                          error
	}{
		{"the status is the answer", `url: URL/ok`, "200", "status 200 OK", passed, nil},
		{"a status that is not right", `url: URL/broken`, "503", "status 503 Service Unavailable is not 200", failed, nil},
		{"a status that is right", `url: URL/broken, status: [200, 503]`, "503", "status 503", passed, nil},
		{"a redirect is not followed", `url: URL/elsewhere`, "302", "status 302 Found is not 200", failed, nil},
		{"another method", `url: URL/ok, method: HEAD`, "200", "status 200 OK", passed, nil},
		{"text that is equal", `url: URL/json, jsonPath: "{.state}", equals: open`, "open", `{.state} is "open"`, passed, nil},
		{
			"text that is not equal", `url: URL/json, jsonPath: "{.state}", equals: shut`, "open", `{.state} is "open", not "shut"`,
			failed, nil,
		},
		{"a truth", `url: URL/json, jsonPath: "{.up}", equals: true`, "true", `{.up} is "true"`, passed, nil},
		{
			"a long number", `url: URL/json, jsonPath: "{.id}", equals: 12345678901234567890`, "12345678901234567890", "{.id} is", passed,
			nil,
		},
		{"a number within", `url: URL/json, jsonPath: "{.rate}", max: 0.5`, "0.25", "0.25, at most 0.5", passed, nil},
		{"a number without", `url: URL/json, jsonPath: "{.rate}", min: 0.5`, "0.25", "0.25 is not at least 0.5", failed, nil},
		{"a number as text", `url: URL/json, jsonPath: "{.text}", max: 5`, "4", "4, at most 5", passed, nil},
		{"one of a list", `url: URL/json, jsonPath: '{.list[?(@.name=="b")].n}', max: 5`, "2", "2, at most 5", passed, nil},
		{
			"a value in place of a status", `url: URL/broken, jsonPath: "{.a}", max: 1`, "",
			"no answer: status 503 Service Unavailable in place of a value", inconclusive, check.ErrUnreachable,
		},
		{
			"a wrong status in place of a value", `url: URL/none, jsonPath: "{.a}", max: 1`, "",
			"status 404 Not Found in place of a value", inconclusive, nil,
		},
		{"no JSON", `url: URL/ok, jsonPath: "{.a}", max: 1`, "", "the answer is not JSON", inconclusive, nil},
		{"nothing there", `url: URL/json, jsonPath: "{.none}", max: 1`, "", "{.none} finds nothing in the answer", inconclusive, nil},
		{"null", `url: URL/json, jsonPath: "{.null}", max: 1`, "", "{.null} is null", inconclusive, nil},
		{
			"no number", `url: URL/json, jsonPath: "{.state}", max: 1`, "", `{.state} is "open", which is not a number`, inconclusive,
			nil,
		},
		{
			"NaN as text", `url: URL/json, jsonPath: "{.nan}", max: 1`, "", "the value is NaN, which is not a number to judge by",
			inconclusive, nil,
		},
		{"infinity as text", `url: URL/json, jsonPath: "{.inf}", min: 1`, "", "the value is +Inf", inconclusive, nil},
		{
			"several", `url: URL/json, jsonPath: "{.list[*].n}", max: 1`, "", "finds 2 values in the answer, one is needed", inconclusive,
			nil,
		},
		{"no single value", `url: URL/json, jsonPath: "{.list}", max: 1`, "", "{.list} is no single value", inconclusive, nil},
		{"too much", `url: URL/long`, "", "the answer has more than 1048576 bytes", inconclusive, nil},
		{"half an answer", `url: URL/half`, "", "no answer: unexpected EOF", inconclusive, check.ErrUnreachable},
		{"nobody there", `url: "http://127.0.0.1:1"`, "", "connection refused", inconclusive, check.ErrUnreachable},
		{"no answer in time", `url: URL/slow`, "", "no answer within 50ms", inconclusive, check.ErrUnreachable},
		{"no headers", `url: URL/guarded`, "401", "status 401 Unauthorized is not 200", failed, nil},
		{"headers and a token", `url: URL/guarded, bearerToken: {secretRef: {name: shop, key: token}}, headers: [{name: ` +
			`X-Scope-OrgID, value: shop}, {name: X-Key, secretRef: {name: shop, key: key}}]`, "200", "status 200", passed, nil},
		{
			"a path without braces", `url: URL/json, jsonPath: .state, equals: open`, "", "must be one path in braces", inconclusive,
			check.ErrWrong,
		},
		{
			"text around a path", `url: URL/json, jsonPath: "is {.state}", equals: open`, "", "must be one path in braces", inconclusive,
			check.ErrWrong,
		},
		{"no path", `url: URL/json, jsonPath: "{.state", equals: open`, "", "the question is wrong", inconclusive, check.ErrWrong},
		{
			"a secret that is not there", `url: URL/ok, bearerToken: {secretRef: {name: shop, key: none}}`, "",
			"secret shop, key none: there is no file", inconclusive, check.ErrWrong,
		},
		{
			"a CA that is none", `url: URL/ok, ca: {secretRef: {name: shop, key: key}}`, "", "has no certificate in PEM form",
			inconclusive, check.ErrWrong,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			text := strings.ReplaceAll(c.http, "URL", server.URL)
			spec := source(t, "timeout: 5s, http: {"+text+"}")
			if strings.HasSuffix(text, "/slow") {
				spec.Timeout = 50 * time.Millisecond
			}
			m, err := check.Try(t.Context(), check.Options{Secrets: folder, Now: time.Now}, spec, plan.Workload{})
			if m.Verdict != c.verdict || m.Value != c.value || !strings.Contains(m.Message, c.message) || !errors.Is(err, c.err) ||
				(err == nil) != (c.err == nil) {
				t.Errorf("%+v, %v", m, err)
			}
			if strings.Contains(m.Message, "t0ken") || strings.Contains(m.Message, "k3y") {
				t.Errorf("a secret is in the message: %s", m.Message)
			}
		})
	}
}

const body = `{"state": "open", "up": true, "id": 12345678901234567890, "rate": 0.25, "text": "4", "null": null, "nan": "NaN", "inf": "+Inf",
"list": [{"name": "a", "n": 1}, {"name": "b", "n": 2}]}`

// TestCertificates: a server with a certificate of its own is trusted where the plan says so, and only there.
func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	options := check.Options{Secrets: secrets(t, map[string]string{"shop/ca.crt": string(ca)}), Now: time.Now}
	m, err := check.Try(t.Context(), options, source(t, `http: {url: "`+server.URL+
		`", ca: {secretRef: {name: shop, key: ca.crt}}}`), plan.Workload{})
	if err != nil || m.Verdict != plan.CheckPassed {
		t.Errorf("with its certificate: %+v, %v", m, err)
	}
	m, err = check.Try(t.Context(), options, source(t, `http: {url: "`+server.URL+`"}`), plan.Workload{})
	if !errors.Is(err, check.ErrUnreachable) || m.Verdict != plan.CheckInconclusive {
		t.Errorf("without: %+v, %v", m, err)
	}
}

// FuzzFind: whatever path and answer come together, there is a value or a reason why not.
func FuzzFind(f *testing.F) {
	for _, path := range []string{
		"{.a}", "{.a[0].b}", `{.list[?(@.name=="b")].n}`, "{..n}", "{.a[0:2:1]}",
		"{range .a[*]}{.b}{end}", "{@}",
	} {
		f.Add(path, body)
		f.Add(path, `{"a": [{"b": 1}, 2, null]}`)
		f.Add(path, `[]`)
	}
	f.Fuzz(func(t *testing.T, path, answer string) {
		value, err := check.Find(path, []byte(answer))
		if err != nil && value != "" {
			t.Errorf("%q finds %q and fails: %v", path, value, err)
		}
	})
}
