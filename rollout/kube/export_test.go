// SPDX-License-Identifier: Apache-2.0

package kube

import "encoding/json"

// RevisionOf is the name and the data of the revision that a CloneSet's template has, for tests of formats.
func RevisionOf(manifest []byte) (name, data string, err error) {
	var set Workload
	if err := json.Unmarshal(manifest, &set); err != nil {
		return "", "", err
	}
	h, err := NewHistory(set, nil)
	if err != nil {
		return "", "", err
	}
	r, _ := h.Find(h.Update)
	return h.Update, string(r.Data.Raw), nil
}

// Pending tells whether a pod, as JSON, has an in-place update that its containers do not run yet.
func Pending(manifest []byte) (bool, error) {
	var p Pod
	err := json.Unmarshal(manifest, &p)
	return p.seen.Pending, err
}

// RefusedForGood are the words of a refusal that is final, for tests of each message that a controller writes.
func RefusedForGood(message string) string { return refusedForGood(message) }
