// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
)

// roll are the pods of a log as they stand at a line, in the order of their names, and which numbers they have in it.
type roll struct {
	pods  []rollout.Pod
	names map[int]string
	err   error // the first thing that the line has wrong: what is right in it is taken all the same
}

// miss notes a pod that cannot be told.
func (r *roll) miss(number int) {
	if r.err == nil {
		r.err = fmt.Errorf("no line before names pod number %d: a line of the log is missing", number)
	}
}

// byNumber finds a pod; nil: it is not known.
func (r *roll) byNumber(number int) *rollout.Pod {
	name, known := r.names[number]
	if known {
		if i, found := r.find(name); found {
			return &r.pods[i]
		}
	}
	r.miss(number)
	return nil
}

// find is the place of a pod in the order of names. A search of package slices would copy each pod that it looks at.
func (r *roll) find(name string) (int, bool) {
	i := sort.Search(len(r.pods), func(i int) bool { return r.pods[i].Name >= name })
	return i, i < len(r.pods) && r.pods[i].Name == name
}

// absorb brings the pods up to a line of any version.
func (r *roll) absorb(line *auditLine, workload string) {
	changed, gone := line.Pods, line.Gone
	for i := range line.Groups {
		changed = r.members(changed, &line.Groups[i], workload)
	}
	for _, number := range line.Left {
		if p := r.byNumber(number); p != nil {
			gone = append(gone, p.Name)
			delete(r.names, number)
		}
	}
	r.take(changed)
	r.drop(gone)
}

// members adds the pods of a group, whole.
func (r *roll) members(pods []rollout.Pod, g *podGroup, workload string) []rollout.Pod {
	if !g.fits() {
		r.err = cmp.Or(r.err, fmt.Errorf("a list of a group of %d pods has another length", len(g.Pods)))
		return pods
	}
	pods = slices.Grow(pods, min(len(g.Pods), len(r.pods)+len(g.Names)))
	for i, number := range g.Pods {
		var before rollout.Pod
		if _, named := r.names[number]; !named {
			if before.Name = g.name(i, workload); before.Name != "" {
				r.names[number] = before.Name
			}
		} else if known := r.byNumber(number); known != nil {
			before = *known
		}
		if before.Name == "" {
			r.miss(number)
			continue
		}
		pods = append(pods, g.member(i, before))
	}
	return pods
}

// take puts new pods in and changed ones in the place of what they were. Both in one go: an observation may have thousands.
func (r *roll) take(changed []rollout.Pod) {
	var added []*rollout.Pod
	for at := range changed {
		if i, found := r.find(changed[at].Name); found {
			r.pods[i] = changed[at]
		} else {
			added = append(added, &changed[at])
		}
	}
	slices.SortStableFunc(added, func(a, b *rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
	i, j := len(r.pods)-1, len(added)-1
	r.pods = slices.Grow(r.pods, len(added))[:len(r.pods)+len(added)]
	for at := len(r.pods) - 1; j >= 0; at-- {
		if i >= 0 && r.pods[i].Name > added[j].Name {
			r.pods[at] = r.pods[i]
			i--
		} else {
			r.pods[at] = *added[j]
			j--
		}
	}
}

// drop takes pods out.
func (r *roll) drop(gone []string) {
	if len(gone) == 0 {
		return
	}
	gone = slices.Sorted(slices.Values(gone))
	r.pods = slices.DeleteFunc(r.pods, func(p rollout.Pod) bool {
		_, found := slices.BinarySearch(gone, p.Name)
		return found
	})
}

// unfold are the single writes of a decision.
func (r *roll) unfold(folded []writes, workload string) []rollout.Action {
	var actions []rollout.Action
	for _, w := range folded {
		if len(w.Pods) == 0 && len(w.Instances) == 0 {
			actions = append(actions, w.Action)
		}
		for _, number := range w.Pods {
			if p := r.byNumber(number); p != nil {
				a := w.Action
				a.Pod = rollout.PodRef{Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion}
				actions = append(actions, a)
			}
		}
		for _, instance := range w.Instances {
			a := w.Action
			a.Pod.Name, a.Instance = podName(workload, instance), instance
			actions = append(actions, a)
		}
	}
	return actions
}
