// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

func FuzzParsePlan(f *testing.F) {
	f.Add(fullPlan)
	f.Add(checksPlan)
	f.Add(strings.ReplaceAll(fullPlan, "replicas: 1\n", "replicas: 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plan.ParsePlan("in.yaml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "in.yaml:") {
				t.Errorf("message without a file: %v", err)
			}
			return
		}
		if len(p.Batches) == 0 || p.Target.Name == "" {
			t.Errorf("a plan without batches or target is taken: %+v", p)
		}
	})
}

func FuzzParseCloneSet(f *testing.F) {
	f.Add(fullSet)
	f.Add(betaSet())
	f.Fuzz(func(t *testing.T, text string) {
		cs, err := plan.ParseCloneSet("in.yaml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "in.yaml:") {
				t.Errorf("message without a file: %v", err)
			}
			return
		}
		b, err := cs.Spec.Bounds()
		if err != nil || b.Partition > b.Replicas || (b.Replicas > 0 && b.MaxSurge+b.MaxUnavailable == 0) {
			t.Errorf("a CloneSet that cannot be released is taken: %+v %v", b, err)
		}
	})
}
