// SPDX-License-Identifier: Apache-2.0

package kube

import "time"

// EventObject names the object that an Event is about.
type EventObject struct {
	APIVersion      string `json:"apiVersion"`
	Kind            string `json:"kind"`
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// NewEvent is an Event of slipway about an object. by is who reports it.
func NewEvent(about EventObject, kind, reason, message string, by string, at time.Time) map[string]any {
	now := Stamp(at)
	return map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]any{"generateName": about.Name + ".", "namespace": about.Namespace},
		"involvedObject": about, "type": kind, "reason": reason, "message": message, "count": 1,
		"firstTimestamp": now, "lastTimestamp": now,
		"source": map[string]any{"component": FieldManager}, "reportingComponent": FieldManager, "reportingInstance": by,
	}
}
