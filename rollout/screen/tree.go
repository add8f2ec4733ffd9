// SPDX-License-Identifier: Apache-2.0

package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// branch is a revision with its pods.
type branch struct {
	revision string
	words    string // "new", "old", or "" where nobody knows
	pods     []*rollout.Pod
	total    int // active pods, those that are not known by name included
	ready    int
}

// tree draws the revisions and their pods on so many lines. Pods that have no room are counted.
func (v *View) tree(c *canvas, room int) {
	branches := v.branches()
	if len(branches) == 0 || room < len(branches)+2 {
		return
	}
	rows := share(branches, room-2-len(branches))
	names := nameWidth(branches, c.wide)
	c.line()
	why := "WHY"
	if !v.current() {
		why += " (as of " + v.Seen.UTC().Format(time.TimeOnly) + " UTC)"
	}
	if narrow(c) {
		why = ""
	}
	c.line(span{pad("REVISION, POD", names) + "  " + podColumns(c, "STATUS", "READY", "AGE") + why, faint})
	for i, b := range branches {
		last := i == len(branches)-1
		c.line(v.trunk(b, last)...)
		v.twigs(c, b, rows[i], names, last)
	}
}

// branches are the revisions: the one that is released first. Of pods that were not looked at the counts tell as much as they
// can.
func (v *View) branches() []branch {
	o := &v.Observed
	pods, known := v.pods()
	byRevision := map[string]*branch{}
	var order []string
	of := func(revision string) *branch {
		if byRevision[revision] == nil {
			byRevision[revision] = &branch{revision: revision, words: v.words(revision)}
			order = append(order, revision)
		}
		return byRevision[revision]
	}
	if !known {
		n := o.Counts()
		if n.Updated > 0 {
			b := of(o.UpdateRevision)
			b.total, b.ready = n.Updated, n.UpdatedReady
		}
		if n.Old() > 0 {
			b := of(cmp.Or(o.Progress.Stable, o.StableRevision))
			b.total, b.ready = n.Old(), max(n.Ready-n.UpdatedReady, 0)
		}
	}
	for i := range pods {
		p := &pods[i]
		b := of(p.Revision)
		b.pods = append(b.pods, p)
		if known && p.Active() {
			b.total, b.ready = b.total+1, b.ready+oneIf(p.Ready)
		}
	}
	out := make([]branch, len(order))
	for i, revision := range order {
		out[i] = *byRevision[revision]
		slices.SortFunc(out[i].pods, byUrgency)
	}
	slices.SortFunc(out, func(a, b branch) int {
		return cmp.Or(oneIf(b.words == isNew)-oneIf(a.words == isNew), strings.Compare(a.revision, b.revision))
	})
	return out
}

// pods are all that were looked at, and whether these are all that there are.
func (v *View) pods() ([]rollout.Pod, bool) {
	switch {
	case v.Observed.Pods != nil:
		return v.Observed.Pods, true
	case v.Pods != nil:
		return v.Pods, true
	default:
		return v.Observed.Stuck, false
	}
}

const (
	isNew = "new"
	isOld = "old"
)

// words say what a revision is to the release.
func (v *View) words(revision string) string {
	switch {
	case revision == v.Observed.UpdateRevision && revision != "":
		return isNew
	case v.Observed.UpdateRevision == "" || v.Observed.Workload.KindOf().BySurge: // a ReplicaSet has another name
		return ""
	default:
		return isOld
	}
}

// byUrgency orders pods: those in trouble, then others that are not ready, then the rest, each by name.
func byUrgency(a, b *rollout.Pod) int {
	return cmp.Or(cmp.Compare(urgency(a), urgency(b)), strings.Compare(a.Name, b.Name))
}

func urgency(p *rollout.Pod) int {
	switch {
	case p.Waiting != nil && p.Waiting.Trouble():
		return 0
	case !p.Ready:
		return 1
	default:
		return 2
	}
}

// share divides lines among the branches: pods that are not ready come before those that are, and the line that counts the rest
// is one of the lines.
func share(branches []branch, room int) []int {
	rows := make([]int, len(branches))
	for most := range 3 { // by urgency
		for i, b := range branches {
			urgent := 0
			for _, p := range b.pods {
				urgent += oneIf(urgency(p) <= most)
			}
			if urgent == len(b.pods) && b.total > urgent {
				urgent++ // those without a name
			}
			more := min(max(urgent-rows[i], 0), room)
			rows[i], room = rows[i]+more, room-more
		}
	}
	for i, b := range branches { // each says at least how many it does not show
		if rows[i] == 0 && max(len(b.pods), b.total) > 0 {
			rich := slices.Index(rows, slices.Max(rows))
			if rows[rich] > 1 {
				rows[i], rows[rich] = 1, rows[rich]-1
			}
		}
	}
	return rows
}

