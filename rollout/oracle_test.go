// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// naive is the direct-mode rule a second time, as slowly and plainly as it can be said: every bound is counted again
// over all pods before every single write. It returns how many writes of each sort there are, and destroys pods.
func naive(b plan.Bounds, inPlace bool, pods []Pod) map[string]int {
	writes := map[string]int{}
	kept := func(p *Pod) bool { return !p.DeleteRequested && !p.Guest }
	guest := func(p *Pod) bool { return !p.DeleteRequested && p.Guest }
	old := func(p *Pod) bool { return kept(p) && p.Revision == "old" }
	updated := func(p *Pod) bool { return kept(p) && p.Revision == "new" }
	ready := func(p *Pod) bool { return p.Ready }
	available := func(p *Pod) bool { return !p.DeleteRequested && p.Ready }
	starting := func(p *Pod) bool { return guest(p) && p.Revision == "new" && !p.Ready }
	busy := func(p *Pod) bool { return updated(p) && !p.Ready || old(p) && p.Drained }
	any := func(*Pod) bool { return true }
	count := func(f func(*Pod) bool) (n int) {
		for i := range pods {
			n += one(pods[i].Active() && f(&pods[i]))
		}
		return n
	}
	each := func(f func(*Pod) bool, do func(p *Pod)) {
		for _, up := range []bool{false, true} {
			for i := range pods {
				if p := &pods[i]; p.Active() && p.Ready == up && f(p) {
					do(p)
				}
			}
		}
	}
	coming := 0 // old pods that become new ones in place
	gone := func(p *Pod) { writes["delete"]++; p.Terminating = true }
	update := func(p *Pod) { // whichever step of it is next
		writes[choose(p.Drained, "update", "drain")]++
		coming--
		p.Revision, p.Ready, p.Pending = "new", false, true
	}
	k := func() int { return max(count(old)-b.Partition, 0) }
	least, most := b.Replicas-b.MaxUnavailable, b.Replicas+b.MaxSurge
	total, olds, surplus, down, guests := count(any), count(old), k(), count(busy), count(guest)
	if inPlace {
		coming = max(min(olds-b.Partition, b.Replicas-b.Partition-count(updated)), 0)
	}
	begun := count(starting)
	cap := func() bool { return down+begun < b.MaxSurge+b.MaxUnavailable }

	for i := range pods {
		if pods[i].Ended() {
			writes["delete"]++
		}
	}
	each(func(p *Pod) bool { return updated(p) && p.Drained && !p.Pending }, func(*Pod) { writes["readmit"]++ })
	each(func(p *Pod) bool { return old(p) && p.Drained }, func(p *Pod) {
		switch {
		case k() == 0:
			writes["readmit"]++
		case inPlace && count(updated) < b.Replicas-b.Partition:
			update(p)
		case count(any)-1 >= least:
			gone(p)
		}
	})
	each(func(p *Pod) bool { return p.DeleteRequested }, func(p *Pod) {
		if count(any)-1 >= least && (!p.Ready || count(ready)-1 >= least) {
			gone(p)
		}
	})
	for _, up := range []bool{true, false} {
		each(func(p *Pod) bool { return guest(p) && p.Revision == "new" && p.Ready == up }, func(p *Pod) {
			if count(updated)+coming < b.Replicas-b.Partition {
				writes["keep"]++
				p.Guest = false
				down, begun = down+one(!up), begun-one(!up)
			}
		})
	}
	keeps := count(kept)
	each(guest, func(p *Pod) {
		crowded, left := count(any) > most, count(any)-1 >= least
		switch {
		case !p.Ready && left && (p.Revision == "old" || coming == 0 || crowded):
			gone(p)
		case p.Ready && (coming == 0 && down == 0 || crowded) && count(kept)+count(guest) > b.Replicas && count(available)-1 >= least:
			gone(p)
		}
	})
	each(func(p *Pod) bool { return old(p) && !p.Drained }, func(p *Pod) {
		switch {
		case k() == 0 || p.Ready && count(available)-1 < least:
		case inPlace && count(updated) < b.Replicas-b.Partition:
			if p.Ready || cap() {
				down++
				update(p)
			}
		case count(any)-1 >= least:
			gone(p)
		}
	})
	n := count(updated)
	for total < most && n+coming < b.Replicas-b.Partition && (surplus == 0 || cap()) {
		writes["create new"]++
		total, n, down, keeps = total+1, n+1, down+1, keeps+1
	}
	for total < most && olds < b.Partition && keeps < b.Replicas {
		writes["create old"]++
		total, olds, keeps = total+1, olds+1, keeps+1
	}
	for invited := 0; total < most && guests < min(b.MaxSurge, coming) &&
		down+begun+invited < b.MaxSurge+b.MaxUnavailable; invited++ {
		writes["create guest"]++
		total, guests = total+1, guests+1
	}
	each(updated, func(p *Pod) {
		if count(updated) > b.Replicas-b.Partition && count(kept) > b.Replicas && (!p.Ready || count(available)-1 >= least) {
			gone(p)
		}
	})
	return writes
}

// randomLook is any mixture of pods, also ones that no release would ever lead to.
func randomLook(r *rand.Rand) Observed {
	spec := plan.WorkloadSpec{Replicas: r.IntN(12), UpdateType: plan.ReCreate}
	for spec.MaxSurge == plan.Pods(0) && spec.MaxUnavailable == plan.Pods(0) {
		spec.MaxSurge, spec.MaxUnavailable = plan.Pods(r.IntN(4)), plan.Pods(r.IntN(4))
	}
	spec.Partition = plan.Pods(r.IntN(spec.Replicas + 1))
	if r.IntN(2) == 0 {
		spec.UpdateType = plan.InPlaceIfPossible
	}
	o := Observed{
		Now: testEpoch(), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(),
		Workload: plan.Workload{Name: "demo", UID: "u", Spec: spec},
		Progress: Progress{Revision: "new", Stable: "old", Started: testEpoch()},
	}
	for i := range r.IntN(16) {
		o.Pods = append(o.Pods, kind(r.IntN(int(kinds))).pod(string(rune('a'+i))))
	}
	return o
}

func TestDecideAgreesWithNaiveDecider(t *testing.T) {
	const looks = 50_000
	r := rand.New(rand.NewPCG(7, 7))
	wrote := 0
	for i := range looks {
		o := randomLook(r)
		b, err := o.Workload.Spec.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, a := range Decide(plan.BatchPlan{}, o).Actions {
			if a.Kind != RecordProgress {
				got[sort(a)]++
				wrote++
			}
		}
		want := naive(b, o.Workload.Spec.UpdateType != plan.ReCreate, append([]Pod(nil), o.Pods...))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("look %d: %+v\n%+v\n%s", i, b, o.Pods, diff)
		}
	}
	t.Logf("%d looks, %d writes", looks, wrote)
}

// sort is the word that naive has for an action.
func sort(a Action) string {
	switch a.Kind {
	case CreatePod:
		return "create " + choose(a.Guest, "guest", a.Revision)
	case KeepGuest:
		return "keep"
	case DeletePod:
		return "delete"
	case DrainPod:
		return "drain"
	case UpdatePodInPlace:
		return "update"
	default:
		return "readmit"
	}
}
