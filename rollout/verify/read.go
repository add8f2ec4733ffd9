// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// cluster is what is around a CloneSet.
type cluster struct {
	budgets    []budget
	quotas     []corev1.ResourceQuota
	limits     []corev1.LimitRange
	scalers    []autoscalingv2.HorizontalPodAutoscaler
	nodes      []*node
	allPods    bool // nodes hold the requests of all pods
	priorities []schedulingv1.PriorityClass
	storage    []storagev1.StorageClass

	storageKnown bool // storage is all classes
	lock         *kube.Lease
	record       *kube.Record
	leader       string // how one knows that a Kruise controller is alive, "" where one does not

	absent   map[needed]bool // what the template names and is not there
	lacking  []right         // rights that are not granted
	rightsOf string          // whose
	trial    trial
}

// reader reads from the API server and remembers what it could not.
type reader struct {
	client kube.Client

	mu     sync.Mutex
	kinds  map[string]int // objects seen
	order  []string       // kinds, as they were asked for
	unread []Finding
	fatal  error // no answer, or no valid login: nothing else can be read either
}

// plan notes a kind, so that what was looked at is told in one order. It is called before anything is read.
func (r *reader) plan(kind string) {
	if !slices.Contains(r.order, kind) {
		r.order = append(r.order, kind)
	}
}

func (r *reader) saw(kind string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds[kind] += n
	if !slices.Contains(r.order, kind) {
		r.order = append(r.order, kind)
	}
}

func (r *reader) seen() []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Seen
	for _, kind := range r.order {
		if n, ok := r.kinds[kind]; ok {
			out = append(out, Seen{kind, n})
		}
	}
	return out
}

// denied notes what could not be read. It tells whether the rest can be: the server answers, and knows who asks.
func (r *reader) denied(of manifest.ObjectRef, verb string, err error, unchecked string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code == http.StatusUnauthorized {
		r.fatal = errors.Join(r.fatal, fmt.Errorf("reading %s: %w", of, err))
		return
	}
	why, remedy := err.Error(), "try again"
	if apierrors.IsForbidden(err) {
		why, remedy = "no right to "+verb+" it", "to have it checked, grant "+verb+" on it to whoever verifies"
	}
	f := newFinding(codeUnread, of, fmt.Sprintf("could not be read (%s), so it is not known %s", why, unchecked), remedy)
	if !slices.Contains(r.unread, f) {
		r.unread = append(r.unread, f)
	}
}

// collection is a resource as it is asked for.
type collection struct {
	kube.Resource
	namespace string // "" for kinds that are in none
	query     url.Values
}

func of(what kube.Resource, namespace string) collection {
	return collection{Resource: what, namespace: namespace}
}

// list reads all objects of a kind, page by page. A kind that the server does not have has no objects.
func list[T any](ctx context.Context, r *reader, of collection, unchecked string, keep func(T)) bool {
	n := 0
	err := kube.ListPages(ctx, r.client, of.Path, of.query, func(item T) {
		n++
		keep(item)
	})
	switch {
	case apierrors.IsNotFound(err):
		return true
	case err != nil:
		r.denied(manifest.ObjectRef{Kind: of.Kind, Namespace: of.namespace}, "list", err, unchecked)
		return false
	}
	r.saw(of.Kind, n)
	return true
}

// into collects what list finds.
func into[T any](all *[]T) func(T) { return func(item T) { *all = append(*all, item) } }

// readTarget reads the CloneSet and who wrote it. Without it nothing can be said, so what goes wrong here is an error.
func (s *snapshot) readTarget(ctx context.Context, r *reader) error {
	s.now = s.options.Now()
	var live kube.Workload
	err := r.client.Get(ctx, s.at.Path(), &live)
	var api apierrors.APIStatus
	switch {
	case apierrors.IsNotFound(err) && errors.As(err, &api) && api.Status().Details != nil && api.Status().Details.Name != "":
		// there is none yet
	case err != nil:
		_, err = s.at.Find(ctx, r.client) // once more, for its words
		if err == nil {
			err = fmt.Errorf("%s has only just been made: try again", s.target())
		}
		return err
	default:
		s.live = &live
		r.plan(s.kind())
		r.saw(s.kind(), 1)
	}
	return s.setComing()
}

// readRest reads everything else at once.
func (s *snapshot) readRest(ctx context.Context, r *reader) error {
	ns := s.options.Namespace
	var revisions []kube.Revision
	var sets []kube.ReplicaSet
	setsKnown := true
	var jobs []func()
	all := func(kind string, read func()) {
		r.plan(kind)
		jobs = append(jobs, read)
	}
	selected := url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(s.coming.Tree, "spec", "selector"))}}
	all("Pod", func() {
		const unchecked = "what the release replaces and adds, what that changes, and whether quotas, budgets and nodes have " +
			"room for it"
		s.podsKnown = list(ctx, r, collection{kube.Pods(ns), ns, selected}, unchecked, func(p corev1.Pod) {
			if p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded {
				s.pods = append(s.pods, p)
			}
		})
	})
	if s.at.Kind.BySurge {
		all("ReplicaSet", func() {
			setsKnown = list(ctx, r, collection{kube.ReplicaSets(ns), ns, selected}, "which pods are its own, and what of them changes",
				into(&sets))
		})
	} else {
		all("ControllerRevision", func() {
			list(ctx, r, collection{kube.ControllerRevisions(ns), ns, selected}, "whether pods are updated in place", into(&revisions))
		})
	}
	s.readPolicies(ctx, r, all)
	s.readObjects(ctx, r, all)
	if s.direct() {
		jobs = append(jobs, func() { s.askResize(ctx, r) })
	}
	var wait sync.WaitGroup
	limit := make(chan struct{}, 8)
	for _, job := range jobs {
		wait.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			job()
		})
	}
	wait.Wait()
	if r.fatal != nil {
		return r.fatal
	}
	if !setsKnown {
		s.pods, s.podsKnown = nil, false // nobody can tell whose they are
	}
	return s.settle(revisions, sets)
}

