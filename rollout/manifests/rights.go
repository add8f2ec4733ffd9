// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// checkRules are the rights that the checks of the Job's plan need. A plan that cannot be read has none; it is refused
// elsewhere.
func (o rights) checkRules() []map[string]any {
	p, err := o.parsedPlan()
	if err != nil {
		return nil
	}
	return checkRules(p)
}

// parsedPlan is the plan; without one it is the target's own strategy.
func (o Job) parsedPlan() (plan.BatchPlan, error) {
	if len(o.Plan) == 0 {
		return plan.BatchPlan{}, nil
	}
	return plan.ParsePlan("", o.Plan)
}

// checkRules are the rights that the checks of a plan need beyond those of its release.
func checkRules(p plan.BatchPlan) []map[string]any {
	jobs, events := false, false
	for _, c := range p.Checks {
		jobs = jobs || c.Job != nil
		events = events || c.Pods != nil && len(c.Pods.Events) > 0
	}
	var rules []map[string]any
	if jobs {
		rules = append(rules, rule("batch", "jobs", []string{"get", "create"}))
	}
	if events {
		rules = append(rules, rule("", "events", []string{"list"}))
	}
	return rules
}

// PeopleRules are the rights of somebody who looks at the release of a target in a mode (read), or also asks things of it.
// An undo after the release needs two more: to patch the target and to list its ControllerRevisions.
func PeopleRules(kind plan.Kind, name string, mode plan.Mode, read bool) []map[string]any {
	records, verbs := plan.RecordNames(kind, name, mode), []string{"get", "list", "watch"}
	rules := []map[string]any{
		rule(kind.Group(), kind.Resource, verbs, name),
		rule("coordination.k8s.io", "leases", []string{"get"}, plan.LeaseName(kind, name, mode)),
		rule("", "pods", []string{"list"}),
	}
	if read {
		return append(rules, rule("", "configmaps", verbs, records...))
	}
	return append(rules, rule("", "configmaps", append(verbs, "patch"), records...), rule("", "events", []string{"create"}))
}

// Rules are the least rights that the agent needs. What the API cannot restrict to names is what is created, and
// objects whose names nobody knows beforehand: pods, claims and revisions.
func (o Job) Rules() []map[string]any {
	if o.Targets != nil {
		return rights{o}.rulesOfTargets()
	}
	return rights{o}.rules()
}

// rights are those of the agent that a Job starts.
type rights struct{ Job }

// rules are those for one target.
func (o rights) rules() []map[string]any {
	rules := []map[string]any{
		rule(o.CloneSet.KindOf().Group(), o.CloneSet.KindOf().Resource, o.setVerbs(), o.CloneSet.Name),
		rule("apps", o.revisions(), o.revisionVerbs()),
		rule("", "configmaps", []string{"list", "watch", "update"}, plan.RecordNames(o.CloneSet.KindOf(), o.CloneSet.Name, o.Mode)...),
		rule("", "configmaps", []string{"create"}),
		rule("coordination.k8s.io", "leases", []string{"get", "update", "delete"},
			plan.LeaseName(o.CloneSet.KindOf(), o.CloneSet.Name, o.Mode)),
		rule("coordination.k8s.io", "leases", []string{"create"}),
		rule("", "events", o.eventVerbs()),
	}
	for _, r := range o.checkRules() {
		rules = united(rules, r)
	}
	switch {
	case o.Mode == plan.Delete && o.DeleteMode == DeleteModeEvict:
		return append(rules, rule("", "pods", []string{"list", "watch"}), rule("", "pods/eviction", []string{"create"}))
	case o.Mode == plan.Delete:
		return append(rules, rule("", "pods", []string{"list", "watch", "delete"}))
	case o.Mode == plan.Partition:
		return append(rules, rule("", "pods", o.podVerbs()))
	}
	rules = append(rules,
		rule(kube.KruiseGroup, "clonesets/status", []string{"patch"}, o.CloneSet.Name),
		rule("", "pods", []string{"get", "list", "watch", "create", "patch", "delete"}),
		rule("", "pods/status", []string{"patch"}),
	)
	if o.CloneSet.Spec.UpdateType != plan.ReCreate {
		rules = append(rules, rule("", "pods/resize", []string{"patch"}))
	}
	if o.DeleteMode == DeleteModeEvict {
		rules = append(rules, rule("", "pods/eviction", []string{"create"}))
	}
	if o.CloneSet.Spec.HasClaims {
		rules = append(rules, rule("", "persistentvolumeclaims", []string{"list", "watch", "create", "patch"}))
	}
	return rules
}

