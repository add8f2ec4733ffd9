// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Record is the progress record of a release. Its data are one JSON document and what tells releases and agents apart.
type Record struct {
	corev1.ConfigMap
}

// Meta is the metadata, as a Cache asks for it.
func (m Record) Meta() metav1.ObjectMeta { return m.ObjectMeta }

// The keys of a record's data.
const (
	KeyProgress = "progress" // as rollout.Progress stores itself
	KeyRelease  = "release"  // which release it belongs to
	KeyHolder   = "holder"   // the agent that wrote it last
	KeyEpoch    = "epoch"    // how many agents have held the lock; it only grows
	KeyStable   = "stable"   // of a Deployment: the revision to go back to, whose ReplicaSet its controller may delete
	KeyPlan     = "plan"     // as plan.BatchPlan stores itself, for those who look at the release from outside
)

// Progress reads the progress that is stored.
func (m Record) Progress() (rollout.Progress, error) {
	p, err := rollout.ReadProgress([]byte(m.Data[KeyProgress]))
	if err != nil {
		return rollout.Progress{}, fmt.Errorf("%w: reading the progress in ConfigMap %s/%s: %w%s",
			ErrInvalid, m.Namespace, m.Name, err, startOver(err))
	}
	return p, nil
}

// startOver is the end of an error about a record that cannot be read: what a person can do without it.
func startOver(err error) string {
	const remedy = "delete the ConfigMap to begin the release again"
	if errors.Is(err, plan.ErrNewer) {
		return ", or " + remedy // the error itself has said what is better
	}
	return ": " + remedy
}

// Owner is the CloneSet that a record belongs to.
func (m Record) Owner() metav1.OwnerReference {
	if len(m.OwnerReferences) == 0 {
		return metav1.OwnerReference{}
	}
	return m.OwnerReferences[0]
}
