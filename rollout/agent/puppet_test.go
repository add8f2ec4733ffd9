// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// advanced is a control plane with Kruise's kinds, whose definitions here only keep what they are given. No controller of
// Kruise runs: puppets play it.
var advanced = kubetest.Shared{Options: kubetest.Options{Definitions: [][]byte{
	definition("CloneSet", "clonesets"), definition("StatefulSet", "statefulsets"), definition("DaemonSet", "daemonsets"),
}}}

func definition(kind, plural string) []byte {
	version := func(name string, storage bool) any {
		open := func(properties map[string]any) map[string]any {
			return map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties}
		}
		partition := map[string]any{"partition": map[string]any{"x-kubernetes-int-or-string": true}}
		strategy := map[string]any{"rollingUpdate": open(partition), "partition": partition["partition"]}
		spec := open(map[string]any{"updateStrategy": open(strategy)})
		return map[string]any{
			"name": name, "served": true, "storage": storage, "subresources": map[string]any{"status": map[string]any{}},
			"schema": map[string]any{"openAPIV3Schema": map[string]any{
				"type":       "object",
				"properties": map[string]any{"spec": spec, "status": open(nil)},
			}},
		}
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + ".apps.kruise.io"},
		"spec": map[string]any{
			"group": "apps.kruise.io", "scope": "Namespaced",
			"names":    map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind), "listKind": kind + "List"},
			"versions": []any{version("v1alpha1", false), version("v1beta1", true)},
		},
	})
	if err != nil {
		panic(err)
	}
	return text
}

// puppet plays the controller of one object: it has pods in its memory alone, replaces one at a time as the partition
// lets it, and writes what it has seen into the status under the names of its kind. The names are written down here
// and shared with nothing.
type puppet struct {
	w        *world
	version  string
	kind     string
	resource string
	strategy string // a format for the partition
	rest     string // the partition at rest
	put      string // the same, as slipway writes it
	ordinals bool   // the partition counts from the first pod
	status   func(p *puppet, n statusCounts) map[string]any

	pods []puppetPod
	uid  string
	last string // the image that all pods had last
}

type puppetPod struct {
	image string
	ready bool
}

type statusCounts struct {
	generation                          any
	total, ready, updated, updatedReady int
	current, update, updateHash         string
}

func puppets() []*puppet {
	sets := func(_ *puppet, n statusCounts) map[string]any {
		return map[string]any{
			"observedGeneration": n.generation, "replicas": n.total, "readyReplicas": n.ready, "availableReplicas": n.ready,
			"updatedReplicas": n.updated, "updatedReadyReplicas": n.updatedReady, "updatedAvailableReplicas": n.updatedReady,
			"currentRevision": n.current, "updateRevision": n.update,
		}
	}
	less := func(p *puppet, n statusCounts) map[string]any {
		s := sets(p, n)
		delete(s, "updatedReadyReplicas")
		delete(s, "updatedAvailableReplicas")
		return s
	}
	nodes := func(revision string) func(*puppet, statusCounts) map[string]any {
		return func(_ *puppet, n statusCounts) map[string]any {
			return map[string]any{
				"observedGeneration": n.generation, "desiredNumberScheduled": 4, "currentNumberScheduled": n.total,
				"numberReady": n.ready, "numberAvailable": n.ready, "updatedNumberScheduled": n.updated, revision: n.updateHash,
			}
		}
	}
	const rolling = "{rollingUpdate: {partition: %s}}"
	return []*puppet{
		{
			version: "v1alpha1", kind: "CloneSet", resource: "clonesets", strategy: "{partition: %s, maxUnavailable: 1}", rest: "100%",
			put: "100%", status: sets,
		},
		{
			version: "v1beta1", kind: "CloneSet", resource: "clonesets", strategy: "{rollingUpdate: {partition: %s, maxUnavailable: 1}}",
			rest: "100%", put: "100%", status: sets,
		},
		{
			version: "v1beta1", kind: "StatefulSet", resource: "statefulsets", strategy: rolling, rest: "1000", put: "1000",
			ordinals: true, status: sets,
		},
		{
			version: "v1alpha1", kind: "StatefulSet", resource: "statefulsets", strategy: rolling, rest: "4", put: "4", ordinals: true,
			status: less,
		},
		{
			version: "v1beta1", kind: "StatefulSet", resource: "statefulsets",
			strategy: "{rollingUpdate: {partition: %s, unorderedUpdate: {}}}", rest: "4", put: "4", status: sets,
		},
		{
			version: "v1alpha1", kind: "DaemonSet", resource: "daemonsets", strategy: rolling, rest: "1000", put: "1000",
			status: nodes("daemonSetHash"),
		},
		{
			version: "v1beta1", kind: "DaemonSet", resource: "daemonsets", strategy: rolling, rest: "100%", put: "100%",
			status: nodes("updateRevision"),
		},
	}
}

