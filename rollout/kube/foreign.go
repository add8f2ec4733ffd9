// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/slipway-dev/slipway/rollout/plan"
	"time"
)

// ErrControlled is wrapped where a controller reconciles the CloneSet, so that an agent that wrote pods would fight it.
var ErrControlled = errors.New("a controller is alive for this CloneSet")

// reaction is how long a controller that is alive may take to answer a change of the object.
const reaction = 5 * time.Second

// refuseForeign makes sure in direct mode that nobody else replaces the pods: neither the spec nor a short wait may show
// a controller. With Force it is the user who knows.
func (c *Cluster) refuseForeign(ctx context.Context) error {
	if c.options.Mode == plan.Partition || c.options.Force {
		return nil
	}
	why, err := c.controller(ctx)
	if err != nil || why == "" {
		return err
	}
	return fmt.Errorf("CloneSet %s/%s: %w: %s: use --mode partition, or --mode direct if you know that it is gone",
		c.target.Namespace, c.target.Name, ErrControlled, why)
}

// controller says how one knows that a controller reconciles the CloneSet, or "" where none does.
func (c *Cluster) controller(ctx context.Context) (string, error) {
	if why := c.leader(ctx); why != "" {
		return why, nil
	}
	for waited := time.Duration(0); ; waited += reaction / 10 {
		var set managed
		if err := c.client.get(ctx, c.at(), &set); err != nil {
			return "", explain("reading "+c.what(), err)
		}
		writer, own := set.statusWriter()
		behind := set.Status.ObservedGeneration < set.Metadata.Generation
		young := c.options.Now().Sub(set.Metadata.CreationTimestamp) < 2*reaction
		switch {
		case writer != "" && !behind:
			return fmt.Sprintf("its status is of generation %d, the present one, and was written by %s", set.Status.ObservedGeneration, writer), nil
		case own && writer == "", waited >= reaction, writer == "" && !young:
			return "", nil
		}
		pause(ctx, reaction/10)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
}

// managed is a CloneSet with who wrote which part of it.
type managed struct {
	Metadata struct {
		Generation        int64       `json:"generation"`
		CreationTimestamp time.Time   `json:"creationTimestamp"`
		ManagedFields     []fieldsSet `json:"managedFields"`
	} `json:"metadata"`
	Status setStatus `json:"status"`
}

type fieldsSet struct {
	Manager     string          `json:"manager"`
	Operation   string          `json:"operation"`
	Time        time.Time       `json:"time"`
	Subresource string          `json:"subresource"`
	FieldsV1    json.RawMessage `json:"fieldsV1"`
}

// statusWriter names who else than this agent has written the generation that the status is of, and tells whether this
// agent is among the writers.
func (m managed) statusWriter() (other string, own bool) {
	for _, f := range m.Metadata.ManagedFields {
		tree, err := toMap(f.FieldsV1)
		if f.Subresource != "status" || err != nil || field(tree, "f:status", "f:observedGeneration") == nil {
			continue
		}
		if f.Manager == fieldManager {
			own = true
		} else {
			other = f.Manager
		}
	}
	return other, own
}

// leader looks for the lock that a Kruise controller keeps in its own namespace. Few agents may read it, so that it is
// not there or cannot be read proves nothing.
func (c *Cluster) leader(ctx context.Context) string {
	var l lease
	if c.client.get(ctx, leases(kruiseNamespace).object(kruiseLease), &l) != nil {
		return ""
	}
	return l.alive(c.options.Now())
}

// The lock of a Kruise controller.
const (
	kruiseNamespace = "kruise-system"
	kruiseLease     = "kruise-manager"
)

// alive says that a Kruise controller keeps renewing its lock, or "" where it does not.
func (l lease) alive(now time.Time) string {
	renewed, err := time.Parse(time.RFC3339Nano, l.Spec.RenewTime)
	if err != nil || l.Spec.HolderIdentity == "" || now.Sub(renewed) > time.Duration(max(l.Spec.LeaseDurationSeconds, 15))*time.Second {
		return ""
	}
	return fmt.Sprintf("Lease %s/%s was renewed at %s by %s", kruiseNamespace, kruiseLease, l.Spec.RenewTime, l.Spec.HolderIdentity)
}
