// SPDX-License-Identifier: Apache-2.0

package kube

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
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Visit is the release of one CloneSet as people meet it from outside: they look at it and ask things of it. It holds no
// lock and touches no pod. Everything goes through the ConfigMap that the agent keeps its progress in.
type Visit struct {
	client  client
	options Options
	kind    plan.Kind
	plan    *plan.BatchPlan // where the memory holds none
}

// NewVisit prepares a visit. Of the options it uses Config, Namespace, Name, Version, Release (the release that is meant; ""
// is any), Identity (a name for a person whom the server cannot name) and Now. The plan is that of memories which hold
// none; it may be nil.
func NewVisit(options Options, p *plan.BatchPlan) (*Visit, error) {
	kind, ok := plan.KindOf(options.Version, cmp.Or(options.Kind, "CloneSet"))
	if !ok {
		return nil, fmt.Errorf("%w: %s %s cannot be released", ErrInvalid, options.Version, options.Kind)
	}
	options.Kind, options.Version = kind.Name, kind.APIVersion
	if !kind.Direct {
		options.Mode = plan.Partition
	}
	c, err := newClient(options.Config)
	if err != nil {
		return nil, err
	}
	return &Visit{client: c, options: options, kind: kind, plan: p}, nil
}

// Target is what is released, for messages.
func (v *Visit) Target() string { return v.options.what() }

func (v *Visit) memoryName() string {
	return MemoryName(ReleaseName(v.kind.Name, v.options.Name, v.options.Mode))
}

func (v *Visit) memoryWords() string {
	return fmt.Sprintf("ConfigMap %s/%s", v.options.Namespace, v.memoryName())
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
		return fmt.Sprintf("no agent is at work: %s has not renewed its Lease since %s", a.Holder, a.Renewed.UTC().Format(time.RFC3339))
	default:
		return ""
	}
}

// Sight is one look at a release from outside.
type Sight struct {
	ID       string           // of the release; "": none is recorded
	Plan     plan.BatchPlan   // that the release follows
	Observed rollout.Observed // without pods
	Decision rollout.Decision // what rollout.Standing says
	Agent    Agent
	Unread   error // why the CloneSet could not be read; nil: it was
}

// Recorded tells whether a release is recorded at all.
func (s Sight) Recorded() bool { return s.ID != "" }

// Look looks once. A release that is not recorded is no error: the sight is then what the CloneSet's own status says.
func (v *Visit) Look(ctx context.Context) (Sight, error) {
	memory, err := v.read(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return Sight{}, explainVisit("reading "+v.memoryWords(), err)
	}
	var set cloneSet
	unread := v.client.get(ctx, targets(v.kind, v.options.Namespace).object(v.options.Name), &set)
	switch {
	case apierrors.IsNotFound(unread) && memory.Metadata.Name == "":
		return Sight{}, fmt.Errorf("%s does not exist, and no release of it is recorded", v.Target())
	case unread != nil && memory.Metadata.Name == "":
		return Sight{}, explainVisit("reading "+v.Target(), unread)
	}
	return v.sight(ctx, memory, set, unread)
}

// sight puts a look together.
func (v *Visit) sight(ctx context.Context, memory configMap, set cloneSet, unread error) (Sight, error) {
	s := Sight{Observed: rollout.Observed{Now: v.options.Now().UTC().Round(0)}}
	if unread != nil {
		s.Unread = explainVisit("reading "+v.Target(), unread)
		s.Observed.Workload = plan.Workload{Name: v.options.Name, Namespace: v.options.Namespace, Deleting: apierrors.IsNotFound(unread)}
	} else if read, err := set.read(); err != nil {
		s.Unread = err
		s.Observed.Workload = read
	} else {
		s.Observed.Workload = read
	}
	s.Observed.UpdateRevision = set.Status.UpdateRevision
	var err error
	if memory.Metadata.Name != "" && v.meant(memory) {
		if s.Plan, s.Observed.Progress, err = v.remembered(memory); err != nil {
			return s, err
		}
		s.ID = memory.Data[keyRelease]
	}
	s.Agent = v.agent(ctx, cmp.Or(set.Metadata.UID, memory.owner().UID))
	s.Decision = rollout.Standing(s.Plan, s.Observed)
	if v.options.Release != "" && !s.Recorded() {
		s.Decision = rollout.Decision{Verdict: rollout.Wait, Reason: plan.NotStarted, Message: v.otherRelease(memory)}
	}
	return s, nil
}

// read reads the memory. That a CloneSet is released in partition mode shows in that there is a memory for that.
func (v *Visit) read(ctx context.Context) (configMap, error) {
	var memory configMap
	if v.options.Mode == "" {
		v.options.Mode = plan.Partition
		if err := v.client.get(ctx, configMaps(v.options.Namespace).object(v.memoryName()), &memory); err == nil {
			return memory, nil
		}
		v.options.Mode = plan.Direct
	}
	err := v.client.get(ctx, configMaps(v.options.Namespace).object(v.memoryName()), &memory)
	return memory, err
}

