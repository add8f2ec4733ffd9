// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// twin is an object in the simulator and the same one on the API server, where kube-controller-manager has it. Both are written
// to alike, and come to the same rests.
type twin struct {
	*world
	sim         *sim.Cluster
	real        *follower
	places      func(name, node string) string
	seen        func() bool  // whether the controller has seen the one on the API server as it is
	did         []string     // what was written so far
	deleted     map[any]bool // UIDs of pods
	least, most int          // how far the simulated one went since both rested: pods that are ready, and wanted by ReplicaSets
}

// newTwin begins with an object whose pods all run the template in its manifest.
func newTwin(w *world, manifest, kind string, replicas int, options sim.Options) *twin {
	w.t.Helper()
	set, err := plan.ParseWorkload("twin.yaml", []byte(manifest), plan.Target{APIVersion: "apps/v1", Kind: kind})
	if err != nil {
		w.t.Fatal(err)
	}
	set.Spec.Replicas = replicas
	options.Ready, options.Terminating, options.Controller = sim.Ready{Least: time.Second}, time.Second,
		&sim.Controller{Delay: 100 * time.Millisecond}
	m := &twin{
		world: w, sim: sim.New(set, set.Spec.Template, options), places: placesOf(set), deleted: map[any]bool{},
		most: math.MaxInt,
	}
	m.sim.OnChange(func(rollout.Observed) { m.note() })
	m.real = m.follow()
	return m
}

