// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Observed is everything that Decide may know: one look at the cluster. Decide never changes it.
//
// A Cluster guarantees that an Observed is at least as new as every write that its Apply has confirmed and as every
// Observed before it. Without that, a decision could count a pod that it has just deleted.
type Observed struct {
	Now            time.Time
	Workload       plan.Workload
	UpdateRevision string          // revision of the CloneSet's template
	StableRevision string          // revision that older pods are created from: status.currentRevision
	Revisions      []Revision      // templates of the revisions that pods have
	Pods           []Pod           // the CloneSet's pods, terminating and ended ones too; nil in partition mode
	FreeInstances  []string        // instance ids of volume claims without a pod
	Sets           []ReplicaSet    // of a Deployment
	Nodes          []ondelete.Node // by name, where batches select nodes; nil otherwise
	Stuck          []Pod           // not ready, so that the controller, or the batch, waits for them (partition mode)
	NoRoom         string          // why pods, or the target, cannot be written for now, in words; "": nothing is in the way
	Refused        *Refusal        // a pod that no other try would bring through admission; nil: none is known
	Wrote          *plan.Quantity  // the partition that this run wrote last; nil: none
	Resizes        bool            // the cluster can give a running pod other cpu and memory
	Checks         []plan.CheckResult
	Progress       Progress
}

// Revision is a ControllerRevision: a name and the pod template it stands for.
type Revision struct {
	Name     string         `json:"name,omitempty"`
	Number   int64          `json:"number,omitempty"`
	Template map[string]any `json:"template,omitempty"`
}

// ReplicaSet is what a decision reads of a Deployment's ReplicaSet.
type ReplicaSet struct {
	Name      string `json:"name,omitempty"`
	Revision  string `json:"revision,omitempty"`
	Replicas  int    `json:"replicas,omitempty"`  // wanted, by its spec
	Available int    `json:"available,omitempty"` // by its status
	Mute      bool   `json:"mute,omitempty"`      // no pod of it becomes available to its own controller, and none is
	Sealed    bool   `json:"sealed,omitempty"`    // the deployment controller has seen that
}

// Refusal is a pod, or the revision of pods, that the API server does not take, and would not take again.
type Refusal struct {
	Revision string `json:"revision"` // that pods were to run
	Object   string `json:"object"`   // what was refused: "Pod shop/demo-x7k2p"
	Message  string `json:"message"`  // the server's words
}

// PodPhase is the phase that the kubelet reports.
type PodPhase string

// The phases of a pod. A Succeeded or Failed pod has ended and counts for nothing.
const (
	PodPending   PodPhase = "Pending"
	PodUnknown   PodPhase = "Unknown"
	PodRunning   PodPhase = "Running"
	PodSucceeded PodPhase = "Succeeded"
	PodFailed    PodPhase = "Failed"
)

// LifecycleState is the value of the label lifecycle.apps.kruise.io/state.
type LifecycleState string

// The lifecycle states. Only a pod that is Normal, or has no state, can be available.
const (
	PreparingNormal LifecycleState = "PreparingNormal"
	Normal          LifecycleState = "Normal"
	PreparingUpdate LifecycleState = "PreparingUpdate"
	Updating        LifecycleState = "Updating"
	Updated         LifecycleState = "Updated"
	PreparingDelete LifecycleState = "PreparingDelete"
)

