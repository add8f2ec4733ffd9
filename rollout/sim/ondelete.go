// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/rollout"
)

// onDelete is the controller of a StatefulSet or a DaemonSet with updateStrategy OnDelete at work on a cluster: it makes what is
// missing by the present template, and deletes nothing but pods that have failed.
type onDelete struct{ *Cluster }

// place is what a pod belongs to: the name of a StatefulSet's pod with its ordinal, or a node.
func (o *objects) place(i int) string {
	if o.set.KindOf().Nodes {
		return nodeName(i)
	}
	return o.set.Name + "-" + strconv.Itoa(o.set.Spec.FirstOrdinal+i)
}

// put adds a pod in its place: one of a DaemonSet has a name of its own, and one of a StatefulSet its ordinal.
func (o *objects) put(i int, revision string) {
	name := o.place(i)
	if o.set.KindOf().Nodes {
		name = o.set.Name + "-p" + strconv.Itoa(o.born)
	}
	o.addPod(rollout.Pod{Name: name, Revision: revision})
	if last := &o.pods[len(o.pods)-1]; o.set.KindOf().Nodes {
		last.Node = o.place(i)
	}
}

// at is where the pod of a place is, or -1.
func (o *objects) at(i int) int {
	place := o.place(i)
	return slices.IndexFunc(o.pods, func(p rollout.Pod) bool { return p.Name == place || o.set.KindOf().Nodes && p.Node == place })
}

// reconcile is one turn of the controller. With OrderedReady it makes a pod only when those below are available, and takes one
// away only when all that stay are.
func (d onDelete) reconcile() {
	for i := range d.set.Spec.Replicas {
		at := d.at(i)
		switch {
		case at < 0:
			d.put(i, d.revision)
			d.start(len(d.pods) - 1)
			d.writes.Create++
			d.changed()
			at = len(d.pods) - 1
		case d.pods[at].Ended():
			d.delete(at)
			d.changed()
		}
		if d.set.Spec.Ordered && !d.serves(at) {
			return
		}
	}
	d.shrink()
}

func (d onDelete) serves(at int) bool {
	p := &d.pods[at]
	return p.Active() && p.Available(d.now, d.set.Spec.MinReady)
}

// shrink deletes the pods of a StatefulSet that has fewer replicas by now, the highest ordinal first. With OrderedReady one that
// does not serve waits until it is the lowest of these.
func (d onDelete) shrink() {
	var beyond []int // by ordinal
	for i := d.set.Spec.Replicas; len(beyond) < len(d.pods)-d.set.Spec.Replicas && i < d.set.Spec.Replicas+d.born; i++ {
		if at := d.at(i); at >= 0 {
			beyond = append(beyond, at)
		}
	}
	lowest := slices.IndexFunc(beyond, func(at int) bool { return !d.serves(at) })
	for i, at := range slices.Backward(beyond) {
		ordered := d.set.Spec.Ordered
		switch {
		case d.pods[at].Terminating && ordered, ordered && !d.serves(at) && i != lowest:
			return
		case d.pods[at].Terminating:
			continue
		}
		d.delete(at)
		d.changed()
		if ordered {
			return
		}
	}
}
