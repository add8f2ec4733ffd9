// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// TestPodsAreFoundWhoseNamesHashAlike makes, asks for and removes pods whose names have one hash, in every order.
func TestPodsAreFoundWhoseNamesHashAlike(t *testing.T) {
	const a, b = "demo-864rg", "demo-mghlk"
	for name, order := range map[string][]string{"first in, first out": {a, b}, "last in, first out": {b, a}} {
		t.Run(name, func(t *testing.T) {
			c := sim.New(set(2, plan.Pods(0), plan.Pods(1), plan.Pods(0), plan.ReCreate), nil, sim.Options{})
			create := func(name string) error {
				return c.Apply(t.Context(), []rollout.Action{{
					Kind: rollout.CreatePod, Pod: rollout.PodRef{Name: name},
					Instance: name[len("demo-"):],
				}})
			}
			for _, name := range []string{a, b, a, b} {
				there := slices.Contains(names(t, c), name)
				if err := create(name); errors.Is(err, rollout.ErrConflict) != there {
					t.Errorf("creating %s where there=%v: %v", name, there, err)
				}
			}
			left := []string{a, b, "demo-old0", "demo-old1"}
			for _, name := range order {
				c.RequestDelete(name)
				p := pod(t, c, name)
				if !p.DeleteRequested {
					t.Fatalf("%s is not found", name)
				}
				ref := rollout.PodRef{Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion}
				if err := c.Apply(t.Context(), []rollout.Action{{Kind: rollout.DeletePod, Pod: ref}}); err != nil {
					t.Fatal(err)
				}
				if err := c.Wait(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				left = slices.DeleteFunc(left, func(n string) bool { return n == name })
				if diff := cmp.Diff(left, names(t, c)); diff != "" {
					t.Errorf("without %s (-want +got):\n%s", name, diff)
				}
			}
			if err := create(order[0]); err != nil {
				t.Errorf("creating %s again: %v", order[0], err)
			}
		})
	}
}

func look(t *testing.T, c *sim.Cluster) rollout.Observed {
	t.Helper()
	o, err := c.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// names are those of all pods, in order.
func names(t *testing.T, c *sim.Cluster) (all []string) {
	t.Helper()
	o := look(t, c)
	for i := range o.Pods {
		all = append(all, o.Pods[i].Name)
	}
	slices.Sort(all)
	return all
}

func pod(t *testing.T, c *sim.Cluster, name string) rollout.Pod {
	t.Helper()
	o := look(t, c)
	i := slices.IndexFunc(o.Pods, func(p rollout.Pod) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no pod %s", name)
	}
	return o.Pods[i]
}
