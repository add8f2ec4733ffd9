// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// resources fills in a sidecar's resources as its resourcesPolicy computes them. The API server fills requests from
// limits before any webhook sees a pod, and so they are filled here too; a LimitRange is not known at build time.
func (b *sidecarBuild) resources(c *yaml.Node) *yaml.Node {
	p := b.s.ResourcesPolicy
	if p == nil {
		return c
	}
	fail := func(err error) *yaml.Node {
		b.report(manifest.SeverityError, nil, "bad-resources-policy", "", fmt.Sprintf(
			"SidecarSet %s, container %s, resourcesPolicy: %v", b.set.Metadata.Name, b.s.Name, err),
			"the webhook would refuse every pod of this workload")
		return c
	}
	targets, err := b.targets(p)
	if err != nil {
		return fail(err)
	}
	out := manifest.NewMapping()
	for _, part := range []struct {
		field string
		exprs *ResourceExprs
	}{{limitsField, p.ResourcesExpr.Limits}, {requestsField, p.ResourcesExpr.Requests}} {
		values, err := computed(part.field, part.exprs, targets, p.TargetContainersMode)
		if err != nil {
			return fail(fmt.Errorf("%s: %w", part.field, err))
		}
		if len(values.Content) > 0 {
			out.Content = append(out.Content, manifest.NewScalar(part.field), values)
			b.origin(b.list, b.s.Name+"].resources."+part.field, b.set, "computed by resourcesPolicy from "+names(targets), "")
		}
	}
	if len(out.Content) == 0 {
		return manifest.Without(c, resourcesField) // the policy stands for the container's own resources, as in the webhook
	}
	return manifest.With(c, resourcesField, out)
}

// targets are the app's containers that a policy computes from: native sidecars and ordinary containers whose name
// matches, without those that a matched set names.
func (b *sidecarBuild) targets(p *ResourcesPolicy) ([]*yaml.Node, error) {
	expr := ".*"
	if p.TargetContainersNameRegex != nil {
		expr = *p.TargetContainersNameRegex
	}
	pattern, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("targetContainersNameRegex: %w", err)
	}
	ours := map[string]bool{}
	for _, set := range b.sets {
		for _, l := range set.sidecarLists() {
			for i := range l.sidecars {
				ours[l.sidecars[i].Name] = true
			}
		}
	}
	var out []*yaml.Node
	for _, c := range b.inits {
		if manifest.Text(manifest.Lookup(c, restartField)) == restartAlways && targeted(c, ours, pattern) {
			out = append(out, c)
		}
	}
	for _, c := range b.containers {
		if targeted(c, ours, pattern) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no container of the app has a name that matches %q", expr)
	}
	return out, nil
}

func targeted(c *yaml.Node, ours map[string]bool, pattern *regexp.Regexp) bool {
	name := manifest.Text(manifest.Lookup(c, nameField))
	return !ours[name] && pattern.MatchString(name)
}

// computed evaluates the expressions of limits or of requests.
func computed(field string, exprs *ResourceExprs, targets []*yaml.Node, mode string) (*yaml.Node, error) {
	out := manifest.NewMapping()
	if exprs == nil {
		return out, nil
	}
	for _, e := range []struct{ resource, expr string }{{"cpu", exprs.CPU}, {"memory", exprs.Memory}} {
		if e.expr == "" {
			continue
		}
		total, limited, err := aggregate(targets, field, e.resource, mode)
		if err != nil {
			return nil, err
		}
		if field == limitsField && !limited {
			continue // one target without a limit has no bound, and so the sidecar gets none
		}
		value, err := evaluate(e.expr, exprVariable(e.expr, e.resource), total)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", e.resource, e.expr, err)
		}
		out.Content = append(out.Content, manifest.NewScalar(e.resource), manifest.NewScalar(value.String()))
	}
	return out, nil
}

// exprVariable is the name that an expression knows its value by: memory where it says so in lower case, else cpu,
// whichever resource it is for. An expression of the one resource that names the other computes with its own resource
// under that name. All of that is Kruise's way, and so pods come out the same.
func exprVariable(expr, _ string) string {
	if memoryWord().MatchString(expr) {
		return "memory"
	}
	return "cpu"
}

func memoryWord() *regexp.Regexp { return regexp.MustCompile(`\bmemory\b`) }

// aggregate is the sum or the largest of a resource over targets, and whether every one of them has it.
func aggregate(targets []*yaml.Node, field, name, mode string) (total resource.Quantity, all bool, err error) {
	all = true
	total = *resource.NewQuantity(0, resource.DecimalSI)
	for _, c := range targets {
		text := manifest.ScalarText(manifest.At(c, resourcesField, field, name))
		if text == "" && field == requestsField {
			text = manifest.ScalarText(manifest.At(c, resourcesField, limitsField, name))
		}
		if text == "" {
			all = false
			continue
		}
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return total, false, fmt.Errorf("%s of container %s: %q is not a quantity", name,
				manifest.Text(manifest.Lookup(c, nameField)), text)
		}
		switch {
		case mode != targetMax:
			total.Add(q)
		case q.Cmp(total) > 0:
			total = q
		}
	}
	return total, all, nil
}

func names(containers []*yaml.Node) string {
	out := make([]string, len(containers))
	for i, c := range containers {
		out[i] = manifest.Text(manifest.Lookup(c, nameField))
	}
	return strings.Join(out, ", ")
}