// look is what the simulated cluster shows.
func (m *twin) look() rollout.Observed {
	m.t.Helper()
	o, err := m.sim.Observe(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return o
}

// note notes how far the simulated one has gone.
func (m *twin) note() {
	o := m.look()
	wanted := 0
	for _, set := range o.Sets {
		wanted += set.Replicas
	}
	m.least, m.most = min(m.least, o.Counts().Ready), max(m.most, wanted)
}

// rests waits until nothing moves any more in the simulator, and then until the API server has come to the same.
func (m *twin) rests() bool {
	m.t.Helper()
	for {
		if err := m.sim.Wait(m.t.Context(), 0); errors.Is(err, sim.ErrStuck) {
			break
		} else if err != nil {
			m.t.Fatal(err)
		}
	}
	want := m.played()
	deadline := time.Now().Add(90 * time.Second) // a busy machine takes its time
	for {
		got, gone := m.real.state()
		if gone && got == want && m.seen() {
			return m.within()
		}
		if time.Now().After(deadline) {
			m.t.Errorf("after\n%s\nthe rests differ (-simulated +real):\n%s", strings.Join(m.did, "\n"), cmp.Diff(want, got))
			return false
		}
	}
}

// within tells whether the real one has gone no further than the simulated one, and begins to look anew.
func (m *twin) within() bool {
	m.t.Helper()
	least, most := m.real.extremes()
	ok := least >= m.least && most <= m.most
	if !ok {
		m.t.Errorf("after\n%s\nat least %d pods were ready, where the simulator has %d, and at most %d wanted, where it has %d",
			strings.Join(m.did, "\n"), least, m.least, most, m.most)
	}
	m.least, m.most = math.MaxInt, 0
	m.note()
	return ok
}

// played is the state of the simulated object, how many pods of each image are wanted, there, and ready, or in delete mode what
// is in each place.
func (m *twin) played() string {
	o := m.look()
	s := twinState{}
	for _, set := range o.Sets {
		s.put("", m.image(o, set.Revision), set.Replicas, 0, 0)
	}
	for i := range o.Pods {
		if p := &o.Pods[i]; p.Active() {
			s.put(m.places(p.Name, p.Node), m.image(o, p.Revision), 0, 1, one(p.Ready))
		}
	}
	return s.String()
}

// placesOf tells what a pod of delete mode belongs to: its ordinal, or the number of its node.
func placesOf(set plan.Workload) func(name, node string) string {
	return func(name, node string) string {
		switch {
		case !set.Spec.OnDelete:
			return ""
		case set.KindOf().Nodes:
			name = node
		}
		return strings.TrimLeft(name[strings.LastIndexByte(name, '-')+1:], "n") + " "
	}
}

// twinState is how many pods of each image are wanted, there, and ready.
type twinState map[string][3]int

func (s twinState) put(place, image string, wanted, there, ready int) {
	_, tag, _ := strings.Cut(image, ":")
	tag = place + tag
	n := s[tag]
	s[tag] = [3]int{n[0] + wanted, n[1] + there, n[2] + ready}
}

func (s twinState) String() string {
	var lines []string
	for tag, n := range s {
		if n != [3]int{} {
			lines = append(lines, fmt.Sprintf("%s: %d wanted, %d there, %d ready", tag, n[0], n[1], n[2]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// follower has the pods and ReplicaSets that watches tell of, and how far they went since both twins rested.
type follower struct {
	m *twin

	mu          sync.Mutex
	pods, sets  map[string]map[string]any
	least, most int // pods that are ready, and that are wanted by ReplicaSets
}

// follow begins to watch.
func (m *twin) follow() *follower {
	m.t.Helper()
	f := &follower{m: m, pods: map[string]map[string]any{}, sets: map[string]map[string]any{}}
	for path, into := range map[string]map[string]map[string]any{
		m.Path("pods"): f.pods, "/apis/apps/v1/namespaces/" + m.namespace + "/replicasets": f.sets,
	} {
		m.watch(path, func(what string, o map[string]any) { f.put(into, what, o) })
	}
	return f
}

func (f *follower) put(into map[string]map[string]any, what string, o map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, _ := kubetest.Field(o, "metadata", "name").(string)
	if into[name] = o; what == "DELETED" {
		delete(into, name)
	}
	_, ready, wanted := f.count()
	f.least, f.most = min(f.least, ready), max(f.most, wanted)
}

// count is the present state, and how many pods are ready and wanted.
func (f *follower) count() (s twinState, ready, wanted int) {
	s = twinState{}
	for _, set := range f.sets {
		image, _ := kubetest.Field(set, "spec", "template", "spec", "containers", 0, "image").(string)
		replicas, _ := kubetest.Field(set, "spec", "replicas").(float64)
		s.put("", image, int(replicas), 0, 0)
		wanted += int(replicas)
	}
	for _, p := range f.pods {
		if kubetest.Field(p, "metadata", "deletionTimestamp") == nil {
			image, _ := kubetest.Field(p, "spec", "containers", 0, "image").(string)
			name, _ := kubetest.Field(p, "metadata", "name").(string)
			node, _ := kubetest.Field(p, "spec", "nodeName").(string)
			is := one(kubetest.Condition(p, "Ready") == "True")
			s.put(f.m.places(name, node), image, 0, 1, is)
			ready += is
		}
	}
	return s, ready, wanted
}

// state is what the watches have told last, and whether the pods that were deleted are gone.
func (f *follower) state() (state string, gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gone = true
	for _, p := range f.pods {
		gone = gone && !f.m.deleted[kubetest.Field(p, "metadata", "uid")]
	}
	s, _, _ := f.count()
	return s.String(), gone
}

// extremes are how far it went since it was asked last.
func (f *follower) extremes() (least, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	least, most = f.least, f.most
	_, f.least, f.most = f.count()
	return least, most
}

// seen tells whether a controller has seen an object as it is.
func seen(o map[string]any) bool {
	return kubetest.Field(o, "status", "observedGeneration") == kubetest.Field(o, "metadata", "generation")
}

// TestModelOfDeployments writes the same random fields to a Deployment in the simulator and to one that kube-controller-manager
// has: they come to the same rests.
func TestModelOfDeployments(t *testing.T) {
	soak(t, 3, 4, 17, func(t *testing.T, seed int, random *rand.Rand) {
		w := newWorld(t, "")
		replicas := 1 + random.IntN(6)
		manifest := deployment(replicas, "1", "0")
		m := newTwin(w, manifest, "Deployment", replicas, sim.Options{Seed: uint64(seed), Broken: seed%3 == 2})
		w.Create(t, w.Path("deployments"), strings.Replace(manifest, "paused: true", "paused: false", 1))
		m.seen = func() bool { return seen(w.Get(t, w.Path("deployments", "web"))) }
		m.walk(12, func() { m.step(random, seed%3 == 2) })
	})
}

// walk lets both rest, and after each of so many steps again.
func (m *twin) walk(steps int, step func()) {
	m.t.Helper()
	for range steps {
		if !m.rests() {
			return
		}
		step()
	}
	m.rests()
}

// TestModelOfOnDelete changes, scales and deletes pods of StatefulSets and DaemonSets with OnDelete at random, in the simulator
// and where kube-controller-manager has them.
func TestModelOfOnDelete(t *testing.T) {
	soak(t, 3, 4, 19, func(t *testing.T, seed int, random *rand.Rand) {
		replicas, broken := 1+random.IntN(5), random.IntN(3) == 0
		var w *world
		kind, path := "StatefulSet", "statefulsets"
		manifest := onDelete(replicas, []string{"OrderedReady", "Parallel"}[seed%2])
		if seed%3 == 2 {
			d := newDaemons(t, replicas, 0)
			w, kind, path, manifest = d.world, "DaemonSet", "daemonsets", daemonSet(d.NS)
		} else {
			w = newWorld(t, "")
			w.Create(t, w.Path(path), manifest)
		}
		m := newTwin(w, manifest, kind, replicas, sim.Options{Seed: uint64(seed), Broken: broken})
		object := "/apis/apps/v1/namespaces/" + w.namespace + "/" + path + "/demo"
		m.seen = func() bool { return seen(w.Get(t, object)) }
		m.walk(10, func() { m.stepOnDelete(random, object, broken) })
	})
}

// stepOnDelete changes the template or the number of pods, or deletes some of them, in both places.
func (m *twin) stepOnDelete(random *rand.Rand, object string, broken bool) {
	m.t.Helper()
	o := m.look()
	from := ": from " + m.played()
	switch n := random.IntN(5); {
	case n == 0 && o.Workload.Spec.Ordinal:
		replicas := random.IntN(6)
		m.did = append(m.did, fmt.Sprintf("replicas %d", replicas)+from)
		m.sim.Edit(func(set *plan.Workload) { set.Spec.Replicas = replicas })
		m.Patch(m.t, object, map[string]any{"spec": map[string]any{"replicas": replicas}})
	case n <= 1:
		image := "example.com/app:" + tagsOf(broken)[random.IntN(3)]
		m.did = append(m.did, image+from)
		template := withImage(o.Workload.Spec.Template, image)
		m.sim.Edit(func(set *plan.Workload) { set.Spec.Template = template })
		m.Patch(m.t, object, map[string]any{"spec": map[string]any{"template": template}})
	default:
		// From below: between two deletions the other way round a controller may make the first pod anew, or not.
		pods := slices.SortedFunc(slices.Values(o.Pods), func(a, b rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
		chosen := random.Perm(len(pods))[:min(1+random.IntN(3), len(pods))]
		slices.Sort(chosen)
		for _, i := range chosen {
			m.delete(pods[i], from)
		}
	}
}

// delete deletes a pod of the simulator and the one that is in its place on the API server, unless they are deleted already.
func (m *twin) delete(pod rollout.Pod, from string) {
	m.t.Helper()
	if m.sim.Apply(m.t.Context(), []rollout.Action{{
		Kind: rollout.DeletePod,
		Pod:  rollout.PodRef{Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion},
	}}) != nil {
		return
	}
	place := m.places(pod.Name, pod.Node)
	m.did = append(m.did, "delete the pod in "+place+from)
	for _, p := range kubetest.Field(m.Get(m.t, m.Path("pods")), "items").([]any) {
		name, _ := kubetest.Field(p, "metadata", "name").(string)
		node, _ := kubetest.Field(p, "spec", "nodeName").(string)
		if kubetest.Field(p, "metadata", "deletionTimestamp") == nil && m.places(name, node) == place {
			m.deleted[kubetest.Field(p, "metadata", "uid")] = true
			m.Delete(m.t, m.Path("pods", name))
		}
	}
}

// tagsOf are those of three revisions. Broken ones other than the first never get ready.
func tagsOf(broken bool) []string {
	if broken {
		return []string{"v1", kubetest.TagUnready, kubetest.TagMissing}
	}
	return []string{"v1", "v2", "v3"}
}

// withImage is a template with another image.
func withImage(template map[string]any, image string) map[string]any {
	out := maps.Clone(template)
	spec := maps.Clone(out["spec"].(map[string]any))
	out["spec"], spec["containers"] = spec, []any{map[string]any{"name": "app", "image": image}}
	return out
}

// mute tells whether the ReplicaSet of an image has the sentinel.
func (m *twin) mute(o rollout.Observed, image string) bool {
	return slices.ContainsFunc(o.Sets, func(s rollout.ReplicaSet) bool { return s.Mute && m.image(o, s.Revision) == image })
}

// image is that of a revision.
func (m *twin) image(o rollout.Observed, revision string) string {
	for _, r := range o.Revisions {
		if r.Name == revision {
			image, _ := kubetest.Field(r.Template, "spec", "containers", 0, "image").(string)
			return image
		}
	}
	return ""
}

// step writes random fields of the Deployment, in both places.
func (m *twin) step(random *rand.Rand, broken bool) {
	m.t.Helper()
	o := m.look()
	replicas, rolling := o.Workload.Spec.Replicas, *o.Workload.Rolling
	present, _ := kubetest.Field(o.Workload.Spec.Template, "spec", "containers", 0, "image").(string)
	image := present
	if random.IntN(3) == 0 {
		image = "example.com/app:" + tagsOf(broken)[random.IntN(3)]
	}
	if random.IntN(4) == 0 {
		replicas = random.IntN(7)
	}
	rolling.Paused = random.IntN(3) > 0
	surge, unavailable := random.IntN(4), random.IntN(min(replicas, 3)+1)
	if surge+unavailable == 0 {
		surge = 1
	}
	rolling.MaxSurge, rolling.MaxUnavailable = plan.Pods(surge), plan.Pods(unavailable)
	// As a release does it: the sentinel comes while the Deployment is paused and to the template that is there, and goes with the
	// pause. Otherwise it would be a race between the controllers, and not one rest.
	switch held := rolling.MinReady == plan.SentinelReady; {
	case random.IntN(2) == 0:
	case held:
		rolling.MinReady, rolling.Paused, replicas = 0, false, o.Workload.Spec.Replicas
	default:
		rolling.MinReady, rolling.Paused, replicas, image = plan.SentinelReady, true, o.Workload.Spec.Replicas, present
	}
	if rolling.MinReady == 0 && m.mute(o, image) { // nor does it go from a ReplicaSet that has kept it
		rolling.Paused, replicas = false, o.Workload.Spec.Replicas
	}
	m.did = append(m.did, fmt.Sprintf("replicas %d, %s, paused %v, maxSurge %d, maxUnavailable %d, minReadySeconds %d: from %s",
		replicas, image, rolling.Paused, surge, unavailable, rolling.MinReady, m.played()))
	template := withImage(o.Workload.Spec.Template, image)
	m.sim.Edit(func(set *plan.Workload) {
		set.Spec.Replicas, set.Spec.Template, set.Rolling = replicas, template, &rolling
	})
	m.Patch(m.t, m.Path("deployments", "web"), map[string]any{"spec": map[string]any{
		"replicas": replicas, "paused": rolling.Paused, "minReadySeconds": rolling.MinReady, "template": template,
		"strategy": map[string]any{"rollingUpdate": map[string]any{"maxSurge": surge, "maxUnavailable": unavailable}},
	}})
}