// NodeRules are what the agent needs beyond its namespace: to read nodes, where batches of the plan select them.
func NodeRules(p plan.BatchPlan) []map[string]any {
	if p.NodeLabels() == nil {
		return nil
	}
	return []map[string]any{rule("", "nodes", []string{"list", "watch"})}
}

// nodeReading is what lets the Job's account read nodes: no Role can, because they are in no namespace.
func (o rights) nodeReading(name, account string) ([]map[string]any, error) {
	p, err := o.parsedPlan()
	rules := NodeRules(p)
	if err != nil || rules == nil {
		return nil, nil //nolint:nilerr // a plan that cannot be read is refused elsewhere
	}
	if o.namespace() == "" {
		return nil, fmt.Errorf("%s: batches select nodes, so the Job's account needs a ClusterRole, whose binding names a "+
			"namespace: write metadata.namespace", o.CloneSet)
	}
	meta := object{"name": o.namespace() + "." + name, "labels": o.labels()} // a namespace has no dot: no two share a name
	const rbac = "rbac.authorization.k8s.io"
	return []map[string]any{
		{"apiVersion": rbac + "/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules},
		{
			"apiVersion": rbac + "/v1", "kind": "ClusterRoleBinding", "metadata": maps.Clone(meta), "subjects": []any{o.subject(account)},
			"roleRef": object{"apiGroup": rbac, "kind": "ClusterRole", "name": meta["name"]},
		},
	}, nil
}

func (o rights) setVerbs() []string {
	verbs := []string{"get", "list", "watch"}
	if o.Mode.Controlled() {
		verbs = append(verbs, "patch")
	}
	return verbs
}

// eventVerbs are what a release does with Events: it tells, and reads those of a controller whose status does not say that pods
// are refused.
func (o rights) eventVerbs() []string {
	if o.Mode.Controlled() && !o.CloneSet.KindOf().BySurge {
		return []string{"create", "list"}
	}
	return []string{"create"}
}

// podVerbs are what partition mode does with pods: it looks why they are not ready, and which revision they have where the
// status does not tell that, and deletes one of a failed revision that an ordered controller waits for.
func (o rights) podVerbs() []string {
	switch k := o.CloneSet.KindOf(); {
	case k.BySurge:
		return []string{"list", "watch"}
	case k.Ordinal:
		return []string{"list", "delete"}
	default:
		return []string{"list"}
	}
}

// revisions are what holds the templates of the target's revisions.
func (o rights) revisions() string {
	if o.CloneSet.KindOf().BySurge {
		return "replicasets"
	}
	return "controllerrevisions"
}

func (o rights) revisionVerbs() []string {
	if o.CloneSet.KindOf().BySurge {
		return []string{"list", "watch"}
	}
	if o.Mode.Controlled() {
		return []string{"list"}
	}
	return []string{"list", "create", "patch", "delete"}
}

func rule(group, resource string, verbs []string, names ...string) map[string]any {
	r := object{"apiGroups": []string{group}, "resources": []string{resource}, "verbs": verbs}
	if len(names) > 0 {
		r["resourceNames"] = names
	}
	return r
}

// rulesOfTargets are the rights that the releases of all targets need together. What has a name keeps it; the verbs of what
// cannot have one come together.
func (o rights) rulesOfTargets() []map[string]any {
	var rules []map[string]any
	for _, target := range o.Targets.Targets {
		single := o
		single.Targets, single.CloneSet, single.Mode = nil, target.CloneSet, target.Mode
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
