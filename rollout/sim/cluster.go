// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// errKilled is returned by Apply where a fault ends the agent. Starting Run again continues the release.
var errKilled = errors.New("agent killed by the simulation")

// ErrStuck is returned by Wait when nothing will ever change again, so waiting has no end.
var ErrStuck = errors.New("nothing in the simulated cluster will change any more")

// Cluster is a simulated cluster with one CloneSet. It implements rollout.Cluster and rollout.Clock. It is not safe
// for concurrent use.
type Cluster struct {
	nodes
	progress rollout.Progress
	checks   checks
	writes   Writes
	stale    *rollout.Observed
	lagging  bool   // the last observation was a stale one
	observe  func() // called after every change, for tests that check invariants
}

// Writes counts the writes on pods that happened.
type Writes struct {
	Create, Delete, Drain, Resize, Update, Readmit, Keep, Lifecycle, Partition, Progress int
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
	c := &Cluster{nodes: nodes{options: options, objects: objects{
		set: set, clock: clock{now: epoch(), random: rand.New(rand.NewPCG(options.Seed, 1))},
	}}}
	c.reserve(set.Spec)
	c.stable, c.revision = c.learn(older), c.learn(set.Spec.Template)
	for i := range set.Spec.Replicas {
		if set.Spec.OnDelete {
			c.put(i, c.stable)
		} else {
			name := set.Name + "-old" + strconv.Itoa(i)
			c.addPod(rollout.Pod{Name: name, Instance: name[len(set.Name)+1:], Revision: c.stable, Lifecycle: rollout.Normal})
		}
		c.becomeReady(i)
		c.pods[i].Created = c.now.Add(-time.Hour)
		c.pods[i].ReadySince = c.now.Add(-time.Hour)
	}
	c.set.Status.ObservedGeneration = set.Generation - 1
	if set.Rolling != nil {
		c.deploy()
	}
	c.trouble(options.Crashes, eventCrash, options.Horizon)
	c.trouble(options.Evictions, eventEvict, options.Horizon)
	if options.Controller != nil {
		c.schedule(0, event{kind: eventReconcile})
	}
	return c
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

// Observe returns the state, or now and then the state of the observation before.
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
		Pods: c.pods, Nodes: c.options.Nodes, Progress: c.progress, Checks: c.checks.results,
		Resizes: c.options.Controller == nil,
	}
	if c.options.Controller != nil {
		if o.Sets = c.observedSets(); o.Sets == nil && !c.set.Spec.OnDelete {
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
