// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
)

// barWidth is how many characters a bar has.
const barWidth = 24

// Live shows a release on a terminal while it runs: the rows of Table, and below them one line that is drawn over
// again, with a bar and what the release waits for. Record fits rollout.Run's report; End leaves the last line standing.
// All methods may be called at the same time.
type Live struct {
	mutex    sync.Mutex
	out      io.Writer
	width    func() int
	table    func(Row) error
	recorder Recorder
	line     string
}

// NewLive shows a release on a terminal. width is how many columns it has, asked each time, because people change that;
// 0 is not known.
func NewLive(out io.Writer, width func() int) *Live {
	l := &Live{out: out, width: width}
	l.table = Table(out)
	l.recorder.Emit = func(r Row) error {
		l.clear()
		return l.table(r)
	}
	return l
}

// Record shows a decision.
func (l *Live) Record(o rollout.Observed, d rollout.Decision) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.recorder.Record(o, d)
	c := o.Counts()
	line := fmt.Sprintf("%s %d/%d updated, %d ready  %s", bar(c.Updated, c.UpdatedReady, c.Desired), c.Updated, c.Desired, c.Ready, manifest.Printable(d.Message))
	width := l.width()
	if width <= 0 {
		width = 80
	}
	if runes := []rune(line); len(runes) >= width {
		line = string(runes[:width-1])
	}
	if line != l.line || d.Ended() {
		l.clear()
		l.line = line
		_, _ = io.WriteString(l.out, line)
	}
}

// End ends the line that was drawn last.
func (l *Live) End() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.line != "" {
		l.line = ""
		_, _ = io.WriteString(l.out, "\n")
	}
	return l.recorder.Err()
}

// Beside is a writer for messages to the same terminal: the line makes room for what is written, and comes back with the
// next decision.
func (l *Live) Beside(w io.Writer) io.Writer { return beside{l, w} }

type beside struct {
	live *Live
	to   io.Writer
}

// Write takes whole lines.
func (b beside) Write(data []byte) (int, error) {
	b.live.mutex.Lock()
	defer b.live.mutex.Unlock()
	b.live.clear()
	n, err := b.to.Write(data)
	if err != nil {
		return n, fmt.Errorf("writing beside the table: %w", err)
	}
	return n, nil
}

// clear takes the line away.
func (l *Live) clear() {
	if l.line != "" {
		l.line = ""
		_, _ = io.WriteString(l.out, "\r\x1b[K")
	}
}

// bar shows of all pods those that are updated and ready (#), and those that are updated only (+).
func bar(updated, ready, desired int) string {
	if desired <= 0 {
		return "[" + strings.Repeat("#", barWidth) + "]"
	}
	full := min(ready*barWidth/desired, barWidth)
	half := min(updated*barWidth/desired, barWidth) - full
	return "[" + strings.Repeat("#", full) + strings.Repeat("+", max(half, 0)) + strings.Repeat("-", barWidth-full-max(half, 0)) + "]"
}
