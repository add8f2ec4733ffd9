// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// tableFormat has fixed widths, so that rows can be printed while the release runs. The last column is free.
const tableFormat = "%-8s %7s %7s %13s %5s %5s  %5s  %s\n"

// Table returns an Emit that writes a table to w, one row at a time.
func Table(w io.Writer) func(Row) error {
	header := false
	return func(r Row) error {
		if !header {
			header = true
			if _, err := fmt.Fprintf(w, tableFormat, "TIME", "DESIRED", "UPDATED", "UPDATED_READY", "READY", "TOTAL", "BATCH",
				"ACTION"); err != nil {
				return fmt.Errorf("writing table: %w", err)
			}
		}
		_, err := fmt.Fprintf(w, tableFormat, r.Time, strconv.Itoa(r.Desired), strconv.Itoa(r.Updated), strconv.Itoa(r.UpdatedReady),
			strconv.Itoa(r.Ready), strconv.Itoa(r.Total), strconv.Itoa(r.Batch), manifest.Printable(r.Action+" - "+r.Reason))
		if err != nil {
			return fmt.Errorf("writing table: %w", err)
		}
		return nil
	}
}

// JSONLines returns an Emit that writes one JSON object a line to w.
func JSONLines(w io.Writer) func(Row) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(r Row) error {
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("writing JSON lines: %w", err)
		}
		return nil
	}
}

func trimZeros(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
