// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// A change of a pod that the log left out would make every later decision of a replay another one.
func TestAuditNoticesAChangeOfEveryField(t *testing.T) {
	pod := rollout.Pod{Name: "cart-0", UID: "u", Labels: map[string]string{"a": "b"}}
	fields := reflect.TypeOf(pod)
	for i := range fields.NumField() {
		if fields.Field(i).Name == "Name" {
			continue
		}
		var log bytes.Buffer
		audit := report.NewAudit(&log, plan.BatchPlan{})
		audit.Record(rollout.Observed{Pods: []rollout.Pod{pod}}, rollout.Decision{})
		log.Reset()
		other := pod
		switch f := reflect.ValueOf(&other).Elem().Field(i); v := f.Addr().Interface().(type) {
		case *time.Time:
			*v = time.Unix(1, 0)
		case *map[string]string:
			*v = map[string]string{"a": "c"}
		case *[]string:
			*v = []string{"finalizer"}
		case **waiting.Why:
			*v = &waiting.Why{Reason: "ImagePullBackOff"}
		case *int:
			*v = 7
		case *bool:
			*v = true
		default:
			f.SetString(fmt.Sprint(f.String(), "other"))
		}
		audit.Record(rollout.Observed{Pods: []rollout.Pod{other}}, rollout.Decision{})
		if !strings.Contains(log.String(), `"groups":[{"pods":"0",`) {
			t.Errorf("a change of %s is not in the log: %s", fields.Field(i).Name, log.String())
		}
	}
}

// Whatever becomes of pods, what is read is what was seen and decided.
func TestLogHoldsWhatWasSeen(t *testing.T) {
	for name, c := range map[string]struct {
		kind    plan.UpdateType
		options sim.Options
	}{
		"recreated": {plan.ReCreate, sim.Options{
			Ready:       sim.Ready{Least: time.Second, Most: 9 * time.Second},
			Terminating: time.Second,
		}},
		"in place": {plan.InPlaceIfPossible, sim.Options{Ready: sim.Ready{Least: time.Second, Most: 9 * time.Second}}},
		"pods that crash": {plan.InPlaceIfPossible, sim.Options{
			Crashes: 9, Horizon: 20 * time.Second,
			Ready: sim.Ready{Least: 3 * time.Second, Most: 3 * time.Second},
		}},
		"an agent killed": {plan.ReCreate, sim.Options{KillEveryWrite: true}},
	} {
		t.Run(name, func(t *testing.T) {
			set := cart(23, "cart:v2")
			set.Spec.UpdateType = c.kind
			var want []report.Observation
			var log bytes.Buffer
			audit := report.NewAudit(&log, plan.BatchPlan{})
			if _, err := sim.Play(t.Context(), plan.BatchPlan{}, sim.New(set, template("cart:v1"), c.options),
				func(o rollout.Observed, d rollout.Decision) {
					audit.Record(o, d)
					o.Pods = slices.SortedFunc(slices.Values(o.Pods), func(a, b rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
					for i := range o.Pods {
						o.Pods[i].Labels = maps.Clone(o.Pods[i].Labels)
					}
					want = append(want, report.Observation{Observed: o, Decision: d})
				}); err != nil {
				t.Fatal(err)
			}
			got, err := report.Observations(&log)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameQuantities, cmpopts.EquateEmpty(), cmpopts.EquateComparable(),
				cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("it is read as something else (-want +got):\n%s", diff)
			}
		})
	}
}

// Each line has its number in the run, so that a line is missed that no other depends on: here one without pods.
func TestMissingAndDoubledLinesAreTold(t *testing.T) {
	lines := bytes.SplitAfter(small(t), []byte{'\n'})
	lines = lines[:len(lines)-1]
	copies := func(ranges ...[2]int) (log []byte) {
		for _, r := range ranges {
			log = append(log, bytes.Join(lines[r[0]-1:r[1]], nil)...)
		}
		return log
	}
	end := len(lines)
	for name, c := range map[string]struct {
		log  []byte
		want string // after the number of the line
	}{
		"one missing":     {copies([2]int{1, 3}, [2]int{5, end}), "4: line 4 of this run is missing before it"},
		"several missing": {copies([2]int{1, 3}, [2]int{7, end}), "4: lines 4 to 6 of this run are missing before it"},
		"doubled": {
			copies([2]int{1, 4}, [2]int{4, end}),
			"5: line 4 of this run has been there before: it is doubled",
		},
		"the first one doubled": {
			copies([2]int{1, 1}, [2]int{1, end}),
			"2: line 1 of this run has been there before: it is doubled",
		},
		"out of its place": {
			copies([2]int{1, 5}, [2]int{4, 4}, [2]int{6, end}),
			"6: line 4 of this run has been there before: it is doubled or out of its place",
		},
		"the beginning of a run": {
			copies([2]int{1, end}, [2]int{2, end}),
			fmt.Sprintf("%d: line 2 of this run has been there before: it is doubled or out of its place, or the first line of another "+
				"run is missing", end+1),
		},
		"one without a number": {
			append(copies([2]int{1, 3}), `{"progress":{},"decision":{}}`+"\n"...),
			"4: it lacks the number that the lines of this run have",
		},
		"a measurement before it": {
			append(copies([2]int{1, 3}), `{"measurement":{"check":"a"},"logLine":6}`+"\n"...),
			"4: lines 4 to 5 of this run are missing before it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := report.Replay(bytes.NewReader(c.log)); err == nil || !strings.HasPrefix(err.Error(), "audit log, line "+c.want) {
				t.Errorf("%v; want line %s", err, c.want)
			}
			line, what, _ := strings.Cut(c.want, ": ")
			holds(t, page(t, c.log), "Line "+line+" is ", what)
		})
	}
}

