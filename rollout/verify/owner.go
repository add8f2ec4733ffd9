// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// probeController holds the mode against who replaces the pods of this CloneSet.
func probeController(s *snapshot) []Finding {
	if s.live == nil {
		return nil // nobody has had a chance to show up
	}
	why := ""
	if s.byKruise() {
		why = s.leader
	}
	writer, _ := kube.StatusWriter(s.live.ManagedFields)
	if writer != "" && s.live.Status.ObservedGeneration >= s.live.Generation {
		why = fmt.Sprintf("its status is of generation %d, the present one, and was written by %s", s.live.Status.ObservedGeneration,
			writer)
	}
	switch {
	case s.direct() && why != "" && s.options.Force:
		return one(codeControllerAlive, s.target(), "a controller is alive and would fight the agent over every pod: "+why,
			"use --mode partition, unless you know that the controller is gone")
	case s.direct() && why != "":
		return one(codeControllerAlive, s.target(), "the release ends before it begins (exit code 13), because a controller is "+
			"alive: "+why,
			"use --mode partition, or --mode direct if you know that it is gone")
	case !s.direct() && s.behind():
		return one(codeControllerAbsent, s.target(),
			fmt.Sprintf("the release ends before it begins (exit code 1): no controller follows it: it is of generation %d, and its "+
				"status of generation %d",
				s.live.Generation, s.live.Status.ObservedGeneration),
			"start the controller, or without one use --mode direct")
	}
	return nil
}

// probeLock tells who holds the lock.
func probeLock(s *snapshot) []Finding {
	if s.lock == nil || s.lock.Holder() == "" {
		return nil
	}
	of := s.ref("Lease", s.lock.Name)
	ago := s.now.Sub(s.lock.Renewed()).Round(time.Second)
	if lasts := s.lock.Duration(); ago > 2*lasts {
		return one(codeLockLeft, of, fmt.Sprintf("%s held it last and has not renewed it for %v: the release takes it over after %v",
			s.lock.Holder(), ago, lasts), "")
	}
	return one(codeLockHeld, of, fmt.Sprintf("%s holds it and renewed it %v ago: a second agent ends at once (exit code 14)",
		s.lock.Holder(), max(ago, 0)),
		"wait until that agent is done; one that stays (--stay) carries out this release itself")
}

// probeRecord tells what is remembered of this release.
func probeRecord(s *snapshot) []Finding {
	if s.record == nil {
		return nil
	}
	of := s.ref("ConfigMap", s.record.Name)
	p, err := rollout.ReadProgress([]byte(s.record.Data[kube.KeyProgress]))
	if err != nil {
		return one(codeInvalid, of, fmt.Sprintf("the release does not begin (exit code 10): the progress in it cannot be read: %v",
			err),
			"delete the ConfigMap to begin the release again")
	}
	switch {
	case p.Revision != s.history.Update || p.Outcome == plan.Completed:
		return nil
	case p.Outcome != "":
		return one(codeStopped, of, fmt.Sprintf("a release of revision %s has ended in batch %d with %s (%s): a run of the same "+
			"release ends at once in the same way", p.Revision, p.Batch+1, p.Outcome, p.Message),
			"correct what stopped it and release something else, or run it again with --restart")
	default:
		return one(codeRunning, of, fmt.Sprintf("a release of revision %s has begun and is in batch %d: the next run continues there",
			p.Revision, p.Batch+1), "")
	}
}

// probeForeignPods finds pods that the selector selects and that are not the target's.
func probeForeignPods(s *snapshot) []Finding {
	owners := map[string]int{}
	total := 0
	for _, p := range s.pods {
		if s.owns(p) {
			continue
		}
		owner := "nobody"
		for _, o := range p.OwnerReferences {
			if o.Controller != nil && *o.Controller {
				owner = o.Kind + " " + o.Name
			}
		}
		owners[owner]++
		total++
	}
	if total == 0 {
		return nil
	}
	var words []string
	for _, owner := range slices.Sorted(maps.Keys(owners)) {
		words = append(words, fmt.Sprintf("%d of %s", owners[owner], owner))
	}
	return one(codeForeignPods, s.target(),
		fmt.Sprintf("its selector also selects %d pods that are not its own (%s): the release leaves them alone and does not count "+
			"them, but Services and disruption budgets with the same labels do", total, strings.Join(words, ", ")),
		"give the "+s.kind()+" a selector and labels of its own, or delete the other pods")
}
