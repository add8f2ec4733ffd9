// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// shower is an output format: what it does with a row, and what with the end.
type shower struct {
	row func(report.Row) error
	end func(release, rollout.Decision, sim.Writes) error
}

func (opts simulateOptions) shower(out io.Writer) (shower, error) {
	nothing := func(release, rollout.Decision, sim.Writes) error { return nil }
	switch opts.output {
	case "table":
		return shower{report.Table(out), nothing}, nil
	case "jsonl":
		return shower{report.JSONLines(out), nothing}, nil
	case "html":
		return pageShower(out), nil
	default:
		return shower{}, fmt.Errorf("-o %q is not one of table, jsonl, html", opts.output)
	}
}

// pageShower collects the rows, because a page begins with its result.
func pageShower(out io.Writer) shower {
	var page report.Page
	return shower{
		row: func(r report.Row) error {
			page.Rows = append(page.Rows, r)
			return nil
		},
		end: func(r release, d rollout.Decision, w sim.Writes) error {
			outline, err := rollout.NewOutline(r.plan, r.set, r.olderTemplate())
			if err != nil {
				return err
			}
			page.Set, page.Bounds, page.End, page.Writes = outline.Set, outline.Bounds, d, w.Pods()
			return report.HTML(out, page)
		},
	}
}
