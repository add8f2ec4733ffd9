// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// caches hold what is watched: the target, its pods and claims, and the progress record of its release.
type caches struct {
	workloads *kube.Cache[kube.Workload]
	pods      *kube.Cache[kube.Pod]
	sets      *kube.Cache[kube.ReplicaSet] // nil where the target has none
	nodes     *kube.Cache[kube.Node]       // nil where no batch selects nodes
	claims    *kube.Cache[kube.Meta]       // nil where the target has no claim templates
	records   *kube.Cache[kube.Record]

	changed chan struct{} // gets a value when any of them has changed
	failed  chan error    // why a watch ended
	follow  sync.WaitGroup
	end     context.CancelFunc
	all     map[string]following // those that are followed, by kind
}

// following is a Cache of any kind of object.
type following interface {
	List(context.Context) error
	Follow(context.Context) error
	Invalidate()
}

// newCaches prepares the caches of a target as it is now. They are empty until start.
func newCaches(s *session, target kube.Workload) *caches {
	ns := s.target.Namespace
	selected := url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(target.Tree, "spec", "selector"))}}
	c := &caches{changed: make(chan struct{}, 1), failed: make(chan error, 5)}
	c.workloads = kube.NewCache[kube.Workload](s.client, s.target.Resource(), kube.Named(s.target.Name), c.changed)
	c.records = kube.NewCache[kube.Record](s.client, kube.ConfigMaps(ns), kube.Named(s.recordName), c.changed)
	c.pods = kube.NewCache[kube.Pod](s.client, kube.Pods(ns), selected, c.changed)
	if s.target.Kind.BySurge {
		c.sets = kube.NewCache[kube.ReplicaSet](s.client, kube.ReplicaSets(ns), selected, c.changed)
	}
	if s.options.plan.NodeLabels() != nil {
		c.nodes = kube.NewCache[kube.Node](s.client, kube.Nodes(), nil, c.changed)
	}
	if len(target.ClaimTemplates()) > 0 && !s.controlled() {
		c.claims = kube.NewCache[kube.Meta](s.client, kube.Claims(ns), selected, c.changed)
	}
	return c
}

// start lists everything once and follows it from there. In partition mode pods are not followed, but for those of a Deployment,
// whose status does not tell which of them are available.
func (c *caches) start(ctx context.Context, s *session) error {
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	c.all = map[string]following{s.target.Kind.Name: c.workloads, "ConfigMap": c.records}
	if c.sets != nil {
		c.all["ReplicaSet"] = c.sets
	}
	if c.nodes != nil {
		c.all["Node"] = c.nodes
	}
	if c.sets != nil || s.options.Mode != plan.Partition {
		c.all["Pod"] = c.pods
		if c.claims != nil {
			c.all["PersistentVolumeClaim"] = c.claims
		}
	}
	for kind, cache := range c.all {
		if err := cache.List(ctx); err != nil {
			return kube.Explain(fmt.Sprintf("listing %s objects in namespace %s", kind, s.target.Namespace), err)
		}
		c.follow.Go(func() {
			if err := cache.Follow(run); err != nil {
				c.failed <- err
				kube.Notify(c.changed)
			}
		})
	}
	return nil
}

// close ends the watches.
func (c *caches) close() {
	if c.end != nil {
		c.end()
	}
	c.follow.Wait()
}

// refresh lets the next sync list everything anew.
func (c *caches) refresh() {
	for _, cache := range c.all {
		cache.Invalidate()
	}
}

// sync makes sure that no own write is missing.
func (c *caches) sync(ctx context.Context) error {
	select {
	case err := <-c.failed:
		return err
	default:
	}
	err := errors.Join(c.workloads.Sync(ctx), c.records.Sync(ctx), c.pods.Sync(ctx))
	if c.sets != nil {
		err = errors.Join(err, c.sets.Sync(ctx))
	}
	if c.nodes != nil {
		err = errors.Join(err, c.nodes.Sync(ctx))
	}
	if c.claims != nil {
		err = errors.Join(err, c.claims.Sync(ctx))
	}
	return err
}
