// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// serverWords are those of an answer 403, 422, or of a webhook. A controller passes on no more than the words.
var serverWords = regexp.MustCompile(`(?s)(admission )?\S+ "[^"]*" (is (forbidden|invalid): |denied the request).*`)

// dumpedObject is what Kruise adds to them: the whole object with its env, which is nobody's to read.
var dumpedObject = regexp.MustCompile(`(?s), (pod|pvc): \{.*`)

// refusedForGood are the API server's words within a message of a controller where it took no pod and would not take it again,
// as NotAdmitted judges an answer; "" where that is not what the message says.
func refusedForGood(message string) string {
	said := dumpedObject.ReplaceAllString(serverWords.FindString(message), "")
	for _, later := range []string{wordsFull, wordsUncounted, wordsTerminating} {
		if strings.Contains(said, later) {
			return ""
		}
	}
	if rbacWords.MatchString(said) {
		return ""
	}
	return said
}

// wordsTerminating are what a namespace that is being deleted answers.
const wordsTerminating = "because it is being terminated"

// eventWritten is when an Event was written last, by the API server's clock. Its own times are by that of its controller.
func eventWritten(e *corev1.Event) time.Time {
	last := e.CreationTimestamp.Time
	for _, m := range e.ManagedFields {
		if m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}

// RefusedPods are the API server's words for which the controller of a target could not create or update a pod, and never will,
// by the last of the controller's Events about it that were written since then; "" where there is none. full is which quota has
// no room for now, by the last of them.
func (t Target) RefusedPods(ctx context.Context, c Client, uid types.UID, since time.Time) (said, full string, err error) {
	last, lastFull := since, since
	query := url.Values{"fieldSelector": {"type=Warning,involvedObject.uid=" + string(uid)}}
	err = ListPages(ctx, c, Events(t.Namespace).Path, query, func(e corev1.Event) {
		if e.Reason != "FailedCreate" && e.Reason != "FailedUpdatePodInPlace" { // of a pod, or of a pod's claim
			return
		}
		at := eventWritten(&e)
		if words := refusedForGood(e.Message); words != "" && !at.Before(last) {
			said, last = words, at
		}
		if words := overQuotaWords(e.Message); words != "" && !at.Before(lastFull) {
			full, lastFull = words, at
		}
	})
	if err != nil {
		return "", "", Explain(fmt.Sprintf("listing Event objects in namespace %s", t.Namespace), err)
	}
	return said, full, nil
}
