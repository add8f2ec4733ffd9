// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Request is one request that the API server answered, as its audit log has it.
type Request struct {
	Verb        string // get, list, watch, create, update, patch, delete, deletecollection
	URI         string
	UserAgent   string
	User        string
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Code        int
	Received    time.Time
	Body        json.RawMessage // what was sent, under Options.Bodies
	Answer      json.RawMessage // the object after the write, under Options.Bodies
}

// isWrite tells whether the request may have changed something.
func (r Request) isWrite() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, r.Verb)
}

// Log is a list of requests in the order in which they were answered.
type Log []Request

// Writes are the requests that may have changed something; refused ones are among them.
func (l Log) Writes() Log { return l.Where(Request.isWrite) }

// Accepted are the requests that the server granted. A write that met a newer version of its object is none of them: how many do
// depends on when others write.
func (l Log) Accepted() Log {
	return l.Where(func(r Request) bool { return r.Code < http.StatusMultipleChoices })
}

// By are the requests whose user agent begins with a text.
func (l Log) By(userAgent string) Log {
	return l.Where(func(r Request) bool { return strings.HasPrefix(r.UserAgent, userAgent) })
}

// Where are the requests that a question is answered with yes for.
func (l Log) Where(question func(Request) bool) Log {
	var found Log
	for _, r := range l {
		if question(r) {
			found = append(found, r)
		}
	}
	return found
}

// Count counts by verb and resource: "create pods", "patch pods/status".
func (l Log) Count() map[string]int {
	counts := map[string]int{}
	for _, r := range l {
		key := r.Verb + " " + r.Resource
		if r.Subresource != "" {
			key += "/" + r.Subresource
		}
		counts[key]++
	}
	return counts
}

// Requests returns all requests in a namespace so far, "" for all. Watches are in it once they end.
func (c *Cluster) Requests(tb testing.TB, namespace string) Log {
	tb.Helper()
	// The log is written before an answer is, so once this request is in it all are whose answers the test has seen.
	marker := fmt.Sprintf("/version?marker=%d", c.numbers.Add(1))
	c.Get(tb, marker)
	var log Log
	Eventually(tb, "the audit log is written", func() (bool, string) {
		text, err := os.ReadFile(c.file(auditLog))
		if err != nil {
			return false, err.Error()
		}
		log, err = parseAudit(text)
		if err != nil {
			tb.Fatal(err)
		}
		return slices.ContainsFunc(log, func(r Request) bool { return r.URI == marker }), marker
	})
	return log.Where(func(r Request) bool { return namespace == "" || r.Namespace == namespace })
}

// parseAudit reads the complete lines of an audit log.
func parseAudit(text []byte) (Log, error) {
	var log Log
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var event struct {
			Verb, RequestURI, UserAgent string
			User                        struct{ Username string }
			ObjectRef                   struct{ APIGroup, Resource, Subresource, Namespace, Name string }
			ResponseStatus              struct{ Code int }
			RequestReceivedTimestamp    time.Time
			RequestObject               json.RawMessage
			ResponseObject              json.RawMessage
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("audit log: %w in %s", err, line)
		}
		ref := event.ObjectRef
		log = append(log, Request{
			Verb: event.Verb, URI: event.RequestURI, UserAgent: event.UserAgent, User: event.User.Username,
			Group: ref.APIGroup, Resource: ref.Resource, Subresource: ref.Subresource, Namespace: ref.Namespace, Name: ref.Name,
			Code: event.ResponseStatus.Code, Received: event.RequestReceivedTimestamp,
			Body: event.RequestObject, Answer: event.ResponseObject,
		})
	}
	return log, nil
}

// auditRules is the audit policy: one entry for each request, when it is answered.
func auditRules(bodies bool) map[string]any {
	rules := []any{map[string]any{"level": "Metadata"}}
	if bodies {
		rules = slices.Insert(rules, 0, any(map[string]any{
			"level": "RequestResponse",
			"verbs": []string{"create", "update", "patch", "delete"},
			"resources": []any{
				map[string]any{"group": "", "resources": []string{"pods", "pods/*"}},
				map[string]any{"group": "apps.kruise.io"},
			},
		}))
	}
	return map[string]any{
		"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
		"omitStages": []string{"RequestReceived", "ResponseStarted"}, "rules": rules,
	}
}
