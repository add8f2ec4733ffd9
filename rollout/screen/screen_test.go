// SPDX-License-Identifier: Apache-2.0

package screen_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/screen"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

var update = flag.Bool("update", false, "rewrite golden files")

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// look is a release of a CloneSet of five pods.
func look(reason plan.Reason, message string, pods ...rollout.Pod) screen.View {
	d := rollout.Decision{Verdict: rollout.Wait, Reason: reason, Message: message, Batch: 1, Batches: 3, Target: 2}
	o := rollout.Observed{
		Now: noon, UpdateRevision: "demo-7c9b8", StableRevision: "demo-6d5f7", Pods: pods,
		Workload: plan.Workload{
			APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet", Namespace: "shop", Name: "demo",
			Generation: 2, Spec: plan.WorkloadSpec{
				Replicas: 5, MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(0),
			},
		},
		Progress: rollout.Progress{Revision: "demo-7c9b8", Stable: "demo-6d5f7", Batch: 1},
	}
	return screen.View{Observed: o, Decision: d}
}

func pod(name string, ago time.Duration, change ...func(*rollout.Pod)) rollout.Pod {
	p := rollout.Pod{Name: "demo-" + name, Revision: "demo-6d5f7", Phase: rollout.PodRunning, Created: noon.Add(-ago), Ready: true}
	for _, f := range change {
		f(&p)
	}
	return p
}

func updated(p *rollout.Pod) { p.Revision = "demo-7c9b8" }

func guest(p *rollout.Pod) { p.Guest = true }

func waits(why waiting.Why) func(*rollout.Pod) {
	return func(p *rollout.Pod) { p.Ready, p.Waiting = false, &why }
}

func five(change ...func(*rollout.Pod)) []rollout.Pod {
	return []rollout.Pod{
		pod("fmx2k", 40*24*time.Hour), pod("x7k2p", 3*time.Minute, append(change, updated)...),
		pod("b8d2x", 90*time.Second, updated, guest),
		pod("ac4zz", 40*24*time.Hour), pod("zq9wm", 40*24*time.Hour), pod("k2v7c", 26*time.Hour),
	}
}

func views() map[string]screen.View {
	all := map[string]screen.View{}
	all["approval"] = look(plan.AwaitingApproval, "batch 2 of 3: 2 of 2 updated pods ready; waiting for approval", five()...)
	pull := waiting.Why{
		State: "ImagePullBackOff", Reason: "ImagePullBackOff", Since: noon.Add(-time.Minute),
		Message: `Back-off pulling image "registry.example.com/shop/demo:v2": not found`,
	}
	all["trouble"] = look(plan.PodsNotReady, "batch 2 of 3: 1 of 2 updated pods ready; 1 pod ImagePullBackOff: "+pull.Message+
		" (demo-x7k2p)", five(waits(pull))...)
	soaking := look(plan.Soaking, "batch 2 of 3: 2 of 2 updated pods ready; pausing until 2026-01-05T12:09:30Z", five()...)
	soaking.Note, soaking.Flags = "no agent is at work: web_12 has not renewed its Lease since 2026-01-05T11:40:00Z",
		"--context prod"
	all["pause"] = soaking
	failed := look(plan.ChecksFailed, "batch 2 of 3: check errors failed: 0.2 is more than 0.01", five()...)
	failed.Decision.Verdict = rollout.Stopped
	all["failed"] = failed
	done := look(plan.Completed, "5 of 5 updated pods ready", pod("a", time.Minute, updated), pod("b", time.Minute, updated))
	done.Decision = rollout.Decision{
		Verdict: rollout.Done, Reason: plan.Completed, Message: "5 of 5 updated pods ready", Batch: 2,
		Batches: 3, Target: 5,
	}
	all["done"] = done

	var many []rollout.Pod
	for i := range 250 {
		many = append(many, pod(fmt.Sprintf("%04d", i), time.Hour, func(p *rollout.Pod) {
			if i%5 == 0 {
				updated(p)
			}
			if i < 20 {
				waits(waiting.Why{State: "ContainerCreating", Reason: "ContainerCreating"})(p)
			}
		}))
	}
	large := look(plan.PodsNotReady, "batch 2 of 3: 46 of 50 updated pods ready", many...)
	large.Observed.Workload.Spec.Replicas = 250
	all["many"] = large

	counted := look(plan.PodsNotReady, "batch 2 of 3: 2 of 3 updated pods ready")
	counted.Observed.Pods = nil
	counted.Observed.Stuck = []rollout.Pod{pod("x7k2p", time.Minute, updated, waits(pull))}
	counted.Observed.Workload.Status = plan.WorkloadStatus{
		Replicas: 5, UpdatedReplicas: 3, UpdatedReadyReplicas: 2,
		ReadyReplicas: 4, AvailableReplicas: 4,
	}
	all["counted"] = counted

	earlier := counted
	earlier.Pods, earlier.Seen = five(waits(pull)), noon.Add(-30*time.Second)
	all["earlier"] = earlier

	hostile := look(plan.HeldByPerson, "held by eve (\x1b[2J\r\nall is well\u202e)",
		pod("\x1b[31m", time.Minute, waits(waiting.Why{State: "\a", Reason: "\n", Message: "\x1b]0;gone\a"})))
	hostile.Observed.Workload.Name = "demo\x1b[1A"
	all["hostile"] = hostile
	maps.Copy(all, inDeleteMode())
	return all
}

