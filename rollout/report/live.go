// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/screen"
)

// Live shows a release on a terminal while it runs: the rows of Table, and below them what is drawn over again: the whole of the
// release or, where nobody knows how high the terminal is, one line with a bar and what the release waits for. Record fits
// rollout.Run's report; End leaves what was drawn last standing. All methods may be called at the same time.
type Live struct {
	mutex    sync.Mutex
	out      io.Writer
	size     func() screen.Size
	flags    string
	table    func(Row) error
	recorder Recorder
	drawn    []string
}

// NewLive shows a release on a terminal. size is how large it is, asked each time, because people change that; 0 is
// not known.
// flags are what a command about the release needs beside its name.
func NewLive(out io.Writer, size func() screen.Size, flags string) *Live {
	l := &Live{out: out, size: size, flags: flags}
	l.table = Table(out)
	l.recorder.Emit = func(r Row) error {
		l.clear()
		return l.table(r)
	}
	return l
}

// Record shows a decision.
func (l *Live) Record(o rollout.Observed, d rollout.Decision) {
	l.Show(screen.View{Observed: o, Decision: d})
}

// Show shows an observation of a release.
func (l *Live) Show(v screen.View) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.recorder.Record(v.Observed, v.Decision)
	lines := l.lines(v)
	if slices.Equal(lines, l.drawn) && !v.Decision.Ended() {
		return
	}
	text := l.away() + strings.Join(lines, "\n") // in one piece, so that nobody sees a half
	l.drawn = lines
	_, _ = io.WriteString(l.out, text)
}

// lines is what stands below the table.
func (l *Live) lines(v screen.View) []string {
	size := l.size()
	if size.Columns <= 0 {
		size.Columns = 80
	}
	v.Flags = l.flags
	return screen.Draw(v, size)
}

// End ends the line that was drawn last.
func (l *Live) End() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.drawn) > 0 {
		l.drawn = nil
		_, _ = io.WriteString(l.out, "\n")
	}
	return l.recorder.Err()
}

// Beside is a writer for messages to the same terminal: what is drawn makes room for what is written,
// and comes back with the next decision.
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

// clear takes away what was drawn.
func (l *Live) clear() {
	if away := l.away(); away != "" {
		l.drawn = nil
		_, _ = io.WriteString(l.out, away)
	}
}

// away is what a terminal has to be told to take away what was drawn. A terminal that became narrower meanwhile has broken
// lines.
func (l *Live) away() string {
	up, columns := -1, l.size().Columns
	for _, line := range l.drawn {
		up++
		if columns > 0 {
			up += max(screen.Width(line)-1, 0) / columns
		}
	}
	switch {
	case up < 0:
		return ""
	case len(l.drawn) == 1:
		return "\r\x1b[K"
	case up == 0:
		return "\r\x1b[J"
	default:
		return fmt.Sprintf("\r\x1b[%dA\x1b[J", up)
	}
}
