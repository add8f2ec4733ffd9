// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/dump"
)

// encoded returns a pod template as the Kruise controller writes it into a revision: having gone through the API's own
// structs, which leave out what is empty, put in what they never leave out, and write quantities in one way only. A
// revision has to hold exactly that, or a Kruise that takes over would make another one and replace every pod.
//
// Defaults are not part of it. Kruise's webhook writes them into a CloneSet, but into one that is there already only when
// its template changes.
//
// A template with fields that the structs here do not know stays as it is, so that no pod goes without them.
func encoded(template map[string]any) (map[string]any, error) {
	data, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf("encoding the pod template: %w", err)
	}
	var typed corev1.PodTemplateSpec
	if strictly(data, &typed) == nil {
		if data, err = json.Marshal(typed); err != nil {
			return nil, fmt.Errorf("encoding the pod template: %w", err)
		}
	}
	t, err := toMap(data)
	if err != nil {
		return nil, fmt.Errorf("reading the pod template: %w", err)
	}
	// Kruise's structs are of a Kubernetes that never left this field out.
	set(Child(t, "metadata"), "creationTimestamp", nil)
	for _, v := range items(t, "spec", "volumes") {
		if claim, ok := Field(v, "ephemeral", "volumeClaimTemplate").(map[string]any); ok {
			set(Child(claim, "metadata"), "creationTimestamp", nil)
		}
	}
	return t, nil
}

// strictly decodes JSON and fails on fields that out does not have.
func strictly(data []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(out)
}

// hashedClaim is what Kruise hashes of a claim template, in the order of the API's fields.
type hashedClaim struct {
	Metadata struct {
		Name              string    `json:"name,omitempty"`
		CreationTimestamp *struct{} `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec   corev1.PersistentVolumeClaimSpec `json:"spec"`
	Status struct{}                         `json:"status"`
}

// claimsHash is Kruise's hash of claim templates, by which it tells whether an update in place would leave pods with claims
// of older ones. It is not known where a template has fields that the API's structs here do not have.
func claimsHash(templates []any) (string, bool) {
	if len(templates) == 0 {
		return "", true
	}
	claims := make([]hashedClaim, len(templates))
	for i, t := range templates {
		spec, err := json.Marshal(Field(t, "spec"))
		if err != nil || strictly(spec, &claims[i].Spec) != nil {
			return "", false
		}
		claims[i].Metadata.Name = Text(t, "metadata", "name")
	}
	slices.SortStableFunc(claims, func(a, b hashedClaim) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	data, err := json.Marshal(claims)
	if err != nil {
		return "", false
	}
	h := fnv.New32a()
	h.Write([]byte(dump.ForHash(data)))
	return strconv.FormatUint(uint64(h.Sum32()), 10), true
}