func (p *puppet) String() string {
	return p.version + " " + p.kind + " " + strings.NewReplacer("{", "", "}", "", "%s", "").Replace(p.strategy)
}

func (p *puppet) path(more ...string) string {
	return strings.Join(append([]string{"/apis/apps.kruise.io", p.version, "namespaces", p.w.namespace, p.resource}, more...), "/")
}

// start makes the object with four pods of v1, and plays its controller until the context ends.
func (p *puppet) start(ctx context.Context, t *testing.T) {
	t.Helper()
	c := advanced.Get(t)
	p.w, p.last = worldIn(t, c), "example.com/app:v1"
	created := p.w.Create(t, p.path(), fmt.Sprintf(`
apiVersion: apps.kruise.io/%s
kind: %s
metadata: {name: demo}
spec:
  replicas: 4
  selector: {matchLabels: {app: demo}}
  updateStrategy: %s
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "example.com/app:v1"}]}
`, p.version, p.kind, fmt.Sprintf(p.strategy, p.rest)))
	p.uid, _ = kubetest.Field(created, "metadata", "uid").(string)
	for range 4 {
		p.pods = append(p.pods, puppetPod{"example.com/app:v1", true})
	}
	p.reconcile(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			p.reconcile(t)
		}
	}()
	t.Cleanup(func() { <-done })
}

// reconcile makes one step: a pod gets ready, or else one is replaced.
func (p *puppet) reconcile(t *testing.T) {
	set, err := p.w.TryGet(p.path("demo"))
	if err != nil {
		return
	}
	image, _ := kubetest.Field(set, "spec", "template", "spec", "containers", 0, "image").(string)
	strategy := kubetest.Field(set, "spec", "updateStrategy")
	partition := kubetest.Field(strategy, "partition")
	if r := kubetest.Field(strategy, "rollingUpdate"); r != nil {
		partition = kubetest.Field(r, "partition")
	}
	keep := 4 // 100%
	if f, ok := partition.(float64); ok {
		keep = min(int(f), 4)
	}
	p.revise(image, set)
	p.step(image, keep)
	n := statusCounts{
		generation: kubetest.Field(set, "metadata", "generation"), total: len(p.pods), update: p.name(image),
		updateHash: hash(image),
	}
	for _, pod := range p.pods {
		updated := pod.image == image
		n.ready += count(pod.ready)
		n.updated += count(updated)
		n.updatedReady += count(updated && pod.ready)
	}
	if n.updated == len(p.pods) {
		p.last = image
	}
	n.current = p.name(p.last)
	if _, err := p.w.TryPatch(p.path("demo", "status"), map[string]any{"status": p.status(p, n)}); err != nil {
		t.Log(err)
	}
}

func (p *puppet) step(image string, keep int) {
	for i := range p.pods {
		if !p.pods[i].ready && !strings.Contains(p.pods[i].image, kubetest.TagUnready) {
			p.pods[i].ready = true
			return
		}
	}
	old := 0
	for _, pod := range p.pods {
		old += count(pod.image != image)
	}
	for i := len(p.pods) - 1; i >= 0; i-- {
		may := p.ordinals && i >= keep || !p.ordinals && old > keep
		if p.pods[i].image != image && may {
			p.pods[i] = puppetPod{image: image}
			return
		}
		if !p.pods[i].ready && p.pods[i].image == image {
			return // one at a time
		}
	}
}

