// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// screen is a terminal of some columns that knows what Live writes: text, line ends, going back to the first column, and
// clearing to the end of the line. Text beyond the last column goes on in the next line, as on real ones.
type screen struct {
	t       *testing.T
	columns int
	lines   [][]rune
	column  int
	wrapped []int // lines that are the rest of the one before
}

func newScreen(t *testing.T, columns int) *screen {
	t.Helper()
	return &screen{t: t, columns: columns, lines: [][]rune{nil}}
}

func (s *screen) Write(data []byte) (int, error) {
	text := string(data)
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "\x1b[K"):
			last := len(s.lines) - 1
			s.lines[last] = s.lines[last][:min(s.column, len(s.lines[last]))]
			text = text[3:]
		case text[0] == '\x1b':
			s.t.Errorf("the terminal is told %q", text[:min(len(text), 8)])
			text = text[1:]
		case text[0] == '\r':
			s.column, text = 0, text[1:]
		case text[0] == '\n':
			s.column, text = 0, text[1:]
			s.lines = append(s.lines, nil)
		default:
			r := []rune(text)[0]
			s.put(r)
			text = text[len(string(r)):]
		}
	}
	return len(data), nil
}

func (s *screen) put(r rune) {
	if s.column == s.columns {
		s.lines, s.column = append(s.lines, nil), 0
		s.wrapped = append(s.wrapped, len(s.lines)-1)
	}
	last := len(s.lines) - 1
	s.lines[last] = append(s.lines[last][:min(s.column, len(s.lines[last]))], r)
	s.column++
}

// text is what stands on the screen, lines that went on joined.
func (s *screen) text() []string {
	var all []string
	for i, line := range s.lines {
		if slices.Contains(s.wrapped, i) {
			all[len(all)-1] += string(line)
			continue
		}
		all = append(all, string(line))
	}
	return all
}

// play shows a release of five pods on a terminal.
func play(t *testing.T, live *report.Live, each func(rollout.Observed, rollout.Decision)) {
	t.Helper()
	plan := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(2)}, {Replicas: plan.Percent(100)}}}
	cluster := sim.New(cart(5, "cart:v2"), template("cart:v1"), sim.Options{Ready: sim.Ready{Least: 5 * time.Second, Most: 20 * time.Second}, Terminating: time.Second})
	if _, err := sim.Play(t.Context(), plan, cluster, func(o rollout.Observed, d rollout.Decision) {
		live.Record(o, d)
		if each != nil {
			each(o, d)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// TestLiveLineStaysOneLine holds on terminals of any width that the line below the table is one line, is drawn over instead
// of again, and that the table above it is whole when the release has ended.
func TestLiveLineStaysOneLine(t *testing.T) {
	for _, columns := range []int{2, 20, 40, 80, 120, 300} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			tty := newScreen(t, columns)
			live := report.NewLive(tty, func() int { return columns })
			play(t, live, func(rollout.Observed, rollout.Decision) {
				if tty.column >= columns {
					t.Fatalf("the line fills all %d columns, so the next one begins below it", columns)
				}
				if n := strings.Count(strings.Join(tty.text(), "\n"), "["); n > 1 {
					t.Fatalf("%d lines with a bar stand on the screen:\n%s", n, strings.Join(tty.text(), "\n"))
				}
			})
			if err := live.End(); err != nil {
				t.Fatal(err)
			}
			all := tty.text()
			if tty.column != 0 || all[len(all)-1] != "" {
				t.Errorf("it does not end on a new line, but behind %q", all[len(all)-1])
			}
			table := strings.Join(all[:len(all)-2], "\n")
			if !strings.HasPrefix(table, "TIME ") || !strings.Contains(table, "done - Completed: 5 of 5 updated pods ready") {
				t.Errorf("the table is\n%s", table)
			}
			if last := all[len(all)-2]; columns >= 40 && !strings.HasPrefix(last, "[########################] 5/5 updated") {
				t.Errorf("the last line is %q", last)
			}
		})
	}
}

// A terminal that becomes narrower must not get a line that is as long as before.
func TestLiveFollowsTheWidth(t *testing.T) {
	columns := 120
	tty := newScreen(t, columns)
	live := report.NewLive(tty, func() int { return columns })
	o := rollout.Observed{Workload: cart(5, "cart:v2")}
	d := rollout.Decision{Verdict: rollout.Wait, Reason: plan.PodsNotReady, Message: strings.Repeat("waits ", 40)}
	live.Record(o, d)
	columns = 30
	live.Record(o, d)
	if tty.column != 29 {
		t.Errorf("the line has %d columns of %d", tty.column, columns)
	}
}

func TestMessagesBesideTheLiveLine(t *testing.T) {
	tty := newScreen(t, 80)
	live := report.NewLive(tty, func() int { return 0 })
	to := live.Beside(tty)
	warned := false
	play(t, live, func(_ rollout.Observed, d rollout.Decision) {
		if d.Verdict == rollout.Wait && !warned {
			warned = true
			_, _ = fmt.Fprintln(to, "warning: the chat is gone")
		}
	})
	if err := live.End(); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, line := range tty.text() {
		found = found || line == "warning: the chat is gone"
	}
	if !found {
		t.Errorf("the message has no line of its own:\n%s", strings.Join(tty.text(), "\n"))
	}
}

// Messages hold words of people and of other programs. None may move the cursor.
func TestLiveObeysNoMessage(t *testing.T) {
	tty := newScreen(t, 200)
	live := report.NewLive(tty, func() int { return 200 })
	live.Record(rollout.Observed{Workload: cart(1, "cart:v2")}, rollout.Decision{
		Verdict: rollout.Wait, Reason: plan.HeldByPerson, Message: "held by eve (\x1b[2J\x1b]0;gone\a\r\nall is well\u202e)",
	})
	if err := live.End(); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(tty.text(), "\n"); strings.Contains(all, "\nall is well") || !strings.Contains(all, `held by eve (\x1b[2J\x1b]0;gone\a\r\nall is well\u202e)`) {
		t.Errorf("the screen shows\n%s", all)
	}
}

func TestLiveThatNeverBeganEndsWithoutALine(t *testing.T) {
	tty := newScreen(t, 80)
	if err := report.NewLive(tty, func() int { return 80 }).End(); err != nil || len(tty.lines) > 1 || tty.column > 0 {
		t.Errorf("the screen shows %q, %v", tty.text(), err)
	}
}
