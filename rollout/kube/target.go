// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// targets are the objects of a kind that can be released.
func targets(k plan.Kind, namespace string) resource {
	return resource{k.Name, "/apis/" + k.APIVersion + "/namespaces/" + namespace + "/" + k.Resource}
}

// at is where the target is.
func (c *Cluster) at(subresource ...string) string {
	return targets(c.kind, c.options.Namespace).object(c.options.Name, subresource...)
}

// what is the target in words.
func (c *Cluster) what() string { return c.options.what() }

func (o Options) what() string {
	return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
}

// ReleaseName is what tells the memory and the lock of a release from those of others. An agent in direct mode does a
// controller's work, so that another one may step the partition of the same object at the same time: each has its own.
func ReleaseName(kind, name string, mode plan.Mode) string {
	if mode != plan.Partition {
		return name
	}
	return name + "." + strings.ToLower(kind)
}

func (c *Cluster) memoryName() string {
	return MemoryName(ReleaseName(c.kind.Name, c.options.Name, c.options.Mode))
}

// readStatus fills in the status by the names that its kind has for it. Where a kind does not count the pods that are
// updated and ready, they are as many as they must be at least: every pod that is not ready may be an updated one.
func (c cloneSet) readStatus(set *plan.Workload) {
	names := set.KindOf().Status
	s := plan.WorkloadStatus{
		ObservedGeneration: c.Status.ObservedGeneration,
		Replicas:           c.count(names.Replicas), ReadyReplicas: c.count(names.Ready), AvailableReplicas: c.count(names.Available),
		UpdatedReplicas:      c.count(names.Updated),
		UpdatedReadyReplicas: c.count(names.UpdatedReady), UpdatedAvailableReplicas: c.count(names.UpdatedAvailable),
		CurrentRevision: text(c.counts, names.CurrentRevision), UpdateRevision: text(c.counts, names.UpdateRevision),
	}
	if names.Desired != "" {
		set.Spec.Replicas = c.count(names.Desired)
	}
	all := max(set.Spec.Replicas, s.Replicas)
	least := func(healthy int) int { return max(s.UpdatedReplicas-max(all-healthy, 0), 0) }
	if _, counted := c.counts[names.UpdatedReady]; !counted {
		s.UpdatedReadyReplicas = least(s.ReadyReplicas)
	}
	if _, counted := c.counts[names.UpdatedAvailable]; !counted {
		s.UpdatedAvailableReplicas = least(s.AvailableReplicas)
	}
	set.Status = s
}

// count is a number in the status.
func (c cloneSet) count(name string) int {
	n, _ := c.counts[name].(float64)
	return int(n)
}

// partitionWriter names who else than slipway owns the partition of a target, how it was written and when.
func (m managed) partitionWriter() string {
	for _, f := range m.Metadata.ManagedFields {
		tree, err := toMap(f.FieldsV1)
		if f.Manager == fieldManager || f.Subresource != "" || err != nil {
			continue
		}
		for _, k := range plan.Kinds() {
			path := []string{"f:spec"}
			for _, name := range k.Strategy {
				path = append(path, "f:"+name)
			}
			if field(tree, append(path, "f:partition")...) != nil {
				return fmt.Sprintf("%s (%s, last at %s)", f.Manager, f.Operation, f.Time.UTC().Format(time.RFC3339))
			}
		}
	}
	return ""
}

// partitionPatch is a target with nothing but its partition, for server-side apply. resourceVersion "" is any.
func partitionPatch(k plan.Kind, o Options, resourceVersion string, partition *plan.Quantity) object {
	meta := object{"name": o.Name, "namespace": o.Namespace}
	if resourceVersion != "" {
		meta["resourceVersion"] = resourceVersion
	}
	patch := object{"apiVersion": k.APIVersion, "kind": k.Name, "metadata": meta}
	if partition == nil {
		return patch
	}
	strategy := child(patch, append([]string{"spec"}, k.Strategy...)...)
	if strategy["partition"] = any(partition.String()); !partition.IsPercent() {
		strategy["partition"] = partition.Up(0)
	}
	return patch
}

