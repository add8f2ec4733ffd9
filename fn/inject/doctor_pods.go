// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// What Kruise's webhook writes on a pod that it injects into.
const (
	kruiseListAnnotation = "kruise.io/sidecarset-injected-list"
	kruiseHashAnnotation = "kruise.io/sidecarset-hash"
)

// podGroup is what pods of one workload with sidecars from the same sets have in common.
type podGroup struct {
	owner  manifest.ObjectRef
	sets   string
	fitted bool
}

// pods reports pods that the webhook has injected into, by workload.
func (d *diagnosis) pods() {
	groups := map[podGroup]int{}
	for _, p := range d.live.Pods {
		sets := injectedBy(p.Annotations)
		if len(sets) == 0 {
			continue
		}
		owner := d.workload(p)
		_, fitted := p.Annotations[InjectedAnnotation]
		groups[podGroup{owner, strings.Join(sets, ","), fitted}]++
	}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b podGroup) int {
		return cmp.Or(cmp.Compare(a.owner.Namespace, b.owner.Namespace), cmp.Compare(a.owner.String(), b.owner.String()),
			cmp.Compare(a.sets, b.sets))
	})
	for _, g := range order {
		d.reportPods(g, manifest.Counted(groups[g], "pod"))
	}
}

func (d *diagnosis) reportPods(g podGroup, pods string) {
	sets := strings.Split(g.sets, ",")
	list := strings.Join(sets, ", ")
	if g.fitted {
		severity := manifest.SeverityWarning
		if slices.ContainsFunc(sets, func(s string) bool { return d.differs[s] || len(d.git) > 0 && d.git[s] == nil }) {
			severity = manifest.SeverityError
		}
		d.report(severity, g.owner, "injected-twice",
			fmt.Sprintf("%s fitted out by slipway went through the webhook too (SidecarSets: %s): Kruise's controller updates the "+
				"images of their sidecars, past Git", pods, list),
			"pause the webhook's injection for these sets, then restart the workload: pods keep the webhook's annotations until they "+
				"are replaced")
		return
	}
	hint := "add the SidecarSets to Git, render and release the manifests; slipway's migration guide has the steps"
	if d.fitted[unversioned(g.owner)] {
		hint = "the workload's template has slipway's sidecars by now: these pods are from before, finish its release"
	}
	d.report(manifest.SeverityWarning, g.owner, "injected-by-webhook",
		fmt.Sprintf("%s with sidecars that Kruise's webhook put in and Git does not have (SidecarSets: %s)", pods, list), hint)
}

// injectedBy lists the sets that the webhook injected into a pod. Before Kruise 0.8 only the hashes name them.
func injectedBy(annotations map[string]string) []string {
	var sets []string
	for _, s := range strings.Split(annotations[kruiseListAnnotation], ",") {
		if s = strings.TrimSpace(s); s != "" {
			sets = append(sets, s)
		}
	}
	var hashes map[string]any
	if len(sets) == 0 && json.Unmarshal([]byte(annotations[kruiseHashAnnotation]), &hashes) == nil {
		sets = slices.Collect(maps.Keys(hashes))
	}
	slices.Sort(sets)
	return slices.Compact(sets)
}

// maxOwners bounds a chain of owners.
const maxOwners = 8

// workload is the topmost controller of a pod that is a workload, or the pod.
func (d *diagnosis) workload(p LivePod) manifest.ObjectRef {
	if p.Owner == (manifest.ObjectRef{}) {
		return p.Object
	}
	top := p.Owner
	for range maxOwners {
		if !d.managed(top) {
			break
		}
		top = d.owners[unversioned(top)]
	}
	return top
}

// managed says whether the template of an object comes from another workload, and not from an operator that slipway
// does not know.
func (d *diagnosis) managed(object manifest.ObjectRef) bool {
	owner, ok := d.owners[unversioned(object)]
	if !ok {
		return false
	}
	_, known := d.in.opts.kindOf(owner.Group(), owner.Kind)
	return known || owner.Group() == "serving.knative.dev" // its Revisions
}

// ended says whether a Job is over.
func ended(object *yaml.Node) bool {
	return slices.ContainsFunc(manifest.Items(manifest.At(object, "status", "conditions")), func(c *yaml.Node) bool {
		return slices.Contains([]string{"Complete", "Failed"}, manifest.Text(manifest.Lookup(c, "type"))) &&
			manifest.Text(manifest.Lookup(c, "status")) == "True"
	}) && manifest.RefOf(object).Kind == "Job"
}

// unversioned is an object without the version of its API: a list and an owner reference may give different ones.
func unversioned(o manifest.ObjectRef) manifest.ObjectRef {
	o.APIVersion, _, _ = strings.Cut(o.APIVersion, "/")
	return o
}
