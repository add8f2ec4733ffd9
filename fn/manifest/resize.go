// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Resize is a container that a running pod can give other amounts of cpu and memory.
type Resize struct {
	Container string
	Restarts  bool   // by its resizePolicy
	field     string // such as spec.containers[0].resources
}

// Amounts are what a container asks for of cpu and memory, as the API server completes it: a request that is left out is the
// limit. It has no key where there is neither.
func Amounts(container any) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, kind := range []string{"limits", "requests"} {
		for _, name := range []string{"cpu", "memory"} {
			amount := Value(container, "resources", kind, name)
			if amount == nil && kind == "requests" {
				amount = Value(container, "resources", "limits", name)
			}
			if amount == nil {
				continue
			}
			if all[kind] == nil {
				all[kind] = map[string]any{}
			}
			all[kind][name] = amount
		}
	}
	return all
}

// resizeOf tells whether the resources of two containers differ, and whether it is in amounts of cpu and memory alone. A limit
// or request that only one of them has is no such difference: the API server would take it, but not the way back.
func resizeOf(field string, before, after map[string]any) (r Resize, differs, ok bool) {
	r = Resize{Container: fmt.Sprint(after["name"]), field: field}
	o, n := Amounts(before), Amounts(after)
	for _, kind := range []string{"limits", "requests"} {
		if len(o[kind]) != len(n[kind]) {
			return r, true, false
		}
		for name, amount := range n[kind] {
			was, had := o[kind][name]
			if !had {
				return r, true, false
			}
			other := !sameAmount(was, amount)
			differs, r.Restarts = differs || other, r.Restarts || other && restartsFor(after, name)
		}
	}
	return r, differs, equal("spec."+field, otherResources(before), otherResources(after))
}

// restartsFor tells whether the container restarts where the resource changes.
func restartsFor(container map[string]any, name string) bool {
	return slices.ContainsFunc(List(container, "resizePolicy"), func(p any) bool {
		return String(p, "resourceName") == name && String(p, "restartPolicy") == "RestartContainer"
	})
}

// otherResources are the resources without cpu and memory.
func otherResources(container map[string]any) any {
	rest := map[string]any{}
	for key, value := range Map(container, "resources") {
		if key != "limits" && key != "requests" {
			rest[key] = value
			continue
		}
		others := map[string]any{}
		for name, amount := range Map(value) {
			if name != "cpu" && name != "memory" {
				others[name] = amount
			}
		}
		rest[key] = others
	}
	return rest
}

// sameAmount compares quantities: 1 is 1000m. What cannot be read is the same only where it is spelled the same.
func sameAmount(a, b any) bool {
	x, errX := resource.ParseQuantity(fmt.Sprint(a))
	y, errY := resource.ParseQuantity(fmt.Sprint(b))
	if errX != nil || errY != nil {
		return fmt.Sprint(a) == fmt.Sprint(b)
	}
	return x.Cmp(y) == 0
}

// checkResize takes back that containers are resized where the API server would refuse it: a pod keeps its QoS class.
func (c *Change) checkResize(before, after map[string]any) {
	if len(c.Resized) == 0 {
		return
	}
	o, n := qosClass(before), qosClass(after)
	switch {
	case len(Map(after, "resources")) > 0:
		*c = c.WithoutResize(" (the pod has resources of its own)")
	case String(after, "os", "name") == "windows":
		*c = c.WithoutResize(" (a pod of Windows cannot be resized)")
	case o != n:
		*c = c.WithoutResize(fmt.Sprintf(" (the QoS class would change from %s to %s)", o, n))
	}
}

// WithoutResize is the change where nobody resizes pods: the containers change in new pods. Why is told with each, as " (why)".
func (c Change) WithoutResize(why string) Change {
	if len(c.Resized) == 0 {
		return c
	}
	c.Blockers = slices.Clone(c.Blockers)
	for _, r := range c.Resized {
		c.Blockers = append(c.Blockers, "spec."+r.field+why)
	}
	c.Resized, c.InPlace, c.Restarts = nil, false, len(c.Images) > 0
	return c
}

// qosClass is the quality of service that a pod has by the cpu and memory of its containers.
func qosClass(spec map[string]any) string {
	guaranteed, any := true, false
	for _, container := range slices.Concat(List(spec, "containers"), List(spec, "initContainers")) {
		amounts := Amounts(container)
		for _, name := range []string{"cpu", "memory"} {
			limit, request := amounts["limits"][name], amounts["requests"][name]
			any = any || isSome(limit) || isSome(request)
			guaranteed = guaranteed && isSome(limit) && sameAmount(limit, request)
		}
	}
	switch {
	case !any:
		return "BestEffort"
	case guaranteed:
		return "Guaranteed"
	default:
		return "Burstable"
	}
}

func isSome(amount any) bool { return amount != nil && !sameAmount(amount, "0") }
