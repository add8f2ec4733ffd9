// SPDX-License-Identifier: Apache-2.0

package waiting_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/waiting"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func pod(name, reason, message string, since time.Duration) waiting.Pod {
	return waiting.Pod{Name: name, Why: waiting.Why{State: reason, Reason: reason, Message: message, Since: noon.Add(-since)}}
}

func many(n int, reason string) (pods []waiting.Pod) {
	for i := range n {
		pods = append(pods, pod(fmt.Sprintf("web-%02d", i), reason, "", time.Minute))
	}
	return pods
}

func TestWords(t *testing.T) {
	crash := pod("web-3", "CrashLoopBackOff", "back-off 20s restarting failed container=app", 2*time.Hour)
	crash.Container, crash.Restarts, crash.ExitCode, crash.Exit = "app", 3, new(137), "OOMKilled"
	pull := `Back-off pulling image "web:v2"`
	for name, c := range map[string]struct {
		pods   []waiting.Pod
		at     time.Time
		want   string
		reason string
	}{
		"none": {nil, noon, "", "nothing is waited for"},
		"two alike": {
			[]waiting.Pod{pod("web-2", "ImagePullBackOff", pull, time.Minute), pod("web-1", "ImagePullBackOff", pull, 3*time.Minute)},
			noon,
			`2 pods ImagePullBackOff: Back-off pulling image "web:v2" (web-1, web-2, since 3m)`, "the longest counts",
		},
		"without an age": {
			[]waiting.Pod{pod("web-1", "ImagePullBackOff", pull, time.Minute)},
			time.Time{},
			`1 pod ImagePullBackOff: Back-off pulling image "web:v2" (web-1)`, "a message that is stored does not change with the time",
		},
		"crash": {
			[]waiting.Pod{crash},
			noon,
			"1 pod CrashLoopBackOff: back-off 20s restarting failed container=app, exit code 137 (OOMKilled), 3 restarts (web-3, " +
				"since 120m)", "how it ended says more",
		},
		"numbers in messages": {
			[]waiting.Pod{
				pod("a", "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.", 0),
				pod("b", "Unschedulable", "0/3 nodes are available: 2 Insufficient cpu.", 0),
			},
			time.Time{},
			"2 pods Unschedulable: 0/3 nodes are available: 3 Insufficient cpu. (a, b)", "the same trouble",
		},
		"trouble first": {
			append(many(2, "ContainerCreating"), pod("z", "InvalidImageName", "", 0)),
			time.Time{},
			"1 pod InvalidImageName (z); 2 pods ContainerCreating (web-00, web-01)", "pods that start are no trouble",
		},
		"many names": {
			many(5, "ContainerCreating"),
			time.Time{},
			"5 pods ContainerCreating (web-00, web-01, web-02 and 2 more)",
			"names are cut",
		},
		"many groups": {
			append(many(3, "A"), pod("b", "B", "", 0), pod("c", "C", "", 0), pod("d", "D", "", 0), pod("e", "E", "", 0)),
			time.Time{},
			"3 pods A (web-00, web-01, web-02); 1 pod B (b); 1 pod C (c); 2 pods for other reasons", "groups are cut",
		},
		"several lines": {
			[]waiting.Pod{pod("a", "StartError", "no such\n  file", 0)},
			time.Time{},
			"1 pod StartError: no such file (a)", "one line",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := waiting.Words(waiting.Groups(c.pods), c.at); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.reason, got, c.want)
			}
		})
	}
}

func TestGroupNamesTenPods(t *testing.T) {
	groups := waiting.Groups(many(25, "ImagePullBackOff"))
	if len(groups) != 1 || groups[0].Count != 25 || len(groups[0].Pods) != 10 {
		t.Errorf("%+v", groups)
	}
}

func TestAge(t *testing.T) {
	got := map[string]string{}
	want := map[string]string{"-3s": "0s", "9.4s": "9s", "119s": "119s", "150s": "2m30s", "3h": "3h", "72h": "3d"}
	for text := range want {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		got[text] = waiting.Age(d)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestClock holds the clock of failFast: it is the agent's alone, and begins with the first sight of a reason.
func TestClock(t *testing.T) {
	var s waiting.Clock
	why := func(reason string) *waiting.Why { return &waiting.Why{Reason: reason, Since: noon.Add(-time.Hour)} }
	look := func(at int, key, reason string) time.Duration {
		s.Begin()
		if reason == "" {
			return -1 // ready, or gone
		}
		seen := s.See(key, why(reason), noon.Add(time.Duration(at)*time.Second)).Seen
		if seen.IsZero() {
			return -1
		}
		return seen.Sub(noon) / time.Second
	}
	for i, c := range []struct {
		at     int
		key    string
		reason string
		want   time.Duration
		why    string
	}{
		{0, "a/v1", "ContainerCreating", -1, "a pod that starts is in no trouble"},
		{5, "a/v1", "ImagePullBackOff", 5, "first sight, whatever the kubelet's clock says"},
		{9, "a/v1", "ErrImagePull", 9, "another reason has a time of its own"},
		{12, "a/v1", "ImagePullBackOff", 5, "to and fro is one time"},
		{13, "a/v1", "ContainersNotReady", -1, "it runs, but is not ready"},
		{15, "a/v1", "ImagePullBackOff", 5, "it has not been ready in between"},
		{16, "a/v1", "", -1, "ready"},
		{20, "a/v1", "CrashLoopBackOff", 20, "begins anew after that"},
		{21, "a/v2", "CrashLoopBackOff", 21, "and with another revision"},
	} {
		if got := look(c.at, c.key, c.reason); got != c.want {
			t.Errorf("%d: %s: seen since %d, want %d", i, c.why, got, c.want)
		}
	}
}

func TestFailed(t *testing.T) {
	seen := func(name, reason string, ago time.Duration) waiting.Pod {
		p := pod(name, reason, "", time.Hour)
		if p.Seen = noon.Add(-ago); ago < 0 {
			p.Seen = time.Time{}
		}
		return p
	}
	pods := []waiting.Pod{
		seen("a", "ImagePullBackOff", 30*time.Second), seen("b", "ImagePullBackOff", 20*time.Second),
		seen("c", "Init:CrashLoopBackOff", time.Minute),
		seen("d", "Unschedulable", time.Hour), seen("e", "ImagePullBackOff", -1),
	}
	failed, next := waiting.Failed(pods, []string{"ImagePullBackOff", "CrashLoopBackOff"}, 30*time.Second, noon)
	var names []string
	for _, p := range failed {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "c"}, names); diff != "" || next != 10*time.Second {
		t.Errorf("%s, again after %v", diff, next)
	}
}
