// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Policies are, for each target that a controller reconciles, a ValidatingAdmissionPolicy and its binding. They are for whoever
// may install such objects of the whole cluster, and hold two things that no Role can say:
//
//   - the agent changes no other fields of the target than those by which it steps, so that the right to patch it is not one to
//     run any pod. A plan that rolls back also writes the pod template, and then that stays open;
//   - nobody else changes the pod template while the controller would roll it out past the plan.
//
// There is nothing to hold in direct mode: the agent has no right on the target.
func (o Job) Policies() ([]map[string]any, error) {
	parsed, err := o.parsedPlan()
	if err != nil {
		return nil, err
	}
	targets := []Target{{CloneSet: o.CloneSet, Mode: o.Mode}}
	if o.Targets != nil {
		targets = o.Targets.Targets
	}
	var out []map[string]any
	for _, t := range targets {
		if t.Mode == plan.Partition {
			t.CloneSet.Namespace = o.namespace()
			out = append(out, policy{t.CloneSet, o.name(), parsed.OnFailure.RollsBack()}.objects(o.labels())...)
		}
	}
	if len(out) == 0 && targets[0].Mode == plan.Delete {
		return nil, fmt.Errorf("%s: with updateStrategy OnDelete (delete mode) nobody's change of the pod template moves a pod: "+
			"there is nothing for a policy to hold", targets[0].CloneSet)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: slipway replaces the pods itself (direct mode) and has no right to write it: there is nothing "+
			"for a policy to hold", targets[0].CloneSet)
	}
	return out, nil
}

// policy is about one target.
type policy struct {
	target  plan.Workload
	account string // of the agent, in the target's namespace
	back    bool   // the plan goes back, which writes the pod template
}

const admissionV1 = "admissionregistration.k8s.io/v1"

func (p policy) objects(labels object) []map[string]any {
	kind := p.target.KindOf()
	meta := object{"name": p.name(), "labels": labels}
	_, version, _ := strings.Cut(kind.APIVersion, "/")
	match := object{"resourceRules": []any{object{
		"apiGroups": []string{kind.Group()}, "apiVersions": []string{version}, "operations": []string{"UPDATE"},
		"resources": []string{kind.Resource}, "resourceNames": []string{p.target.Name},
	}}}
	if p.target.Namespace != "" {
		match["namespaceSelector"] = object{"matchLabels": object{"kubernetes.io/metadata.name": p.target.Namespace}}
	}
	agent := object{"name": "agent", "expression": "request.userInfo.username == 'system:serviceaccount:' + " +
		"request.namespace + ':" + p.account + "'"}
	variables, validations := p.bounds()
	return []map[string]any{
		{"apiVersion": admissionV1, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": object{
			"failurePolicy":    "Fail",
			"matchConstraints": match,
			"variables":        append([]any{agent}, variables...),
			"validations":      append(validations, p.window()),
		}},
		{"apiVersion": admissionV1, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": object{
			"policyName": p.name(), "validationActions": []string{"Deny"},
		}},
	}
}

// name is one in the whole cluster.
func (p policy) name() string {
	name := plan.RecordName(p.target.KindOf(), p.target.Name, plan.Partition)
	if p.target.Namespace != "" {
		name += "." + p.target.Namespace
	}
	const most = 253
	if len(name) > most {
		name = shortened(name, name, most)
	}
	return name
}

// bounds hold the agent to the fields by which it steps: above each of them everything beside it stays as it was.
func (p policy) bounds() (variables, validations []any) {
	fields := p.target.KindOf().Stepped()
	if p.back {
		fields = append(fields, []string{"spec", "template"})
	}
	written := make([]string, len(fields))
	for i, path := range fields {
		written[i] = strings.Join(path, ".")
	}
	message := "the agent of a release writes only " + strings.Join(written, ", ") + " of this " + p.target.KindName()
	for _, level := range levels(fields) {
		name := level.path[len(level.path)-1]
		now, old := "variables."+name, "variables."+name+"Before"
		variables = append(variables,
			object{"name": name, "expression": optional("object", level.path, "{}")},
			object{"name": name + "Before", "expression": optional("oldObject", level.path, "{}")})
		validations = append(validations, object{
			"expression": fmt.Sprintf("!variables.agent || %s.all(f, f in [%s] || f in %s && %s[f] == %s[f]) && %s.all(f, f in [%s] || "+
				"f in %s)",
				now, level.names, old, now, old, old, level.names, now),
			"message": message,
		})
	}
	return variables, validations
}

// level is an object above fields that may change.
type level struct {
	path  []string
	names string // of what may change in it, as a list in CEL
}

// levels are the objects above fields, the outermost first.
func levels(fields [][]string) []level {
	names := map[string][]string{}
	var out []level
	for depth := 1; depth < 4; depth++ {
		for _, f := range fields {
			if len(f) <= depth {
				continue
			}
			above, name := strings.Join(f[:depth], "."), "'"+f[depth]+"'"
			if names[above] == nil {
				out = append(out, level{path: f[:depth]})
			}
			if !slices.Contains(names[above], name) {
				names[above] = append(names[above], name)
			}
		}
	}
	for i, l := range out {
		out[i].names = strings.Join(names[strings.Join(l.path, ".")], ", ")
	}
	return out
}

// optional is a field, or something else where it is absent.
func optional(of string, path []string, absent string) string {
	return "dyn(" + of + ").?" + strings.Join(path, ".?") + ".orValue(" + absent + ")"
}

// window holds the pod template while a change of it would be rolled out at once.
func (p policy) window() object {
	const same = "object.spec.template == oldObject.spec.template"
	kind := p.target.KindOf()
	if kind.BySurge {
		return object{
			"expression": fmt.Sprintf("!(has(oldObject.metadata.annotations) && '%s' in oldObject.metadata.annotations) || %s"+
				" || has(object.spec.paused) && object.spec.paused || !has(object.spec.minReadySeconds) || "+
				"object.spec.minReadySeconds != %d",
				plan.OriginalAnnotation, same, plan.SentinelReady),
			"message": "a release of slipway is carrying out a step of this Deployment; try again in a moment, or ask slipway " +
				"rollout undo",
		}
	}
	strategy := append([]string{"spec"}, kind.Strategy...)
	partition := optional("object", append(slices.Clone(strategy), "partition"), "0")
	all := optional("object", []string{"spec", "replicas"}, "1")
	if kind.Nodes {
		all = optional("oldObject", []string{"status", kind.Status.Desired}, fmt.Sprint(plan.AllPods))
	}
	return object{
		"expression": fmt.Sprintf("%s || variables.agent || %s || (type(%s) == string ? %s == '100%%' : %s >= %s)",
			same, optional("object", append(slices.Clone(strategy), "paused"), "false"), partition, partition, partition, all),
		"message": fmt.Sprintf("the partition lets this %s roll a new pod template out past its plan: let it rest in Git at %s and "+
			"the release end, or run slipway rollout arm first",
			p.target.KindName(), kind.Everything()),
	}
}
