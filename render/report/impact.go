// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
)

// WriteImpact writes what a run means for running pods, a paragraph for each template that changed.
func WriteImpact(w io.Writer, impact []render.Impact) error {
	if len(impact) == 0 {
		return nil
	}
	count := map[render.Effect]int{}
	for _, i := range impact {
		count[i.Effect]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "impact on %s:", manifest.Counted(len(impact), "pod template"))
	comma := ""
	for _, e := range []render.Effect{render.Restart, render.Replace, render.NewPods, render.InPlaceUpdate} {
		if count[e] > 0 {
			fmt.Fprintf(&b, "%s %d %s", comma, count[e], e)
			comma = ","
		}
	}
	b.WriteString("\n")
	for _, i := range impact {
		fmt.Fprintf(&b, "  %s: %s: %s\n", i.Object, i.Effect, manifest.Printable(i.Reason))
		for _, c := range i.Changes {
			fmt.Fprintf(&b, "    %s\n", manifest.Printable(c))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the impact: %w", err)
	}
	return nil
}
