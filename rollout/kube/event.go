// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NewEvent is an Event of slipway about an object. by is who reports it.
func NewEvent(about corev1.ObjectReference, kind, reason, message string, by string, at time.Time) corev1.Event {
	now := metav1.NewTime(at)
	return corev1.Event{
		TypeMeta:       metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta:     metav1.ObjectMeta{GenerateName: about.Name + ".", Namespace: about.Namespace},
		InvolvedObject: about, Type: kind, Reason: reason, Message: message, Count: 1,
		FirstTimestamp: now, LastTimestamp: now,
		Source: corev1.EventSource{Component: FieldManager}, ReportingController: FieldManager, ReportingInstance: by,
	}
}