// What a reader says once it does not say again of the lines that follow.
func TestLineThatCannotBeReadIsToldOnce(t *testing.T) {
	lines := bytes.SplitAfter(small(t), []byte{'\n'})
	lines[3] = []byte("{broken\n")
	if got := page(t, bytes.Join(lines, nil)); strings.Contains(got, "missing") {
		t.Errorf("the line that cannot be read is missing, too:\n%s", text(got))
	}
}

// Where lines have no numbers, later ones speak of pods by numbers that the missing line has given.
func TestMissingLineIsTold(t *testing.T) {
	numbers := regexp.MustCompile(`"logLine":\d+,`)
	lines := bytes.SplitAfter(numbers.ReplaceAll(large(t, 20), nil), []byte{'\n'})
	i := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte(`"pods":"20-`)) })
	log := bytes.Join(slices.Delete(lines, i, i+1), nil)
	holds(t, page(t, log), "✓ Done", "is shown in part, and so may be what comes after it: no line before names pod number 23: a "+
		"line of the log is missing")
	want := fmt.Sprintf("audit log, line %d: no line before names pod number 23: a line of the log is missing", i+1)
	if _, err := report.Replay(bytes.NewReader(log)); err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

func TestLineThatContradictsItselfIsRefused(t *testing.T) {
	const begin, end = `{"plan":{},"version":2,"groups":[`, `],"decision":{}}`
	for name, c := range map[string]struct{ group, want string }{
		"names missing": {`{"pods":"0-2","names":["a","b"],"alike":{}}`, "a list of a group of 3 pods has another length"},
		"a moment too much": {
			`{"pods":"0","names":["a"],"created":["2026-01-01T00:00:00Z","2026-01-01T00:00:00Z"],"alike":{}}`,
			"a list of a group of 1 pods has another length",
		},
		"nobody's number":    {`{"pods":"7","alike":{}}`, "no line before names pod number 7"},
		"no number":          {`{"pods":"a","alike":{}}`, `"a" is no list of pods such as 0-4,7`},
		"a range that falls": {`{"pods":"4-0","alike":{}}`, `"4-0" is no list of pods such as 0-4,7`},
		"too many":           {`{"pods":"0-4,0-99999999999","alike":{}}`, `"0-99999999999" is no list of pods such as 0-4,7`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := report.Replay(strings.NewReader(begin + c.group + end)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %s", err, c.want)
			}
		})
	}
}
