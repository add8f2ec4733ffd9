// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"

	"github.com/slipway-dev/slipway/rollout/instance"
)

// instances hands out instance ids for new pods. They follow from the CloneSet's UID, the revision and a running
// number, and skip what is taken. So a create that is decided twice, on a look that did not show the first one yet,
// has the same name and fails as already existing.
type instances struct {
	taken  map[uint32]struct{} // codes of the ids in use
	claims []string            // ids of claims without a pod, and not in use
	uid    string
	series string // what the running number belongs to
	next   int
}

func newInstances(o *Observed) *instances {
	ids := &instances{taken: make(map[uint32]struct{}, len(o.Pods)+8), uid: o.Workload.UID}
	for i := range o.Pods {
		if code, ok := instance.Code(o.Pods[i].Instance); ok {
			ids.taken[code] = struct{}{}
		}
	}
	if o.Workload.Spec.ReuseClaims && o.Workload.Spec.HasClaims {
		ids.claims = freeClaims(o)
	}
	return ids
}

// freeClaims are the ids of claims without a pod, without those that have one by now.
func freeClaims(o *Observed) []string {
	used := make(map[string]struct{}, len(o.Pods))
	for i := range o.Pods {
		used[o.Pods[i].Instance] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(o.FreeInstances), func(id string) bool {
		_, taken := used[id]
		return taken
	})
}

func (ids *instances) create(o *Observed, revision, reason string) Action {
	name := ids.name(o.Workload.Name+"-", revision)
	a := Action{Kind: CreatePod, Revision: revision, Instance: name[len(o.Workload.Name)+1:], Lifecycle: Normal, Reason: reason}
	a.Pod.Name = name
	if o.Workload.Spec.Lifecycle.PreNormal.IsSet() {
		a.Lifecycle = PreparingNormal
	}
	return a
}

// name is the prefix with the next id that is not in use: one of a claim without a pod, or a new one.
func (ids *instances) name(prefix, revision string) string {
	if len(ids.claims) > 0 {
		id := ids.claims[0]
		ids.claims = ids.claims[1:]
		return prefix + id
	}
	if ids.series != revision {
		ids.series, ids.next = revision, 0
	}
	for {
		id := instance.ID(ids.uid, revision, ids.next)
		ids.next++
		code, _ := instance.Code(string(id[:]))
		if _, taken := ids.taken[code]; !taken {
			ids.taken[code] = struct{}{}
			return prefix + string(id[:])
		}
	}
}
