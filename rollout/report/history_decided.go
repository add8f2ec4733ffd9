// SPDX-License-Identifier: Apache-2.0

package report

import "github.com/slipway-dev/slipway/rollout"

// decided is every decision as a row, and the writes that were decided.
type decided struct {
	rows     []Row
	recorder Recorder
	writes   map[rollout.ActionKind]int
}

// addRow adds a decision with what it was made on.
func (d *decided) addRow(o rollout.Observed, decision rollout.Decision) {
	d.recorder.Emit = func(r Row) error {
		d.rows = append(d.rows, r)
		return nil
	}
	d.recorder.Record(o, decision)
	for _, a := range decision.Actions {
		d.writes[a.Kind]++
	}
}

// podWrites is how many writes on pods were decided.
func (d *decided) podWrites() int {
	n := 0
	for kind, count := range d.writes {
		if kind != rollout.RecordProgress && kind != rollout.SetPartition && kind != rollout.RestoreTemplate {
			n += count
		}
	}
	return n
}
