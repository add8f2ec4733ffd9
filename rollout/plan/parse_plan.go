// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

const planVersion = manifest.SlipwayVersion

// ParsePlan reads the one BatchPlan of a YAML stream; other documents are skipped. The error joins a manifest.Finding for
// everything that is wrong with it. What cannot be bounded is refused: a check without a limit, batches that shrink,
// a duration of nothing. Plan.Validate checks what needs the CloneSet.
func ParsePlan(file string, data []byte) (BatchPlan, error) {
	src := sourceOf(file)
	doc, ok := only(src, documents(src, data), "BatchPlan", "")
	if !ok {
		return BatchPlan{}, src.err()
	}
	p := readPlan(doc)
	return p, src.err()
}

// HasPlan tells whether a YAML stream holds a BatchPlan. A stream that cannot be read holds none.
func HasPlan(data []byte) bool {
	return slices.ContainsFunc(documents(sourceOf(""), data), isPlan)
}

func isPlan(doc value) bool {
	return doc.get("kind").scalarOr("") == "BatchPlan"
}

func readPlan(doc value) BatchPlan {
	doc.mapping("apiVersion", "kind", "metadata", "spec")
	if api := doc.get("apiVersion"); api.Text() != planVersion {
		api.fail("%q is not a BatchPlan's: write %s", api.scalarOr(""), planVersion)
	}
	meta := doc.get("metadata")
	meta.mapping("name", "namespace", "labels", "annotations")
	p := BatchPlan{Name: meta.get("name").objectName(), Namespace: meta.get("namespace").namespaceName()}
	spec := doc.get("spec")
	if !spec.mapping("target", "targets", "parallel", "mode", "batches", "checks", "failureThreshold", "progressDeadline",
		"failFast",
		"maxUnavailable", "onFailure", "unblock", "notifications") {
		if !spec.Present() {
			spec.fail("is missing")
		}
		return p
	}
	p.Target, p.Waves = readTargets(spec)
	p.Mode = readMode(spec.get("mode"), p)
	p.Checks = readChecks(spec.get("checks"))
	p.Batches = readBatches(spec.get("batches"), p)
	refuseUnused(spec.get("checks"), p)
	p.Notifications = readNotifications(spec.get("notifications"))
	p.FailureThreshold = spec.get("failureThreshold").quantity(Pods(0), 100)
	p.ProgressDeadline = spec.get("progressDeadline").duration(0)
	p.FailFast = readFailFast(spec.get("failFast"))
	p.MaxUnavailable = readMaxUnavailable(spec.get("maxUnavailable"), p)
	p.Unblock = readUnblock(spec.get("unblock"), p)
	p.OnFailure = OnFailure(spec.get("onFailure").oneOf(string(Stop), string(Rollback), string(RollbackInBatches)))
	return p
}

func readTarget(v value) Target {
	v.mapping("apiVersion", "kind", "name")
	return targetOf(v)
}

func targetOf(v value) Target {
	t := Target{APIVersion: v.get("apiVersion").Text(), Kind: v.get("kind").Text()}
	if !v.Present() {
		v.fail("is missing: name what to release")
		return t
	}
	t.Name = v.get("name").objectName()
	versions := versionsOf(t.Kind)
	switch {
	case len(versions) == 0:
		kinds := []string{cloneSet, statefulSet, daemonSet, deployment}
		v.get("kind").fail("%q cannot be released: write %s%s", t.Kind, strings.Join(kinds, ", "), suggestion(t.Kind, kinds))
	case !slices.Contains(versions, t.APIVersion):
		v.get("apiVersion").fail("%q is not a %s's that can be released: write %s", t.APIVersion, t.Kind,
			strings.Join(versions, " or "))
	}
	return t
}

// readUnblock reads whether a pod may be deleted that a controller waits for, which only that of a StatefulSet does.
func readUnblock(v value, p BatchPlan) bool {
	unblock := v.Bool()
	for _, t := range targets(p) {
		if k, known := KindOf(t.APIVersion, t.Kind); unblock && known && !k.Ordinal {
			v.fail("is for a StatefulSet, whose controller waits for a pod that is not ready; that of a %s does not: take it out", t.Kind)
			break
		}
	}
	return unblock
}

func readBatches(v value, p BatchPlan) []Batch {
	items := v.items()
	if len(items) == 0 {
		v.fail("is missing: a plan needs a batch, such as {replicas: 100%%}")
		return nil
	}
	batches := make([]Batch, len(items))
	for i, item := range items {
		batches[i] = readBatch(item, p.Checks)
		if batches[i].Nodes != nil {
			refuseNodes(item.get("nodes"), p)
			batches[i].Replicas = batches[max(i-1, 0)].Replicas
		} else if i > 0 && shrinks(batches[i-1].Replicas, batches[i].Replicas) {
			item.get("replicas").fail("%s is less than the batch before (%s): batches are cumulative",
				batches[i].Replicas, batches[i-1].Replicas)
		}
		if window := item.get("pause").get("window"); window.Present() && i == len(items)-1 {
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
	item.mapping("replicas", "nodes", "pause", "checks")
	replicas, nodes := item.get("replicas"), item.get("nodes")
	b := Batch{Replicas: replicas.quantity(Quantity{}, 100)}
	switch {
	case nodes.Present() && replicas.Present():
		nodes.fail("and replicas exclude each other: a batch is either all pods on these nodes, or so many wherever they are")
	case nodes.Present():
		b.Nodes = new(readSelector(nodes))
		if len(b.Nodes.Labels)+len(b.Nodes.Expressions) == 0 {
			nodes.fail("selects every node: write replicas: 100%%, or the labels of some")
		}
	case !replicas.Present():
		replicas.fail("is missing: write how many pods are updated after this batch")
	}
	pause := item.get("pause")
	if pause.Present() && pause.mapping("duration", "untilApproved", "window") {
		b.Pause = Pause{
			Duration: pause.get("duration").duration(0), UntilApproved: pause.get("untilApproved").Bool(),
			Window: readWindow(pause.get("window")),
		}
	}
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.Name
	}
	for _, c := range item.get("checks").items() {
		name := c.Text()
		if !slices.Contains(names, name) {
			c.fail("there is no check %q in spec.checks%s", name, suggestion(name, names))
		}
		b.Checks = append(b.Checks, name)
	}
	return b
}
