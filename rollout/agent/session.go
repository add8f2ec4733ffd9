// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// session is what all parts of a cluster know: which release this is, and how to reach it.
type session struct {
	options    Options
	plan       plan.BatchPlan // what is carried out
	client     kube.Client
	target     kube.Target
	uid        types.UID // of the target
	recordName string    // name of the ConfigMap with the progress record
	resizes    bool      // the cluster can resize pods, and this agent makes them
	lock       *kube.Lock
}

// connect fills in the defaults of options and finds the target.
func connect(ctx context.Context, options Options) (*session, kube.Workload, error) {
	options.Parallel = cmp.Or(options.Parallel, DefaultParallel)
	options.Reaction = cmp.Or(options.Reaction, defaultReaction)
	target, err := kube.NewTarget(options.Version, options.Kind, options.Namespace, options.Name)
	if err != nil {
		return nil, kube.Workload{}, err
	}
	kind := target.Kind
	if !kind.Direct && options.Mode == plan.Direct {
		return nil, kube.Workload{}, fmt.Errorf("%w: %s: direct mode replaces the pods of a CloneSet; those of a %s are replaced by "+
			"%s: use --mode %s", kube.ErrInvalid, target, kind.Name, kind.Controller, strings.ToLower(string(kind.Instead())))
	}
	if options.Metrics != nil {
		options.Config = rest.CopyConfig(options.Config)
		options.Config.Wrap(options.Metrics.wrap)
	}
	api, err := kube.NewClient(options.Config)
	if err != nil {
		return nil, kube.Workload{}, err
	}
	unlimited, err := kube.NewClient(kube.WithoutLimit(options.Config))
	if err != nil {
		return nil, kube.Workload{}, err
	}
	set, err := target.Find(ctx, api)
	if err == nil && options.Mode == "" {
		options.Mode, err = modeOf(set)
	}
	if err != nil {
		return nil, set, err
	}
	s := &session{options: options, client: api, target: target}
	s.followServerClock()
	s.uid = set.UID
	if options.Mode == plan.Direct {
		if s.resizes, err = api.Resizes(ctx); err != nil {
			return nil, set, kube.Explain("asking what the cluster can do with pods", err)
		}
	}
	s.recordName = s.findRecord(ctx)
	s.lock = kube.NewLock(unlimited, kube.LockOptions{
		Target: target, UID: s.uid, Mode: options.Mode, Identity: options.Identity, Duration: options.Lease, Now: s.options.Now,
	})
	return s, set, nil
}

// modeOf is the mode of a target for which nobody has said one.
func modeOf(set kube.Workload) (plan.Mode, error) {
	read, err := set.Read()
	return plan.BatchPlan{}.ModeOf(read), err
}

// findRecord is the name of the record: the one that older versions gave it where this target's is there, so that a release
// goes on, and else the present one. What cannot be read now is told when the record is followed.
func (s *session) findRecord(ctx context.Context) string {
	names := s.target.RecordNames(s.options.Mode)
	for _, name := range names[1:] {
		there := kube.NewCache[kube.Record](s.client, kube.ConfigMaps(s.target.Namespace), kube.Named(name), make(chan struct{}, 1))
		if there.List(ctx) != nil {
			continue
		}
		if record, ok := there.Get(name); ok && record.Owner().UID == s.uid {
			return name
		}
	}
	return names[0]
}

// controlled tells whether a controller makes the pods, and this agent only lets it.
func (s *session) controlled() bool { return s.options.Mode.Controlled() }

func (s *session) warn(err error) {
	if s.options.Warn != nil {
		s.options.Warn(err)
	}
}