// Pod is what a decision reads of one pod. UID and ResourceVersion go into every write that concerns it, so that a
// write decided on an old observation fails instead of hitting another pod.
type Pod struct {
	Name            string            `json:"name,omitempty"`
	UID             string            `json:"uid,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Instance        string            `json:"instance,omitempty"` // value of the label apps.kruise.io/cloneset-instance-id
	Revision        string            `json:"revision,omitempty"` // value of the label controller-revision-hash
	Node            string            `json:"node,omitempty"`     // "" before the pod is scheduled
	Domain          string            `json:"domain,omitempty"`   // topology domain for spreading; "" uses Node
	Phase           PodPhase          `json:"phase,omitempty"`
	Lifecycle       LifecycleState    `json:"lifecycle,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"` // what hooks, priority and scatter read
	Finalizers      []string          `json:"finalizers,omitempty"`
	Created         time.Time         `json:"created,omitzero"`
	ReadySince      time.Time         `json:"readySince,omitzero"` // of the Ready condition, where Ready
	DrainedAt       time.Time         `json:"drainedAt,omitzero"`  // of the InPlaceUpdateReady condition, where Drained
	Restarts        int               `json:"restarts,omitempty"`
	DeletionCost    int               `json:"deletionCost,omitempty"`
	Ready           bool              `json:"ready,omitempty"` // the Ready condition, readiness gates included
	// the gate InPlaceUpdateReady is False, or a resize holds it
	Drained         bool         `json:"drained,omitempty"`
	Pending         bool         `json:"pending,omitempty"`         // an update in place is written and not run yet
	DeleteRequested bool         `json:"deleteRequested,omitempty"` // label apps.kruise.io/specified-delete
	Terminating     bool         `json:"terminating,omitempty"`     // has a deletion timestamp
	Kept            bool         `json:"kept,omitempty"`            // the partition of a StatefulSet keeps it at its revision
	Guest           bool         `json:"guest,omitempty"`           // label slipway.dev/guest: a surge pod, which leaves again
	Waiting         *waiting.Why `json:"waiting,omitempty"`         // why it is not ready; nil: it is, or nobody knows
}

// Active tells whether the pod counts at all: it has neither ended nor begun to terminate.
func (p *Pod) Active() bool {
	return !p.Terminating && p.Phase != PodFailed && p.Phase != PodSucceeded
}

// Ended tells whether the pod failed or succeeded and only its object is left.
func (p *Pod) Ended() bool {
	return !p.Terminating && (p.Phase == PodFailed || p.Phase == PodSucceeded)
}

// Available tells whether the pod has been ready for minReady and no lifecycle step is under way.
func (p *Pod) Available(now time.Time, minReady time.Duration) bool {
	return p.Ready && !p.Drained && !p.Pending && (p.Lifecycle == "" || p.Lifecycle == Normal) &&
		(minReady == 0 || now.Sub(p.ReadySince) >= minReady)
}

// Counts are a CloneSet's status columns. The JSON names are a contract with readers of a status and of notifications.
type Counts struct {
	Desired          int `json:"desired"`
	Updated          int `json:"updated"`
	UpdatedReady     int `json:"updatedReady"`
	UpdatedAvailable int `json:"updatedAvailable"`
	Ready            int `json:"ready"`
	Available        int `json:"available"`
	Total            int `json:"total"`
}

// Old is the number of active pods that are not updated.
func (c Counts) Old() int { return c.Total - c.Updated }

// Counts are the status columns as CloneSet computes them, from the pods, or from the status where no pods were observed.
func (o *Observed) Counts() Counts {
	s := o.Workload.Status
	c := Counts{Desired: o.Workload.Spec.Replicas}
	if o.Pods == nil {
		c.Updated, c.UpdatedReady, c.UpdatedAvailable = s.UpdatedReplicas, s.UpdatedReadyReplicas, s.UpdatedAvailableReplicas
		c.Ready, c.Available, c.Total = s.ReadyReplicas, s.AvailableReplicas, s.Replicas
		return c
	}
	for i := range o.Pods {
		c.add(&o.Pods[i], o)
	}
	return c
}

func (c *Counts) add(p *Pod, o *Observed) {
	if !p.Active() {
		return
	}
	updated, ready := one(p.Revision == o.UpdateRevision), one(p.Ready)
	available := one(p.Available(o.Now, o.Workload.Spec.MinReady))
	c.Total++
	c.Updated += updated
	c.Ready += ready
	c.Available += available
	c.UpdatedReady += updated & ready
	c.UpdatedAvailable += updated & available
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// template is the template of a revision, or nil where it is not known.
func (o *Observed) template(revision string) map[string]any {
	i := slices.IndexFunc(o.Revisions, func(r Revision) bool { return r.Name == revision })
	if i < 0 {
		return nil
	}
	return o.Revisions[i].Template
}
