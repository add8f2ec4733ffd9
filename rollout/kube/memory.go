// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// MemoryName is the name of the ConfigMap that remembers the progress of a CloneSet's release.
func MemoryName(cloneSet string) string { return "slipway-" + cloneSet }

// configMap is the memory of a release. Its data are one JSON document and what tells releases and agents apart.
type configMap struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Data       map[string]string `json:"data"`
}

func (m configMap) meta() metadata { return m.Metadata }

// The keys of a memory's data.
const (
	keyProgress = "progress" // as rollout.Progress stores itself
	keyRelease  = "release"  // which release it belongs to
	keyHolder   = "holder"   // the agent that wrote it last
	keyEpoch    = "epoch"    // how many agents have held the lock; it only grows
	keyPlan     = "plan"     // as plan.BatchPlan stores itself, for those who look at the release from outside
)

// recallProgress reads the memory. That of another release is no memory of this one.
func (c *Cluster) recallProgress(o *rollout.Observed) (rollout.Progress, error) {
	var p rollout.Progress
	stored, ok := c.memory.named(c.memoryName())
	c.recalled = stored
	if ok {
		var err error
		if p, err = stored.progress(); err != nil {
			return p, err
		}
	}
	if c.release == "" {
		c.release = cmp.Or(c.options.Release, c.releaseName(o, p, stored.Data[keyRelease]))
		if ok && c.options.Restart && stored.Data[keyRelease] == c.release {
			c.release += "-after-" + stored.Metadata.ResourceVersion
		}
	}
	partition := c.options.Mode == plan.Partition
	switch {
	case ok && stored.Data[keyRelease] != c.release && partition:
		return inherited(p), nil
	case stored.Data[keyRelease] != c.release:
		return rollout.Progress{}, nil
	case p.Outcome == plan.Completed && !partition:
		// Whether it is still complete is seen from the pods. What people have let pass stays so.
		return rollout.Progress{Approved: p.Approved, Requests: p.Requests}, nil
	default:
		return p, nil
	}
}

// progress reads the progress that is stored.
func (m configMap) progress() (rollout.Progress, error) {
	p, err := rollout.ReadProgress([]byte(m.Data[keyProgress]))
	if err != nil {
		return rollout.Progress{}, fmt.Errorf("%w: reading the progress in ConfigMap %s/%s: %w%s",
			ErrInvalid, m.Metadata.Namespace, m.Metadata.Name, err, startOver(err))
	}
	return p, nil
}

// startOver is the end of an error about a memory that cannot be read: what a person can do without it.
func startOver(err error) string {
	const remedy = "delete the ConfigMap to begin the release again"
	if errors.Is(err, plan.ErrNewer) {
		return ", or " + remedy // the error itself has said what is better
	}
	return ": " + remedy
}

// inherited is what a release in partition mode takes over from another one: where that left the partition and where it
// was to rest, and what it would have gone back to if it did not complete.
func inherited(p rollout.Progress) rollout.Progress {
	if p.Outcome == plan.Completed {
		return rollout.Progress{}
	}
	return rollout.Progress{Stable: p.Stable, Stepped: p.Stepped, Step: p.Step, Resting: p.Resting}
}

// releaseName tells one release from the next where nobody named it: by what is released and how far. In partition mode
// the release itself changes the partition, and on its way back what is released, so one that has not ended keeps its
// name.
func (c *Cluster) releaseName(o *rollout.Observed, p rollout.Progress, stored string) string {
	h := fnv.New64a()
	if c.options.Mode != plan.Partition {
		h.Write(fmt.Appendf(nil, "%s %s %s %s", c.target.UID, o.UpdateRevision, o.Workload.Spec.Partition, c.options.Mode))
		return strconv.FormatUint(h.Sum64(), 36)
	}
	returns := p.Back && o.UpdateRevision == p.Stable
	if p.Revision != "" && p.Outcome == "" && (returns || p.Finished) {
		return stored
	}
	h.Write(fmt.Appendf(nil, "%s %s %s", c.target.UID, o.UpdateRevision, c.options.Mode))
	return strconv.FormatUint(h.Sum64(), 36)
}

// record stores progress. It is fenced by what the decision was made on, not by what the mirror has by now: a person's
// request that came in between is not overwritten, the run looks again.
func (c *Cluster) record(ctx context.Context, p rollout.Progress) error {
	data, err := p.Store()
	if err != nil {
		return fmt.Errorf("encoding progress: %w", err)
	}
	plan, err := c.plan.Store()
	if err != nil {
		return fmt.Errorf("encoding the plan: %w", err)
	}
	stored := c.recalled
	epoch, _ := strconv.Atoi(stored.Data[keyEpoch])
	if stored.Data[keyHolder] != c.options.Identity {
		epoch++
	}
	next := configMap{APIVersion: "v1", Kind: "ConfigMap", Metadata: stored.Metadata, Data: map[string]string{
		keyProgress: string(data), keyRelease: c.release, keyHolder: c.options.Identity, keyEpoch: strconv.Itoa(epoch),
		keyPlan: string(plan),
	}}
	what := fmt.Sprintf("recording progress in ConfigMap %s/%s", c.options.Namespace, c.memoryName())
	at := configMaps(c.options.Namespace)
	if stored.Metadata.Name != "" {
		err = c.client.update(ctx, at.object(stored.Metadata.Name), next, &next)
	} else {
		owner := c.set.owner()
		next.Metadata = metadata{Name: c.memoryName(), OwnerReferences: []ownerReference{
			{APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID},
		}}
		err = c.client.create(ctx, at.path, next, &next)
	}
	if err != nil {
		c.memory.doubt()
		return conflict(what, err)
	}
	c.memory.put(next)
	c.recalled = next
	return nil
}
