// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Options say which target is released, how, and by whom.
type Options struct {
	Config    *rest.Config
	Namespace string
	Kind      string // of the target; "" is CloneSet
	Name      string
	Version   string        // API version of the target; "" is the first that rollout.Kinds has for the kind
	Mode      plan.Mode     // the plan's
	Release   string        // names the release, so that a restart goes on with it; "" follows from template, plan and partition
	Await     time.Duration // how long to wait for the target to carry Release in its annotation ReleaseAnnotation; 0: not at all
	Restart   bool          // begin again what has stopped
	Identity  string        // who holds the lock
	Evict     bool          // delete pods through the Eviction API, which respects PodDisruptionBudgets
	Force     bool          // use direct mode even where a controller seems to be alive
	Stay      bool          // after a release, heal pods and wait for the next one until the context ends
	Parallel  int           // writes at a time; 0 is DefaultParallel
	Lease     time.Duration // how long the lock outlives an agent that died; 0 is DefaultLease
	Reaction  time.Duration // how long a controller may take to see a change, in partition mode; 0 is DefaultReaction
	Stop      <-chan string // ends the release as a person's abort does, and says why; may be nil
	Metrics   *Metrics      // counts what is done; may be nil
	Checks    Checks        // measures the plan's checks; may be nil where it has none
	Warn      func(error)   // gets what does not stop a release; may be nil
	Now       func() time.Time
}

// The defaults of Options.
const (
	DefaultParallel = 16
	DefaultReaction = 30 * time.Second
)

// Cluster is one target and its pods in a cluster. It implements rollout.Cluster and rollout.Clock.
type Cluster struct {
	options Options
	Client  kube.Client
	lock    *kube.Lock
	target  kube.Target
	uid     string // of the target

	changed chan struct{}
	sets    *kube.Cache[kube.Workload]
	pods    *kube.Cache[kube.Pod]
	claims  *kube.Cache[kube.Meta] // nil where the CloneSet has no claim templates
	memory  *kube.Cache[kube.Record]
	follow  sync.WaitGroup
	end     context.CancelFunc
	failed  chan error // why a watch ended

	set      kube.Workload
	history  kube.History
	known    [2]int64 // generations that the history is of; 0: none
	seen     seen
	buffer   []rollout.Pod
	last     look
	reporter statusWriter
	release  string
	wrote    *plan.Quantity // the partition that was written last
	blind    bool           // pods may not be listed (partition mode)
	stopped  string         // what Options.Stop said
	plan     plan.BatchPlan // what is carried out
	quota    quotaHold      // what a full ResourceQuota holds back
	recalled kube.Record    // the memory that the last look has read; without a name: there was none

	mu       sync.Mutex      // guards what writes, which run side by side, find out
	unsure   bool            // the history may not be what the server has
	occupied map[string]bool // instance ids of pods and claims that are there but not the CloneSet's
}

var (
	_ rollout.Cluster = (*Cluster)(nil)
	_ rollout.Clock   = (*Cluster)(nil)
)

// look is the last observation and what was decided on it.
type look struct {
	observed rollout.Observed
	decision rollout.Decision
	failure  error // of the last writes
	scaling  bool  // the failure is of a write that only changes the number of pods
}

// seen are the versions of the mirrors at the last look.
type seen struct{ sets, pods, claims, memory, checks uint64 }

