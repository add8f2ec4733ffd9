// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// newCluster is a client of the cluster that a check is about.
func newCluster(config *rest.Config) (kube.Client, error) {
	if config == nil {
		return kube.Client{}, errors.New("a check of pods or with a Job needs a cluster")
	}
	return kube.NewClient(config)
}

// serverAnswer says why the API server did not do what was asked.
func serverAnswer(what string, err error) answer {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err):
		return inconclusive("%s: %w: slipway rollout job prints a Role with what a release needs", what, err)
	case errors.As(err, &status) && (status.Status().Code == http.StatusBadRequest ||
		status.Status().Code == http.StatusUnprocessableEntity):
		return inconclusive("%w: %s: %w", ErrWrong, what, err)
	default:
		return inconclusive("%w: %s: %w", ErrUnreachable, what, err)
	}
}
