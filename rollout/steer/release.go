// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// Release is the release of one CloneSet as people meet it from outside: they look at it and ask things of it. It holds no
// lock and touches no pod. Everything goes through the ConfigMap that the agent keeps its progress in.
type Release struct {
	client  kube.Client
	options Options
	target  kube.Target
	plan    *plan.BatchPlan // where the record holds none
	found   string          // name of the record, once it was found
	listed  kube.NotReady   // pods, as they were listed last
	seen    time.Time       // when that was
	unseen  error           // why they may not be listed
	clock   func() time.Time
}

// Options say which release is meant, and who looks at it or asks something of it.
type Options struct {
	Config    *rest.Config
	Namespace string
	Kind      string // of the target; "" is CloneSet
	Name      string
	Version   string        // API version of the target; "" is the first that plan.Kinds has for the kind
	Mode      plan.Mode     // "": the one whose progress is recorded
	Release   string        // the release that is meant; "" is any
	Identity  string        // a name for a person whom the server cannot name; of the holder of the lock, where one is taken
	Lease     time.Duration // how long a lock outlives its holder; 0 is kube.DefaultLease
	Pods      bool          // every pod is to be seen, and not only those that are waited for
	Now       func() time.Time
}

// Open prepares to look at a release and to ask things of it. The plan is that of progress records which hold none; it
// may be nil.
func Open(options Options, p *plan.BatchPlan) (*Release, error) {
	target, err := kube.NewTarget(options.Version, options.Kind, options.Namespace, options.Name)
	if err != nil {
		return nil, err
	}
	if !target.Kind.Direct {
		options.Mode = plan.Partition
	}
	c, err := kube.NewClient(options.Config)
	if err != nil {
		return nil, err
	}
	return &Release{client: c, options: options, target: target, plan: p}, nil
}

// now is the time by the API server's clock, as soon as an answer has told it: agents go by that one too.
func (v *Release) now() time.Time {
	if v.clock == nil {
		v.clock, _ = v.client.ServerClock(v.options.Now)
	}
	return v.clock()
}

// Target is what is released, for messages.
func (v *Release) Target() string { return v.target.String() }

// recordName is the name of the record that was found, or else of the one that an agent would write.
func (v *Release) recordName() string {
	return cmp.Or(v.found, v.target.RecordName(v.options.Mode))
}

func (v *Release) recordWords() string {
	return fmt.Sprintf("ConfigMap %s/%s", v.target.Namespace, v.recordName())
}

// Agent is who works on a release, as its Lease says.
type Agent struct {
	Holder  string        `json:"holder,omitempty"`
	Renewed *time.Time    `json:"renewed,omitempty"` // when the holder last said that it is alive, by its own clock
	Lasts   time.Duration `json:"-"`                 // how long that holds
	Unknown string        `json:"unknown,omitempty"` // why nobody can tell
}

// Absent says in words that no agent is at work, or "" where one is or nobody can tell. The clocks of two machines are
// compared for these words only; the lock itself does not trust them.
func (a Agent) Absent(now time.Time) string {
	switch {
	case a.Unknown != "":
		return ""
	case a.Holder == "":
		return "no agent is at work (there is no Lease)"
	case a.Renewed != nil && now.Sub(*a.Renewed) > 2*a.Lasts:
		return fmt.Sprintf("no agent is at work: %s has not renewed its Lease since %s", a.Holder,
			a.Renewed.UTC().Format(time.RFC3339))
	default:
		return ""
	}
}

// Status is one observation of a release from outside.
type Status struct {
	ID       string           // of the release; "": none is recorded
	Plan     plan.BatchPlan   // that the release follows
	Observed rollout.Observed // without pods that are ready
	Decision rollout.Decision // what rollout.Standing says
	Agent    Agent
	Pods     []rollout.Pod // every pod, where Options.Pods asks for them; nil: they were not looked at
	Seen     time.Time     // when that was
	AsOf     time.Time     // when the counts were written, where nobody is known to keep them fresh
	Unread   error         // why the CloneSet could not be read; nil: it was
	Unseen   error         // why nobody can tell what pods wait for; nil: they could be listed, or none is waited for
}

// Recorded tells whether a release is recorded at all.
func (s Status) Recorded() bool { return s.ID != "" }

// ErrNothing is wrapped where there is neither a target nor a release of it.
var ErrNothing = errors.New("does not exist, and no release of it is recorded")