// Open connects to the target and begins to watch it. It writes nothing.
func Open(ctx context.Context, options Options) (*Cluster, error) {
	c, set, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	if _, err := set.Read(); err != nil {
		return nil, err
	}
	c.makeMirrors(set)
	if err := c.start(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// connect fills in the defaults of options and finds the target.
func connect(ctx context.Context, options Options) (*Cluster, kube.Workload, error) {
	options.Parallel = cmp.Or(options.Parallel, DefaultParallel)
	options.Reaction = cmp.Or(options.Reaction, DefaultReaction)
	target, err := kube.NewTarget(options.Version, options.Kind, options.Namespace, options.Name)
	if err != nil {
		return nil, kube.Workload{}, err
	}
	kind := target.Kind
	if !kind.Direct && options.Mode != plan.Partition {
		return nil, kube.Workload{}, fmt.Errorf("%w: %s: direct mode replaces the pods of a CloneSet; those of a %s are replaced by %s: use --mode partition",
			kube.ErrInvalid, target, kind.Name, kind.Controller)
	}
	if options.Metrics != nil {
		options.Config = rest.CopyConfig(options.Config)
		options.Config.Wrap(options.Metrics.wrap)
	}
	api, err := kube.NewClient(options.Config)
	if err != nil {
		return nil, kube.Workload{}, err
	}
	unlimited, err := kube.NewClient(kube.WithoutLimit(options.Config))
	if err != nil {
		return nil, kube.Workload{}, err
	}
	c := &Cluster{options: options, Client: api, target: target, changed: make(chan struct{}, 1), failed: make(chan error, 4), occupied: map[string]bool{}}
	set, err := target.Find(ctx, api)
	if err != nil {
		return nil, set, err
	}
	c.uid = set.Metadata.UID
	c.lock = kube.NewLock(unlimited, kube.LockOptions{
		Target: target, UID: c.uid, Mode: options.Mode, Identity: options.Identity, Duration: options.Lease, Now: options.Now,
	})
	return c, set, nil
}

func (c *Cluster) makeMirrors(set kube.Workload) {
	ns := c.options.Namespace
	selected := url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(set.Tree, "spec", "selector"))}}
	c.sets = kube.NewCache[kube.Workload](c.Client, c.target.Resource(), kube.Named(c.options.Name), c.changed)
	c.memory = kube.NewCache[kube.Record](c.Client, kube.ConfigMaps(ns), kube.Named(c.target.RecordName(c.options.Mode)), c.changed)
	c.pods = kube.NewCache[kube.Pod](c.Client, kube.Pods(ns), selected, c.changed)
	if len(set.ClaimTemplates()) > 0 && c.options.Mode != plan.Partition {
		c.claims = kube.NewCache[kube.Meta](c.Client, kube.Claims(ns), selected, c.changed)
	}
}

// start lists everything once and follows it from there.
func (c *Cluster) start(ctx context.Context) error {
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	type following interface {
		List(context.Context) error
		Follow(context.Context) error
	}
	mirrors := map[string]following{c.target.Kind.Name: c.sets, "ConfigMap": c.memory}
	if c.options.Mode != plan.Partition {
		mirrors["Pod"] = c.pods
		if c.claims != nil {
			mirrors["PersistentVolumeClaim"] = c.claims
		}
	}
	for kind, m := range mirrors {
		if err := m.List(ctx); err != nil {
			return kube.Explain(fmt.Sprintf("listing %s objects in namespace %s", kind, c.target.Namespace), err)
		}
		c.follow.Go(func() {
			if err := m.Follow(run); err != nil {
				c.failed <- err
				kube.Notify(c.changed)
			}
		})
	}
	return nil
}

// Close ends the watches. It does not give the lock back; Unlock does.
func (c *Cluster) Close() {
	if c.end != nil {
		c.end()
	}
	c.follow.Wait()
}

// Observe puts together what a decision may know.
func (c *Cluster) Observe(ctx context.Context) (rollout.Observed, error) {
	read, err := c.look(ctx)
	if err != nil {
		return rollout.Observed{}, err
	}
	o := rollout.Observed{
		Now: c.options.Now().UTC().Round(0), Workload: read, UpdateRevision: c.history.Update, Revisions: c.history.Decided,
	}
	if c.options.Checks != nil {
		o.Checks, c.seen.checks = c.options.Checks.Results()
	}
	if full := c.quota.standing(); full != nil {
		o.NoRoom = full.why
	}
	if c.options.Mode != plan.Partition {
		c.observePods(&o)
		o.StableRevision = c.stable(&o)
		o.Progress, err = c.recallProgress(&o)
	} else {
		o.UpdateRevision = c.fullName(read.Status.UpdateRevision)
		if o.Progress, err = c.recallProgress(&o); err == nil {
			err = c.observePartition(ctx, &o)
		}
	}
	if c.isStopped() && !o.Progress.Abort {
		o.Progress = o.Progress.Stopped(rollout.Request{Ask: rollout.Abort, By: kube.FieldManager, At: o.Now, Why: c.stopped})
	}
	c.last.observed = o
	return o, err
}

