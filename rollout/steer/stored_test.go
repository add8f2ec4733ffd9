// SPDX-License-Identifier: Apache-2.0

package steer_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// dataOf are the data of a ConfigMap.
func dataOf(record map[string]any) map[string]any { return record["data"].(map[string]any) }

// open is a person in front of a server that has this ConfigMap and a CloneSet, and puts patched data into the ConfigMap.
func open(t *testing.T, record map[string]any) *steer.Release {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", "Thu, 01 Jan 2026 00:06:00 GMT")
		switch {
		case strings.HasSuffix(r.URL.Path, "/clonesets/demo"):
			_, _ = w.Write([]byte(`{"metadata":{"name":"demo","namespace":"shop","uid":"uid-of-demo","generation":2},` +
				`"spec":{"replicas":3},"status":{"updateRevision":"demo-226d3c3e"}}`))
		case !strings.HasSuffix(r.URL.Path, "/configmaps/slipway-demo"):
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"not ` +
				`found","code":404}`))
			return
		case r.Method == http.MethodPatch:
			var patch struct{ Data map[string]any }
			if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
				t.Error(err)
			}
			maps.Copy(dataOf(record), patch.Data)
			fallthrough
		default:
			_ = json.NewEncoder(w).Encode(record)
		}
	}))
	t.Cleanup(server.Close)
	v, err := steer.Open(steer.Options{
		Config: &rest.Config{Host: server.URL, QPS: -1}, Namespace: "shop", Name: "demo", Mode: plan.Direct, Identity: "alice",
		Now: func() time.Time { return time.Date(2026, 1, 1, 0, 6, 0, 0, time.UTC) },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReadsAReleaseOfVersion0 shows and approves a release that an agent of the version before has begun.
func TestReadsAReleaseOfVersion0(t *testing.T) {
	record := agenttest.RecordV0(t)
	v := open(t, record)
	s, err := v.Status(t.Context())
	if err != nil || s.Decision.Reason != plan.AwaitingApproval || s.Observed.Progress.Revision != "demo-226d3c3e" {
		t.Fatalf("it looks like %+v of %+v, %v", s.Decision, s.Observed.Progress, err)
	}
	if s.Plan.ProgressDeadline != 10*time.Minute || len(s.Plan.Batches) != 2 || s.Plan.Batches[0].Pause.Duration != 5*time.Minute {
		t.Errorf("the plan is %+v", s.Plan)
	}
	if _, err := v.Request(t.Context(), rollout.Request{Kind: rollout.Approve, Batch: -1}); err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"revision":"demo-226d3c3e","stable":"demo-c4de4ad5","batch":0,"started":"2026-01-01T00:00:00Z","ready":"2026-01-01T00:00:15Z",` +
		`"approved":1,"requests":[{"ask":"Approve","batch":0,"by":"alice","claimed":true,"at":"2026-01-01T00:06:00Z"}]}`
	if got := dataOf(record)["progress"]; got != want {
		t.Errorf("stored is %s\nwant %s", got, want)
	}
	if s, err = v.Status(t.Context()); err != nil || s.Decision.Reason == plan.AwaitingApproval {
		t.Errorf("it looks like %+v, %v", s.Decision, err)
	}
}

// TestARequestIsAnEntryOfItsOwn where the agent reads those: the progress stays the agent's.
func TestARequestIsAnEntryOfItsOwn(t *testing.T) {
	record := agenttest.RecordV0(t)
	dataOf(record)[kube.KeyEntries] = "1"
	before := maps.Clone(dataOf(record))
	if _, err := open(t, record).Request(t.Context(), rollout.Request{Kind: rollout.Approve, Batch: -1}); err != nil {
		t.Fatal(err)
	}
	before["request-1767225960000000000"] = `{"ask":"Approve","batch":0,"by":"alice","claimed":true,"at":"2026-01-01T00:06:00Z"}`
	if diff := cmp.Diff(before, dataOf(record)); diff != "" {
		t.Errorf("stored is (-want +got):\n%s", diff)
	}
}

// TestRecordOfANewerSlipwayIsRefused reads nothing of it and writes nothing to it.
func TestRecordOfANewerSlipwayIsRefused(t *testing.T) {
	const refused = "written by a newer slipway: its version is 2, and this slipway reads up to version 1: run the newer slipway"
	for key, want := range map[string]string{
		"progress": "reading the progress in ConfigMap shop/slipway-demo: " + refused +
			", or delete the ConfigMap to begin the release again",
		"plan": "reading the plan in ConfigMap shop/slipway-demo: " + refused,
	} {
		t.Run(key, func(t *testing.T) {
			record := agenttest.RecordV0(t)
			dataOf(record)[key] = `{"version":2,"batches":"two","revision":["demo"]}`
			before := maps.Clone(dataOf(record))
			v := open(t, record)
			s, err := v.Status(t.Context())
			if !errors.Is(err, kube.ErrInvalid) || !strings.Contains(err.Error(), want) || s.Recorded() {
				t.Errorf("it looks like %+v, %v; want %s", s.Decision, err, want)
			}
			if _, err := v.Request(t.Context(), rollout.Request{Kind: rollout.Approve, Batch: -1}); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("an approval says %v, want %s", err, want)
			}
			if !maps.Equal(before, dataOf(record)) {
				t.Errorf("it was written: %v", record)
			}
		})
	}
}

// TestRecordThatSomebodyHasBroken says what is wrong with it, where it is and what to do, in words of JSON and not of Go.
func TestRecordThatSomebodyHasBroken(t *testing.T) {
	const remedy = ": delete the ConfigMap to begin the release again"
	for _, c := range []struct{ key, value, want string }{
		{"progress", "5", "it is a number, must be a JSON object" + remedy},
		{"progress", "[]", "it is a list, must be a JSON object" + remedy},
		{"progress", "null", "it is null, must be a JSON object" + remedy},
		{"progress", "", "it is empty, must be a JSON object" + remedy},
		{"progress", `{"revision": 5}`, "revision is a number, must be a string" + remedy},
		{"progress", `{"started": "yesterday"}`, `"yesterday" is not a moment: write it as 2006-01-02T15:04:05Z` + remedy},
		{
			"plan", "[]",
			"it is a list, must be a JSON object (take the key out: an agent puts it back with its next write)",
		},
	} {
		t.Run(c.key+" "+c.value, func(t *testing.T) {
			record := agenttest.RecordV0(t)
			dataOf(record)[c.key] = c.value
			v, want := open(t, record), "reading the "+c.key+" in ConfigMap shop/slipway-demo: "+c.want
			if _, err := v.Status(t.Context()); !errors.Is(err, kube.ErrInvalid) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("it says %v, want %s", err, want)
			}
		})
	}
}
