// SPDX-License-Identifier: Apache-2.0

// Package instance makes the ids of pods that slipway creates: five letters that follow from what they are for, so that a pod which
// is decided twice has the same name. It knows nothing of what is in use.
package instance

import (
	"strconv"
	"strings"
)

// alphabet holds the letters of generated names.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

// Code is a number for an id, which is cheaper to look up. Ids of another form, which cannot collide with ours,
// have none.
func Code(id string) (uint32, bool) {
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

// ID is five letters of the alphabet that Kubernetes uses for generated names, which spells no words.
// The hash is FNV-1a, finished with a multiplication so that consecutive numbers differ in every letter.
func ID(uid, revision string, n int) [5]byte {
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
