// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// serverWords are those of an answer 403, 422, or of a webhook. A controller passes on no more than the words.
var serverWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)(admission )?\S+ "[^"]*" (is (forbidden|invalid): |denied the request).*`)
})

// dumpedObject is what Kruise adds to them: the whole object with its env, which is nobody's to read.
var dumpedObject = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s), (pod|pvc): \{.*`)
})

// refusedForGood are the API server's words within a message of a controller where it took no pod and would not take it again,
// as NotAdmitted judges an answer; "" where that is not what the message says.
func refusedForGood(message string) string {
	said := dumpedObject().ReplaceAllString(serverWords().FindString(message), "")
	for _, later := range []string{wordsFull, wordsUncounted, wordsTerminating} {
		if strings.Contains(said, later) {
			return ""
		}
	}
	if rbacWords().MatchString(said) {
		return ""
	}
	return said
}

// notNow is why the API server took no pod for now, by a message of a controller; "" where it never will. Of a quota it is how
// full that is, and of a server or a webhook that failed, what the controller says.
func notNow(message string) string {
	switch {
	case message == "" || refusedForGood(message) != "":
		return ""
	case overQuotaWords(message) != "":
		return overQuotaWords(message)
	default:
		return controllerSays(message)
	}
}

func controllerSays(message string) string {
	return "its controller says: " + dumpedObject().ReplaceAllString(message, "")
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
// by the last of the controller's Events about it that were written since then; "" where there is none. full is why it could not
// for now, by the last of them.
func (t Target) RefusedPods(ctx context.Context, c Client, uid types.UID, since time.Time) (said, full string, err error) {
	last, lastFull := since, since
	query := url.Values{"fieldSelector": {"type=Warning,involvedObject.uid=" + string(uid)}}
	err = ListPages(ctx, c, Events(t.Namespace).Path, query, func(e corev1.Event) {
		now, at := notNow(e.Message), eventWritten(&e)
		switch e.Reason {
		case "FailedCreate", "FailedUpdatePodInPlace": // of a pod, or of a pod's claim
			if words := refusedForGood(e.Message); words != "" && !at.Before(last) {
				said, last = words, at
			}
		case "FailedDelete": // whoever protects a pod may let it go later
			now = controllerSays(e.Message)
		default:
			return
		}
		if now != "" && !at.Before(lastFull) {
			full, lastFull = now, at
		}
	})
	if err != nil {
		return "", "", Explain(fmt.Sprintf("listing Event objects in namespace %s", t.Namespace), err)
	}
	return said, full, nil
}
