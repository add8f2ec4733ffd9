// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrKilled is returned by Apply where a fault ends the agent. Starting Run again continues the release.
var ErrKilled = errors.New("agent killed by the simulation")

// ErrStuck is returned by Wait when nothing will ever change again, so waiting has no end.
var ErrStuck = errors.New("nothing in the simulated cluster will change any more")

// Cluster is a simulated cluster with one CloneSet. It implements rollout.Cluster and rollout.Clock. It is not safe
// for concurrent use.
type Cluster struct {
	options  Options
	set      plan.Workload
	revision string // of the set's template
	stable   string
	known    []rollout.Revision
	progress rollout.Progress
	pods     []rollout.Pod
	sets     []replicaSet // of a Deployment
	kubelets []kubelet    // beside pods
	index    map[string]int
	events   queue
	now      time.Time
	random   *rand.Rand
	version  int64
	born     int
	stuck    int
	writes   Writes
	stale    *rollout.Observed
	lagging  bool // the last look was a stale one
	results  []plan.CheckResult
	asked    []plan.CheckResult // those that are there, and those to come
	observe  func()             // called after every change, for tests that check invariants
}

// kubelet is what only the node knows about a pod.
type kubelet struct {
	running bool // the containers are ready
	hooked  bool // a hook event is under way
}

// Writes counts the writes on pods that happened.
type Writes struct {
	Create, Delete, Drain, Update, Readmit, Keep, Lifecycle, Partition, Progress int
}

// Pods is the number of writes on pods.
func (w Writes) Pods() int {
	return w.Create + w.Delete + w.Drain + w.Update + w.Readmit + w.Keep + w.Lifecycle
}

// epoch is where virtual time begins: any fixed instant, so that two runs are equal.
func epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// New makes a cluster in which the CloneSet set runs with all its replicas available at the template older, and has
// just been given its own template. A nil older stands for a template that differs in the first container's image.
func New(set plan.Workload, older map[string]any, options Options) *Cluster {
	if older == nil {
		older = withOlderImage(set.Spec.Template)
	}
	set.UID, set.ResourceVersion = "uid-of-"+set.Name, "1"
	set.Generation = max(set.Generation, 2)
	c := &Cluster{
		options: options, set: set, index: map[string]int{}, now: epoch(),
		random: rand.New(rand.NewPCG(options.Seed, 1)),
	}
	c.stable, c.revision = c.learn(older), c.learn(set.Spec.Template)
	for i := range set.Spec.Replicas {
		name := "old" + strconv.Itoa(i)
		c.addPod(rollout.Pod{Name: set.Name + "-" + name, Instance: name, Revision: c.stable, Lifecycle: rollout.Normal})
		c.becomeReady(i)
		c.pods[i].Created = c.now.Add(-time.Hour)
		c.pods[i].ReadySince = c.now.Add(-time.Hour)
	}
	c.set.Status.ObservedGeneration = set.Generation - 1
	if set.Rolling != nil {
		c.deploy()
	}
	c.trouble(options.Crashes, eventCrash)
	c.trouble(options.Evictions, eventEvict)
	if options.Controller != nil {
		c.schedule(0, event{kind: eventReconcile})
	}
	return c
}

// learn adds the revision of a template and returns its name.
func (c *Cluster) learn(template map[string]any) string {
	// Marshalling what YAML decoded cannot fail, and a map marshals in the order of its keys.
	data, _ := json.Marshal(template)
	h := fnv.New32a()
	h.Write(data)
	name := fmt.Sprintf("%s-%08x", c.set.Name, h.Sum32())
	if !slices.ContainsFunc(c.known, func(r rollout.Revision) bool { return r.Name == name }) {
		c.known = append(c.known, rollout.Revision{Name: name, Number: int64(len(c.known) + 1), Template: template})
	}
	return name
}

func withOlderImage(template map[string]any) map[string]any {
	// A deep copy through JSON: templates are small and this happens once.
	var older map[string]any
	data, _ := json.Marshal(template)
	_ = json.Unmarshal(data, &older)
	spec, _ := older["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	if len(containers) > 0 {
		if first, ok := containers[0].(map[string]any); ok {
			first["image"] = fmt.Sprint(first["image"]) + "-older"
		}
	}
	return older
}

// Observe returns the state, or now and then the state of the look before.
func (c *Cluster) Observe(context.Context) (rollout.Observed, error) {
	if c.stale != nil && c.chance(c.options.StaleReads) {
		o := *c.stale
		o.Now = c.now
		c.lagging = true
		return o, nil
	}
	c.lagging = false
	o := rollout.Observed{
		Now: c.now, Workload: c.set, UpdateRevision: c.revision, StableRevision: c.stable, Revisions: c.known,
		Pods: c.pods, Progress: c.progress, Checks: c.results,
	}
	if c.options.Controller != nil {
		if o.Sets = c.observedSets(); o.Sets == nil {
			o.Pods = nil
		}
		o.Workload.Status = c.status()
	}
	if c.options.StaleReads > 0 {
		o.Pods = slices.Clone(o.Pods)
		c.stale = &o
	}
	return o, nil
}

func (c *Cluster) chance(share float64) bool { return share > 0 && c.random.Float64() < share }

// Writes is how many writes happened so far.
func (c *Cluster) Writes() Writes { return c.writes }

// Now is the virtual time since the release began.
func (c *Cluster) Now() time.Duration { return c.now.Sub(epoch()) }

// OnChange sets a function that is called after every single change of the cluster, with its state.
func (c *Cluster) OnChange(f func(rollout.Observed)) {
	c.observe = func() {
		f(rollout.Observed{
			Now: c.now, Workload: c.set, UpdateRevision: c.revision, StableRevision: c.stable,
			Revisions: c.known, Pods: c.pods, Progress: c.progress,
		})
	}
}

func (c *Cluster) changed() {
	if c.observe != nil {
		c.observe()
	}
}