// askResize asks whether the cluster can resize pods.
func (s *snapshot) askResize(ctx context.Context, r *reader) {
	var err error
	if s.resizes, err = r.client.Resizes(ctx); err != nil {
		r.denied(manifest.ObjectRef{Kind: "APIResourceList"}, "get", err, "whether cpu and memory change in place")
	}
}

// readPolicies reads what limits the pods of a namespace or a cluster.
func (s *snapshot) readPolicies(ctx context.Context, r *reader, all func(string, func())) {
	ns := s.options.Namespace
	namespaced := func(kind, group, plural string) collection {
		return of(kube.Resource{Kind: kind, Path: group + "/namespaces/" + ns + "/" + plural}, ns)
	}
	var mu sync.Mutex
	for _, kind := range []collection{
		namespaced(kindPDB, "/apis/policy/v1", "poddisruptionbudgets"),
		namespaced(kindPUB, "/apis/policy.kruise.io/v1alpha1", "podunavailablebudgets"),
	} {
		all(kind.Kind, func() {
			list(ctx, r, kind, "whether it stops or slows the release", func(b budget) {
				mu.Lock()
				defer mu.Unlock()
				b.kind = kind.Kind
				s.budgets = append(s.budgets, b)
			})
		})
	}
	all("ResourceQuota", func() {
		list(ctx, r, namespaced("ResourceQuota", "/api/v1", "resourcequotas"), "whether there is room for the release",
			into(&s.quotas))
	})
	all("LimitRange", func() {
		list(ctx, r, namespaced("LimitRange", "/api/v1", "limitranges"), "whether the pods are admitted", into(&s.limits))
	})
	all("HorizontalPodAutoscaler", func() {
		list(ctx, r, namespaced("HorizontalPodAutoscaler", "/apis/autoscaling/v2", "horizontalpodautoscalers"),
			"whether something scales in the middle of the release", into(&s.scalers))
	})
	all("Node", func() { s.readNodes(ctx, r, s.options.Plan) })
	all("PriorityClass", func() {
		list(ctx, r, of(kube.Resource{Kind: "PriorityClass", Path: "/apis/scheduling.k8s.io/v1/priorityclasses"}, ""),
			"which priority the pods have", into(&s.priorities))
	})
	if s.set.Spec.HasClaims {
		all("StorageClass", func() {
			s.storageKnown = list(ctx, r, of(kube.Resource{Kind: "StorageClass", Path: "/apis/storage.k8s.io/v1/storageclasses"}, ""),
				"whether the claims get volumes", into(&s.storage))
		})
	}
}

// readObjects reads single objects by their names.
func (s *snapshot) readObjects(ctx context.Context, r *reader, all func(string, func())) {
	ns := s.options.Namespace
	if s.coming.UID != "" {
		all("Lease", func() {
			s.lock = read[kube.Lease](ctx, r, of(kube.Leases(ns), ns), s.leaseName(), "whether another agent is at work")
		})
	}
	all("ConfigMap", func() {
		for _, name := range s.at.RecordNames(s.options.Plan.Mode) {
			found := read[kube.Record](ctx, r, of(kube.ConfigMaps(ns), ns), name, "whether the release has begun or stopped before")
			if s.record == nil && found != nil && s.at.Owns(*found) {
				s.record = found
			}
		}
	})
	all("Lease", func() {
		if l := read[kube.Lease](ctx, r, of(kube.Leases(kube.KruiseNamespace), kube.KruiseNamespace), kube.KruiseLease,
			"whether a Kruise controller is alive"); l != nil {
			s.leader = l.Alive(s.now)
		}
	})
	s.absent = map[needed]bool{}
	for _, ref := range s.references() {
		all(ref.kind, func() { s.lookUp(ctx, r, ref) })
	}
	all("right", func() { s.askRights(ctx, r) })
}

// read reads one object, or nil where there is none or it cannot be read.
func read[T any](ctx context.Context, r *reader, of collection, name, unchecked string) *T {
	var out T
	err := r.client.Get(ctx, of.Object(name), &out)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		r.denied(manifest.ObjectRef{Kind: of.Kind, Namespace: of.namespace, Name: name}, "get", err, unchecked)
		return nil
	}
	r.saw(of.Kind, 1)
	return &out
}
