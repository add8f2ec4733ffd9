// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"

	"github.com/slipway-dev/slipway/rollout/instance"
)

// newIDs hands out the instance ids of new pods.
func newIDs(o *Observed) *instance.IDs {
	var claims []string
	if o.Workload.Spec.ReuseClaims && o.Workload.Spec.HasClaims {
		claims = freeClaims(o)
	}
	ids := instance.New(o.Workload.UID, len(o.Pods), claims)
	for i := range o.Pods {
		ids.Take(o.Pods[i].Instance)
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

func createPod(ids *instance.IDs, o *Observed, revision, reason string) Action {
	name := ids.Name(o.Workload.Name+"-", revision)
	a := Action{Kind: CreatePod, Revision: revision, Instance: name[len(o.Workload.Name)+1:], Lifecycle: Normal, Reason: reason}
	a.Pod.Name = name
	if o.Workload.Spec.Lifecycle.PreNormal.IsSet() {
		a.Lifecycle = PreparingNormal
	}
	return a
}
