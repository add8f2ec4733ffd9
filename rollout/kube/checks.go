// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Checks measures the checks of a plan beside a release.
type Checks interface {
	// Attend is told every decision and what it was made on, and measures from then on what the decision names. It does
	// not wait.
	Attend(o rollout.Observed, d rollout.Decision)
	// Results are how the checks stand, and a number that is another one whenever they stand otherwise.
	Results() ([]plan.CheckResult, uint64)
	// Changed gets a value after that.
	Changed() <-chan struct{}
}

func (c *Cluster) attend(o rollout.Observed, d rollout.Decision) {
	if c.options.Checks != nil {
		c.options.Checks.Attend(o, d)
	}
}

// measured gets a value when a check stands otherwise. Without checks it never does.
func (c *Cluster) measured() <-chan struct{} {
	if c.options.Checks == nil {
		return nil
	}
	return c.options.Checks.Changed()
}

// checkRules are the rights that the checks of the Job's plan need. A plan that cannot be read has none; it is refused
// elsewhere.
func (o JobOptions) checkRules() []map[string]any {
	if len(o.Plan) == 0 {
		return nil
	}
	p, err := plan.ParsePlan("", o.Plan)
	if err != nil {
		return nil
	}
	return checkRules(p, o.Mode)
}

// checkRules are the rights that the checks of a plan need beyond those of its release.
func checkRules(p plan.BatchPlan, mode plan.Mode) []map[string]any {
	jobs, pods, events := false, false, false
	for _, c := range p.Checks {
		jobs = jobs || c.Job != nil
		pods = pods || c.Pods != nil
		events = events || c.Pods != nil && len(c.Pods.Events) > 0
	}
	var rules []map[string]any
	if jobs {
		rules = append(rules, rule("batch", "jobs", []string{"get", "create"}))
	}
	if pods && mode == plan.Partition {
		rules = append(rules, rule("", "pods", []string{"list"}))
	}
	if events {
		rules = append(rules, rule("", "events", []string{"list"}))
	}
	return rules
}
