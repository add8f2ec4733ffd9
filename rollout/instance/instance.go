// SPDX-License-Identifier: Apache-2.0

// Package instance makes the ids of pods that slipway creates: five letters that follow from what they are for.
package instance

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// IDs hands out instance ids for new pods. They follow from the CloneSet's UID, the revision and a running number, and skip what
// is taken. So a create that is decided twice, on an observation that did not show the first one yet, has the same name and
// fails as already existing.
type IDs struct {
	taken  map[uint32]struct{} // codes of the ids in use
	claims []string            // ids of claims without a pod, and not in use
	uid    string
	series string // what the running number belongs to
	next   int
}

// New hands out ids of a CloneSet whose pods, of that number, have those that are taken. The ids of claims come first, where no
// pod has them.
func New(uid string, pods int, taken iter.Seq[string], claims []string) *IDs {
	ids := &IDs{taken: make(map[uint32]struct{}, pods+8), uid: uid}
	for id := range taken {
		if code, ok := codeOf(id); ok {
			ids.taken[code] = struct{}{}
		}
	}
	if len(claims) > 0 {
		used := make(map[string]struct{}, pods)
		for id := range taken {
			used[id] = struct{}{}
		}
		ids.claims = slices.DeleteFunc(slices.Clone(claims), func(id string) bool { _, ok := used[id]; return ok })
	}
	return ids
}

// KeepClaims keeps what is left of the claims without a pod from those that come.
func (ids *IDs) KeepClaims() { ids.claims = nil }

// Name is the prefix with the next id that is not in use: one of a claim without a pod, or a new one.
func (ids *IDs) Name(prefix, revision string) string {
	if len(ids.claims) > 0 {
		id := ids.claims[0]
		ids.claims = ids.claims[1:]
		return prefix + id
	}
	if ids.series != revision {
		ids.series, ids.next = revision, 0
	}
	for {
		id := idOf(ids.uid, revision, ids.next)
		ids.next++
		code, _ := codeOf(string(id[:]))
		if _, taken := ids.taken[code]; !taken {
			ids.taken[code] = struct{}{}
			return prefix + string(id[:])
		}
	}
}

// alphabet holds the letters of generated names.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

// codeOf is a number for an id, which is cheaper to look up. Ids of another form, which cannot collide with ours,
// have none.
func codeOf(id string) (uint32, bool) {
	if len(id) != 5 {
		return 0, false
	}
	code := uint32(0)
	for i := range len(id) {
		digit := strings.IndexByte(alphabet, id[i])
		if digit < 0 {
			return 0, false
		}
		code = code*uint32(len(alphabet)) + uint32(digit)
	}
	return code, true
}

// idOf is five letters of the alphabet that Kubernetes uses for generated names, which spells no words.
// The hash is FNV-1a, finished with a multiplication so that consecutive numbers differ in every letter.
func idOf(uid, revision string, n int) [5]byte {
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
	return id
}

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
