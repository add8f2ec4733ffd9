// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const planVersion = "slipway.dev/v1alpha1"

// ParsePlan reads the one BatchPlan of a YAML stream; other documents are skipped. The error joins a FieldError for
// everything that is wrong with it. What cannot be bounded is refused: a check without a limit, batches that shrink,
// a duration of nothing. Plan.Validate checks what needs the CloneSet.
func ParsePlan(file string, data []byte) (Plan, error) {
	src := &source{file: file}
	doc, ok := only(src, documents(src, data), isPlan, "BatchPlan")
	if !ok {
		return Plan{}, src.err()
	}
	p := readPlan(doc)
	return p, src.err()
}

// HasPlan tells whether a YAML stream holds a BatchPlan. A stream that cannot be read holds none.
func HasPlan(data []byte) bool {
	return slices.ContainsFunc(documents(&source{}, data), isPlan)
}

func isPlan(doc value) bool {
	return doc.get("kind").scalarOr("") == "BatchPlan"
}

func readPlan(doc value) Plan {
	doc.mapping("apiVersion", "kind", "metadata", "spec")
	if api := doc.get("apiVersion"); api.text() != planVersion {
		api.fail("%q is not a BatchPlan's: write %s", api.scalarOr(""), planVersion)
	}
	meta := doc.get("metadata")
	meta.mapping("name", "namespace", "labels", "annotations")
	p := Plan{Name: meta.get("name").text(), Namespace: meta.get("namespace").text()}
	if p.Name == "" {
		meta.get("name").fail("is missing")
	}
	spec := doc.get("spec")
	if !spec.mapping("target", "targets", "parallel", "batches", "checks", "failureThreshold", "progressDeadline", "onFailure") {
		if !spec.present() {
			spec.fail("is missing")
		}
		return p
	}
	p.Target, p.Train = readTargets(spec)
	p.Checks = readChecks(spec.get("checks"))
	p.Batches = readBatches(spec.get("batches"), p.Checks)
	p.FailureThreshold = spec.get("failureThreshold").quantity(Pods(0), 100)
	p.ProgressDeadline = spec.get("progressDeadline").duration(0)
	p.OnFailure = OnFailure(spec.get("onFailure").oneOf(string(Stop), string(Rollback), string(RollbackInBatches)))
	return p
}

func readTarget(v value) Target {
	v.mapping("apiVersion", "kind", "name")
	return targetOf(v)
}

func targetOf(v value) Target {
	t := Target{APIVersion: v.get("apiVersion").text(), Kind: v.get("kind").text(), Name: v.get("name").text()}
	if !v.present() {
		v.fail("is missing: name the CloneSet to release")
		return t
	}
	if t.Name == "" {
		v.get("name").fail("is missing")
	}
	if t.Kind != "CloneSet" {
		v.get("kind").fail("%q cannot be released: write CloneSet", t.Kind)
	} else if t.APIVersion != v1alpha1 && t.APIVersion != v1beta1 {
		v.get("apiVersion").fail("%q is not a CloneSet's: write %s or %s", t.APIVersion, v1alpha1, v1beta1)
	}
	return t
}

func readBatches(v value, checks []Check) []Batch {
	items := v.items()
	if len(items) == 0 {
		v.fail("is missing: a plan needs a batch, such as {replicas: 100%%}")
		return nil
	}
	batches := make([]Batch, len(items))
	for i, item := range items {
		batches[i] = readBatch(item, checks)
		if i > 0 && shrinks(batches[i-1].Replicas, batches[i].Replicas) {
			item.get("replicas").fail("%s is less than the batch before (%s): batches are cumulative",
				batches[i].Replicas, batches[i-1].Replicas)
		}
		if window := item.get("pause").get("window"); window.present() && i == len(items)-1 {
			window.fail("belongs to a batch before: no batch begins after the last one")
		}
	}
	return batches
}

// shrinks compares what can be compared without knowing the replicas; Plan.Validate compares the rest.
func shrinks(before, after Quantity) bool {
	return before.percent == after.percent && after.units < before.units
}

func readBatch(item value, checks []Check) Batch {
	item.mapping("replicas", "pause", "checks")
	replicas := item.get("replicas")
	if !replicas.present() {
		replicas.fail("is missing: write how many pods are updated after this batch")
	}
	b := Batch{Replicas: replicas.quantity(Quantity{}, 100)}
	pause := item.get("pause")
	if pause.present() && pause.mapping("duration", "untilApproved", "window") {
		b.Pause = Pause{
			Duration: pause.get("duration").duration(0), UntilApproved: pause.get("untilApproved").boolean(),
			Window: readWindow(pause.get("window")),
		}
	}
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.Name
	}
	for _, c := range item.get("checks").items() {
		name := c.text()
		if !slices.Contains(names, name) {
			c.fail("there is no check %q in spec.checks%s", name, suggestion(name, names))
		}
		b.Checks = append(b.Checks, name)
	}
	return b
}

func readChecks(v value) []Check {
	var checks []Check
	for _, item := range v.items() {
		item.mapping("name", "prometheus", "interval", "count")
		c := Check{
			Name:     item.get("name").text(),
			Interval: item.get("interval").duration(time.Minute),
			Count:    item.get("count").number(1, 1, 10_000),
		}
		if c.Name == "" {
			item.get("name").fail("is missing")
		}
		if slices.ContainsFunc(checks, func(o Check) bool { return o.Name == c.Name }) {
			item.get("name").fail("%q is the name of a check above", c.Name)
		}
		c.Prometheus = readPrometheus(item.get("prometheus"))
		checks = append(checks, c)
	}
	return checks
}

func readPrometheus(v value) *Prometheus {
	if !v.present() {
		v.fail("is missing: a check needs something to ask")
		return nil
	}
	v.mapping("address", "query", "min", "max")
	p := &Prometheus{
		Address: v.get("address").text(), Query: v.get("query").text(),
		Min: v.get("min").limit(), Max: v.get("max").limit(),
	}
	if u, err := url.Parse(p.Address); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
		v.get("address").fail("%q is not a URL such as http://prometheus:9090", p.Address)
	}
	if p.Query == "" {
		v.get("query").fail("is missing")
	}
	switch {
	case !v.get("min").present() && !v.get("max").present():
		v.fail("has neither min nor max, so it could never fail: set one")
	case p.Min != nil && p.Max != nil && *p.Min > *p.Max:
		v.fail("min %g is above max %g, so it could never pass", *p.Min, *p.Max)
	}
	return p
}

// limit is a finite number, or nil where it is absent.
func (v value) limit() *float64 {
	if !v.present() {
		return nil
	}
	s, ok := v.scalar("!!int", "!!float")
	f, err := strconv.ParseFloat(s, 64)
	if !ok || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		v.fail("must be a finite number, not %s", v.kind())
		return nil
	}
	return &f
}
