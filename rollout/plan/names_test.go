// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestNamesOfPlansAndTargetsAreNames: names become parts of other names, of files and of paths.
func TestNamesOfPlansAndTargetsAreNames(t *testing.T) {
	const text = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: %q, namespace: %q}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: %q}
  batches: [{replicas: 100%%}]
`
	for _, name := range []string{
		"..", "../x", "a/b", "a\nb", "A", "a_b", "-a", "a-", "a\x00", ".git", "a..b", "\u202ea",
		strings.Repeat("a", 254),
	} {
		for _, place := range []string{"metadata.name", "metadata.namespace", "spec.target.name"} {
			names := map[string]string{"metadata.name": "p", "metadata.namespace": "n", "spec.target.name": "t"}
			names[place] = name
			_, err := plan.ParsePlan("plan.yaml", fmt.Appendf(nil, text, names["metadata.name"], names["metadata.namespace"],
				names["spec.target.name"]))
			if err == nil || !strings.Contains(err.Error(), place+": ") || !strings.Contains(err.Error(), "name") {
				t.Errorf("%s %q: got %v, want an error that names the field", place, name, err)
			}
		}
	}
	for _, name := range []string{"a", "0", "a.b-c.d", strings.Repeat("a", 253)} {
		if _, err := plan.ParsePlan("plan.yaml", fmt.Appendf(nil, text, name, "shop", name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
