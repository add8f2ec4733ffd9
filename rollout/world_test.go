// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"time"
)

// kind is one way a pod can be, as far as a release can tell pods apart. A world counts pods by kind instead of naming
// them: pods of one kind are interchangeable, which is what makes all worlds few enough to visit.
type kind uint8

const (
	oldUp kind = iota
	oldDown
	oldUpMarked
	oldDownMarked
	oldUpDrained
	oldDownDrained
	oldPending // on the way back
	newUp
	newDown
	newUpMarked
	newDownMarked
	newPending
	newUpDrained
	newDownDrained
	guestUp
	guestDown
	guestUpMarked
	guestDownMarked
	guestOldUp // invited on the way back
	guestOldDown
	ended
	kinds
)

func (k kind) String() string {
	return [...]string{
		"oldUp", "oldDown", "oldUp!", "oldDown!", "oldUpDrained", "oldDownDrained", "oldPending", "newUp", "newDown",
		"newUp!", "newDown!", "newPending", "newUpDrained", "newDownDrained", "guestUp", "guestDown",
		"guestUp!", "guestDown!", "guestOldUp", "guestOldDown", "ended",
	}[k]
}

func (k kind) in(set ...kind) bool {
	for _, s := range set {
		if k == s {
			return true
		}
	}
	return false
}

func (k kind) active() bool { return k != ended }
func (k kind) old() bool    { return k <= oldPending }
func (k kind) guest() bool {
	return k.in(guestUp, guestDown, guestUpMarked, guestDownMarked, guestOldUp, guestOldDown)
}

func (k kind) marked() bool {
	return k.in(oldUpMarked, oldDownMarked, newUpMarked, newDownMarked, guestUpMarked, guestDownMarked)
}

// serving tells whether pods of this kind are ready; available, whether they also stay.
func (k kind) serving() bool {
	return k.in(oldUp, oldUpMarked, newUp, newUpMarked, guestUp, guestUpMarked, guestOldUp)
}
func (k kind) available() bool { return k.in(oldUp, newUp, guestUp, guestOldUp) }

// recovers is the kind that a pod becomes when its containers get ready.
func (k kind) recovers() (kind, bool) {
	switch k {
	case oldDown, oldDownMarked, oldDownDrained, newDown, newDownMarked, newDownDrained, guestDown, guestDownMarked, guestOldDown:
		return k - 1, true
	case newPending:
		return newUpDrained, true
	case oldPending:
		return oldUpDrained, true
	default:
		return k, false
	}
}

// crashes is the kind that a pod becomes when its containers crash.
func (k kind) crashes() (kind, bool) {
	if k.in(oldUp, oldUpMarked, oldUpDrained, newUp, newUpMarked, newUpDrained, guestUp, guestUpMarked, guestOldUp) {
		return k + 1, true
	}
	return k, false
}

// world is everything that the release depends on at one moment.
type world struct {
	pods     [kinds]uint8
	crashes  uint8 // that may still happen
	marks    uint8 // deletions that somebody may still ask for
	aborts   uint8 // that somebody may still ask for
	progress uint8 // index into the search's list of Progress values
}

func (w world) move(from, to kind) world {
	w.pods[from]--
	w.pods[to]++
	return w
}

func (w world) count(counted func(kind) bool) int {
	n := 0
	for k := range kinds {
		if counted(k) {
			n += int(w.pods[k])
		}
	}
	return n
}

func (w world) total() int     { return w.count(kind.active) }
func (w world) available() int { return w.count(kind.available) }
func (w world) serving() int   { return w.count(kind.serving) }
func (w world) kept() int      { return w.count(func(k kind) bool { return k.active() && !k.marked() }) }

func (w world) guests() int { return w.count(func(k kind) bool { return k.guest() && !k.marked() }) }

// own counts the kept pods that are no guests.
func (w world) own() int { return w.kept() - w.guests() }

func (w world) old() int {
	return w.count(func(k kind) bool { return k.active() && k.old() && !k.marked() })
}

// broken counts the pods that an update has taken out of service or not yet brought into it.
func (w world) broken() int {
	return w.count(func(k kind) bool {
		return k.in(newDown, newPending, newUpDrained, newDownDrained, oldUpDrained, oldDownDrained, guestDown)
	})
}

func (w world) String() string {
	var parts []string
	for k := range kinds {
		if w.pods[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", w.pods[k], k))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// testEpoch is the moment at which test worlds stand still.
func testEpoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// pod is a pod of a kind.
func (k kind) pod(name string) Pod {
	p := Pod{
		Name: name, UID: name, Instance: name, Node: "n", Phase: PodRunning, Revision: "old", Lifecycle: Normal,
		Ready: k.serving(), DeleteRequested: k.marked(), ReadySince: testEpoch(), Created: testEpoch(),
	}
	if !k.old() && !k.in(guestOldUp, guestOldDown) {
		p.Revision = "new"
	}
	p.Drained = k.in(oldUpDrained, oldDownDrained, oldPending, newPending, newUpDrained, newDownDrained)
	p.Pending = k.in(newPending, oldPending)
	p.Guest = k.guest()
	if k == ended {
		p.Phase = PodFailed
	}
	return p
}

// testTemplates are the templates of the revisions old and new: an image apart.
func testTemplates() []Revision {
	template := func(image string) map[string]any {
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}}}
	}
	return []Revision{{Name: "old", Template: template("a")}, {Name: "new", Template: template("b")}}
}

// resizeTemplates are the templates of the revisions old and new: an amount of cpu apart.
func resizeTemplates() []Revision {
	template := func(cpu string) map[string]any {
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"name": "app", "image": "a", "resources": map[string]any{"requests": map[string]any{"cpu": cpu}},
		}}}}
	}
	return []Revision{{Name: "old", Template: template("1")}, {Name: "new", Template: template("2")}}
}

// resizing is the pod in a release that changes cpu alone: it is held and not drained, and ready all the while.
func (k kind) resizing(p Pod) Pod {
	p.Ready = p.Ready || k.in(oldUpDrained, newUpDrained, oldPending, newPending)
	p.Drained = p.Drained && !p.Pending
	return p
}

// resized is the kind that a pod becomes when the kubelet has given it what its spec asks for.
func (k kind) resized() (kind, bool) {
	switch k {
	case newPending:
		return newUp, true
	case oldPending:
		return oldUp, true
	default:
		return k.recovers()
	}
}