// behind tells whether the controller has not seen the present spec, or has not yet said which revision it has.
func (c cloneSet) behind(k plan.Kind) bool {
	return c.Status.ObservedGeneration < c.Metadata.Generation || text(c.counts, k.Status.UpdateRevision) == ""
}

// observePartition fills in what a look at a target that a controller reconciles needs beyond the object.
func (c *Cluster) observePartition(ctx context.Context, o *rollout.Observed) error {
	s := o.Workload.Status
	o.Wrote = c.wrote
	o.UpdateRevision = c.fullName(s.UpdateRevision)
	if o.Progress.Revision == "" {
		stable, err := c.stableRevision(ctx, o)
		o.StableRevision = stable
		return err
	}
	o.StableRevision = o.Progress.Stable
	if o.Workload.Spec.Ordinal && s.AvailableReplicas < o.Workload.Spec.Replicas && s.ObservedGeneration >= o.Workload.Generation {
		return c.observeStuck(ctx, o)
	}
	return nil
}

// fullName is the name of a revision of which a status may hold the hash alone.
func (c *Cluster) fullName(revision string) string {
	if name, ok := c.history.names[hashOf(revision)]; ok && revision != "" {
		return name
	}
	return revision
}

// stableRevision is what a release that begins goes back to when it fails: the current revision, or where the kind has
// none what the release before went back to, or else the one that most of the older pods have.
func (c *Cluster) stableRevision(ctx context.Context, o *rollout.Observed) (string, error) {
	if s := o.Workload.Status; s.CurrentRevision != "" {
		return c.fullName(s.CurrentRevision), nil
	}
	if o.Progress.Stable != "" {
		return o.Progress.Stable, nil
	}
	number := map[string]int{}
	err := c.listPods(ctx)
	if err != nil && !refused(err) {
		return "", err
	}
	c.pods.each(func(p pod) {
		if name := c.fullName(p.Metadata.Labels[labelRevision]); p.Metadata.controlledBy(c.target.UID) {
			number[name]++
		}
	})
	stable, most := o.UpdateRevision, 0
	for _, r := range c.history.rollout { // the oldest first; without the right to list pods it is the newest
		if n := number[r.Name]; r.Name != o.UpdateRevision && (n > most || err != nil) {
			stable, most = r.Name, n
		}
	}
	return stable, nil
}

// observeStuck lists the pods that an ordered controller may be waiting for: not ready, of an older revision, and among
// those that the partition lets it replace. Without the right to list pods the agent says what a person can do.
func (c *Cluster) observeStuck(ctx context.Context, o *rollout.Observed) error {
	if c.blind {
		return nil
	}
	err := c.listPods(ctx)
	if refused(err) {
		c.blind = true
		c.warn(fmt.Errorf("%w: should a pod of an older revision that never gets ready keep %s from going on, delete it by hand", err, c.what()))
		return nil
	}
	if err != nil {
		return err
	}
	first, _ := strconv.Atoi(fmt.Sprint(field(c.set.tree, "spec", "ordinals", "start")))
	first += o.Workload.Spec.Partition.Partition(o.Workload.Spec.Replicas)
	c.pods.each(func(p pod) {
		ordinal, err := strconv.Atoi(hashOf(p.Metadata.Name))
		if err != nil || ordinal < first || !p.Metadata.controlledBy(c.target.UID) {
			return
		}
		if seen := p.observed(c.history.names); !seen.Ready && seen.Revision != o.UpdateRevision {
			o.Stuck = append(o.Stuck, seen)
		}
	})
	return nil
}

// listPods lists the pods once, without following them: status tells when to look again.
func (c *Cluster) listPods(ctx context.Context) error {
	defer func() { c.seen.pods = c.pods.at() }()
	return c.pods.retry(ctx)
}

func (c *Cluster) warn(err error) {
	if c.options.Warn != nil {
		c.options.Warn(err)
	}
}
