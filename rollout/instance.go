// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"github.com/slipway-dev/slipway/rollout/instance"
)

// newIDs hands out the instance ids of new pods.
func newIDs(o *Observed) *instance.IDs {
	taken := func(yield func(string) bool) {
		for i := 0; i < len(o.Pods) && yield(o.Pods[i].Instance); i++ {
		}
	}
	var claims []string
	if o.Workload.Spec.ReuseClaims && o.Workload.Spec.HasClaims {
		claims = o.FreeInstances
	}
	return instance.New(o.Workload.UID, len(o.Pods), taken, claims)
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
