// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestNoTwoTargetsShareARecord holds the names of all kinds and modes against one another, with targets that are called as the
// records of others are.
func TestNoTwoTargetsShareARecord(t *testing.T) {
	of := map[string]string{}
	for _, name := range []string{
		"db", "db.statefulset", "db.cloneset", "db.direct", "db.statefulset.apps.kruise.io",
		"db.daemonset", "db.deployment", "db.cloneset.direct",
	} {
		for _, k := range plan.Kinds() {
			for _, mode := range []plan.Mode{plan.Direct, plan.Partition} {
				if mode == plan.Direct && !k.Direct {
					continue
				}
				record, target := plan.RecordName(k, name, mode), k.Group()+" "+k.Name+" "+name+" "+string(mode)
				if other, taken := of[record]; taken && other != target {
					t.Errorf("%s is the record of %s and of %s", record, other, target)
				}
				of[record] = target
			}
		}
	}
}

// TestRecordsOfOlderVersionsAreLookedFor has the name of before where it is another one by now.
func TestRecordsOfOlderVersionsAreLookedFor(t *testing.T) {
	for _, c := range []struct {
		word, name string
		mode       plan.Mode
		want       []string
	}{
		{"cloneset", "db", plan.Direct, []string{"slipway-db"}},
		{"cloneset", "db", plan.Partition, []string{"slipway-db.cloneset"}},
		{"statefulset", "db", plan.Partition, []string{"slipway-db.statefulset"}},
		{"asts", "db", plan.Partition, []string{"slipway-db.statefulset.apps.kruise.io", "slipway-db.statefulset"}},
		{"cloneset", "db.statefulset", plan.Direct, []string{"slipway-db.statefulset.direct", "slipway-db.statefulset"}},
	} {
		k, err := plan.KindNamed(c.word)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.RecordNames(k, c.name, c.mode); !slices.Equal(got, c.want) {
			t.Errorf("%s %s in %s mode: %v, want %v", c.word, c.name, c.mode, got, c.want)
		}
	}
}
