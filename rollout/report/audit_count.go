// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"time"
)

// count follows the numbers of a run's lines, so that one that is missing or doubled is noticed also where no other line depends
// on it. A run of a slipway that gave them no numbers has none.
type count struct {
	last  int       // the number of the line before, 0: it has none
	began time.Time // when the run began
	lost  int       // lines since the last one that could not be read
}

// errAgain is wrapped where a line has been there before, so that there is nothing to take from it.
var errAgain = errors.New("it is doubled or out of its place, or the first line of another run is missing")

// next takes a line of a run.
func (c *count) next(line *auditLine) error {
	before, number, lost := c.last, line.Number, c.lost
	if line.Plan != nil {
		if number == 1 && before == 1 && lost == 0 && line.Now.Equal(c.began) {
			return fmt.Errorf("line 1 of this run has been there before: %w", errAgain)
		}
		*c = count{last: number, began: line.Now}
		return nil
	}
	if number == 0 {
		if before > 0 {
			return errors.New("it lacks the number that the lines of this run have")
		}
		return nil
	}
	c.last, c.lost = number, 0
	switch missing := number - before - 1; {
	case missing < 0:
		return fmt.Errorf("line %d of this run has been there before: %w", number, errAgain)
	case missing <= lost:
		return nil
	case missing == 1:
		return fmt.Errorf("line %d of this run is missing before it", before+1)
	default:
		return fmt.Errorf("lines %d to %d of this run are missing before it", before+1, number-1)
	}
}
