// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/ondelete"
)

// TestNode tells which nodes a DaemonSet's controller makes pods on: taints close one, unless the template or the controller
// tolerates them.
func TestNode(t *testing.T) {
	tolerations := func(all ...any) map[string]any { return map[string]any{"spec": map[string]any{"tolerations": all}} }
	gpu := `{"key":"gpu","value":"a","effect":"NoSchedule"}`
	for name, c := range map[string]struct {
		taint    string
		template map[string]any
		closed   bool
	}{
		"none":                            {"", nil, false},
		"not ready, by the node's health": {`{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}`, nil, true},
		"not ready, to evict other pods":  {`{"key":"node.kubernetes.io/not-ready","effect":"NoExecute"}`, nil, false},
		"cordoned":                        {`{"key":"node.kubernetes.io/unschedulable","effect":"NoSchedule"}`, nil, false},
		"short of memory":                 {`{"key":"node.kubernetes.io/memory-pressure","effect":"NoSchedule"}`, nil, false},
		"without network":                 {`{"key":"node.kubernetes.io/network-unavailable","effect":"NoSchedule"}`, nil, true},
		"without network, not needed": {
			`{"key":"node.kubernetes.io/network-unavailable","effect":"NoSchedule"}`,
			map[string]any{"spec": map[string]any{"hostNetwork": true}},
			false,
		},
		"for others":                 {gpu, nil, true},
		"for others, softly":         {`{"key":"gpu","value":"a","effect":"PreferNoSchedule"}`, nil, false},
		"tolerated by value":         {gpu, tolerations(map[string]any{"key": "gpu", "value": "a"}), false},
		"tolerated by another value": {gpu, tolerations(map[string]any{"key": "gpu", "value": "b"}), true},
		"tolerated whatever the value": {
			gpu, tolerations(map[string]any{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}),
			false,
		},
		"tolerated for another effect": {
			gpu, tolerations(map[string]any{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}),
			true,
		},
		"everything is tolerated": {gpu, tolerations(map[string]any{"operator": "Exists"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			var n kube.Node
			text := fmt.Sprintf(`{"metadata":{"name":"n1","labels":{"pool":"canary","arch":"arm64"}},"spec":{"taints":[%s]}}`, c.taint)
			if err := json.Unmarshal([]byte(text), &n); err != nil {
				t.Fatal(err)
			}
			want := ondelete.Node{Name: "n1", Labels: map[string]string{"pool": "canary"}, Closed: c.closed}
			if diff := cmp.Diff(want, n.Observed(kube.DaemonTolerations(c.template), []string{"pool", "zone"})); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}
