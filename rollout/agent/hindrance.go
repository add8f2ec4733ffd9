// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// hindrances remember what kept writes from being made when they were tried last, until the next decision: a disruption budget,
// or a server that failed. Other than creations beyond a quota they are tried again at once: what frees an eviction is a pod
// that got ready. Writes run side by side, so it has a lock.
type hindrances struct {
	mu   sync.Mutex
	held *refusal
}

func (e *hindrances) set(held *refusal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = held
}

// standing is why a write was not made; nil: all were, or none was to be.
func (e *hindrances) standing() *refusal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.held
}

// evict deletes a pod as far as PodDisruptionBudgets permit it now.
func (w *podWriter) evict(ctx context.Context, a rollout.Action, options metav1.DeleteOptions) error {
	err := w.client.Evict(ctx, kube.Pods(w.target.Namespace).Object(a.Pod.Name, "eviction"), map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": map[string]any{"name": a.Pod.Name, "namespace": w.target.Namespace}, "deleteOptions": options,
	})
	why := heldByBudget(err)
	if why == "" {
		return err
	}
	held := &refusal{kind: a.Kind, why: why, scaling: scales(a), cause: err}
	w.hindrances.set(held)
	return held
}

// heldByBudget says which PodDisruptionBudget does not let a pod be evicted now; "" where none is the reason: a server that is
// asked too much answers with the same code. That there are two of them is an error of the server's, with no mark but its words.
func heldByBudget(err error) string {
	var api apierrors.APIStatus
	if !errors.As(err, &api) {
		return ""
	}
	s := api.Status()
	if strings.Contains(s.Message, "more than one PodDisruptionBudget") {
		return "more than one PodDisruptionBudget selects the pods, and then nothing evicts them: leave one, or release with " +
			"--delete-mode delete"
	}
	if s.Details == nil {
		return ""
	}
	for _, c := range s.Details.Causes {
		if c.Type == policyv1.DisruptionBudgetCause {
			return "a PodDisruptionBudget keeps pods from being evicted: " + c.Message
		}
	}
	return ""
}

// hindered takes down the words of a server that failed at a write, most often because a webhook did, for the next decision to
// tell. What no decision tells of is warned of. Whether the write happened after all the next observation finds out.
func (w *writer) hindered(a rollout.Action, err error) error {
	said := kube.Failing(err)
	if said == "" || errors.Is(err, rollout.ErrNotNow) {
		return err
	}
	held := &refusal{kind: a.Kind, doing: "writing", why: "the API server fails: " + said, scaling: scales(a), cause: err}
	w.hindrances.set(held)
	if a.Kind == rollout.RecordProgress && w.warned != said {
		w.warned = said
		w.warn(fmt.Errorf("%s: %w", a, held))
	}
	return held
}
