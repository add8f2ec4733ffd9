// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// olderLease is the name that older versions gave a release's lock: it followed from the target's UID.
func (s *session) olderLease() string {
	name := "slipway-" + string(s.uid)
	if s.options.Mode == plan.Partition {
		name += "-partition"
	}
	return name
}

// awaitOlder returns when no agent of an older version is at work on the target, or a *HeldError where one is seen to renew its
// lock. That lock is only read, and an agent whose rights end at its own Lease does not get to see it: then the two are kept
// apart by the preconditions of their writes alone.
func (s *session) awaitOlder(ctx context.Context) error {
	var first, now kube.Lease
	for waited := time.Duration(0); ; waited += now.Duration() / 10 {
		now = kube.Lease{}
		err := s.client.Get(ctx, kube.Leases(s.target.Namespace).Object(s.olderLease()), &now)
		switch {
		case apierrors.IsNotFound(err), kube.RightMissing(err), err == nil && now.Holder() == "":
			return nil
		case err != nil:
			return kube.Explain("reading Lease "+s.target.Namespace+"/"+s.olderLease(), err)
		case first.ResourceVersion == "":
			first = now
		case now.ResourceVersion != first.ResourceVersion:
			return &kube.HeldError{
				Kind: s.target.Kind.Name, CloneSet: s.target.Namespace + "/" + s.target.Name, Lease: s.olderLease(), Holder: now.Holder(),
			}
		case now.Duration() == 0, waited >= now.Duration():
			return nil // its holder is dead
		}
		if kube.Pause(ctx, now.Duration()/10); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
