// SPDX-License-Identifier: Apache-2.0

package report

import "github.com/slipway-dev/slipway/rollout"

// writes are writes of a decision that follow each other and are alike but for their pods.
type writes struct {
	rollout.Action
	Pods      numbers  `json:"pods,omitzero"`       // as they are in the observation
	Instances []string `json:"instances,omitempty"` // of pods to create: each is named after the workload and its instance
}

// foldWrites puts writes together. number finds a pod that is in the log as the write refers to it.
func foldWrites(actions []rollout.Action, workload string, number func(rollout.PodRef) (int, bool)) []writes {
	var folded []writes
	for _, a := range actions {
		w := writes{Action: a}
		w.Pod, w.Instance = rollout.PodRef{}, ""
		n, known := number(a.Pod)
		switch {
		case known && a.Instance == "":
			w.Pods = numbers{n}
		case a.Instance != "" && a.Pod == rollout.PodRef{Name: podName(workload, a.Instance)}:
			w.Instances = []string{a.Instance}
		default:
			folded = append(folded, writes{Action: a})
			continue
		}
		if i := len(folded) - 1; i >= 0 && w.Action == folded[i].Action && len(w.Pods) == min(len(folded[i].Pods), 1) &&
			len(w.Instances) == min(len(folded[i].Instances), 1) {
			folded[i].Pods, folded[i].Instances = append(folded[i].Pods, w.Pods...), append(folded[i].Instances, w.Instances...)
		} else {
			folded = append(folded, w)
		}
	}
	return folded
}
