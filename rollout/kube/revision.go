// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// revision is a ControllerRevision. Data is what identifies it.
type revision struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   metadata        `json:"metadata"`
	Data       json.RawMessage `json:"data"`
	Revision   int64           `json:"revision"`
}

func (r revision) meta() metadata { return r.Metadata }

// history is the revisions of one CloneSet, oldest first, the one of its present template included.
type history struct {
	revisions []revision
	update    string // name of the present template's revision
	missing   bool   // the server does not have that one yet
	collision int    // how often a name was taken by another template
	names     map[string]string
	rollout   []rollout.Revision
}

// newHistory finds the revision of the CloneSet's template among the existing ones, or makes a new one that ensure
// writes. A template that equals an older revision is a return to it.
func newHistory(set cloneSet, existing []revision) (history, error) {
	h := history{revisions: existing, collision: set.Status.CollisionCount}
	slices.SortFunc(h.revisions, func(a, b revision) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	data, err := revisionData(set.template())
	if err != nil {
		return h, err
	}
	same := func(r revision) bool { return bytes.Equal(canonical(r.Data), data) }
	if i := lastIndex(h.revisions, same); i >= 0 {
		h.update = h.revisions[i].Metadata.Name
	} else {
		h.missing = true
		h.add(set, data)
	}
	return h, h.index()
}

// add appends the revision of new data under a name that is free.
func (h *history) add(set cloneSet, data []byte) {
	for {
		hash := revisionHash(data, h.collision)
		h.update = set.Metadata.Name + "-" + hash
		taken := slices.ContainsFunc(h.revisions, func(r revision) bool { return r.Metadata.Name == h.update })
		if !taken {
			h.revisions = append(h.revisions, newRevision(set, h.update, hash, data, h.next()))
			return
		}
		h.collision++
	}
}

func (h *history) next() int64 {
	next := int64(1)
	for _, r := range h.revisions {
		next = max(next, r.Revision+1)
	}
	return next
}

// index works out what decisions read.
func (h *history) index() error {
	h.names, h.rollout = map[string]string{}, nil
	for _, r := range h.revisions {
		h.names[hashOf(r.Metadata.Name)] = r.Metadata.Name
		template, err := r.template()
		if err != nil {
			return err
		}
		// Templates that differ in nothing but defaults make the same pods.
		h.rollout = append(h.rollout, rollout.Revision{Name: r.Metadata.Name, Number: r.Revision, Template: defaulted(template)})
	}
	return nil
}

func (h *history) find(name string) (revision, bool) {
	i := slices.IndexFunc(h.revisions, func(r revision) bool { return r.Metadata.Name == name })
	if i < 0 {
		return revision{}, false
	}
	return h.revisions[i], true
}

func lastIndex[T any](list []T, is func(T) bool) int {
	for i, v := range slices.Backward(list) {
		if is(v) {
			return i
		}
	}
	return -1
}

func newRevision(set cloneSet, name, hash string, data []byte, n int64) revision {
	labels := map[string]string{labelRevisionHash: hash}
	for k, v := range stringsOf(field(set.template(), "metadata", "labels")) {
		labels[k] = v
	}
	annotations := map[string]string{}
	maps.Copy(annotations, set.Metadata.Annotations)
	if claims, ok := claimsHash(set.claimTemplates()); ok { // without it the hash is not known
		annotations[annotationClaimsHash] = claims
	}
	return revision{APIVersion: "apps/v1", Kind: "ControllerRevision", Data: data, Revision: n, Metadata: metadata{
		Name:      name,
		Namespace: set.Metadata.Namespace, Labels: labels, Annotations: annotations, OwnerReferences: []ownerReference{set.owner()},
	}}
}

// revisionData is the content of a revision: the template as a patch of the CloneSet's spec. Keys are sorted.
func revisionData(template map[string]any) ([]byte, error) {
	t, err := encoded(template)
	if err != nil {
		return nil, err
	}
	t["$patch"] = "replace"
	data, err := marshal(map[string]any{"spec": map[string]any{"template": t}})
	if err != nil {
		return nil, fmt.Errorf("encoding the pod template: %w", err)
	}
	return data, nil
}

// marshal encodes as the controllers do, which escape HTML characters.
func marshal(v any) ([]byte, error) { return json.Marshal(v) }

// canonical is a revision's data with its keys sorted, or as it is where it cannot be read.
func canonical(data []byte) []byte {
	tree, err := toMap(data)
	if err != nil {
		return data
	}
	sorted, err := marshal(tree)
	if err != nil {
		return data
	}
	return sorted
}

// revisionHash is the hash that Kubernetes names ControllerRevisions with.
func revisionHash(data []byte, collision int) string {
	h := fnv.New32()
	h.Write(data)
	h.Write([]byte(strconv.Itoa(collision)))
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// template is the pod template of a revision.
func (r revision) template() (map[string]any, error) {
	tree, err := toMap(r.Data)
	if err != nil {
		return nil, fmt.Errorf("reading ControllerRevision %s/%s: %w", r.Metadata.Namespace, r.Metadata.Name, err)
	}
	t, _ := field(tree, "spec", "template").(map[string]any)
	delete(t, "$patch")
	return t, nil
}

func stringsOf(tree any) map[string]string {
	out := map[string]string{}
	m, _ := tree.(map[string]any)
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// ensureRevision writes the present template's revision where the server has not got it as the newest one. It is
// called before the first write that names it, so looking alone writes nothing.
func (c *Cluster) ensureRevision(ctx context.Context) error {
	h := &c.history
	current, _ := h.find(h.update)
	what := fmt.Sprintf("ControllerRevision %s/%s", c.target.Namespace, current.Metadata.Name)
	if h.missing {
		err := c.client.create(ctx, controllerRevisions(c.target.Namespace).path, current, nil)
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return conflict("creating "+what, err)
		}
		h.missing = false
		if err != nil {
			c.forgetHistory()
			return conflict("creating "+what, err)
		}
		return nil
	}
	newest := h.revisions[len(h.revisions)-1]
	if newest.Metadata.Name == current.Metadata.Name {
		return nil
	}
	patch := map[string]any{"metadata": map[string]any{"resourceVersion": current.Metadata.ResourceVersion}, "revision": h.next()}
	if err := c.client.merge(ctx, controllerRevisions(c.target.Namespace).object(current.Metadata.Name), patch, nil); err != nil {
		c.forgetHistory()
		return conflict("renumbering "+what, err)
	}
	c.forgetHistory()
	return nil
}

// pruneRevisions deletes the oldest revisions that no pod has, beyond the history limit. It is only tidying: what
// fails is left for the next release.
func (c *Cluster) pruneRevisions(ctx context.Context, o rollout.Observed) error {
	status, _ := c.nextStatus()
	live := map[string]bool{status.UpdateRevision: true, status.CurrentRevision: true}
	if c.last.decision.Reason != plan.Completed {
		live[o.Progress.Stable], live[o.Progress.Revision] = true, true
	}
	for i := range o.Pods {
		live[o.Pods[i].Revision] = true
	}
	var unused []revision
	for _, r := range c.history.revisions {
		if !live[r.Metadata.Name] {
			unused = append(unused, r)
		}
	}
	for len(unused) > c.set.historyLimit() {
		r := unused[0]
		unused = unused[1:]
		err := c.client.delete(ctx, controllerRevisions(c.target.Namespace).object(r.Metadata.Name),
			deleteExactly(r.Metadata.UID, r.Metadata.ResourceVersion), nil)
		if err != nil && !conflicting(err) {
			return explain(fmt.Sprintf("deleting ControllerRevision %s/%s", r.Metadata.Namespace, r.Metadata.Name), err)
		}
	}
	return nil
}
