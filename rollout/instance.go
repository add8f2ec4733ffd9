// SPDX-License-Identifier: Apache-2.0

package rollout

import "strconv"

// instances hands out instance ids for new pods. They follow from the CloneSet's UID, the revision and a running
// number, and skip what is taken. So a create that is decided twice, on a look that did not show the first one yet,
// has the same name and fails as already existing.
type instances struct {
	taken  map[string]struct{}
	free   []string // of claims without a pod
	uid    string
	series string // what the running number belongs to
	next   int
}

func newInstances(o *Observed) *instances {
	ids := &instances{taken: make(map[string]struct{}, len(o.Pods)+8), uid: o.CloneSet.UID}
	if o.CloneSet.Spec.ReuseClaims && o.CloneSet.Spec.HasClaims {
		ids.free = o.FreeInstances
	}
	for i := range o.Pods {
		ids.taken[o.Pods[i].Instance] = struct{}{}
	}
	return ids
}

func (ids *instances) create(o *Observed, revision, reason string) Action {
	id := ids.take(revision)
	a := Action{Kind: CreatePod, Revision: revision, Instance: id, Lifecycle: Normal, Reason: reason}
	a.Pod.Name = o.CloneSet.Name + "-" + id
	if o.CloneSet.Spec.Lifecycle.PreNormal.IsSet() {
		a.Lifecycle = PreparingNormal
	}
	return a
}

func (ids *instances) take(revision string) string {
	for len(ids.free) > 0 {
		id := ids.free[0]
		ids.free = ids.free[1:]
		if ids.claim(id) {
			return id
		}
	}
	if ids.series != revision {
		ids.series, ids.next = revision, 0
	}
	for {
		id := instanceID(ids.uid, revision, ids.next)
		ids.next++
		if ids.claim(id) {
			return id
		}
	}
}

func (ids *instances) claim(id string) bool {
	if _, taken := ids.taken[id]; taken {
		return false
	}
	ids.taken[id] = struct{}{}
	return true
}

// instanceID is five letters of the alphabet that Kubernetes uses for generated names, which spells no words.
// The hash is FNV-1a, finished with a multiplication so that consecutive numbers differ in every letter.
func instanceID(uid, revision string, n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	var buffer [20]byte
	h := fnv(fnv(fnv(fnv(14695981039346656037, uid), "/"), revision), "/")
	h = fnv(h, string(strconv.AppendInt(buffer[:0], int64(n), 10)))
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h ^= h >> 33
	var id [5]byte
	for i := range id {
		id[i] = alphabet[h%uint64(len(alphabet))]
		h /= uint64(len(alphabet))
	}
	return string(id[:])
}

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
