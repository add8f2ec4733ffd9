// SPDX-License-Identifier: Apache-2.0

// Package waiting says why pods are not available, in the words of those who know: the kubelet and the scheduler.
//
// A Why is what is kept of one pod, and only while the pod is not ready: its state as kubectl get pods shows it, a reason in one
// word, a message, restarts, the last exit and since when. Groups puts pods with the same reason together, and Words is what a
// person reads. It is pure, and knows neither a client nor what a release is: who holds a batch is package rollout's to say.
package waiting
