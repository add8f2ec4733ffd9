// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/slipway-dev/slipway/render/report"

// ParseFormat reads the value of a flag that names a format of a report, or one of those that a command has besides them.
func ParseFormat(flag, value string, besides ...string) (report.Format, error) {
	format, err := report.ParseFormat(value, besides...)
	if err != nil {
		return format, Usagef("%s: %w", flag, err)
	}
	return format, nil
}
