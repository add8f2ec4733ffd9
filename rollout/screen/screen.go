// SPDX-License-Identifier: Apache-2.0

// Package screen draws a release for a terminal: what is released, how far it is, what it waits for and the command that goes
// on, and below that its revisions and their pods. It draws lines and knows no terminal: who shows them says how wide and how
// high that is.
package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// View is one look at a release, as it is drawn.
type View struct {
	Observed rollout.Observed
	Decision rollout.Decision
	Pods     []rollout.Pod // every pod, where Observed has them not; nil: they were not looked at
	Seen     time.Time     // when that was
	Note     string        // what else a person has to know, such as that no agent is at work
	Flags    string        // what a command about the release needs beside its name: "--context prod"
}

// Size is how much room there is, in letters and lines, and whether a terminal is told colours.
type Size struct {
	Columns, Lines int
	Colours        bool
}

// Draw draws an observation. No line is as wide as the screen, where many terminals would begin the next one, and there are
// fewer lines than it has, so that all of them can be drawn over. Where nobody knows how many it has, one is drawn.
func Draw(v View, size Size) []string {
	if size.Lines <= 0 {
		return []string{v.line(size.Columns)}
	}
	c := canvas{wide: max(size.Columns-1, 1), colours: size.Colours}
	v.header(&c)
	room := max(size.Lines-1, 1)
	if len(c.lines) < room {
		v.tree(&c, room-len(c.lines))
	}
	return c.lines[:min(len(c.lines), room)]
}

// line is a bar, the counts and what the release waits for.
func (v *View) line(columns int) string {
	n, message := v.Observed.Counts(), v.Decision.Message
	if v.Note != "" {
		message += "; " + v.Note
	}
	var line strings.Builder
	for _, s := range bar(n) {
		line.WriteString(s.text)
	}
	fmt.Fprintf(&line, " %d/%d updated, %d ready  %s", n.Updated, n.Desired, n.Ready, manifest.Printable(message))
	if letters := []rune(line.String()); len(letters) >= columns {
		return string(letters[:columns-1])
	}
	return line.String()
}

// stateLines is how many lines a message may take.
const stateLines = 4

func (v *View) header(c *canvas) {
	d, p := v.Decision, v.Observed.Progress
	c.field("target", plain(v.Observed.Workload.String())...)
	if p.Revision != "" {
		c.field("release", plain(strings.TrimPrefix(p.Stable+" -> "+p.Revision, " -> "))...)
	}
	if d.Batches > 0 {
		c.field("batch", plain(v.batch())...)
	}
	if b, err := v.Observed.Workload.Spec.Bounds(); err == nil && v.Observed.Workload.Generation > 0 {
		words := fmt.Sprintf("at least %d available, at most %d in all", b.Least(), b.Replicas+b.MaxSurge)
		if len(words)+fieldWidth > c.wide {
			words = fmt.Sprintf("%d available to %d in all", b.Least(), b.Replicas+b.MaxSurge)
		}
		c.field("budget", plain(words)...)
	}
	c.field("pods", v.sum(c.wide-fieldWidth)...)
	c.wrapped("state", stateLines, moodOf(d), string(d.Reason)+": "+v.message())
	if v.Note != "" {
		c.wrapped("note", stateLines, warn, v.Note)
	}
	if name, command, words := v.next(); command != "" {
		c.command(name, command, words)
	}
}

// message is that of the decision, without the batch, which stands above it.
func (v *View) message() string {
	return strings.TrimPrefix(v.Decision.Message, fmt.Sprintf("batch %d of %d: ", v.Decision.Batch+1, v.Decision.Batches))
}

// batch is where the release stands in its plan.
func (v *View) batch() string {
	d := v.Decision
	s := fmt.Sprintf("%d of %d", d.Batch+1, d.Batches)
	if v.Observed.Progress.Back {
		return s + ", on the way back"
	}
	if d.Target > 0 {
		s += fmt.Sprintf(", to %d of %d updated pods", d.Target, v.Observed.Workload.Spec.Replicas)
	}
	return s
}

// counts are those of the pods that are drawn, where they are of this very look.
func (v *View) counts() rollout.Counts {
	o := v.Observed
	if o.Pods == nil && v.Pods != nil && v.current() {
		o.Pods = v.Pods
	}
	return o.Counts()
}

// current tells whether the pods that are drawn are of this very look.
func (v *View) current() bool {
	return v.Observed.Pods != nil || v.Pods == nil || !v.Seen.Before(v.Observed.Now)
}

// barWidth is how many characters a bar has.
const barWidth = 24

// sum are the counts, with a bar where there is room for it.
func (v *View) sum(room int) []span {
	n := v.counts()
	words := fmt.Sprintf("%d of %d updated, %d of them ready; %d available, %d in all", n.Updated, n.Desired, n.UpdatedReady,
		n.Available, n.Total)
	if len(words)+barWidth+3 > room {
		words = fmt.Sprintf("%d/%d updated, %d ready", n.Updated, n.Desired, n.Ready)
	}
	if len(words)+barWidth+3 > room {
		return plain(words)
	}
	return append(bar(n), span{text: " " + words})
}

// bar shows of all pods those that are updated and ready (#), and those that are updated only (+).
func bar(n rollout.Counts) []span {
	full, half := barWidth, 0
	if n.Desired > 0 {
		full = min(n.UpdatedReady*barWidth/n.Desired, barWidth)
		half = max(min(n.Updated*barWidth/n.Desired, barWidth)-full, 0)
	}
	return []span{
		{text: "["},
		{text: strings.Repeat("#", full), mood: good},
		{text: strings.Repeat("+", half), mood: warn},
		{text: strings.Repeat("-", barWidth-full-half) + "]"},
	}
}

// moodOf is how a state is to be taken.
func moodOf(d rollout.Decision) mood {
	switch {
	case d.Verdict == rollout.Done:
		return good
	case d.Verdict == rollout.Stopped:
		return bad
	case d.Verdict == rollout.Wait && d.Reason != plan.PodsNotReady:
		return warn
	default:
		return calm
	}
}

// next is the command with which a person goes on, or turns back what has failed, and what it does. Where only time or pods are
// waited for it is none.
func (v *View) next() (name, command, words string) {
	name = "go on"
	verb, p := "", v.Observed.Progress
	switch v.Decision.Reason {
	case plan.AwaitingApproval:
		verb = "approve"
	case plan.Soaking:
		verb, words = "promote", "ends the pause now"
	case plan.HeldByPerson:
		verb = "resume"
	case plan.ChecksFailed, plan.DeadlineExceeded, plan.ThresholdExceeded, plan.PodRefused, plan.AbortedByPerson:
		if !v.Decision.Ended() || p.Stable == "" || p.Stable == p.Revision {
			return "", "", ""
		}
		name, verb, words = "go back", "undo", "returns to "+p.Stable
	default:
		return "", "", ""
	}
	w := v.Observed.Workload
	target := plan.Target{APIVersion: w.APIVersion, Kind: w.KindName(), Name: w.Name}
	parts := []string{"slipway rollout", verb, target.Named()}
	if w.Namespace != "" {
		parts = append(parts, "-n", w.Namespace)
	}
	return name, strings.TrimSpace(strings.Join(append(parts, v.Flags), " ")), words
}

// age is how long ago something was at the time of the observation; "-" where nobody knows.
func (v *View) age(since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return waiting.Age(v.Observed.Now.Sub(since))
}

func plain(text string) []span { return []span{{text: manifest.Printable(text)}} }