// meant tells whether a memory is that of the release in question. A release that was begun again has a longer id.
func (v *Visit) meant(memory configMap) bool {
	id := memory.Data[keyRelease]
	return v.options.Release == "" || id == v.options.Release || strings.HasPrefix(id, v.options.Release+"-after-")
}

func (v *Visit) otherRelease(memory configMap) string {
	if memory.Metadata.Name == "" {
		return fmt.Sprintf("release %s has not begun: none is recorded", v.options.Release)
	}
	return fmt.Sprintf("release %s has not begun, or is over: the one that is recorded is %s", v.options.Release, memory.Data[keyRelease])
}

// remembered is the plan and the progress of a memory.
func (v *Visit) remembered(memory configMap) (plan.BatchPlan, rollout.Progress, error) {
	p, err := memory.progress()
	if err != nil {
		return plan.BatchPlan{}, p, err
	}
	stored, ok := memory.Data[keyPlan]
	switch {
	case !ok && v.plan != nil:
		return *v.plan, p, nil
	case !ok:
		return plan.BatchPlan{}, p, nil
	}
	released, err := plan.ReadStored([]byte(stored))
	if err != nil {
		return released, p, fmt.Errorf("%w: reading the plan in %s: %w", ErrInvalid, v.memoryWords(), err)
	}
	return released, p, nil
}

// owner is the CloneSet that a memory belongs to.
func (m configMap) owner() ownerReference {
	if len(m.Metadata.OwnerReferences) == 0 {
		return ownerReference{}
	}
	return m.Metadata.OwnerReferences[0]
}

// agent reads who holds the lock.
func (v *Visit) agent(ctx context.Context, uid string) Agent {
	var l lease
	err := v.client.get(ctx, leases(v.options.Namespace).object(leaseName(uid, v.options.Mode)), &l)
	switch {
	case apierrors.IsNotFound(err):
		return Agent{}
	case err != nil:
		return Agent{Unknown: explainVisit("reading Lease "+v.options.Namespace+"/"+leaseName(uid, v.options.Mode), err).Error()}
	}
	a := Agent{Holder: l.Spec.HolderIdentity, Lasts: time.Duration(l.Spec.LeaseDurationSeconds) * time.Second}
	if at, err := time.Parse(time.RFC3339, l.Spec.RenewTime); err == nil {
		a.Renewed = &at
	}
	return a
}

// lookEvery is how often a visit looks at what no watch tells: the Lease, and the time.
const lookEvery = 2 * time.Second

// Follow looks at every change until the release has ended or ctx does, and gives each look to see. Where no release is
// recorded it waits for the CloneSet's own status.
func (v *Visit) Follow(ctx context.Context, see func(Sight)) (Sight, error) {
	if _, err := v.Look(ctx); err != nil { // in plain words why nothing can be seen
		return Sight{}, err
	}
	changed := make(chan struct{}, 1)
	sets := newMirror[cloneSet](v.client, targets(v.kind, v.options.Namespace), only(v.options.Name), changed)
	memories := newMirror[configMap](v.client, configMaps(v.options.Namespace), only(v.memoryName()), changed)
	failed := make(chan error, 2)
	var following sync.WaitGroup
	defer following.Wait()
	run, end := context.WithCancel(ctx)
	defer end()
	for _, m := range []interface {
		list(context.Context) error
		follow(context.Context) error
	}{sets, memories} {
		if err := m.list(ctx); err != nil {
			return Sight{}, explainVisit("watching "+v.Target(), err)
		}
		following.Go(func() {
			if err := m.follow(run); err != nil {
				failed <- err
			}
		})
	}
	for {
		memory, _ := memories.named(v.memoryName())
		set, there := sets.named(v.options.Name)
		if there {
			set = set.of(v.kind)
		}
		var unread error
		if !there {
			unread = apierrors.NewNotFound(schema.GroupResource{Group: kruiseGroup, Resource: "clonesets"}, v.options.Name)
		}
		s, err := v.sight(ctx, memory, set, unread)
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
	wait := lookEvery
	if after > 0 {
		wait = min(wait, after)
	}
	tick, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case err := <-failed:
		return explainVisit("watching the release", err)
	case <-changed:
		return nil
	case <-tick.Done():
		return nil
	}
}

// explainVisit adds to a refusal of the server where the rights that a person needs are printed.
func explainVisit(what string, err error) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %w: slipway rollout approve --help prints a Role with what is needed", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Names are the CloneSets in a namespace, for completion.
func Names(ctx context.Context, config *rest.Config, namespace string) ([]string, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []named }
	if err := c.get(ctx, targets(plan.Kinds()[0], namespace).path, &list); err != nil {
		return nil, explainVisit("listing the CloneSets of namespace "+namespace, err)
	}
	names := make([]string, len(list.Items))
	for i, n := range list.Items {
		names[i] = n.Metadata.Name
	}
	return names, nil
}
