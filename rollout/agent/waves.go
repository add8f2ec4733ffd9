// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrNotStarted says that a target was not released because another target of the plan had failed.
var ErrNotStarted = errors.New("not started")

// RunWaves releases the targets of a plan in their waves. release carries out one target (0-based) and returns nil where
// it is done; on the first failure stop tells the releases that are under way why they end too. The result has the error
// of each target, ErrNotStarted for one whose turn never came.
func RunWaves(ctx context.Context, waves plan.Waves, release func(ctx context.Context, target int,
	stop <-chan string) error,
) (errs []error, first error) {
	type end struct {
		target int
		err    error
	}
	ends := make(chan end)
	errs = make([]error, len(waves.Targets))
	stops := make([]chan string, len(waves.Targets))
	for i := range errs {
		errs[i], stops[i] = ErrNotStarted, make(chan string, 1)
	}
	standing := make([]plan.TargetState, len(waves.Targets))
	for {
		start, over := waves.Next(standing)
		if over || ctx.Err() != nil && !underWay(standing) {
			return errs, first
		}
		if ctx.Err() == nil {
			for _, i := range start {
				standing[i] = plan.TargetUnderWay
				go func() { ends <- end{i, release(ctx, i, stops[i])} }()
			}
		}
		e := <-ends
		errs[e.target] = e.err
		if standing[e.target] = plan.TargetDone; e.err == nil {
			continue
		}
		if standing[e.target] = plan.TargetFailed; first == nil {
			first = e.err
		}
		for i, s := range standing {
			if s == plan.TargetUnderWay {
				notifyWith(stops[i], stoppedAt(waves.Targets[e.target].Target))
			}
		}
	}
}

func underWay(standing []plan.TargetState) bool {
	for _, s := range standing {
		if s == plan.TargetUnderWay {
			return true
		}
	}
	return false
}

func stoppedAt(t plan.Target) string {
	return fmt.Sprintf("the plan stopped at %s %s", t.Kind, t.Name)
}

func notifyWith(stop chan<- string, why string) {
	select {
	case stop <- why:
	default: // it has been told already
	}
}

// Turn is one index of an Indexed Job that releases several targets, a target an index.
type Turn struct {
	Config    *rest.Config
	Namespace string
	Job       string
	Waves     plan.Waves
	Index     int
}

// indexedJob is the Job of a turn.
type indexedJob struct{ batchv1.Job }

// Meta is the metadata, as a Cache asks for it.
func (j indexedJob) Meta() metav1.ObjectMeta { return j.ObjectMeta }

// Await waits until every index of the waves before has succeeded. Afterwards stop tells, until ctx ends, that an index of
// the Job has failed. Where one has failed before the turn comes the error wraps ErrNotStarted.
func (t Turn) Await(ctx context.Context) (stop <-chan string, err error) {
	api, err := kube.NewClient(t.Config)
	if err != nil {
		return nil, err
	}
	changed := make(chan struct{}, 1)
	jobs := kube.NewCache[indexedJob](api, kube.Jobs(t.Namespace), url.Values{"fieldSelector": {"metadata.name=" + t.Job}}, changed)
	what := fmt.Sprintf("Job %s/%s", t.Namespace, t.Job)
	if err := jobs.List(ctx); err != nil {
		return nil, kube.Explain("listing "+what, err)
	}
	failed := make(chan error, 1)
	go func() { failed <- jobs.Follow(ctx) }()
	for {
		job, ok := jobs.Get(t.Job)
		if !ok {
			return nil, fmt.Errorf("%s does not exist: --job names the Indexed Job that this index belongs to", what)
		}
		failure, done := t.judge(job)
		switch {
		case failure != "":
			return nil, fmt.Errorf("%w: %s", ErrNotStarted, failure)
		case done:
			told := make(chan string, 1)
			go t.follow(ctx, jobs, changed, told)
			return told, nil
		}
		select {
		case <-changed:
		case err := <-failed:
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// follow tells of the first failure of another index.
func (t Turn) follow(ctx context.Context, jobs *kube.Cache[indexedJob], changed <-chan struct{}, told chan<- string) {
	for {
		if job, ok := jobs.Get(t.Job); ok {
			if failure, _ := t.judge(job); failure != "" {
				notifyWith(told, failure)
				return
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// judge says which other target has failed, or whether all that come before this one are done.
func (t Turn) judge(job indexedJob) (failure string, done bool) {
	for i, target := range t.Waves.Targets {
		if i != t.Index && hasIndex(ptr.Deref(job.Status.FailedIndexes, ""), i) {
			return stoppedAt(target.Target), false
		}
	}
	for i := range t.Waves.Before(t.Index) {
		if !hasIndex(job.Status.CompletedIndexes, i) {
			return "", false
		}
	}
	return "", true
}

// hasIndex tells whether a Job's list of indexes, such as "0-2,5", has the index.
func hasIndex(list string, index int) bool {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		low, err := strconv.Atoi(first)
		if err != nil {
			continue
		}
		high := low
		if isRange {
			if high, err = strconv.Atoi(last); err != nil {
				continue
			}
		}
		if low <= index && index <= high {
			return true
		}
	}
	return false
}
