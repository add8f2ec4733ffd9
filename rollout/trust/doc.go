// SPDX-License-Identifier: Apache-2.0

// Package trust says what of a progress record is believed. The record is a ConfigMap, and whoever may approve may patch it; so
// everything in it may be somebody's edit.
//
// Three things are known of it. What an agent has written itself it remembers: of a record that is otherwise, it takes over what
// people may ask for, and nothing else. What people ask for are entries of their own, and the API server notes which field
// manager has written an entry. And what the rest claims can be held against the pods.
//
// A field manager is a name that a client gives itself. It shows an edit by a client that does not mean to deceive, and the
// audit log of the API server who it was; it does not stop somebody who gives himself slipway's name. What such a person can do
// is bounded by the pods and by the plan.
package trust
