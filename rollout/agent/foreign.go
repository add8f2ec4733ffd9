// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// ErrControlled is wrapped where a controller reconciles the CloneSet, so that an agent that wrote pods would fight it.
var ErrControlled = errors.New("a controller is alive for this CloneSet")

// reaction is how long a controller that is alive may take to answer a change of the object.
const reaction = 5 * time.Second

// refuseForeign makes sure in direct mode that nobody else replaces the pods: neither the spec nor a short wait may show
// a controller. With Force it is the user who knows.
func (e *entry) refuseForeign(ctx context.Context) error {
	if e.controlled() || e.options.Force {
		return nil
	}
	why, err := e.controller(ctx)
	if err != nil || why == "" {
		return err
	}
	return fmt.Errorf("CloneSet %s/%s: %w: %s: use --mode partition, or --mode direct if you know that it is gone",
		e.target.Namespace, e.target.Name, ErrControlled, why)
}

// controller says how one knows that a controller reconciles the CloneSet, or "" where none does.
func (e *entry) controller(ctx context.Context) (string, error) {
	if why := e.leader(ctx); why != "" {
		return why, nil
	}
	for waited := time.Duration(0); ; waited += reaction / 10 {
		var set kube.Workload
		if err := e.client.Get(ctx, e.target.Path(), &set); err != nil {
			return "", kube.Explain("reading "+e.target.String(), err)
		}
		writer, own := kube.StatusWriter(set.ManagedFields)
		behind := set.Status.ObservedGeneration < set.Generation
		young := e.options.Now().Sub(set.CreationTimestamp.Time) < 2*reaction
		switch {
		case writer != "" && !behind:
			return fmt.Sprintf("its status is of generation %d, the present one, and was written by %s", set.Status.ObservedGeneration,
				writer), nil
		case own && writer == "", waited >= reaction, writer == "" && !young:
			return "", nil
		}
		kube.Pause(ctx, reaction/10)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}

// leader looks for the lock that a Kruise controller keeps in its own namespace. Few agents may read it, so that it is
// not there or cannot be read proves nothing.
func (e *entry) leader(ctx context.Context) string {
	var l kube.Lease
	if e.client.Get(ctx, kube.Leases(kube.KruiseNamespace).Object(kube.KruiseLease), &l) != nil {
		return ""
	}
	return l.Alive(e.options.Now())
}