// Status looks once. A release that is not recorded is no error: the status is then what the CloneSet's own status says.
func (v *Release) Status(ctx context.Context) (Status, error) {
	record, err := v.read(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return Status{}, explain("reading "+v.recordWords(), err)
	}
	var set kube.Workload
	unread := v.client.Get(ctx, v.target.Path(), &set)
	switch {
	case apierrors.IsNotFound(unread) && record.Name == "":
		return Status{}, fmt.Errorf("%s %w", v.target.String(), ErrNothing)
	case unread != nil && record.Name == "":
		return Status{}, explain("reading "+v.target.String(), unread)
	}
	return v.assemble(ctx, record, set, unread)
}

// assemble puts a status together.
func (v *Release) assemble(ctx context.Context, record kube.Record, set kube.Workload, unread error) (Status, error) {
	s := Status{Observed: rollout.Observed{Now: v.now().UTC().Round(0)}}
	if unread != nil {
		s.Unread = explain("reading "+v.target.String(), unread)
		s.Observed.Workload = plan.Workload{
			APIVersion: v.target.Kind.APIVersion, Kind: v.target.Kind.Name, Name: v.target.Name, Namespace: v.target.Namespace,
			Deleting: apierrors.IsNotFound(unread),
		}
	} else if read, err := set.Read(); err != nil {
		s.Unread = err
		s.Observed.Workload = read
	} else {
		s.Observed.Workload = read
	}
	s.Observed.UpdateRevision = kube.RevisionName(v.target.Name, s.Observed.Workload.Status.UpdateRevision)
	if unread == nil && v.target.Kind.BySurge {
		present, err := kube.SetRevision(v.target.Name, set.Template())
		if err != nil {
			return s, err
		}
		s.Observed.UpdateRevision = present.Name
	}
	var err error
	if record.Name != "" && v.meant(record) {
		if s.Plan, s.Observed.Progress, err = v.remembered(record); err != nil {
			return s, err
		}
		s.ID, s.Observed.Workload = record.Data[kube.KeyRelease], s.Plan.Within(s.Observed.Workload)
	}
	s.Agent = v.agent(ctx, v.options.Mode)
	if s.Recorded() && v.options.Mode == plan.Direct && s.Agent.Absent(v.now()) != "" {
		s.AsOf = kube.StatusAt(set.ManagedFields) // the agent would have written it: no controller has to be there
	}
	s.Decision = rollout.Standing(s.Plan, s.Observed)
	switch {
	case unread != nil:
	case v.options.Pods:
		v.everyPod(ctx, &s, set)
	case s.Decision.WaitsForPods():
		s.Observed.Stuck, s.Unseen = v.notReady(ctx, set, s.Observed.UpdateRevision)
		s.Decision = rollout.Standing(s.Plan, s.Observed)
	}
	if v.options.Release != "" && !s.Recorded() {
		s.Decision = rollout.Decision{Verdict: rollout.Wait, Reason: plan.NotStarted, Message: v.otherRelease(record)}
	}
	return s, nil
}

// everyPod adds the pods to a status, listed anew where that is not too much to ask of the server.
func (v *Release) everyPod(ctx context.Context, s *Status, set kube.Workload) {
	o := &s.Observed
	if !o.Now.Before(v.listed.Next) {
		listed, err := v.target.ListPods(ctx, v.client, set, func(hash string) (string, bool) {
			for _, name := range []string{o.UpdateRevision, o.Progress.Revision, o.Progress.Stable} {
				if name != "" && kube.HashOf(name) == kube.HashOf(hash) {
					return name, true
				}
			}
			return "", false
		}, o.Now)
		if err != nil {
			listed.Next = o.Now.Add(followInterval)
		}
		v.listed, v.unseen, v.seen = listed, err, o.Now
	}
	s.Pods, s.Seen, s.Unseen = v.listed.Pods, v.seen, v.unseen
	if !s.Decision.WaitsForPods() {
		return
	}
	for _, p := range s.Pods {
		if p.Waiting != nil && (v.target.Kind.BySurge || p.Revision == o.UpdateRevision) {
			o.Stuck = append(o.Stuck, p)
		}
	}
	s.Decision = rollout.Standing(s.Plan, *o)
}

// notReady are the pods of a revision that are not ready, listed anew from time to time. Without the right to list pods, or
// where the server does not answer, a release is shown as well.
func (v *Release) notReady(ctx context.Context, set kube.Workload, revision string) ([]rollout.Pod, error) {
	if v.target.Kind.BySurge {
		revision = "" // which of its pods are new its ReplicaSets tell
	}
	if now := v.now(); !now.Before(v.listed.Next) {
		listed, err := v.target.ListNotReady(ctx, v.client, set, revision, now)
		if err != nil {
			listed.Next = now.Add(followInterval)
		}
		v.listed, v.unseen = listed, err
	}
	return v.listed.Pods, v.unseen
}