// trunk is the line of a revision.
func (v *View) trunk(b branch, last bool) []span {
	corner := "├─ "
	if last {
		corner = "└─ "
	}
	words := waiting.Count(b.total) + fmt.Sprintf(", %d ready", b.ready)
	if b.words != "" {
		words = b.words + ", " + words
	}
	m := calm
	if b.words == isNew {
		m = strong
	}
	return []span{{corner, faint}, {manifest.Printable(cmp.Or(b.revision, "revision not known")), m}, {"  " + words, faint}}
}

// twigs are the pods of a revision, on so many lines.
func (v *View) twigs(c *canvas, b branch, rows, names int, last bool) {
	stem := "│  "
	if last {
		stem = "   "
	}
	shown := min(len(b.pods), rows)
	hidden := max(len(b.pods), b.total) - shown
	if hidden > 0 && shown == rows && shown > 0 {
		shown, hidden = shown-1, hidden+1
	}
	for i := range shown {
		corner := "├─ "
		if i == shown-1 && hidden == 0 {
			corner = "└─ "
		}
		v.twig(c, b.pods[i], stem+corner, names)
	}
	if hidden > 0 && rows > 0 {
		c.line(span{stem + "└─ ", faint}, span{folded(b, shown, hidden), faint})
	}
}

// folded counts the pods that have no line.
func folded(b branch, shown, hidden int) string {
	ready := b.ready
	for _, p := range b.pods[:shown] {
		ready -= oneIf(p.Active() && p.Ready)
	}
	ready = min(ready, hidden)
	more := ""
	if shown > 0 {
		more = " more"
	}
	switch ready {
	case hidden:
		return fmt.Sprintf("... %d%s ready", hidden, more)
	case 0:
		return fmt.Sprintf("... %d%s, not ready", hidden, more)
	default:
		return fmt.Sprintf("... %d%s, %d of them ready", hidden, more, ready)
	}
}

// twig is the line of a pod.
func (v *View) twig(c *canvas, p *rollout.Pod, stem string, names int) {
	status, why, m := describe(p)
	if narrow(c) {
		why = ""
	}
	ready := "no"
	if p.Ready {
		ready = "yes"
	}
	c.line(span{stem, faint}, span{text: pad(shorten(manifest.Printable(p.Name), names-width(stem)), names-width(stem)) + "  "},
		span{podColumns(c, manifest.Printable(status), ready, v.age(p.Created)), m}, span{text: manifest.Printable(why)})
}

// describe is the state of a pod as kubectl get pods has it, and why it is in it.
func describe(p *rollout.Pod) (status, why string, m mood) {
	m = warn
	switch w := p.Waiting; {
	case w != nil:
		status, why = w.State, w.Details()
		if w.Reason != w.State {
			why = strings.TrimSuffix(w.Reason+": "+why, ": ")
		}
		if w.Trouble() {
			m = bad
		}
	case p.Terminating:
		status = "Terminating"
	case p.Ready:
		status, m = string(rollout.PodRunning), good
	default:
		status = cmp.Or(string(p.Phase), string(rollout.PodUnknown))
	}
	return status, strings.Join(slices.DeleteFunc([]string{role(p), why}, func(s string) bool { return s == "" }), "; "), m
}

// role is what the release does with a pod, where that is special.
func role(p *rollout.Pod) string {
	switch {
	case p.Guest:
		return "guest"
	case p.Lifecycle != "" && p.Lifecycle != rollout.Normal:
		return string(p.Lifecycle)
	case p.Drained || p.Pending:
		return "updating in place"
	case p.DeleteRequested:
		return "to be deleted"
	default:
		return ""
	}
}

// narrow tells whether a pod's line has no room for a reason. Which pods are ready shows in their status then.
func narrow(c *canvas) bool { return c.wide < 60 }

// podColumns are the columns between name and reason.
func podColumns(c *canvas, status, ready, age string) string {
	if narrow(c) {
		return pad(shorten(status, statusWidth), statusWidth) + "  " + age
	}
	return fmt.Sprintf("%s  %s  %s  ", pad(shorten(status, statusWidth), statusWidth), pad(ready, len("READY")), pad(age, ageWidth))
}

const (
	statusWidth = 17 // CrashLoopBackOff has 16
	ageWidth    = 6
	indent      = 6 // of a pod
)

// nameWidth is how wide the names of pods are, where a third of the screen is enough for them.
func nameWidth(branches []branch, wide int) int {
	most := len("REVISION, POD")
	for _, b := range branches {
		for _, p := range b.pods {
			most = max(most, indent+width(p.Name))
		}
	}
	return min(most, max(wide*2/5, indent+8))
}

// shorten cuts a name at its beginning: the end is what tells pods apart.
func shorten(name string, wide int) string {
	if width(name) <= wide {
		return name
	}
	for width(name) > max(wide-len(dots), 0) {
		_, first := utf8.DecodeRuneInString(name)
		name = name[first:]
	}
	return dots + name
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