// look reads the target and its revisions from the mirrors.
func (c *Cluster) look(ctx context.Context) (plan.Workload, error) {
	if err := c.settled(ctx); err != nil {
		return plan.Workload{}, err
	}
	c.seen = c.versions()
	set, alive := c.sets.Get(c.options.Name)
	if alive && set.Metadata.UID == c.uid {
		c.set = set.Of(c.target.Kind)
	} else if c.set.Tree == nil {
		return plan.Workload{}, fmt.Errorf("%s was deleted", c.target.String())
	}
	read, err := c.set.Read()
	if err != nil {
		return read, err
	}
	read.Deleting = read.Deleting || !alive || set.Metadata.UID != c.uid
	return read, c.recall(ctx)
}

// settled makes sure that no own write is missing from the mirrors.
func (c *Cluster) settled(ctx context.Context) error {
	select {
	case err := <-c.failed:
		return err
	default:
	}
	err := errors.Join(c.sets.Sync(ctx), c.memory.Sync(ctx), c.pods.Sync(ctx))
	if c.claims != nil {
		err = errors.Join(err, c.claims.Sync(ctx))
	}
	return err
}

func (c *Cluster) versions() seen {
	v := seen{sets: c.sets.Version(), pods: c.pods.Version(), memory: c.memory.Version()}
	if c.claims != nil {
		v.claims = c.claims.Version()
	}
	if c.options.Checks != nil {
		_, v.checks = c.options.Checks.Results()
	}
	return v
}

// recall reads the revisions where the CloneSet is not of the generation that they were read for.
func (c *Cluster) recall(ctx context.Context) error {
	at := [2]int64{c.set.Metadata.Generation}
	if c.options.Mode == plan.Partition {
		at[1] = c.set.Status.ObservedGeneration // its controller makes the revisions
	}
	if c.known == at && !c.takeUnsure() {
		return nil
	}
	var list []kube.Revision
	m := kube.NewCache[kube.Revision](c.Client, kube.ControllerRevisions(c.target.Namespace),
		url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(c.set.Tree, "spec", "selector"))}}, c.changed)
	if err := m.Relist(ctx); err != nil {
		return err
	}
	m.Each(func(r kube.Revision) {
		if r.Metadata.ControlledBy(c.uid) {
			list = append(list, r)
		}
	})
	h, err := kube.NewHistory(c.set, list)
	if err != nil {
		return err
	}
	c.history, c.known = h, at
	return nil
}

// forgetHistory makes the next look read the revisions again.
func (c *Cluster) forgetHistory() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsure = true
}

func (c *Cluster) takeUnsure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	unsure := c.unsure
	c.unsure = false
	return unsure
}

// occupy notes that an instance id belongs to something that is not the CloneSet's.
func (c *Cluster) occupy(instance string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.occupied[instance] = true
}

// selects tells whether pods with these labels are in the mirror at all.
func (c *Cluster) selects(labels map[string]string) bool {
	return c.last.observed.Workload.Spec.Selector.Matches(labels)
}