// read reads the record. Where nobody says in which mode the release is, and there is one of each, it is the one that is
// alive: somebody must not pause or approve a release of last week.
func (v *Release) read(ctx context.Context) (kube.Record, error) {
	if v.options.Mode != "" {
		return v.readOf(ctx, v.options.Mode)
	}
	direct, err := v.readOf(ctx, plan.Direct)
	stepping, steppingErr := v.readOf(ctx, plan.Partition)
	switch {
	case steppingErr != nil: // without the right to read that one, a release in direct mode can still be seen
		v.options.Mode = plan.Direct
	case err != nil: // nor without the right to read the other one
		v.options.Mode = plan.Partition
	default:
		if v.options.Mode, err = v.alive(ctx, direct, stepping); err != nil {
			return kube.Record{}, err
		}
	}
	if v.options.Mode == plan.Partition {
		direct, err = stepping, nil
	}
	v.found = direct.Name
	return direct, err
}

// readOf reads the record of a mode. One of another target, which an older version may have given the same name, is none.
func (v *Release) readOf(ctx context.Context, mode plan.Mode) (record kube.Record, err error) {
	for _, name := range v.target.RecordNames(mode) {
		record = kube.Record{}
		err = v.client.Get(ctx, kube.ConfigMaps(v.target.Namespace).Object(name), &record)
		switch {
		case err == nil && v.target.Owns(record):
			if v.options.Mode != "" {
				v.found = name
			}
			return record, nil
		case err == nil:
			err = apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
		case !apierrors.IsNotFound(err):
			return record, err
		}
	}
	return kube.Record{}, err
}

// alive tells which of two records is that of the release that people mean: the one whose agent is at work, the one that
// steps the partition where both are, or else the one that is of the present revision.
func (v *Release) alive(ctx context.Context, direct, stepping kube.Record) (plan.Mode, error) {
	works := func(mode plan.Mode) bool {
		a := v.agent(ctx, mode)
		return a.Holder != "" && a.Absent(v.now()) == ""
	}
	d, s := works(plan.Direct), works(plan.Partition)
	if d != s {
		return modeWhere(d), nil
	}
	if d && s { // an agent that stays has the controller's part in what the other one releases
		return plan.Partition, nil
	}
	var set kube.Workload
	if err := v.client.Get(ctx, v.target.Path(), &set); err != nil && !apierrors.IsNotFound(err) {
		return "", explain("reading "+v.target.String(), err)
	}
	present := func(record kube.Record) bool {
		p, err := record.Progress()
		return err == nil && p.Revision != "" && set.Status.ObservedGeneration == set.Generation &&
			kube.HashOf(p.Revision) == kube.HashOf(set.Status.UpdateRevision)
	}
	if d, s := present(direct), present(stepping); d != s {
		return modeWhere(d), nil
	}
	return "", &request.RefusedError{Why: fmt.Sprintf("two releases of %s are recorded, one in direct mode (ConfigMap %s) and "+
		"one in partition mode (ConfigMap %s), "+
		"and nothing tells which one is meant: say --mode direct or --mode partition, or give the --plan", v.target.String(),
		direct.Name, stepping.Name)}
}

func modeWhere(direct bool) plan.Mode {
	if direct {
		return plan.Direct
	}
	return plan.Partition
}

// meant tells whether a record is that of the release in question. A release that was begun again has a longer id.
func (v *Release) meant(record kube.Record) bool {
	id := record.Data[kube.KeyRelease]
	return v.options.Release == "" || id == v.options.Release || strings.HasPrefix(id, v.options.Release+"-after-")
}

func (v *Release) otherRelease(record kube.Record) string {
	if record.Name == "" {
		return fmt.Sprintf("release %s has not begun: none is recorded", v.options.Release)
	}
	return fmt.Sprintf("release %s has not begun, or is over: the one that is recorded is %s", v.options.Release,
		record.Data[kube.KeyRelease])
}

// remembered is the plan of a record, and the progress with what people have asked for since.
func (v *Release) remembered(record kube.Record) (plan.BatchPlan, rollout.Progress, error) {
	p, err := record.Progress()
	if err != nil {
		return plan.BatchPlan{}, p, err
	}
	released, err := v.planOf(record)
	if err == nil {
		p, _ = trust.Asked(record, released, p)
	}
	return released, p, err
}

