// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FailFast says when a batch is given up before its deadline: as soon as a pod of the new revision has not been ready for one of
// the reasons for so long. The zero FailFast never does.
type FailFast struct {
	Reasons []string      `json:"reasons,omitempty"`
	After   time.Duration `json:"after,omitzero"`
}

// plainFailFast is without methods.
type plainFailFast FailFast

func (f *FailFast) form() any {
	return &struct {
		*plainFailFast
		After *Duration `json:"after,omitzero"`
	}{(*plainFailFast)(f), (*Duration)(&f.After)}
}

// MarshalJSON writes it as a part of a document.
func (f FailFast) MarshalJSON() ([]byte, error) { return json.Marshal(f.form()) }

// UnmarshalJSON reads it.
func (f *FailFast) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, f.form()) }

// String is for people: "given up after 30s of ImagePullBackOff or CrashLoopBackOff".
func (f FailFast) String() string {
	return fmt.Sprintf("given up after %v of %s", f.After, strings.Join(f.Reasons, " or "))
}

// FailReasons are the reasons of kubelet and scheduler for which a pod may never get ready.
func FailReasons() []string {
	return []string{
		"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable",
		"SignatureValidationFailed", "CrashLoopBackOff", "Error", "OOMKilled", "StartError", "ContainerCannotRun", "RunContainerError",
		"CreateContainerConfigError", "CreateContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError",
		"Unschedulable", "SchedulingGated", "Infeasible", "Deferred",
	}
}

func readFailFast(v value) FailFast {
	if !v.Present() || !v.mapping("reasons", "after") {
		return FailFast{}
	}
	f := FailFast{After: v.get("after").duration(0)}
	if !v.get("after").Present() {
		v.get("after").fail("is missing: write how long a pod may have one of the reasons, such as 30s")
	}
	reasons := v.get("reasons")
	items := reasons.items()
	if len(items) == 0 {
		reasons.fail("is missing: write reasons of pods, such as [ImagePullBackOff, CrashLoopBackOff]")
	}
	known := FailReasons()
	for _, item := range items {
		reason := item.Text()
		switch {
		case !slices.Contains(known, reason):
			advice := cmp.Or(suggestion(reason, known), ": write some of "+strings.Join(known, ", "))
			item.fail("%q is no reason for which a pod never gets ready%s", reason, advice)
		case slices.Contains(f.Reasons, reason):
			item.fail("%s is there twice", reason)
		}
		f.Reasons = append(f.Reasons, reason)
	}
	return f
}
