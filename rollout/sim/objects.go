// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// objects are what an API server stores at an instant, and beside each pod what only its node knows.
type objects struct {
	clock
	set      plan.Workload
	revision string // of the set's template
	stable   string
	known    []rollout.Revision
	sets     []replicaSet      // of a Deployment
	labels   map[string]string // of a new pod: shared, so whoever changes a pod's labels changes a copy
	pods     []rollout.Pod
	kubelets []kubelet // beside pods
	index    index
	version  int64
	born     int // pods so far
}

// kubelet is what only the node knows about a pod.
type kubelet struct {
	running bool // the containers are ready
	hooked  bool // a hook event is under way
}

// mostReserved is for how many pods room is made at once. A release of more will run out of other things.
const mostReserved = 4_000_000

// reserve makes room for as many pods as there may be, those that go while others come counted too: growing moves every pod
// each time, and needs the memory twice.
func (o *objects) reserve(spec plan.WorkloadSpec) {
	room := spec.Replicas
	if b, err := spec.Bounds(); err == nil {
		room += b.MaxSurge + b.MaxUnavailable
	}
	room = max(min(room, mostReserved), 0)
	o.pods, o.kubelets, o.index = make([]rollout.Pod, 0, room), make([]kubelet, 0, room), newIndex(room)
}

// Room is for how many pods there is room.
func (o *objects) Room() int { return cap(o.pods) }

// learn adds the revision of a template and returns its name.
func (o *objects) learn(template map[string]any) string {
	o.labels = o.set.Spec.TemplateLabels()
	// Marshalling what YAML decoded cannot fail, and a map marshals in the order of its keys.
	data, _ := json.Marshal(template)
	h := fnv.New32a()
	h.Write(data)
	name := fmt.Sprintf("%s-%08x", o.set.Name, h.Sum32())
	if !slices.ContainsFunc(o.known, func(r rollout.Revision) bool { return r.Name == name }) {
		o.known = append(o.known, rollout.Revision{Name: name, Number: int64(len(o.known) + 1), Template: template})
	}
	return name
}

// template is that of a known revision.
func (o *objects) template(revision string) map[string]any {
	for _, r := range o.known {
		if r.Name == revision {
			return r.Template
		}
	}
	return nil
}

// bump is the next resourceVersion.
func (o *objects) bump() string {
	o.version++
	return strconv.FormatInt(o.version+1, 10)
}

// addPod stores a pod that was just created.
func (o *objects) addPod(p rollout.Pod) {
	o.born++
	p.UID, p.ResourceVersion = "pod-"+strconv.Itoa(o.born), o.bump()
	p.Phase, p.Created, p.Node = rollout.PodRunning, o.now, "node-"+strconv.Itoa(o.born%16)
	p.Labels = o.labels
	o.index.put(o.pods, p.Name, len(o.pods))
	o.pods = append(o.pods, p)
	o.kubelets = append(o.kubelets, kubelet{})
}

// find is where the pod of a name is.
func (o *objects) find(name string) (int, bool) { return o.index.find(o.pods, name) }

// forget removes a pod; the last one takes its place.
func (o *objects) forget(i int) {
	last := len(o.pods) - 1
	o.index.drop(o.pods, o.pods[i].Name)
	if i != last {
		o.index.put(o.pods, o.pods[last].Name, i)
		o.pods[i], o.kubelets[i] = o.pods[last], o.kubelets[last]
	}
	o.pods, o.kubelets = o.pods[:last], o.kubelets[:last]
}

// victim is the name of a random ready pod, or "" where none is found.
func (o *objects) victim() string {
	for range 8 {
		if i := o.random.IntN(max(len(o.pods), 1)); i < len(o.pods) && o.pods[i].Active() && o.pods[i].Ready {
			return o.pods[i].Name
		}
	}
	return ""
}

// status is the CloneSet's status as its controller would write it.
func (o *objects) status() plan.WorkloadStatus {
	counted := rollout.Observed{Now: o.now, Workload: o.set, UpdateRevision: o.revision, Pods: o.pods}
	n := counted.Counts()
	s := o.set.Status
	s.Replicas, s.ReadyReplicas, s.AvailableReplicas = n.Total, n.Ready, n.Available
	s.UpdatedReplicas, s.UpdatedReadyReplicas, s.UpdatedAvailableReplicas = n.Updated, n.UpdatedReady, n.UpdatedAvailable
	s.UpdateRevision, s.CurrentRevision = o.revision, o.stable
	if n.Updated == n.Total && n.Total == n.Desired {
		s.CurrentRevision = o.revision
	}
	return s
}

// candidates are the names of the active pods wanted, in deletion order as far as it matters to the counts.
func (o *objects) candidates(wanted func(*rollout.Pod) bool) []string {
	var pods []*rollout.Pod
	for i := range o.pods {
		if p := &o.pods[i]; p.Active() && wanted(p) {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b *rollout.Pod) int {
		return cmp.Or(o.rank(a)-o.rank(b), a.ReadySince.Compare(b.ReadySince)*-1, strings.Compare(a.Name, b.Name))
	})
	names := make([]string, len(pods))
	for i, p := range pods {
		names[i] = p.Name
	}
	return names
}

func (o *objects) rank(p *rollout.Pod) int {
	switch {
	case !p.Ready:
		return 0
	case !p.Available(o.now, o.set.Spec.MinReady):
		return 1
	default:
		return 2
	}
}