// planOf is the plan that a record holds, or the one that was given.
func (v *Release) planOf(record kube.Record) (plan.BatchPlan, error) {
	stored, ok := record.Data[kube.KeyPlan]
	switch {
	case !ok && v.plan != nil:
		return *v.plan, nil
	case !ok:
		return plan.BatchPlan{}, nil
	}
	released, err := plan.ReadStored([]byte(stored))
	switch {
	case errors.Is(err, plan.ErrNewer):
		return released, fmt.Errorf("%w: reading the plan in %s: %w", kube.ErrInvalid, v.recordWords(), err)
	case err != nil:
		return released, fmt.Errorf("%w: reading the plan in %s: %w (take the key out: an agent puts it back with its next write)",
			kube.ErrInvalid, v.recordWords(), err)
	}
	return released, nil
}

// agent reads who holds the lock.
func (v *Release) agent(ctx context.Context, mode plan.Mode) Agent {
	name := plan.LeaseName(v.target.Kind, v.target.Name, mode)
	var l kube.Lease
	err := v.client.Get(ctx, kube.Leases(v.target.Namespace).Object(name), &l)
	switch {
	case apierrors.IsNotFound(err):
		return Agent{}
	case err != nil:
		return Agent{Unknown: explain("reading Lease "+v.target.Namespace+"/"+name, err).Error()}
	}
	a := Agent{Holder: l.Holder(), Lasts: l.Duration()}
	if at := l.Renewed(); !at.IsZero() {
		a.Renewed = &at
	}
	return a
}

// followInterval is how often Follow looks at what no watch tells: the Lease, and the time.
const followInterval = 2 * time.Second

// Follow looks at every change until the release has ended or ctx does, and gives each observation to see. Where no release is
// recorded it waits for the CloneSet's own status.
func (v *Release) Follow(ctx context.Context, see func(Status)) (Status, error) {
	if _, err := v.Status(ctx); err != nil { // in plain words why nothing can be seen
		return Status{}, err
	}
	changed := make(chan struct{}, 1)
	targets := kube.NewCache[kube.Workload](v.client, v.target.Resource(), kube.Named(v.target.Name), changed)
	records := kube.NewCache[kube.Record](v.client, kube.ConfigMaps(v.target.Namespace), kube.Named(v.recordName()), changed)
	failed := make(chan error, 2)
	var following sync.WaitGroup
	defer following.Wait()
	run, end := context.WithCancel(ctx)
	defer end()
	for _, m := range []interface {
		List(context.Context) error
		Follow(context.Context) error
	}{targets, records} {
		if err := m.List(ctx); err != nil {
			return Status{}, explain("watching "+v.target.String(), err)
		}
		following.Go(func() {
			if err := m.Follow(run); err != nil {
				failed <- err
			}
		})
	}
	for {
		record, _ := records.Get(v.recordName())
		set, there := targets.Get(v.target.Name)
		if there {
			set = set.Of(v.target.Kind)
		}
		var unread error
		if !there {
			kind := v.target.Kind
			unread = apierrors.NewNotFound(schema.GroupResource{Group: kind.Group(), Resource: kind.Resource}, v.target.Name)
		}
		s, err := v.assemble(ctx, record, set, unread)
		if err != nil || ctx.Err() != nil {
			return s, errors.Join(err, ctx.Err())
		}
		see(s)
		if s.Decision.Ended() {
			return s, nil
		}
		if err := await(ctx, changed, failed, s.Decision.After); err != nil {
			return s, err
		}
	}
}

// await returns at a change, after a while, or with the error of a watch.
func await(ctx context.Context, changed <-chan struct{}, failed <-chan error, after time.Duration) error {
	wait := followInterval
	if after > 0 {
		wait = min(wait, after)
	}
	tick, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case err := <-failed:
		return explain("watching the release", err)
	case <-changed:
		return nil
	case <-tick.Done():
		return nil
	}
}

// explain adds to a refusal of the server where the rights that a person needs are printed.
func explain(what string, err error) error {
	var refusal *request.RefusedError
	if errors.As(err, &refusal) {
		return err // it says all
	}
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %w: slipway rollout approve --help prints a Role with what is needed", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Names are the CloneSets in a namespace, for completion.
func Names(ctx context.Context, config *rest.Config, namespace string) ([]string, error) {
	c, err := kube.NewClient(config)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []kube.Meta }
	if err := c.Get(ctx, kube.Target{Kind: plan.Kinds()[0], Namespace: namespace}.Resource().Path, &list); err != nil {
		return nil, explain("listing the CloneSets of namespace "+namespace, err)
	}
	names := make([]string, len(list.Items))
	for i, n := range list.Items {
		names[i] = n.Name
	}
	return names, nil
}
