// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
)

// ErrAbsent is wrapped where the target is not in the cluster.
var ErrAbsent = errors.New("does not exist")

// ErrInvalid is wrapped where the target in the cluster cannot be released as it is.
var ErrInvalid = errors.New("invalid")

// Conflicting tells whether a write did not happen because the object is not as it was, is gone, or is there already.
func Conflicting(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) || apierrors.IsGone(err) || failedTest(err)
}

// failedTest tells whether a JSON patch could not be applied to the object as it is, because of a test in it most of all. The
// server tells no more than this; what it finds wrong with the object itself it says in other words.
func failedTest(err error) bool {
	var api apierrors.APIStatus
	return errors.As(err, &api) && api.Status().Code == http.StatusUnprocessableEntity &&
		api.Status().Message == "the server rejected our request due to an error in our request"
}

// Refused tells whether the server has said no for good: repeating the same request would not help.
func Refused(err error) bool {
	var api apierrors.APIStatus
	if !errors.As(err, &api) {
		return false
	}
	code := api.Status().Code
	return code >= 400 && code < 500 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout &&
		code != http.StatusUnauthorized && !Conflicting(err)
}

// Conflict turns an error of a write into one that makes the run look again where that is the remedy: the write did
// not happen for good reason, or nobody knows whether it happened.
func Conflict(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case Refused(err):
		return Explain(what, err)
	default:
		return fmt.Errorf("%s: %w (%w)", what, rollout.ErrConflict, err)
	}
}

// Explain adds to an error of the server what to do about it.
func Explain(what string, err error) error {
	switch {
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		return fmt.Errorf("%s: %w: raise the ResourceQuota, or release with a smaller maxSurge", what, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: %w: the server does not accept the token or certificate: it may have expired, log in again", what, err)
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot "): // in the words of RBAC
		return fmt.Errorf("%s: %w: slipway rollout job prints a Role with what a release needs", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// serverError gives an error the words of the server, which client-go does not read from a raw answer.
func serverError(err error, data []byte) error {
	var status metav1.Status
	var api *apierrors.StatusError
	if errors.As(err, &api) && json.Unmarshal(data, &status) == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure && status.Code != 0 {
		api.ErrStatus = status
	}
	return err
}
