// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strconv"
	"strings"
)

// instances hands out instance ids for new pods. They follow from the CloneSet's UID, the revision and a running
// number, and skip what is taken. So a create that is decided twice, on a look that did not show the first one yet,
// has the same name and fails as already existing.
type instances struct {
	taken  map[uint32]struct{} // codes of the ids in use
	claims []string            // ids of claims without a pod, and not in use
	uid    string
	series string // what the running number belongs to
	next   int
}

func newInstances(o *Observed) *instances {
	ids := &instances{taken: make(map[uint32]struct{}, len(o.Pods)+8), uid: o.Workload.UID}
	for i := range o.Pods {
		if code, ok := instanceCode(o.Pods[i].Instance); ok {
			ids.taken[code] = struct{}{}
		}
	}
	if o.Workload.Spec.ReuseClaims && o.Workload.Spec.HasClaims {
		ids.claims = freeClaims(o)
	}
	return ids
}

// freeClaims are the ids of claims without a pod, without those that have one by now.
func freeClaims(o *Observed) []string {
	used := make(map[string]struct{}, len(o.Pods))
	for i := range o.Pods {
		used[o.Pods[i].Instance] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(o.FreeInstances), func(id string) bool {
		_, taken := used[id]
		return taken
	})
}

func (ids *instances) create(o *Observed, revision, reason string) Action {
	name := ids.name(o.Workload.Name+"-", revision)
	a := Action{Kind: CreatePod, Revision: revision, Instance: name[len(o.Workload.Name)+1:], Lifecycle: Normal, Reason: reason}
	a.Pod.Name = name
	if o.Workload.Spec.Lifecycle.PreNormal.IsSet() {
		a.Lifecycle = PreparingNormal
	}
	return a
}

// name is the prefix with the next id that is not in use: one of a claim without a pod, or a new one.
func (ids *instances) name(prefix, revision string) string {
	if len(ids.claims) > 0 {
		id := ids.claims[0]
		ids.claims = ids.claims[1:]
		return prefix + id
	}
	if ids.series != revision {
		ids.series, ids.next = revision, 0
	}
	for {
		id := instanceID(ids.uid, revision, ids.next)
		ids.next++
		code, _ := instanceCode(string(id[:]))
		if _, taken := ids.taken[code]; !taken {
			ids.taken[code] = struct{}{}
			return prefix + string(id[:])
		}
	}
}

// instanceAlphabet holds the letters of generated names.
const instanceAlphabet = "bcdfghjklmnpqrstvwxz2456789"

// instanceCode is a number for an id, which is cheaper to look up. Ids of another form, which cannot collide with ours,
// have none.
func instanceCode(id string) (uint32, bool) {
	if len(id) != 5 {
		return 0, false
	}
	code := uint32(0)
	for i := range len(id) {
		digit := strings.IndexByte(instanceAlphabet, id[i])
		if digit < 0 {
			return 0, false
		}
		code = code*uint32(len(instanceAlphabet)) + uint32(digit)
	}
	return code, true
}

// instanceID is five letters of the alphabet that Kubernetes uses for generated names, which spells no words.
// The hash is FNV-1a, finished with a multiplication so that consecutive numbers differ in every letter.
func instanceID(uid, revision string, n int) [5]byte {
	var buffer [20]byte
	h := fnv(fnv(fnv(fnv(14695981039346656037, uid), "/"), revision), "/")
	h = fnv(h, string(strconv.AppendInt(buffer[:0], int64(n), 10)))
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h ^= h >> 33
	var id [5]byte
	for i := range id {
		id[i] = instanceAlphabet[h%uint64(len(instanceAlphabet))]
		h /= uint64(len(instanceAlphabet))
	}
	return id
}

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
