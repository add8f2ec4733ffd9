// SPDX-License-Identifier: Apache-2.0

package kube

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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
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
	DefaultLease    = 15 * time.Second
	DefaultReaction = 30 * time.Second
)

// Cluster is one target and its pods in a cluster. It implements rollout.Cluster and rollout.Clock.
type Cluster struct {
	options Options
	client  client
	lock    *lock
	kind    plan.Kind
	target  metadata // namespace, name and UID of the target

	changed chan struct{}
	sets    *mirror[cloneSet]
	pods    *mirror[pod]
	claims  *mirror[named] // nil where the CloneSet has no claim templates
	memory  *mirror[configMap]
	follow  sync.WaitGroup
	end     context.CancelFunc
	failed  chan error // why a watch ended

	set      cloneSet
	history  history
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
	recalled configMap      // the memory that the last look has read; without a name: there was none

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

// ErrAbsent is wrapped where the target is not in the cluster.
var ErrAbsent = errors.New("does not exist")

// Open connects to the target and begins to watch it. It writes nothing.
func Open(ctx context.Context, options Options) (*Cluster, error) {
	c, set, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	if _, err := set.read(); err != nil {
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
func connect(ctx context.Context, options Options) (*Cluster, cloneSet, error) {
	options.Parallel = cmp.Or(options.Parallel, DefaultParallel)
	options.Lease = cmp.Or(options.Lease, DefaultLease)
	options.Reaction = cmp.Or(options.Reaction, DefaultReaction)
	kind, ok := plan.KindOf(options.Version, cmp.Or(options.Kind, "CloneSet"))
	if !ok {
		return nil, cloneSet{}, fmt.Errorf("%w: %s %s cannot be released", ErrInvalid, options.Version, options.Kind)
	}
	options.Kind, options.Version = kind.Name, kind.APIVersion
	if !kind.Direct && options.Mode != plan.Partition {
		return nil, cloneSet{}, fmt.Errorf("%w: %s: direct mode replaces the pods of a CloneSet; those of a %s are replaced by %s: use --mode partition",
			ErrInvalid, options.what(), kind.Name, kind.Controller)
	}
	if options.Metrics != nil {
		options.Config = rest.CopyConfig(options.Config)
		options.Config.Wrap(options.Metrics.wrap)
	}
	api, err := newClient(options.Config)
	if err != nil {
		return nil, cloneSet{}, err
	}
	unlimited, err := newClient(withoutLimit(options.Config))
	if err != nil {
		return nil, cloneSet{}, err
	}
	c := &Cluster{options: options, client: api, kind: kind, changed: make(chan struct{}, 1), failed: make(chan error, 4), occupied: map[string]bool{}}
	set, err := c.find(ctx)
	if err != nil {
		return nil, set, err
	}
	c.target = metadata{Namespace: options.Namespace, Name: options.Name, UID: set.Metadata.UID}
	c.lock = newLock(unlimited, options, set)
	return c, set, nil
}

// withoutLimit is for requests that must not wait behind others: those that keep the lock.
func withoutLimit(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.QPS, c.RateLimiter = -1, nil
	return c
}

// find reads the CloneSet for the first time and says in plain words why that is not possible.
func (c *Cluster) find(ctx context.Context) (cloneSet, error) {
	var set cloneSet
	what := c.what()
	err := c.client.get(ctx, c.at(), &set)
	var api apierrors.APIStatus
	switch {
	case err == nil:
		return set.of(c.kind), nil
	case apierrors.IsNotFound(err) && errors.As(err, &api) && (api.Status().Details == nil || api.Status().Details.Name == ""):
		hint := "install their definition first"
		if c.kind.Direct {
			hint = "slipway rollout crds --install defines them"
		}
		return set, fmt.Errorf("reading %s: the cluster has no %ss of %s: %s", what, c.kind.Name, c.kind.APIVersion, hint)
	case apierrors.IsNotFound(err):
		return set, fmt.Errorf("%s %w: apply it before its release", what, ErrAbsent)
	default:
		return set, explain("reading "+what, err)
	}
}

func (c *Cluster) makeMirrors(set cloneSet) {
	ns := c.options.Namespace
	selected := url.Values{"labelSelector": {selectorText(field(set.tree, "spec", "selector"))}}
	c.sets = newMirror[cloneSet](c.client, targets(c.kind, ns), only(c.options.Name), c.changed)
	c.memory = newMirror[configMap](c.client, configMaps(ns), only(c.memoryName()), c.changed)
	c.pods = newMirror[pod](c.client, pods(ns), selected, c.changed)
	if len(set.claimTemplates()) > 0 && c.options.Mode != plan.Partition {
		c.claims = newMirror[named](c.client, claims(ns), selected, c.changed)
	}
}

// only selects the object of a name.
func only(name string) url.Values { return url.Values{"fieldSelector": {"metadata.name=" + name}} }

// start lists everything once and follows it from there.
func (c *Cluster) start(ctx context.Context) error {
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	type following interface {
		list(context.Context) error
		follow(context.Context) error
	}
	mirrors := map[string]following{c.kind.Name: c.sets, "ConfigMap": c.memory}
	if c.options.Mode != plan.Partition {
		mirrors["Pod"] = c.pods
		if c.claims != nil {
			mirrors["PersistentVolumeClaim"] = c.claims
		}
	}
	for kind, m := range mirrors {
		if err := m.list(ctx); err != nil {
			return explain(fmt.Sprintf("listing %s objects in namespace %s", kind, c.target.Namespace), err)
		}
		c.follow.Go(func() {
			if err := m.follow(run); err != nil {
				c.failed <- err
				notify(c.changed)
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
		Now: c.options.Now().UTC().Round(0), Workload: read, UpdateRevision: c.history.update, Revisions: c.history.rollout,
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
		o.Progress = o.Progress.Stopped(rollout.Request{Ask: rollout.Abort, By: fieldManager, At: o.Now, Why: c.stopped})
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
	set, alive := c.sets.named(c.options.Name)
	if alive && set.Metadata.UID == c.target.UID {
		c.set = set.of(c.kind)
	} else if c.set.tree == nil {
		return plan.Workload{}, fmt.Errorf("%s was deleted", c.what())
	}
	read, err := c.set.read()
	if err != nil {
		return read, err
	}
	read.Deleting = read.Deleting || !alive || set.Metadata.UID != c.target.UID
	return read, c.recall(ctx)
}

// settled makes sure that no own write is missing from the mirrors.
func (c *Cluster) settled(ctx context.Context) error {
	select {
	case err := <-c.failed:
		return err
	default:
	}
	err := errors.Join(c.sets.settle(ctx), c.memory.settle(ctx), c.pods.settle(ctx))
	if c.claims != nil {
		err = errors.Join(err, c.claims.settle(ctx))
	}
	return err
}

func (c *Cluster) versions() seen {
	v := seen{sets: c.sets.at(), pods: c.pods.at(), memory: c.memory.at()}
	if c.claims != nil {
		v.claims = c.claims.at()
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
	var list []revision
	m := newMirror[revision](c.client, controllerRevisions(c.target.Namespace),
		url.Values{"labelSelector": {selectorText(field(c.set.tree, "spec", "selector"))}}, c.changed)
	if err := m.retry(ctx); err != nil {
		return err
	}
	m.each(func(r revision) {
		if r.Metadata.controlledBy(c.target.UID) {
			list = append(list, r)
		}
	})
	h, err := newHistory(c.set, list)
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
	c.pods.each(func(p pod) {
		if p.Metadata.controlledBy(c.target.UID) {
			c.buffer = append(c.buffer, p.observed(c.history.names))
			used[p.Metadata.Labels[labelInstance]] = true
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
	c.claims.each(func(claim named) {
		id := claim.Metadata.Labels[labelInstance]
		if id == "" || used[id] {
			return
		}
		mine := claim.Metadata.controlledBy(c.target.UID) && claim.Metadata.DeletionTimestamp == nil
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
	if name, ok := c.history.names[hashOf(c.set.Status.CurrentRevision)]; ok {
		return name
	}
	for _, r := range c.history.rollout {
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
	pause(ctx, 5*time.Millisecond+time.Duration(len(c.buffer))*10*time.Microsecond)
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
		notify(c.changed)
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

func notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}