// TestDraw holds what each observation is drawn as.
func TestDraw(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(screen.Draw(v, screen.Size{Columns: 80, Lines: 24}), "\n") + "\n" +
				"\n-- half as wide --\n" + strings.Join(screen.Draw(v, screen.Size{Columns: 40, Lines: 24}), "\n") + "\n"
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDrawKeepsToTheScreen holds on screens of every size that no line fills it and that the lines fit it, that colours change
// no letter, and that nothing of a manifest or a server moves the cursor.
func TestDrawKeepsToTheScreen(t *testing.T) {
	for name, v := range views() {
		for _, columns := range []int{2, 9, 20, 40, 79, 80, 132, 400} {
			for lines := range 40 {
				plainly := screen.Draw(v, screen.Size{Columns: columns, Lines: lines})
				if len(plainly) > max(lines-1, 1) {
					t.Fatalf("%s: %d lines on a screen of %d", name, len(plainly), lines)
				}
				for _, line := range plainly {
					if screen.Width(line) >= columns || strings.ContainsAny(line, "\x1b\r\n\a\u202e") {
						t.Fatalf("%s: %d columns, the line %q", name, columns, line)
					}
				}
				coloured := strings.Join(screen.Draw(v, screen.Size{Columns: columns, Lines: lines, Colours: true}), "\n")
				if lines > 0 && uncoloured(coloured) != strings.Join(plainly, "\n") {
					t.Fatalf("%s: colours change\n%s\nto\n%s", name, strings.Join(plainly, "\n"), uncoloured(coloured))
				}
			}
		}
	}
}

// uncoloured takes the colours out, and the blanks at ends of lines that only colours keep.
func uncoloured(text string) string {
	for _, code := range []string{"0", "1", "2", "31", "32", "33"} {
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestDrawCountsEveryPod holds that what is shown and what is folded are all pods there are, however small the screen.
func TestDrawCountsEveryPod(t *testing.T) {
	v := views()["many"]
	for lines := 13; lines < 300; lines++ { // with fewer, the revisions alone say how many pods they have
		shown, folded := 0, 0
		for _, line := range screen.Draw(v, screen.Size{Columns: 80, Lines: lines}) {
			var n int
			switch _, after, found := strings.Cut(line, "... "); {
			case strings.Contains(line, "─ demo-0"):
				shown++
			case found:
				if _, err := fmt.Sscan(after, &n); err != nil {
					t.Fatal(err)
				}
				folded += n
			}
		}
		if shown+folded != 250 {
			t.Errorf("%d lines: %d pods shown and %d folded", lines, shown, folded)
		}
	}
}

// TestReadmeShowsTheScreen compares what rollout/README.md shows with what is drawn.
func TestReadmeShowsTheScreen(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(screen.Draw(views()["trouble"], screen.Size{Columns: 80, Lines: 24}), "\n")
	if !strings.Contains(string(readme), "```text\n"+want+"\n```") {
		t.Errorf("rollout/README.md shows another screen than\n%s", want)
	}
}