// observePods lists the pods by name, and the claims without one.
func (c *Cluster) observePods(o *rollout.Observed) {
	c.buffer = c.buffer[:0]
	used := map[string]bool{}
	c.pods.Each(func(p kube.Pod) {
		if p.Metadata.ControlledBy(c.uid) {
			c.buffer = append(c.buffer, p.Observed(c.history.NameOf))
			used[p.Metadata.Labels[kube.LabelInstance]] = true
		}
	})
	if c.claims != nil {
		c.observeClaims(o, used)
	}
	for id := range c.blocked(o.Workload.Spec.PodsToDelete) {
		if !used[id] {
			// It counts for nothing, but its instance id is taken.
			c.buffer = append(c.buffer, rollout.Pod{Name: c.target.Name + "-" + id, Instance: id, Terminating: true})
			used[id] = true
		}
	}
	slices.SortFunc(c.buffer, func(a, b rollout.Pod) int { return cmp.Compare(a.Name, b.Name) })
	o.Pods = c.buffer
}

// observeClaims finds the claims that a new pod may take over.
func (c *Cluster) observeClaims(o *rollout.Observed, used map[string]bool) {
	free := map[string]bool{}
	c.claims.Each(func(claim kube.Meta) {
		id := claim.Metadata.Labels[kube.LabelInstance]
		if id == "" || used[id] {
			return
		}
		mine := claim.Metadata.ControlledBy(c.uid) && claim.Metadata.DeletionTimestamp == nil
		if before, ok := free[id]; ok {
			mine = mine && before
		}
		free[id] = mine
	})
	for id, mine := range free {
		if mine {
			o.FreeInstances = append(o.FreeInstances, id)
		} else {
			c.occupy(id) // a claim of that name is on its way out with its pod
		}
	}
	slices.Sort(o.FreeInstances)
}

// blocked are instance ids that no new pod may have: of pods and claims that are not the CloneSet's, and of names that
// are asked to be deleted, because a new pod of such a name would be deleted again.
func (c *Cluster) blocked(podsToDelete []string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := maps.Clone(c.occupied)
	for _, name := range podsToDelete {
		if id, ok := strings.CutPrefix(name, c.target.Name+"-"); ok {
			ids[id] = true
		}
	}
	return ids
}

// stable is the revision that old pods are created from: the one that the last complete release left behind, or where
// nobody wrote that down the oldest one that pods have.
func (c *Cluster) stable(o *rollout.Observed) string {
	if name, ok := c.history.NameOf(c.set.Status.CurrentRevision); ok {
		return name
	}
	for _, r := range c.history.Decided {
		if slices.ContainsFunc(o.Pods, func(p rollout.Pod) bool { return p.Active() && p.Revision == r.Name }) {
			return r.Name
		}
	}
	return o.UpdateRevision
}

// Wait returns when something has changed since the last look, or after d. Before it blocks, and now and then while it
// does, it brings the CloneSet's status up to date.
func (c *Cluster) Wait(ctx context.Context, d time.Duration) error {
	deadline := time.Duration(1<<63 - 1)
	if d > 0 {
		deadline = d
	}
	wait, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for c.versions() == c.seen && len(c.failed) == 0 && (c.stopped == "" || c.last.observed.Progress.Abort) {
		if err := c.syncStatus(ctx, false); err != nil {
			return err
		}
		if !c.block(wait) {
			return ctx.Err()
		}
	}
	// Changes come in swarms: a look at each of them would cost more than it tells.
	kube.Pause(ctx, 5*time.Millisecond+time.Duration(len(c.buffer))*10*time.Microsecond)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.syncStatus(ctx, false)
}

// block waits for a change, or until the status is due. It returns false where ctx has ended.
func (c *Cluster) block(ctx context.Context) bool {
	due, cancel := c.reporter.due(ctx, c.options.Now())
	defer cancel()
	select {
	case <-c.changed:
		return true
	case <-c.measured():
		return true
	case c.stopped = <-c.options.Stop:
		kube.Notify(c.changed)
		return true
	case <-due.Done():
		return ctx.Err() == nil
	}
}

// isStopped tells whether this release is to end.
func (c *Cluster) isStopped() bool {
	select {
	case c.stopped = <-c.options.Stop:
	default:
	}
	return c.stopped != ""
}
