// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Metrics counts what an agent does, for Prometheus. It is an http.Handler.
type Metrics struct {
	http.Handler
	now func() time.Time

	requests *prometheus.CounterVec
	writes   *prometheus.HistogramVec
	measured *prometheus.CounterVec
	pods     *prometheus.GaugeVec
	batch    prometheus.Gauge
	batches  prometheus.Gauge
	target   prometheus.Gauge
}

// NewMetrics begins to count, in a registry of its own.
func NewMetrics(now func() time.Time) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &Metrics{
		now:      now,
		requests: counter("slipway_requests_total", "Requests to the API server.", "verb", "resource", "code"),
		writes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_write_seconds", Help: "How long writes took.", Buckets: prometheus.DefBuckets,
		}, []string{"verb"}),
		measured: counter("slipway_check_measurements_total", "Answers to checks.", "check", "verdict"),
		pods: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "slipway_pods",
			Help: "Pods of the target by state: available, desired, old, ready, terminating, total, updated, updated_ready.",
		},
			[]string{"state"}),
		batch:   gauge("slipway_batch", "The batch at work, the first is 1."),
		batches: gauge("slipway_batches", "Batches of the plan."),
		target:  gauge("slipway_batch_target_pods", "Updated pods after this batch."),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.writes, m.measured, m.pods, m.batch, m.batches, m.target)
	m.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// Record takes down where a release stands. It fits rollout.Run's report.
func (m *Metrics) Record(o rollout.Observed, d rollout.Decision) {
	c := o.Counts()
	terminating := 0
	for i := range o.Pods {
		if o.Pods[i].Terminating {
			terminating++
		}
	}
	for state, n := range map[string]int{
		"desired": c.Desired, "total": c.Total, "updated": c.Updated, "updated_ready": c.UpdatedReady,
		"ready": c.Ready, "available": c.Available, "old": c.Old(), "terminating": terminating,
	} {
		m.pods.WithLabelValues(state).Set(float64(n))
	}
	m.batch.Set(float64(d.Batch + 1))
	m.batches.Set(float64(d.Batches))
	m.target.Set(float64(d.Target))
}

// Measure counts an answer to a check.
func (m *Metrics) Measure(answer plan.Measurement) {
	m.measured.WithLabelValues(answer.Check, string(answer.Verdict)).Inc()
}

// wrap counts the requests that go through a transport.
func (m *Metrics) wrap(next http.RoundTripper) http.RoundTripper {
	return counting{m, next}
}

type counting struct {
	metrics *Metrics
	next    http.RoundTripper
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	m, began := c.metrics, c.metrics.now()
	resp, err := c.next.RoundTrip(r)
	code := "none"
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
	}
	verb := strings.ToLower(r.Method)
	m.requests.WithLabelValues(verb, resourceOf(r.URL.Path), code).Inc()
	if r.Method != http.MethodGet {
		m.writes.WithLabelValues(verb).Observe(m.now().Sub(began).Seconds())
	}
	return resp, err
}

// resourceOf is the resource and subresource of a namespaced path, such as pods/status.
func resourceOf(path string) string {
	_, rest, ok := strings.Cut(path, "/namespaces/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok || len(parts) < 2:
		return "other"
	case len(parts) > 3:
		return parts[1] + "/" + parts[3]
	default:
		return parts[1]
	}
}
