// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/slipway-dev/slipway/rollout"
)

// Revision is a ControllerRevision. Data is what identifies it.
type Revision struct {
	appsv1.ControllerRevision

	Claims []any `json:"-"` // the claim templates of its pods; NewHistory fills them in
}

// Meta is the metadata, as a Cache asks for it.
func (r Revision) Meta() metav1.ObjectMeta { return r.ObjectMeta }

// History is the revisions of one CloneSet, oldest first, the one of its present template included.
type History struct {
	Revisions []Revision
	Update    string // name of the present template's revision
	Missing   bool   // the server does not have that one yet
	Collision int    // how often a name was taken by another template
	names     map[string]string
	Decided   []rollout.Revision // what decisions read of the revisions
}

// NewHistory finds the revision of the CloneSet's template among the existing ones, or makes a new one that ensure
// writes. A template that equals an older revision is a return to it.
func NewHistory(set Workload, existing []Revision) (History, error) {
	h := History{Revisions: existing, Collision: set.Status.CollisionCount}
	slices.SortFunc(h.Revisions, func(a, b Revision) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Name, b.Name))
	})
	data, err := revisionData(set.Template())
	if err != nil {
		return h, err
	}
	same := func(r Revision) bool { return bytes.Equal(canonical(r.Data.Raw), data) }
	if i := lastIndex(h.Revisions, same); i >= 0 {
		h.Update = h.Revisions[i].Name
	} else {
		h.Missing = true
		h.add(set, data)
	}
	h.giveClaims(set)
	return h, h.index()
}

// add appends the revision of new data under a name that is free.
func (h *History) add(set Workload, data []byte) {
	for {
		hash := revisionHash(data, h.Collision)
		h.Update = set.Name + "-" + hash
		taken := slices.ContainsFunc(h.Revisions, func(r Revision) bool { return r.Name == h.Update })
		if !taken {
			h.Revisions = append(h.Revisions, newRevision(set, h.Update, hash, data, h.Next()))
			return
		}
		h.Collision++
	}
}

// giveClaims finds the claim templates of each revision: the present ones for the present template, and those that were
// written down for an older one. Its pods mount the claims of that time, and would not start with others.
func (h *History) giveClaims(set Workload) {
	for i, r := range h.Revisions {
		h.Revisions[i].Claims = set.ClaimTemplates()
		var then []any
		if written, ok := r.Annotations[annotationClaims]; ok && r.Name != h.Update && json.Unmarshal([]byte(written), &then) == nil {
			h.Revisions[i].Claims = then
		}
	}
}

// Next is the number of the next revision.
func (h *History) Next() int64 {
	next := int64(1)
	for _, r := range h.Revisions {
		next = max(next, r.Revision+1)
	}
	return next
}

// index works out what decisions read.
func (h *History) index() error {
	h.names, h.Decided = map[string]string{}, nil
	for _, r := range h.Revisions {
		h.names[HashOf(r.Name)] = r.Name
		template, err := r.Template()
		if err != nil {
			return err
		}
		// Templates that differ in nothing but defaults make the same pods.
		h.Decided = append(h.Decided, rollout.Revision{Name: r.Name, Number: r.Revision, Template: Defaulted(template)})
	}
	return nil
}

// Newest is the revision with the highest number of those that the server has, which is that of the template that the controller
// has seen last: it numbers one anew when it goes back to it.
func (h *History) Newest() string {
	known := h.Revisions
	if h.Missing {
		known = known[:len(known)-1]
	}
	if len(known) == 0 {
		return ""
	}
	return known[len(known)-1].Name
}

// NameOf is the full name of a revision, of which a label or a status may hold the hash alone.
func (h *History) NameOf(revision string) (string, bool) {
	name, ok := h.names[HashOf(revision)]
	return name, ok && revision != ""
}

// Find returns the revision of a name.
func (h *History) Find(name string) (Revision, bool) {
	i := slices.IndexFunc(h.Revisions, func(r Revision) bool { return r.Name == name })
	if i < 0 {
		return Revision{}, false
	}
	return h.Revisions[i], true
}

func lastIndex[T any](list []T, is func(T) bool) int {
	for i, v := range slices.Backward(list) {
		if is(v) {
			return i
		}
	}
	return -1
}

func newRevision(set Workload, name, hash string, data []byte, n int64) Revision {
	labels := map[string]string{labelRevisionHash: hash}
	for k, v := range stringsOf(Field(set.Template(), "metadata", "labels")) {
		labels[k] = v
	}
	annotations := map[string]string{}
	maps.Copy(annotations, set.Annotations)
	if claims, ok := claimsHash(set.ClaimTemplates()); ok { // without it the hash is not known
		annotations[annotationClaimsHash] = claims
	}
	if templates := set.ClaimTemplates(); len(templates) > 0 {
		if written, err := marshal(templates); err == nil { // it was JSON before
			annotations[annotationClaims] = string(written)
		}
	}
	return Revision{ControllerRevision: appsv1.ControllerRevision{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ControllerRevision"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: set.Namespace,
			Labels: labels, Annotations: annotations, OwnerReferences: []metav1.OwnerReference{set.Owner()},
		},
		Data: runtime.RawExtension{Raw: data}, Revision: n,
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

// Template is the pod template of a revision.
func (r Revision) Template() (map[string]any, error) {
	tree, err := toMap(r.Data.Raw)
	if err != nil {
		return nil, fmt.Errorf("reading ControllerRevision %s/%s: %w", r.Namespace, r.Name, err)
	}
	t, _ := Field(tree, "spec", "template").(map[string]any)
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
