// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// TestWritesOnPodsAreFenced holds that each write carries the UID and resourceVersion that it was decided on.
func TestWritesOnPodsAreFenced(t *testing.T) {
	var sent map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = nil
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
	}))
	t.Cleanup(server.Close)
	api, err := kube.NewClient(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{podWriter: podWriter{shared{
		session: &session{client: api, target: kube.Target{Namespace: "n", Name: "demo"}, options: Options{Now: time.Now}},
		caches:  &caches{pods: kube.NewCache[kube.Pod](api, kube.Pods("n"), nil, nil)},
	}}}
	ref := rollout.PodRef{Name: "demo-a", UID: "u", ResourceVersion: "7"}
	for kind, path := range map[rollout.ActionKind]string{
		rollout.DeletePod: "preconditions", rollout.DrainPod: "metadata",
		rollout.ReadmitPod: "metadata", rollout.SetLifecycle: "metadata",
	} {
		err := w.write(t.Context(), rollout.Action{Kind: kind, Pod: ref, Lifecycle: rollout.Normal})
		if !errors.Is(err, rollout.ErrConflict) {
			t.Errorf("%s: %v", kind, err)
		}
		if kube.Text(sent, path, "uid") != "u" || kube.Text(sent, path, "resourceVersion") != "7" {
			t.Errorf("%s is not fenced: %v", kind, sent)
		}
	}
}
