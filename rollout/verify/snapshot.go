// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// snapshot is what has been read of a cluster and of the files of a release. Probes only look at it.
type snapshot struct {
	options Options
	at      kube.Target
	now     time.Time

	live     *kube.Workload // nil: there is none
	managers kube.Managed   // who wrote which part of live
	coming   kube.Workload  // what is released; its tree is nil where nothing is
	set      plan.Workload
	bounds   plan.Bounds
	targets  []int
	pod      *corev1.Pod // as the coming template makes it, with the API server's defaults

	history  kube.History
	change   manifest.Change
	claims   string      // what a change of volumeClaimTemplates does; "": they are the same
	previous *corev1.Pod // as the pods that are to be replaced were made; nil where there is none

	podsKnown bool

	pods []corev1.Pod // those that the selector selects, ended ones left out
	own  []corev1.Pod // those of them that are the CloneSet's and not on their way out
	old  []corev1.Pod // those of them that are not updated

	cluster
	found []Finding
}

// direct tells whether slipway replaces the pods.
func (s *snapshot) direct() bool { return s.options.Plan.Mode != plan.Partition }

func (s *snapshot) ref(kind, name string) ObjectRef {
	return ObjectRef{Kind: kind, Namespace: s.options.Namespace, Name: name}
}

// setComing makes the object that the release will find: the manifest over what is in the cluster.
func (s *snapshot) setComing() error {
	if s.options.Manifest == nil {
		if s.live != nil {
			s.coming = *s.live
		}
		return nil
	}
	tree, err := s.manifest()
	if err != nil || tree == nil {
		return err // the parser says what is wrong
	}
	if s.live != nil {
		keep(tree, s.live.Tree, "spec", "replicas")
		for _, path := range s.partitions() {
			keep(tree, s.live.Tree, path...)
		}
		s.coming = *s.live
	}
	s.coming.APIVersion, s.coming.Kind = kube.Text(tree, "apiVersion"), kube.Text(tree, "kind")
	s.coming.Metadata.Name, s.coming.Metadata.Namespace = s.options.Name, s.options.Namespace
	s.coming.Tree = map[string]any{
		"apiVersion": s.coming.APIVersion, "kind": s.coming.Kind, "spec": tree["spec"],
		"metadata": map[string]any{"name": s.options.Name, "namespace": s.options.Namespace, "uid": s.coming.Metadata.UID},
	}
	return nil
}

// keep copies a field that a manifest leaves to the cluster.
func keep(manifest, live map[string]any, path ...string) {
	last := len(path) - 1
	there, ok := kube.Field(live, path[:last]...).(map[string]any)
	v, set := there[path[last]]
	if !ok || !set || kube.Field(manifest, path...) != nil || kube.Field(manifest, path[:1]...) == nil {
		return
	}
	kube.Child(manifest, path[:last]...)[path[last]] = v
}

// manifest is the target as the manifest has it.
func (s *snapshot) manifest() (map[string]any, error) {
	set, err := s.parse("", s.options.Manifest)
	if err != nil {
		return nil, nil //nolint:nilerr // readSpec tells what is wrong, with its place
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(s.options.Manifest), 4096)
	for {
		var tree map[string]any
		if err := decoder.Decode(&tree); err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		if kube.Text(tree, "kind") == s.kind() && kube.Text(tree, "metadata", "name") == set.Name {
			return tree, nil
		}
	}
}

// readTemplate makes the pod of the coming template.
func (s *snapshot) readTemplate() []Finding {
	var err error
	if s.pod, err = podFrom(s.coming.Template()); err != nil {
		return one(codeTemplate, s.target(), fmt.Sprintf("no pod can be created: the template is not one of a pod: %v", err),
			"correct spec.template")
	}
	s.pod.Namespace = s.options.Namespace
	return nil
}

// podFrom is a pod of a template, with the API server's defaults.
func podFrom(template map[string]any) (*corev1.Pod, error) {
	data, err := json.Marshal(kube.Defaulted(template))
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := json.Unmarshal(data, &pod); err != nil {
		return nil, err
	}
	return &pod, nil
}

// settle works out which pods the release replaces, and by what. It is called when everything is read.
func (s *snapshot) settle(revisions []kube.Revision) error {
	uid := s.coming.Metadata.UID
	for _, p := range s.pods {
		if p.DeletionTimestamp == nil && uid != "" && controlledBy(p, uid) {
			s.own = append(s.own, p)
		}
	}
	revisions = slices.DeleteFunc(revisions, func(r kube.Revision) bool { return uid == "" || !r.Metadata.ControlledBy(uid) })
	var err error
	if s.history, err = kube.NewHistory(s.coming, revisions); err != nil {
		return err
	}
	for _, p := range s.own {
		if kube.HashOf(p.Labels[kube.LabelRevision]) != kube.HashOf(s.history.Update) {
			s.old = append(s.old, p)
		}
	}
	if s.options.Manifest != nil && s.live != nil {
		s.claims = plan.ClaimsSummary(s.live.ClaimTemplates(), s.coming.ClaimTemplates())
	}
	return s.compare()
}

// compare holds the coming template against the one that most old pods have.
func (s *snapshot) compare() error {
	if len(s.old) == 0 {
		return nil
	}
	count := map[string]int{}
	for _, p := range s.old {
		name, _ := s.history.NameOf(p.Labels[kube.LabelRevision])
		count[name]++
	}
	names := slices.SortedFunc(func(yield func(string) bool) {
		for name := range count {
			if !yield(name) {
				return
			}
		}
	}, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	r, ok := s.history.Find(names[0])
	if !ok {
		return nil // pods of a revision that is gone are replaced, whatever the change
	}
	before, err := r.Template()
	if err != nil {
		return err
	}
	if s.claims == "" && s.direct() {
		s.claims = plan.ClaimsSummary(r.Claims, s.coming.ClaimTemplates())
	}
	s.change = manifest.CompareTemplates(kube.Defaulted(before), kube.Defaulted(s.coming.Template()))
	s.previous, err = podFrom(before)
	return err
}

func controlledBy(p corev1.Pod, uid string) bool {
	return slices.ContainsFunc(p.OwnerReferences, func(o ownerRef) bool {
		return string(o.UID) == uid && o.Controller != nil && *o.Controller
	})
}

// inPlace tells whether the old pods stay and only change.
func (s *snapshot) inPlace() bool { return s.change.InPlace && s.set.Spec.UpdateType != plan.ReCreate }

// toReplace is how many pods the release still has to update, down to the last batch.
func (s *snapshot) toReplace() int {
	last := s.targets[len(s.targets)-1]
	updated := len(s.own) - len(s.old)
	return min(max(last-updated, 0), max(len(s.old), s.bounds.Replicas-updated))
}

// surge is how many pods the release adds at its height.
func (s *snapshot) surge() int { return min(s.bounds.MaxSurge, s.toReplace()) }
