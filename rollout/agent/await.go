// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// awaitTarget waits until the target in the cluster is the one that the release is of. A tool may apply the Job first:
// Argo CD and Flux sort by kind, and put those that they do not know last. An agent that did not wait would find the
// release before this one done, and end.
func (c *Cluster) awaitTarget(ctx context.Context) error {
	if c.options.Await == 0 {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, c.options.Await)
	defer cancel()
	for {
		set, _ := c.sets.Get(c.options.Name)
		is := set.Metadata.Annotations[kube.ReleaseAnnotation]
		switch {
		case is == c.options.Release:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case patient.Err() != nil:
			return fmt.Errorf("%s: its annotation %s is %q and not %q after %v: apply the target that was rendered with this Job",
				c.target.String(), kube.ReleaseAnnotation, is, c.options.Release, c.options.Await)
		}
		kube.Pause(patient, c.options.Await/1000)
	}
}
