// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/request"
	"github.com/slipway-dev/slipway/rollout/sim"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// Each file in testdata tells the story of one release. A command and its arguments are followed by ---- and by what
// it prints, up to an empty line:
//
//	cloneset key=value ...     start with all replicas available at image v1, and release image v2
//	plan                       give the release a BatchPlan, whose YAML spec follows the command
//	play [until=30s]           carry the release on, to its end or to a time, and show every state
//	edit key=value ...         change the CloneSet meanwhile
//	crash|evict|mark POD       let a pod crash, fail for good, or be asked to be deleted
//	approve|hold|release|abort tell the release what a person wants
//	ask WHAT WHO [batch=N]     ask something of the release in a person's name, and show the answer
//	again                      release what is there now, without the progress of the release before
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{t: t}
	var got strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		command, _, runs := strings.Cut(block+"\n", "----\n")
		if !runs {
			got.WriteString(block + "\n\n")
			continue
		}
		got.WriteString(command + "----\n" + s.do(strings.TrimSpace(command)) + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSuffix(got.String(), "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(data) + "\n"; got.String() != want {
		t.Errorf("%s differs; -update rewrites it. Got\n%s", file, got.String())
	}
}

// scenario is the state between the commands of a file.
type scenario struct {
	t       *testing.T
	cluster *sim.Cluster
	plan    plan.BatchPlan
	table   strings.Builder
	record  *report.Recorder
}

func (s *scenario) do(command string) string {
	line, body, _ := strings.Cut(command, "\n")
	words := strings.Fields(line)
	switch words[0] {
	case "cloneset":
		s.start(words[1:])
	case "plan":
		return s.parse(body)
	case "play":
		return s.play(words[1:])
	case "edit":
		s.cluster.Edit(func(cs *plan.Workload) { s.set(cs, nil, words[1:]) })
	case "crash":
		s.cluster.CrashPod(words[1])
	case "evict":
		s.cluster.EvictPod(words[1])
	case "mark":
		s.cluster.RequestDelete(words[1])
	case "approve":
		s.cluster.Tell(func(p *rollout.Progress) { p.Approved = p.Batch + 1 })
	case "hold", "release":
		s.cluster.Tell(func(p *rollout.Progress) { p.Pause = words[0] == "hold" })
	case "abort":
		s.cluster.Tell(func(p *rollout.Progress) { p.Abort = true })
	case "ask":
		return s.ask(words[1:])
	case "again":
		s.cluster.Forget()
	default:
		s.t.Fatalf("unknown command %q", line)
	}
	return ""
}

// ask is a person at a moment of virtual time.
func (s *scenario) ask(words []string) string {
	o, err := s.cluster.Observe(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	what := map[string]rollout.RequestKind{
		"approve": rollout.Approve, "pause": rollout.Pause, "resume": rollout.Resume, "abort": rollout.Abort, "undo": rollout.Undo,
	}[words[0]]
	r := rollout.Request{Kind: what, By: words[1], At: o.Now, Batch: -1}
	if len(words) > 2 {
		n, err := strconv.Atoi(strings.TrimPrefix(words[2], "batch="))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Batch = n - 1
	}
	answer, err := request.Apply(s.plan, o.Progress, r)
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	s.cluster.Tell(func(p *rollout.Progress) { *p = answer.Progress })
	return answer.Message + "\n"
}

func (s *scenario) start(args []string) {
	options := sim.Options{
		Ready: sim.Ready{Least: 10 * time.Second, Most: 10 * time.Second}, Terminating: time.Second,
		Hook: 5 * time.Second, Approval: -1,
	}
	cs := plan.Workload{Name: "demo", Spec: plan.WorkloadSpec{
		Replicas: 5, UpdateType: plan.ReCreate, Template: image("v2"),
		MaxUnavailable: plan.Percent(20),
	}}
	s.set(&cs, &options, args)
	if options.Controller != nil {
		s.plan.Mode = plan.Partition
	}
	s.cluster = sim.New(cs, image("v1"), options)
	s.record = &report.Recorder{Emit: report.Table(&s.table)}
}

func image(name string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": "demo", "hook": "on"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": name}}},
	}
}

// set applies key=value words to a CloneSet, and to options where they are given.
func (s *scenario) set(cs *plan.Workload, options *sim.Options, args []string) {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		quantity, _ := plan.ParseQuantity(value)
		number, _ := strconv.Atoi(value)
		duration, _ := time.ParseDuration(value)
		hook := plan.Hook{Labels: map[string]string{"hook": value}}
		switch key {
		case "replicas":
			cs.Spec.Replicas = number
		case "partition":
			cs.Spec.Partition = quantity
		case "maxSurge":
			cs.Spec.MaxSurge = quantity
		case "maxUnavailable":
			cs.Spec.MaxUnavailable = quantity
		case "type":
			cs.Spec.UpdateType = plan.UpdateType(value)
		case "paused":
			cs.Spec.Paused = value == "true"
		case "minReady":
			cs.Spec.MinReady = duration
		case "grace":
			cs.Spec.GracePeriod = duration
		case "image":
			cs.Spec.Template = image(value)
		case "preDelete":
			cs.Spec.Lifecycle.PreDelete = hook
		case "inPlaceUpdate":
			cs.Spec.Lifecycle.InPlaceUpdate = hook
		case "broken":
			options.Broken = true
		case "controller":
			options.Controller = &sim.Controller{Delay: duration, Idle: value == "idle", Eager: value == "eager"}
		case "check":
			options.Checks = func(name string, _ int) (bool, string) { return value != "fails", name + " is " + value }
		default:
			s.t.Fatalf("unknown setting %q", arg)
		}
	}
}

func (s *scenario) parse(spec string) string {
	text := "apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n" +
		"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n" + spec
	mode := s.plan.Mode
	var err error
	if s.plan, err = plan.ParsePlan("plan.yaml", []byte(text)); err != nil {
		return err.Error() + "\n"
	}
	s.plan.Mode = mode
	return ""
}

// play is rollout.Run with a stop at a moment of virtual time.
func (s *scenario) play(args []string) string {
	s.table.Reset()
	until := 100 * time.Hour
	for _, arg := range args {
		until, _ = time.ParseDuration(strings.TrimPrefix(arg, "until="))
	}
	ctx := s.t.Context()
	for {
		o, err := s.cluster.Observe(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		d := rollout.Decide(s.plan, o)
		s.cluster.Attend(d)
		s.record.Record(o, d)
		if len(d.Actions) > 0 {
			if err := s.cluster.Apply(ctx, d.Actions); err != nil {
				s.t.Fatal(err)
			}
		}
		if d.Ended() {
			return s.table.String() + fmt.Sprintf("%s, exit %d: %s\n", d.Verdict, d.Reason.ExitCode(), d.Message)
		}
		if len(d.Actions) > 0 {
			continue
		}
		if s.cluster.Now() >= until {
			return s.table.String()
		}
		left := until - s.cluster.Now()
		if d.After > 0 {
			left = min(left, d.After)
		}
		if err := s.cluster.Wait(ctx, left); err != nil && !errors.Is(err, sim.ErrStuck) {
			s.t.Fatal(err)
		}
	}
}
