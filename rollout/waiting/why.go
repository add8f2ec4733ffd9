// SPDX-License-Identifier: Apache-2.0

package waiting

import "time"

// Why is why one pod is not ready. The JSON names are a contract with readers of an audit log and of a status.
type Why struct {
	State string `json:"state"` // as kubectl get pods has it in its column STATUS
	// the state, or where that is only a phase, of the condition that is in the way
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"`   // in the words of the kubelet or the scheduler
	Container string    `json:"container,omitempty"` // that is in the way
	Restarts  int       `json:"restarts,omitempty"`  // of that container
	ExitCode  *int      `json:"exitCode,omitempty"`  // with which it has ended last; nil: it has not
	Exit      string    `json:"exit,omitempty"`      // the reason of that: Error, OOMKilled
	Since     time.Time `json:"since,omitzero"`      // by the cluster's clocks
	// when the agent first saw this reason since the pod was last ready, by its own clock
	Seen time.Time `json:"seen,omitzero"`
}

// Pod is a pod and why it is not ready.
type Pod struct {
	Name string `json:"name"`
	Why
}

// Equal tells whether two pods are not ready for the same reason, or both are ready.
func (w *Why) Equal(other *Why) bool {
	if w == nil || other == nil {
		return w == other
	}
	a, b := *w, *other
	same := (a.ExitCode == nil) == (b.ExitCode == nil) && (a.ExitCode == nil || *a.ExitCode == *b.ExitCode) &&
		a.Since.Equal(b.Since) && a.Seen.Equal(b.Seen)
	a.ExitCode, a.Since, a.Seen = nil, time.Time{}, time.Time{}
	b.ExitCode, b.Since, b.Seen = nil, time.Time{}, time.Time{}
	return same && a == b
}

// Reasons of the conditions of a pod that starts.
const (
	ContainersNotInitialized = "ContainersNotInitialized"
	ContainersNotReady       = "ContainersNotReady"
	ReadinessGatesNotReady   = "ReadinessGatesNotReady"
)

// Trouble tells whether the reason is more than a pod that starts or ends.
func (w *Why) Trouble() bool { return !underWay(w.Reason) }

// underWay tells whether every pod has the reason for a while, as it starts or ends.
func underWay(reason string) bool {
	switch reason {
	case "Pending", "Running", "NotReady", "ContainerCreating", "PodInitializing", "Terminating", "Completed",
		ContainersNotInitialized, ContainersNotReady, ReadinessGatesNotReady:
		return true
	default:
		return false
	}
}
