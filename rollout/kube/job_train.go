// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"github.com/slipway-dev/slipway/rollout/plan"
	"slices"
	"strings"
)

// JobTrain is the train that an Indexed Job releases: a target an index, in the order of the plan.
type JobTrain struct {
	Name      string // of the plan
	Namespace string // of all targets
	Targets   []JobTarget
	Parallel  int // targets that are released side by side
}

// JobTarget is one target of a train and who replaces its pods.
type JobTarget struct {
	CloneSet plan.Workload // of any kind
	Mode     plan.Mode
}

// completionIndex is what Kubernetes writes into the environment of an Indexed Job's pods, as an argument refers to it.
const completionIndex = "$(JOB_COMPLETION_INDEX)"

// name is that of everything but the Job, and no target's. With a hash and an index it is the host name of a pod, so it
// has no dots and at most 63 characters.
func (t *JobTrain) name() string {
	const suffix = "-train-rollout"
	name := strings.ReplaceAll(t.Name, ".", "-")
	if most := 63 - len(suffix) - 9 - len("-999"); name != t.Name || len(name) > most {
		name = shortened(name, t.Name, most)
	}
	return name + suffix
}

func (t *JobTrain) templates() []map[string]any {
	templates := make([]map[string]any, len(t.Targets))
	for i, target := range t.Targets {
		templates[i] = target.CloneSet.Spec.Template
	}
	return templates
}

// which says that each pod releases the target of its index. Where all targets are stepped by their partitions the flag
// says so; else auto finds the mode by the plan and the kind, as the manifests' author has.
func (t *JobTrain) which(job string) []string {
	mode := plan.Partition
	if slices.ContainsFunc(t.Targets, func(target JobTarget) bool { return target.Mode != plan.Partition }) {
		mode = plan.Direct
	}
	return []string{"--index=" + completionIndex, "--job=" + job, modeFlag(mode)}
}

// index makes the spec of a Job one with an index for each target. An index that fails does not end the others: what is
// under way stops by itself, or rolls back, as the plan says, and what has not begun ends at once.
func (t *JobTrain) index(spec object) {
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

// trainRules are the rights that the releases of all targets need together. What has a name keeps it; the verbs of what
// cannot have one come together.
func (o JobOptions) trainRules() []map[string]any {
	var rules []map[string]any
	for _, target := range o.Train.Targets {
		single := o
		single.Train, single.CloneSet, single.Mode = nil, target.CloneSet, target.Mode
		for _, r := range single.Rules() {
			rules = united(rules, r)
		}
	}
	return rules
}

// united adds a rule to others, as part of one of them where that grants nothing more.
func united(rules []map[string]any, r map[string]any) []map[string]any {
	verbs, names := r["verbs"].([]string), namesOf(r)
	for _, other := range rules {
		otherVerbs, otherNames := other["verbs"].([]string), namesOf(other)
		switch {
		case fmt.Sprint(r["apiGroups"], r["resources"]) != fmt.Sprint(other["apiGroups"], other["resources"]):
		case len(names) == 0 && len(otherNames) == 0:
			other["verbs"] = with(otherVerbs, verbs)
			return rules
		case len(names) > 0 && len(otherNames) > 0 && slices.Equal(verbs, otherVerbs):
			other["resourceNames"] = with(otherNames, names)
			return rules
		}
	}
	return append(rules, r)
}

func namesOf(rule map[string]any) []string {
	names, _ := rule["resourceNames"].([]string)
	return names
}

// with are the words, and those of more that are not among them.
func with(words, more []string) []string {
	words = slices.Clone(words)
	for _, w := range more {
		if !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}
