// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/check/checktest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// asks is a check of one query.
func asks(t *testing.T, p *checktest.Prometheus, query, limits string) plan.Check {
	t.Helper()
	return source(t, fmt.Sprintf("prometheus: {address: %q, query: '%s', %s}", p.Address, query, limits))
}

// TestPrometheus asks a real Prometheus everything that it may answer.
func TestPrometheus(t *testing.T) {
	s := checktest.NewShop(t)
	s.Set(1, false)
	p := checktest.StartPrometheus(t, s)
	ask := func(query, limits string) (plan.Measurement, error) {
		return check.Try(t.Context(), check.Options{Now: time.Now}, asks(t, p, query, limits), plan.Workload{})
	}
	awaits := func(what string, verdict plan.CheckVerdict, message string) {
		t.Helper()
		kubetest.Eventually(t, what, func() (bool, string) {
			m, err := ask(checktest.ErrorRate, "max: 0.15")
			return m.Verdict == verdict && strings.Contains(m.Message, message), fmt.Sprint(m, err)
		})
	}
	awaits("one error of ten passes", plan.CheckPassed, "at most 0.15")
	const passed, failed, inconclusive = plan.CheckPassed, plan.CheckFailed, plan.CheckInconclusive
	for _, c := range []struct {
		reason, query, limits, message string
		verdict                        plan.CheckVerdict
		err                            error
	}{
		{"a scalar", "1", "min: 1, max: 1", "1, 1 to 1", passed, nil},
		{"a scalar out of its limits", "2", "max: 1", "2 is not at most 1", failed, nil},
		{"one series", "sum(up)", "min: 1", "1, at least 1", passed, nil},
		{"no series", "nothing_of_that_name", "max: 1", "the query finds no series", inconclusive, nil},
		{"no series made to a number", "nothing_of_that_name or vector(0)", "max: 1", "0, at most 1", passed, nil},
		{"several series", "requests_total", "max: 1", "the query finds 2 series, such as requests_total{", inconclusive, nil},
		{"NaN", "vector(0) / vector(0)", "min: 0", "the value is NaN", inconclusive, nil},
		{"infinity", "vector(1) / vector(0)", "min: 0", "the value is +Inf", inconclusive, nil},
		{
			"a range of time", "requests_total[1m]", "max: 1", "the query gives values over a range of time", inconclusive,
			check.ErrWrong,
		},
		{"text", `"text"`, "max: 1", "what Prometheus answers is no number", inconclusive, nil},
		{"a wrong query", "sum(rate(", "max: 1", "Prometheus does not understand the query", inconclusive, check.ErrWrong},
		{"a function that is none", "summ(up)", "max: 1", `unknown function with name "summ"`, inconclusive, check.ErrWrong},
		{
			"series that do not fit", "requests_total / on(job) errors_total", "max: 1",
			"Prometheus cannot work the query out: found duplicate series", inconclusive, nil,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			m, err := ask(c.query, c.limits)
			if m.Verdict != c.verdict || !strings.Contains(m.Message, c.message) || !errors.Is(err, c.err) ||
				(err == nil) != (c.err == nil) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	s.Set(4, false)
	awaits("four errors of ten fail", plan.CheckFailed, "is not at most 0.15")
	s.Set(0, true)
	awaits("without requests there is no rate", plan.CheckInconclusive, "the value is NaN")
	s.Close()
	awaits("a shop that is gone has no series", plan.CheckInconclusive, "the query finds no series")
	p.Stop()
	if m, err := ask("1", "max: 1"); m.Verdict != plan.CheckInconclusive || !errors.Is(err, check.ErrUnreachable) ||
		!strings.Contains(m.Message, "connection refused") {
		t.Errorf("without a Prometheus: %+v, %v", m, err)
	}
}

// TestPrometheusErrors are those that a healthy Prometheus does not give: of what stands before it, or behind it.
func TestPrometheusErrors(t *testing.T) {
	for _, c := range []struct {
		reason, answer, message string
		status                  int
		err                     error
	}{
		{"a proxy without a backend", "bad gateway", "Prometheus says server_error: server error: 502", 502, check.ErrUnreachable},
		{"a proxy that wants a login", "who are you", "Prometheus refuses the request: client error: 401", 401, check.ErrUnreachable},
		{"another server", "<html>", "Prometheus says bad_response", 200, check.ErrUnreachable},
		{
			"a query that took too long", `{"status": "error", "errorType": "timeout", "error": "query timed out"}`,
			"Prometheus says timeout: query timed out", 422, check.ErrUnreachable,
		},
		{"half a result", `{"status": "success", "warnings": ["a store is down"], "data": {"resultType": "scalar", "result": ` +
			`[1, "1"]}}`, "the result may not be whole: a store is down", 200, nil},
		{"no result", `{"status": "success", "data": null}`, "", 200, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.answer))
			}))
			t.Cleanup(server.Close)
			spec := source(t, `prometheus: {address: "`+server.URL+`", query: up, max: 1}`)
			m, err := check.Try(context.Background(), check.Options{Now: time.Now}, spec, plan.Workload{})
			if m.Verdict != plan.CheckInconclusive || !strings.Contains(m.Message, c.message) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
}
