// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// large is the log of a release that recreates n pods, a fifth at a time.
func large(tb testing.TB, n int) []byte {
	tb.Helper()
	set := cart(n, "cart:v2")
	set.Spec.MaxSurge, set.Spec.MaxUnavailable, set.Spec.UpdateType = plan.Pods(0), plan.Percent(20), plan.ReCreate
	var log bytes.Buffer
	audit := report.NewAudit(&log, plan.BatchPlan{})
	cluster := sim.New(set, template("cart:v1"), sim.Options{})
	if _, err := sim.Play(tb.Context(), plan.BatchPlan{}, cluster, audit.Record); err != nil {
		tb.Fatal(err)
	}
	if audit.Err() != nil {
		tb.Fatal(audit.Err())
	}
	return log.Bytes()
}

func BenchmarkAudit(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		log := large(b, n)
		for name, work := range map[string]func() error{
			"replay": func() error {
				_, err := report.Replay(bytes.NewReader(log))
				return err
			},
			"report": func() error {
				all, err := report.ReadHistory(bytes.NewReader(log))
				if err != nil {
					return err
				}
				return report.HTML(io.Discard, all[0])
			},
			"write": func() error {
				set := cart(n, "cart:v2")
				audit := report.NewAudit(io.Discard, plan.BatchPlan{})
				cluster := sim.New(set, template("cart:v1"), sim.Options{})
				if _, err := sim.Play(b.Context(), plan.BatchPlan{}, cluster, audit.Record); err != nil {
					return err
				}
				return audit.Err()
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(log)))
				b.ReportAllocs()
				for b.Loop() {
					if err := work(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// What pods have in common is written once for all of them: of a pod that is deleted and created again little more remains than
// names, UIDs and versions.
func TestLogHasLittleForEachOfManyPods(t *testing.T) {
	const pods, each = 2_000, 140 // bytes; in version 1 it is 1,330
	if log := large(t, pods); len(log) > pods*each {
		t.Errorf("%d bytes a pod, want at most %d", len(log)/pods, each)
	}
}

// Twice the pods are twice the work.
func TestReadingALogGrowsWithThePods(t *testing.T) {
	allocations := func(log []byte) float64 {
		return testing.AllocsPerRun(1, func() {
			if _, err := report.Replay(bytes.NewReader(log)); err != nil {
				t.Error(err)
			}
			if _, err := report.ReadHistory(bytes.NewReader(log)); err != nil {
				t.Error(err)
			}
		})
	}
	one, two := allocations(large(t, 1_000)), allocations(large(t, 2_000))
	if two > 2.2*one {
		t.Errorf("%v allocations for 1,000 pods, %v for 2,000", one, two)
	}
}
