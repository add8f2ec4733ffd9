// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// TestARightThatWasThere is asked for again: a server that starts refuses everybody until it knows the roles. One that never was
// there is missing at once.
func TestARightThatWasThere(t *testing.T) {
	const refusal = `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": ` +
		`"leases \"a\" is forbidden: User \"u\" cannot get resource \"leases\" in API group \"\""}`
	for _, c := range []struct {
		name    string
		answers string // in turn: + grants, - refuses
		want    string // of each request
		asked   int
	}{
		{"the server starts again", "+--+", "++", 4},
		{"it was never there", "-+", "-", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if c.answers[asked] == '-' {
					w.WriteHeader(http.StatusForbidden)
					_, _ = fmt.Fprint(w, refusal)
				} else {
					_, _ = fmt.Fprint(w, `{"metadata": {"name": "a"}}`)
				}
				asked++
			}))
			defer server.Close()
			client, err := kube.NewClient(&rest.Config{Host: server.URL, QPS: -1})
			if err != nil {
				t.Fatal(err)
			}
			lease := kube.Leases("shop").Object("a")
			got := ""
			for range c.want {
				var l kube.Lease
				err = client.Get(t.Context(), lease, &l)
				got += map[bool]string{true: "+", false: "-"}[err == nil]
			}
			if got != c.want || asked != c.asked {
				t.Errorf("%s, after %d requests; want %s and %d", got, asked, c.want, c.asked)
			}
		})
	}
}
