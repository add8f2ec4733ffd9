// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Options say which release is held against which cluster.
type Options struct {
	Config    *rest.Config
	Namespace string
	Kind      string         // of the target; "" is CloneSet
	Name      string         // of the target
	Version   string         // API version of the target; "" is the first that rollout.Kinds has for the kind
	Plan      plan.BatchPlan // the zero Plan follows the CloneSet's own strategy
	PlanFile  string         // where the plan was read, for messages
	PlanText  []byte         // what was read there
	File      string         // where Manifest was read, for messages
	Manifest  []byte         // the CloneSet that is about to be applied; nil: the one in the cluster is released
	Evict     bool           // as in Options
	Force     bool           // as in Options
	Account   string         // NAMESPACE/NAME of the service account that is to run the release; "": whoever asks
	Now       func() time.Time

	// Checks tries the plan's checks on what is to be released, so that a wrong query is found before the release. It is
	// not called where that cannot be read. May be nil.
	Checks func(context.Context, plan.Workload) []Finding
}

// Report is what can be said of a release before it begins.
type Report struct {
	Kind      string
	Namespace string
	Name      string
	Findings  []Finding // the worst first
	Seen      []Seen    // what was looked at
}

// Seen counts the objects of a kind that were looked at.
type Seen struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

func (s Seen) String() string {
	kind, where, _ := strings.Cut(s.Kind, " ") // as of kindPodsAnywhere
	plural := "s"
	switch {
	case s.Count == 1:
		plural = ""
	case strings.HasSuffix(kind, "ss"):
		plural = "es"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s%s %s", s.Count, kind, plural, where))
}

// Count is the number of findings of a severity.
func (v Report) Count(of manifest.Severity) int {
	n := 0
	for _, f := range v.Findings {
		if f.Severity == of {
			n++
		}
	}
	return n
}

// Verify reads the cluster and says what would happen to the release. It writes nothing: the only requests that are not
// reads ask the API server whether a right is granted, and for a dry run of one new pod and of the change of an old one in
// place. What cannot be read or tried is a finding.
//
// The error is for work that could not be done at all: no answer, no valid login, no right to read the CloneSet.
func Verify(ctx context.Context, options Options) (Report, error) {
	v := Report{Namespace: options.Namespace, Name: options.Name}
	target, err := kube.NewTarget(options.Version, options.Kind, options.Namespace, options.Name)
	if err != nil {
		return v, err
	}
	v.Kind = target.Kind.Name
	api, err := kube.NewClient(options.Config)
	if err != nil {
		return v, err
	}
	r := &reader{client: api, kinds: map[string]int{}}
	s := &snapshot{}
	s.options, s.at = options, target
	if err := s.readTarget(ctx, r); err != nil {
		return v, err
	}
	if s.found = s.readSpec(); len(s.found) == 0 {
		if err := s.readRest(ctx, r); err != nil {
			return v, err
		}
		if err := errors.Join(s.tryPod(ctx, r), s.tryInPlace(ctx, r)); err != nil {
			return v, err
		}
		for _, p := range probes() {
			if s.podsKnown || !p.counts {
				s.found = append(s.found, p.look(s)...)
			}
		}
		if options.Checks != nil {
			s.found = append(s.found, options.Checks(ctx, s.set)...)
		}
	}
	v.Findings, v.Seen = append(s.found, r.unread...), r.seen()
	slices.SortStableFunc(v.Findings, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return v, ctx.Err()
}

// probe says what one aspect of the cluster would do to the release. It only looks at what has been read.
type probe struct {
	look   func(*snapshot) []Finding
	counts bool // it counts pods, and would be wrong where they could not be read
}

// probes are all aspects, in the order in which a person asks.
func probes() []probe {
	return []probe{
		{probeChange, true},
		{probePassed, false},
		{probeLaunch, false},
		{probeUnknown, false},
		{probeClaims, true},
		{probeImages, true},
		{probeBatchNodes, true},
		{probeDeadline, true},
		{probePaused, false},
		{probeController, false},
		{probeLock, false},
		{probeRecord, false},
		{probePartition, false},
		{probeArming, true},
		{probeBudgets, true},
		{probeLimitRanges, true},
		{probeDemands, true},
		{probeQuotas, true},
		{probeAutoscalers, false},
		{probeNodes, true},
		{probeReferences, false},
		{probeAdmission, false},
		{probeInPlace, true},
		{probeMutation, true},
		{probeForeignPods, true},
		{probeRights, false},
		{probeContacts, false},
		{probeImage, false},
	}
}

// readSpec works out what is released. Its findings are mistakes in the manifest or the plan.
func (r *release) readSpec() []Finding {
	var err error
	if r.options.Manifest != nil {
		_, err = r.parse(r.options.File, r.options.Manifest) // knows lines
	}
	switch {
	case err != nil:
		return r.mistakes(err)
	case r.coming.Tree == nil:
		return one(codeTargetMissing, r.target(), "there is nothing to release: it does not exist",
			"apply it before its release, or give the manifest with -f")
	}
	if r.set, err = r.coming.Read(); err != nil {
		return r.mistakes(err)
	}
	r.set.Namespace = cmp.Or(r.set.Namespace, r.options.Namespace)
	if err := r.options.Plan.Validate(r.set); err != nil {
		return r.mistakes(plan.Locate(r.options.PlanFile, r.options.PlanText, err))
	}
	r.options.Plan, r.set = r.options.Plan.InMode(r.set), r.options.Plan.Within(r.set)
	r.bounds, err = r.set.Spec.Bounds()
	if err != nil {
		return r.mistakes(err)
	}
	r.targets = r.options.Plan.Targets(r.bounds)
	return r.readTemplate()
}

// mistakes are findings of what a parser says.
func (q *request) mistakes(err error) []Finding {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []Finding
		for _, e := range joined.Unwrap() {
			if e != kube.ErrInvalid { //nolint:errorlint // the mark itself, not what carries it
				out = append(out, q.mistakes(e)...)
			}
		}
		return out
	}
	code, what, at := codeInvalid, err.Error(), manifest.Finding{}
	if errors.As(err, &at) {
		what = at.Message
		if at.Field == "spec.selector" {
			code = codeSelector
		}
	}
	f := newFinding(code, q.target(), "the release does not begin (exit code 10): "+what, "")
	f.Source, f.Field = at.Source, at.Field
	return []Finding{f}
}
