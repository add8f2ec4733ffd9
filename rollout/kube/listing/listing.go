// SPDX-License-Identifier: Apache-2.0

// Package listing reads a list as an API server sends it, one item at a time, so that a long one is never in memory as a whole.
package listing

import (
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Read gives each item of a list to add, and returns the list's resourceVersion.
func Read[T any](r io.Reader, add func(T)) (resourceVersion string, err error) {
	d := json.NewDecoder(r)
	var meta metav1.ListMeta
	if err := expect(d, json.Delim('{')); err != nil {
		return "", err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", err
		}
		switch key {
		case "metadata":
			err = d.Decode(&meta)
		case "items":
			err = each(d, add)
		default:
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return "", err
		}
	}
	return meta.ResourceVersion, expect(d, json.Delim('}'))
}

func each[T any](d *json.Decoder, add func(T)) error {
	if t, err := d.Token(); err != nil || t == nil { // an empty list may be null
		return err
	}
	for d.More() {
		var item T
		if err := d.Decode(&item); err != nil {
			return err
		}
		add(item)
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Token) error {
	got, err := d.Token()
	if err == nil && got != want {
		err = fmt.Errorf("%v instead of %v", got, want)
	}
	return err
}
