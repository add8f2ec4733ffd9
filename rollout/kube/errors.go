// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
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
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) || apierrors.IsGone(err) ||
		failedTest(err)
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

// NotAdmitted tells whether the server has refused an object for what it is, and would refuse it again: by validation,
// by a policy, a webhook, a LimitRange, Pod Security. A right that is missing is not the object's fault, a full quota may
// have room later, and a namespace that is being deleted takes nothing new.
func NotAdmitted(err error) bool {
	return Refused(err) && !RightMissing(err) && OverQuota(err) == "" &&
		!apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// RightMissing tells whether it was RBAC that said no, which has no other mark than its words.
func RightMissing(err error) bool {
	return apierrors.IsForbidden(err) && rbacWords().MatchString(err.Error())
}

var rbacWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`User "[^"]*" cannot \S+ resource "`)
})

// Failing are the words of a server that neither did what it was asked nor refused it, most often because a webhook does not
// answer; "" where that is not what the error says.
func Failing(err error) string {
	var api apierrors.APIStatus
	if !errors.As(err, &api) || Refused(err) || Conflicting(err) {
		return ""
	}
	return Words(err)
}

// Words are the server's own words of an error.
func Words(err error) string {
	var api apierrors.APIStatus
	if errors.As(err, &api) && api.Status().Message != "" {
		return api.Status().Message
	}
	return err.Error()
}

// What quota admission answers where the same request may succeed later. It has no other mark than these words: its code,
// 403, is also that of rights that are missing.
const (
	wordsFull      = "exceeded quota: "
	wordsUncounted = "status unknown for quota: "
)

// OverQuota says which quota has no room for a new object for now, and how full it is; "" where a quota is not the reason.
func OverQuota(err error) string {
	if !apierrors.IsForbidden(err) {
		return ""
	}
	return overQuotaWords(Words(err))
}

// overQuotaWords is the same of the server's words, which a controller passes on.
func overQuotaWords(said string) string {
	if _, rest, ok := strings.Cut(said, wordsFull); ok {
		name, numbers, _ := strings.Cut(rest, ", ")
		return fmt.Sprintf("ResourceQuota %s is full (%s): raise it, or release with a smaller maxSurge", name, numbers)
	}
	if _, rest, ok := strings.Cut(said, wordsUncounted); ok {
		name, _, _ := strings.Cut(rest, ", ")
		return fmt.Sprintf("ResourceQuota %s is not counted yet", name)
	}
	return ""
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
	case OverQuota(err) != "":
		return fmt.Errorf("%s: %w: raise the ResourceQuota, or release with a smaller maxSurge", what, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: %w: the server does not accept the token or certificate: it may have expired, log in again", what, err)
	case RightMissing(err):
		return fmt.Errorf("%s: %w: slipway rollout job prints a Role with what a release needs", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// serverError gives an error the words of the server, which client-go does not read from a raw answer.
func serverError(err error, data []byte) error {
	var status metav1.Status
	var api *apierrors.StatusError
	if errors.As(err, &api) && json.Unmarshal(data, &status) == nil && status.Kind == "Status" &&
		status.Status == metav1.StatusFailure && status.Code != 0 {
		api.ErrStatus = status
	}
	return err
}
