// SPDX-License-Identifier: Apache-2.0

package plan

// Reason is the machine-readable why of a decision.
type Reason string

// The reasons. ExitCode says what each ending means to a Job.
const (
	BatchStarted      Reason = "BatchStarted"
	BatchReady        Reason = "BatchReady"
	PodsUpdating      Reason = "PodsUpdating"
	PodsNotReady      Reason = "PodsNotReady"
	PausedBySpec      Reason = "Paused"
	HeldByPerson      Reason = "Held"
	Resumed           Reason = "Resumed"
	Soaking           Reason = "Soaking"
	ChecksRunning     Reason = "ChecksRunning"
	AwaitingApproval  Reason = "AwaitingApproval"
	ControllerBehind  Reason = "ControllerBehind"
	RollingBack       Reason = "RollingBack"
	Completed         Reason = "Completed"
	Invalid           Reason = "Invalid"
	ChecksFailed      Reason = "ChecksFailed"
	DeadlineExceeded  Reason = "ProgressDeadlineExceeded"
	ThresholdExceeded Reason = "FailureThresholdExceeded"
	PodRefused        Reason = "PodRefused"
	AbortedByPerson   Reason = "Aborted"
	UndoneByPerson    Reason = "Undone"
	OutsideWindow     Reason = "OutsideWindow"
	NotStarted        Reason = "NotStarted"
	RolledBack        Reason = "RolledBack"
	Superseded        Reason = "Superseded"
	ForeignChange     Reason = "ForeignChange"
)

// ExitCode is the process exit code for a release that ended with this reason.
func (r Reason) ExitCode() int {
	switch r {
	case Completed:
		return 0
	case Invalid:
		return 10
	case ChecksFailed, DeadlineExceeded, ThresholdExceeded, PodRefused, AbortedByPerson, UndoneByPerson:
		return 11
	case RolledBack:
		return 12
	case Superseded, ForeignChange:
		return 13
	default:
		return 1
	}
}
