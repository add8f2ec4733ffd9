// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Targets is what an Indexed Job releases: a target an index, in the order of the plan.
type Targets struct {
	Name      string // of the plan
	Namespace string // of all targets
	Targets   []Target
	Parallel  int // targets that are released side by side
}

// Target is one of several targets, and who replaces its pods.
type Target struct {
	CloneSet plan.Workload // of any kind
	Mode     plan.Mode
}

// SetTargets puts in what the plan releases: one target or several.
func (o *Job) SetTargets(p plan.BatchPlan, targets []Target) error {
	if len(p.Waves.Targets) == 0 {
		o.CloneSet, o.Mode = targets[0].CloneSet, targets[0].Mode
		return nil
	}
	all := &Targets{Name: p.Name, Targets: targets, Parallel: p.Waves.Parallel}
	var first plan.Workload
	for _, t := range targets {
		switch set := t.CloneSet; {
		case set.Namespace == "" || set.Namespace == all.Namespace:
		case all.Namespace == "":
			first, all.Namespace = set, set.Namespace
		default:
			return manifest.Finding{
				Severity: manifest.SeverityError, Code: "bad-plan", Field: "spec.targets",
				Message: fmt.Sprintf("%s is not in the namespace of %s: a Job and its rights are in one namespace, so write a plan for each",
					set, first),
			}
		}
	}
	o.Targets = all
	return nil
}

// completionIndex is what Kubernetes writes into the environment of an Indexed Job's pods, as an argument refers to it.
const completionIndex = "$(JOB_COMPLETION_INDEX)"

// targetsWord stands in names where those of one target have its kind. Jobs that run have it, so that it stays.
const targetsWord = "train"

// name is that of everything but the Job, and no target's. With a hash and an index it is the host name of a pod, so it
// has no dots and at most 63 characters.
func (t *Targets) name() string {
	const suffix = "-" + targetsWord + "-rollout"
	name := strings.ReplaceAll(t.Name, ".", "-")
	if most := 63 - len(suffix) - 9 - len("-999"); name != t.Name || len(name) > most {
		name = shortened(name, t.Name, most)
	}
	return name + suffix
}

func (t *Targets) templates() []map[string]any {
	templates := make([]map[string]any, len(t.Targets))
	for i, target := range t.Targets {
		templates[i] = target.CloneSet.Spec.Template
	}
	return templates
}

// which says that each pod releases the target of its index. Where all targets are stepped by their partitions the flag
// says so; else auto finds the mode by the plan and the kind, as the manifests' author has.
func (t *Targets) which(job string) []string {
	mode := plan.Partition
	if slices.ContainsFunc(t.Targets, func(target Target) bool { return target.Mode != plan.Partition }) {
		mode = plan.Direct
	}
	return []string{"--index=" + completionIndex, "--job=" + job, modeFlag(mode)}
}

// index makes the spec of a Job one with an index for each target. An index that fails does not end the others: what is
// under way stops by itself, or rolls back, as the plan says, and what has not begun ends at once.
func (t *Targets) index(spec object) {
	spec["completionMode"] = "Indexed"
	spec["completions"] = len(t.Targets)
	spec["parallelism"] = min(max(t.Parallel, 1), len(t.Targets))
	spec["backoffLimitPerIndex"] = spec["backoffLimit"]
	delete(spec, "backoffLimit")
	for _, r := range spec["podFailurePolicy"].(object)["rules"].([]any) {
		if r := r.(object); r["action"] == "FailJob" {
			r["action"] = "FailIndex"
		}
	}
}
