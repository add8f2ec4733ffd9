// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/screen"
	"github.com/slipway-dev/slipway/rollout/screen/screentest"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// newScreen is a terminal that must understand everything that it is told.
func newScreen(t *testing.T, columns int) *screentest.Terminal {
	t.Helper()
	tty := screentest.New(columns)
	t.Cleanup(func() {
		if len(tty.Refused) > 0 {
			t.Errorf("the terminal is told %q", tty.Refused)
		}
	})
	return tty
}

func column(tty *screentest.Terminal) int {
	_, column := tty.Cursor()
	return column
}

// wide is a terminal of which nobody knows how high it is.
func wide(columns *int) func() screen.Size {
	return func() screen.Size { return screen.Size{Columns: *columns} }
}

// play shows a release of five pods on a terminal.
func play(t *testing.T, live *report.Live, each func(rollout.Observed, rollout.Decision)) {
	t.Helper()
	plan := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(2)}, {Replicas: plan.Percent(100)}}}
	cluster := sim.New(cart(5, "cart:v2"), template("cart:v1"),
		sim.Options{Ready: sim.Ready{Least: 5 * time.Second, Most: 20 * time.Second}, Terminating: time.Second})
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
			live := report.NewLive(tty, wide(&columns), "")
			play(t, live, func(rollout.Observed, rollout.Decision) {
				if column(tty) >= columns {
					t.Fatalf("the line fills all %d columns, so the next one begins below it", columns)
				}
				if n := strings.Count(tty.Text(), "["); n > 1 {
					t.Fatalf("%d lines with a bar stand on the screen:\n%s", n, tty.Text())
				}
			})
			if err := live.End(); err != nil {
				t.Fatal(err)
			}
			all := tty.Lines()
			if column(tty) != 0 || all[len(all)-1] != "" {
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
	live := report.NewLive(tty, wide(&columns), "")
	o := rollout.Observed{Workload: cart(5, "cart:v2")}
	d := rollout.Decision{Verdict: rollout.Wait, Reason: plan.PodsNotReady, Message: strings.Repeat("waits ", 40)}
	live.Record(o, d)
	columns = 30
	live.Record(o, d)
	if column(tty) != 29 {
		t.Errorf("the line has %d columns of %d", column(tty), columns)
	}
}

func TestMessagesBesideTheLiveLine(t *testing.T) {
	tty := newScreen(t, 80)
	live := report.NewLive(tty, wide(new(int)), "")
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
	for _, line := range tty.Lines() {
		found = found || line == "warning: the chat is gone"
	}
	if !found {
		t.Errorf("the message has no line of its own:\n%s", tty.Text())
	}
}

// Messages hold words of people and of other programs. None may move the cursor.
func TestLiveObeysNoMessage(t *testing.T) {
	tty := newScreen(t, 200)
	live := report.NewLive(tty, wide(new(200)), "")
	live.Record(rollout.Observed{Workload: cart(1, "cart:v2")}, rollout.Decision{
		Verdict: rollout.Wait, Reason: plan.HeldByPerson, Message: "held by eve (\x1b[2J\x1b]0;gone\a\r\nall is well\u202e)",
	})
	if err := live.End(); err != nil {
		t.Fatal(err)
	}
	if all := tty.Text(); strings.Contains(all, "\nall is well") ||
		!strings.Contains(all, `held by eve (\x1b[2J\x1b]0;gone\a\r\nall is well\u202e)`) {
		t.Errorf("the screen shows\n%s", all)
	}
}

func TestLiveThatNeverBeganEndsWithoutALine(t *testing.T) {
	tty := newScreen(t, 80)
	if err := report.NewLive(tty, wide(new(80)), "").End(); err != nil || len(tty.Lines()) > 1 || column(tty) > 0 {
		t.Errorf("the screen shows %q, %v", tty.Lines(), err)
	}
}

// TestLiveDrawsTheWholeRelease holds on a terminal of which everything is known that the header, the revisions and the pods
// stand there once, below the whole table, also where the terminal changes while the release runs.
func TestLiveDrawsTheWholeRelease(t *testing.T) {
	for _, columns := range []int{30, 80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			tty := newScreen(t, columns)
			size := screen.Size{Columns: columns, Lines: 24, Colours: true}
			live := report.NewLive(tty, func() screen.Size { return size }, "--context prod")
			looks := 0
			play(t, live, func(rollout.Observed, rollout.Decision) {
				if n := strings.Count(tty.Text(), "target   "); n != 1 {
					t.Fatalf("%d headers stand on the screen:\n%s", n, tty.Text())
				}
				if looks++; looks == 4 {
					size.Columns = columns * 2 / 3
					tty.Resize(size.Columns)
				}
			})
			if err := live.End(); err != nil {
				t.Fatal(err)
			}
			all := tty.Text()
			for _, want := range []string{
				"done - Completed: 5 of 5 updated pods ready\ntarget   CloneSet", "\nstate    Completed: ",
				"new, 5 pods",
			} {
				if !strings.HasPrefix(all, "TIME ") || columns > 30 && !strings.Contains(all, want) {
					t.Errorf("%q is missing:\n%s", want, all)
				}
			}
			if column(tty) != 0 {
				t.Errorf("it does not end on a new line:\n%s", all)
			}
		})
	}
}
