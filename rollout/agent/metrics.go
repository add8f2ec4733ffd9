// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Metrics counts what an agent does, in the text format of Prometheus. It is an http.Handler.
type Metrics struct {
	now func() time.Time

	mu       sync.Mutex
	requests map[request]int
	latency  map[string]*histogram
	gauges   map[string]float64
	measured map[measured]int
}

type request struct{ verb, resource, code string }

type measured struct{ check, verdict string }

type histogram struct {
	buckets []int // beside bounds
	count   int
	sum     float64
}

// bounds are the upper bounds of the latency buckets, in seconds.
func bounds() []float64 { return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10} }

// NewMetrics begins to count.
func NewMetrics(now func() time.Time) *Metrics {
	return &Metrics{now: now, requests: map[request]int{}, latency: map[string]*histogram{}, gauges: map[string]float64{}, measured: map[measured]int{}}
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
	m.mu.Lock()
	defer m.mu.Unlock()
	for state, n := range map[string]int{
		"desired": c.Desired, "total": c.Total, "updated": c.Updated, "updated_ready": c.UpdatedReady,
		"ready": c.Ready, "available": c.Available, "old": c.Old(), "terminating": terminating,
	} {
		m.gauges[fmt.Sprintf("slipway_pods{state=%q}", state)] = float64(n)
	}
	m.gauges["slipway_batch"], m.gauges["slipway_batches"] = float64(d.Batch+1), float64(d.Batches)
	m.gauges["slipway_batch_target_pods"] = float64(d.Target)
}

// Measure counts an answer to a check.
func (m *Metrics) Measure(answer plan.Measurement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.measured[measured{answer.Check, string(answer.Verdict)}]++
}

// ServeHTTP writes the metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.write(w)
}

func (m *Metrics) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	b.WriteString("# HELP slipway_requests_total Requests to the API server.\n# TYPE slipway_requests_total counter\n")
	lines := make([]string, 0, len(m.requests))
	for r, n := range m.requests {
		lines = append(lines, fmt.Sprintf("slipway_requests_total{verb=%q,resource=%q,code=%q} %d\n", r.verb, r.resource, r.code, n))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
	b.WriteString("# HELP slipway_write_seconds How long writes took.\n# TYPE slipway_write_seconds histogram\n")
	for _, verb := range slices.Sorted(maps.Keys(m.latency)) {
		m.latency[verb].write(&b, verb)
	}
	m.writeMeasured(&b)
	m.writeGauges(&b)
	_, _ = io.WriteString(w, b.String())
}

func (m *Metrics) writeGauges(b *strings.Builder) {
	for _, family := range [][2]string{
		{"slipway_batch", "The batch at work, the first is 1."},
		{"slipway_batch_target_pods", "Updated pods after this batch."},
		{"slipway_batches", "Batches of the plan."},
		{"slipway_pods", "Pods of the CloneSet by state."},
	} {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", family[0], family[1], family[0])
		for _, series := range slices.Sorted(maps.Keys(m.gauges)) {
			if name, _, _ := strings.Cut(series, "{"); name == family[0] {
				fmt.Fprintf(b, "%s %s\n", series, strconv.FormatFloat(m.gauges[series], 'g', -1, 64))
			}
		}
	}
}

func (m *Metrics) writeMeasured(b *strings.Builder) {
	if len(m.measured) == 0 {
		return
	}
	b.WriteString("# HELP slipway_check_measurements_total Answers to checks.\n# TYPE slipway_check_measurements_total counter\n")
	lines := make([]string, 0, len(m.measured))
	for key, n := range m.measured {
		lines = append(lines, fmt.Sprintf("slipway_check_measurements_total{check=%q,verdict=%q} %d\n", key.check, key.verdict, n))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

func (h *histogram) write(b *strings.Builder, verb string) {
	total := 0
	for i, bound := range bounds() {
		total += h.buckets[i]
		fmt.Fprintf(b, "slipway_write_seconds_bucket{verb=%q,le=\"%g\"} %d\n", verb, bound, total)
	}
	fmt.Fprintf(b, "slipway_write_seconds_bucket{verb=%q,le=\"+Inf\"} %d\n", verb, h.count)
	fmt.Fprintf(b, "slipway_write_seconds_sum{verb=%q} %g\nslipway_write_seconds_count{verb=%q} %d\n", verb, h.sum, verb, h.count)
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
	began := c.metrics.now()
	resp, err := c.next.RoundTrip(r)
	code := "none"
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
	}
	c.metrics.count(r, code, c.metrics.now().Sub(began).Seconds())
	return resp, err
}

func (m *Metrics) count(r *http.Request, code string, seconds float64) {
	verb := strings.ToLower(r.Method)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[request{verb, resourceOf(r.URL.Path), code}]++
	if r.Method == http.MethodGet {
		return
	}
	h := m.latency[verb]
	if h == nil {
		h = &histogram{buckets: make([]int, len(bounds()))}
		m.latency[verb] = h
	}
	h.count++
	h.sum += seconds
	if i := slices.IndexFunc(bounds(), func(b float64) bool { return seconds <= b }); i >= 0 {
		h.buckets[i]++
	}
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