// revise makes the revision of the present template, as controllers do, and pods that carry it, for who counts them.
func (p *puppet) revise(image string, set map[string]any) {
	owner := []any{map[string]any{
		"apiVersion": "apps.kruise.io/" + p.version, "kind": p.kind, "name": "demo", "uid": p.uid,
		"controller": true,
	}}
	meta := map[string]any{
		"name": p.name(image), "labels": map[string]any{"app": "demo", "controller-revision-hash": hash(image)},
		"ownerReferences": owner,
	}
	_, _ = p.w.TryCreate(p.w.Path("controllerrevisions"), map[string]any{
		"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "revision": 1 + len(image),
		"data": map[string]any{"spec": map[string]any{"template": kubetest.Field(set, "spec", "template")}},
	})
	meta = map[string]any{
		"name": "demo-0", "labels": map[string]any{"app": "demo", "controller-revision-hash": hash(p.last)},
		"ownerReferences": owner,
	}
	_, _ = p.w.TryCreate(p.w.Path("pods"), map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": meta,
		"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "example.com/app:v1"}}},
	})
	_, _ = p.w.TryPatch(p.w.Path("pods", "demo-0"), map[string]any{"metadata": map[string]any{"labels": meta["labels"]}})
}

func (p *puppet) name(image string) string { return "demo-" + hash(image) }

func hash(image string) string { return image[strings.LastIndexByte(image, ':')+1:] }

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *puppet) options() agent.Options {
	o := p.w.Options()
	o.Kind, o.Version = p.kind, "apps.kruise.io/"+p.version
	return o
}

func (p *puppet) image(tag string) {
	p.w.Patch(p.w.t, p.path("demo"), map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
	}}}})
}

// owned are the fields that slipway applied, as managedFields has them.
func owned(t *testing.T, set map[string]any) string {
	t.Helper()
	entries, _ := kubetest.Field(set, "metadata", "managedFields").([]any)
	for _, e := range entries {
		if kubetest.Field(e, "manager") == "slipway" && kubetest.Field(e, "operation") == "Apply" {
			text, err := json.Marshal(kubetest.Field(e, "fieldsV1"))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	return ""
}

// standsAs waits until the status, as a person sees it, has a reason.
func (p *puppet) standsAs(t *testing.T, want plan.Reason) {
	t.Helper()
	options := p.options()
	options.Mode = plan.Partition
	kubetest.Eventually(t, "the status is "+string(want), func() (bool, string) {
		v, err := steer.Open(person(options), nil)
		if err != nil {
			t.Fatal(err)
		}
		d := p.w.look(v).Decision
		return d.Reason == want, string(d.Reason) + ": " + d.Message
	})
}

// TestKindsOfKruise releases every kind that Kruise has, on a real API server, with a puppet for the controller.
func TestKindsOfKruise(t *testing.T) {
	for _, p := range puppets() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p.start(ctx, t)
			p.image("v2")
			d, written := p.w.steps(thirds(), p.options())
			if d.Reason != plan.Completed || strings.Join(written, " ") != "3 2 0 "+p.put {
				t.Fatalf("ended with %s: %s, partitions %v", d.Reason, d.Message, written)
			}
			p.standsAs(t, plan.Completed)
			path := `"f:rollingUpdate":{"f:partition":{}}`
			if p.kind == "CloneSet" && p.version == "v1alpha1" {
				path = `"f:partition":{}`
			}
			if got, want := owned(t, p.w.Get(t, p.path("demo"))), `{"f:spec":{"f:updateStrategy":{`+path+`}}}`; got != want {
				t.Errorf("slipway owns %s, want %s", got, want)
			}
			for image, planValue := range map[string]plan.OnFailure{
				kubetest.TagUnready:        plan.Rollback,
				kubetest.TagUnready + "-2": plan.RollbackInBatches,
			} {
				p.image(image)
				p.standsAs(t, plan.NotStarted)
				bad := thirds()
				bad.OnFailure = planValue
				d, written = p.w.abortedSteps(bad, p.options())
				if d.Reason != plan.RolledBack || written[len(written)-1] != p.put {
					t.Errorf("%s ended with %s: %s, partitions %v", planValue, d.Reason, d.Message, written)
				}
				template := kubetest.Field(p.w.Get(t, p.path("demo")), "spec", "template", "spec", "containers", 0, "image")
				if template != "example.com/app:v2" {
					t.Errorf("%s: the template has %v", planValue, template)
				}
			}
		})
	}
}
