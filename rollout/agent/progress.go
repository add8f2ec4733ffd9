// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// recallProgress reads the memory. That of another release is no memory of this one.
func (c *Cluster) recallProgress(o *rollout.Observed) (rollout.Progress, error) {
	var p rollout.Progress
	stored, ok := c.memory.Get(c.target.RecordName(c.options.Mode))
	c.recalled = stored
	if ok {
		var err error
		if p, err = stored.Progress(); err != nil {
			return p, err
		}
	}
	if c.release == "" {
		c.release = cmp.Or(c.options.Release, c.releaseName(o, p, stored.Data[kube.KeyRelease]))
		if ok && c.options.Restart && stored.Data[kube.KeyRelease] == c.release {
			c.release += "-after-" + stored.Metadata.ResourceVersion
		}
	}
	partition := c.options.Mode == plan.Partition
	switch {
	case ok && stored.Data[kube.KeyRelease] != c.release && partition:
		return inherited(p), nil
	case stored.Data[kube.KeyRelease] != c.release:
		return rollout.Progress{}, nil
	case p.Outcome == plan.Completed && !partition:
		// Whether it is still complete is seen from the pods. What people have let pass stays so.
		return rollout.Progress{Approved: p.Approved, Requests: p.Requests}, nil
	default:
		return p, nil
	}
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
		h.Write(fmt.Appendf(nil, "%s %s %s %s", c.uid, o.UpdateRevision, o.Workload.Spec.Partition, c.options.Mode))
		return strconv.FormatUint(h.Sum64(), 36)
	}
	returns := p.Back && o.UpdateRevision == p.Stable
	if p.Revision != "" && p.Outcome == "" && (returns || p.Finished) {
		return stored
	}
	h.Write(fmt.Appendf(nil, "%s %s %s", c.uid, o.UpdateRevision, c.options.Mode))
	return strconv.FormatUint(h.Sum64(), 36)
}

// record stores progress. It is fenced by what the decision was made on, not by what the mirror has by now: a person's
// request that came in between is not overwritten, the run looks again.
func (c *Cluster) record(ctx context.Context, p rollout.Progress) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding progress: %w", err)
	}
	plan, err := json.Marshal(c.plan)
	if err != nil {
		return fmt.Errorf("encoding the plan: %w", err)
	}
	stored := c.recalled
	epoch, _ := strconv.Atoi(stored.Data[kube.KeyEpoch])
	if stored.Data[kube.KeyHolder] != c.options.Identity {
		epoch++
	}
	next := kube.Record{APIVersion: "v1", Kind: "ConfigMap", Metadata: stored.Metadata, Data: map[string]string{
		kube.KeyProgress: string(data), kube.KeyRelease: c.release, kube.KeyHolder: c.options.Identity, kube.KeyEpoch: strconv.Itoa(epoch),
		kube.KeyPlan: string(plan),
	}}
	what := fmt.Sprintf("recording progress in ConfigMap %s/%s", c.options.Namespace, c.target.RecordName(c.options.Mode))
	at := kube.ConfigMaps(c.options.Namespace)
	if stored.Metadata.Name != "" {
		err = c.Client.Update(ctx, at.Object(stored.Metadata.Name), next, &next)
	} else {
		owner := c.set.Owner()
		next.Metadata = kube.Metadata{Name: c.target.RecordName(c.options.Mode), OwnerReferences: []kube.OwnerReference{
			{APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID},
		}}
		err = c.Client.Create(ctx, at.Path, next, &next)
	}
	if err != nil {
		c.memory.Invalidate()
		return kube.Conflict(what, err)
	}
	c.memory.Put(next)
	c.recalled = next
	return nil
}
