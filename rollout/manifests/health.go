// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// groupKind is a kind of target in all its API versions: GitOps tools tell kinds apart by group and name alone, and Flux
// refuses a second health check of one.
type groupKind struct {
	plan.Kind
	strategies [][]string // where partition and paused stand below spec, in one version or another
}

// groupKinds leaves out what a release writes no field of: there is nothing that a tool would have to leave alone, and it waits
// for the release's Job.
func groupKinds() []groupKind {
	var out []groupKind
	for _, k := range plan.Kinds() {
		if k.Stepless {
			continue
		}
		i := slices.IndexFunc(out, func(o groupKind) bool { return o.Group() == k.Group() && o.Name == k.Name })
		if i < 0 {
			out = append(out, groupKind{k, [][]string{k.Strategy}})
			continue
		}
		if !slices.ContainsFunc(out[i].strategies, func(s []string) bool { return slices.Equal(s, k.Strategy) }) {
			out[i].strategies = append(out[i].strategies, k.Strategy)
		}
	}
	return out
}

// named is what a rule about fields is for: all objects of the kind, or an example of one where the fields mean something
// also for objects that slipway does not release.
func (k groupKind) named() object {
	out := object{"group": k.Group(), "kind": k.Name}
	if k.BySurge {
		out["name"] = "web"
	}
	return out
}

// stepped are JSON pointers to the fields that a release in partition mode writes while it lasts.
func (k groupKind) stepped() []string {
	var out []string
	for _, strategy := range k.strategies {
		of := k.Kind
		of.Strategy = strategy
		for _, path := range of.Stepped() {
			out = append(out, "/"+strings.Join(path, "/"))
		}
	}
	return out
}

// healthCheck tells in CEL whether a target is released: every pod updated and available.
//
// The check is for all objects of the kind, also for those that slipway has nothing to do with. Where one of them is held
// back by hand, with a partition, a pause or OnDelete, its pods need only be available, or Flux would wait for ever.
// Controllers leave out what is 0. An object without a status cannot be evaluated: Flux looks again until it has one.
func healthCheck(k groupKind) object {
	wanted, some := "has(spec.replicas) ? spec.replicas : 1", "!(has(spec.replicas) && spec.replicas == 0)"
	if k.Nodes {
		wanted, some = "has(status."+k.Status.Desired+") ? status."+k.Status.Desired+" : 0", "has(status."+k.Status.Desired+")"
	}
	available := k.Status.UpdatedAvailable
	if available == "" {
		available = k.Status.Available
	}
	reaches := func(field string) string { return "has(status." + field + ") && status." + field + " >= wanted" }
	return object{
		"apiVersion": k.APIVersion, "kind": k.Name,
		"inProgress": some + " &&\n(!has(status.observedGeneration) || status.observedGeneration != metadata.generation)",
		"failed": some + " && has(status.conditions) &&\n" +
			"status.conditions.exists(c, c.type == 'Progressing' && has(c.reason) && c.reason == 'ProgressDeadlineExceeded')",
		"current": "[" + wanted + "].exists(wanted, wanted == 0 ||\n" +
			"  // all pods are updated and available\n" +
			"  (" + reaches(k.Status.Updated) + " &&\n   " + reaches(available) + ") ||\n" +
			"  // not released by slipway, and held back by hand\n" +
			"  (!(has(metadata.annotations) && '" + plan.ReleaseAnnotation + "' in metadata.annotations) &&\n   " +
			reaches(k.Status.Available) + " &&\n" +
			"   has(spec.updateStrategy) && [spec.updateStrategy].exists(s,\n    " + strings.Join(k.heldByHand(), " ||\n    ") + ")))",
	}
}

// heldByHand are the ways in which a strategy s keeps pods from being updated. A partition at rest is slipway's own: it
// holds the pods until a release begins.
func (k groupKind) heldByHand() []string {
	ways := []string{"(has(s.type) && s.type == 'OnDelete')"}
	for _, strategy := range k.strategies {
		at, is := "s", "("
		for _, field := range strategy[1:] {
			at += "." + field
			is += "has(" + at + ") && "
		}
		p := at + ".partition"
		ways = append(ways, is+"has("+at+".paused) && "+at+".paused)",
			is+"has("+p+") && "+p+" != 0 &&\n     "+p+" != '"+plan.Percent(100).String()+"' && "+p+" != "+
				plan.Pods(plan.AllPods).String()+")")
	}
	return ways
}
