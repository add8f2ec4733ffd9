// SPDX-License-Identifier: Apache-2.0

// Package doctor reads what a cluster has of sidecars and holds it against Git.
//
//   - look.go reads the cluster into an inject.Live, which inject.Diagnose judges: what is wrong and what to do is decided
//     there, without a cluster.
//   - list.go lists a kind; what the cluster refuses or does not serve is a finding that says what was not seen.
//   - kind.go has the kinds that are read, permissions.go the roles that reading them needs.
//
// It writes nothing. It reads lists, page by page and each once, and keeps no cache: it looks at one moment.
package doctor
