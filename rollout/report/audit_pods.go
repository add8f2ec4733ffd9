// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// podGroup are pods of one observation that are alike, but for what each has for itself: a batch of a thousand pods goes
// through the same states at the same time. Each list has a value for every pod, in the order of Pods, or one that all of them
// have. A list that is left out says that the pods have what they had before, or nothing where they are new. Alike is all the
// rest, whole, so a line that cannot be read hurts no longer than until the next change of a pod.
type podGroup struct {
	Pods             numbers     `json:"pods"`
	Names            []string    `json:"names,omitempty"` // of new pods, unless each is named after the workload and its instance
	UIDs             []string    `json:"uids,omitempty"`
	ResourceVersions []string    `json:"resourceVersions,omitempty"`
	Instances        []string    `json:"instances,omitempty"`
	Nodes            []string    `json:"nodes,omitempty"`
	Created          []time.Time `json:"created,omitempty"`
	ReadySince       []time.Time `json:"readySince,omitempty"`
	Alike            rollout.Pod `json:"alike"`
}

// column is what each pod of a group has for itself.
type column[T any] struct {
	list  func(*podGroup) *[]T
	field func(*rollout.Pod) *T
}

func texts() [5]column[string] {
	return [...]column[string]{
		{func(g *podGroup) *[]string { return &g.Names }, func(p *rollout.Pod) *string { return &p.Name }},
		{func(g *podGroup) *[]string { return &g.UIDs }, func(p *rollout.Pod) *string { return &p.UID }},
		{func(g *podGroup) *[]string { return &g.ResourceVersions }, func(p *rollout.Pod) *string { return &p.ResourceVersion }},
		{func(g *podGroup) *[]string { return &g.Instances }, func(p *rollout.Pod) *string { return &p.Instance }},
		{func(g *podGroup) *[]string { return &g.Nodes }, func(p *rollout.Pod) *string { return &p.Node }},
	}
}

func moments() [2]column[time.Time] {
	return [...]column[time.Time]{
		{func(g *podGroup) *[]time.Time { return &g.Created }, func(p *rollout.Pod) *time.Time { return &p.Created }},
		{func(g *podGroup) *[]time.Time { return &g.ReadySince }, func(p *rollout.Pod) *time.Time { return &p.ReadySince }},
	}
}

// fill writes the list of a column.
func (c column[T]) fill(g *podGroup, members []member, same func(a, b T) bool) {
	first := *c.field(members[0].now)
	kept, one := true, true
	for _, m := range members {
		value := *c.field(m.now)
		kept = kept && same(value, *c.field(&m.logged.pod))
		one = one && same(value, first)
	}
	if kept {
		return
	}
	if one {
		members = members[:1]
	}
	list := make([]T, len(members))
	for i, m := range members {
		list[i] = *c.field(m.now)
	}
	*c.list(g) = list
}

// read gives the pod with the index in its group what the list has for it.
func (c column[T]) read(g *podGroup, index int, p *rollout.Pod) {
	switch list := *c.list(g); {
	case len(list) == 1:
		*c.field(p) = list[0]
	case index < len(list):
		*c.field(p) = list[index]
	}
}

// fits tells whether the list has a value for each pod of the group, one for all, or none.
func (c column[T]) fits(g *podGroup) bool {
	n := len(*c.list(g))
	return n <= 1 || n == len(g.Pods)
}

// fits tells whether every list does, and that there is a name for each of the pods if for any.
func (g *podGroup) fits() bool {
	fits := len(g.Names) == 0 || len(g.Names) == len(g.Pods)
	for _, c := range texts() {
		fits = fits && c.fits(g)
	}
	for _, c := range moments() {
		fits = fits && c.fits(g)
	}
	return fits
}

// member is the pod with the index, whole, from what it was before.
func (g *podGroup) member(index int, before rollout.Pod) rollout.Pod {
	p := g.Alike
	for _, c := range texts() {
		*c.field(&p) = *c.field(&before)
		c.read(g, index, &p)
	}
	for _, c := range moments() {
		*c.field(&p) = *c.field(&before)
		c.read(g, index, &p)
	}
	return p
}

// podName is the name of a pod with an instance id, as CloneSets name them. Without one there is none.
func podName(workload, instance string) string {
	if instance == "" {
		return ""
	}
	return workload + "-" + instance
}

// name is the name that a group has for the pod with the index: "" where it has none.
func (g *podGroup) name(index int, workload string) string {
	var p rollout.Pod
	for _, c := range texts() {
		c.read(g, index, &p)
	}
	return cmp.Or(p.Name, podName(workload, p.Instance))
}

// common is a pod without what it has for itself.
func common(p rollout.Pod) rollout.Pod {
	p.Name, p.UID, p.ResourceVersion, p.Instance, p.Node = "", "", "", "", ""
	p.Created, p.ReadySince = time.Time{}, time.Time{}
	return p
}

// logged is a pod as the log has it.
type logged struct {
	number      int
	observation int // that it was in last
	pod         rollout.Pod
}

// member is a pod that is written.
type member struct {
	logged *logged
	now    *rollout.Pod
}

// groups puts pods together that are written.
type groups struct {
	list    []podGroup
	members [][]member
	last    map[groupKey]int // the last group of such pods
}

// groupKey finds a group in which a pod may be. That the rest is alike, too, is seen then.
type groupKey struct {
	updated, ready, drained, pending, terminating bool
	revision                                      string
	phase                                         rollout.PodPhase
	lifecycle                                     rollout.LifecycleState
}

// add puts a pod into the last group of its like, or begins one: to search in more than one would take time for each of many
// pods that are like no other.
func (g *groups) add(m member) {
	p := m.now
	key := groupKey{m.logged.pod.Name == "", p.Ready, p.Drained, p.Pending, p.Terminating, p.Revision, p.Phase, p.Lifecycle}
	alike := common(*p)
	i, found := g.last[key]
	if !found || !same(&g.list[i].Alike, &alike) {
		i = len(g.list)
		g.list, g.members = append(g.list, podGroup{Alike: alike}), append(g.members, nil)
		g.last[key] = i
	}
	g.list[i].Pods = append(g.list[i].Pods, m.logged.number)
	g.members[i] = append(g.members[i], m)
}

// written are the groups with all that is in them. The log has the pods then.
func (g *groups) written(workload string) []podGroup {
	for i, members := range g.members {
		for _, c := range texts() {
			c.fill(&g.list[i], members, func(a, b string) bool { return a == b })
		}
		for _, c := range moments() {
			c.fill(&g.list[i], members, time.Time.Equal)
		}
		if !slices.ContainsFunc(members, func(m member) bool { return m.now.Name != podName(workload, m.now.Instance) }) {
			g.list[i].Names = nil
		}
	}
	for _, members := range g.members {
		for _, m := range members {
			// What it holds may change after this observation.
			m.logged.pod = *m.now
			m.logged.pod.Labels, m.logged.pod.Finalizers = maps.Clone(m.now.Labels), slices.Clone(m.now.Finalizers)
		}
	}
	return g.list
}
