// SPDX-License-Identifier: Apache-2.0

// Package manifests makes what a release needs in a cluster: the Job, with its ServiceAccount, Role and ConfigMap, the
// rights of agents and of people, and what GitOps tools need beside them.
//
// Input is a BatchPlan and its targets, output are objects as they are applied ([Job]). It reads no cluster and no file.
//
// A [Set] does this for the BatchPlans of a whole input, and is what fn and render work with. It is filled in three steps:
// [Set.Read] gets every document that mentions a BatchPlan, [Set.Release] every target after injection, and [Set.Finish],
// when there is no more, makes the releases: a plan may have several targets. Then the Set says what becomes of each
// document: edits of a target ([Set.Edits]), a new text for an object that an earlier run generated ([Set.Replaces]), and
// objects that come after a target ([Set.Adds]).
//
// An object that was generated says so in the annotation [GeneratedBy], and that is how the next run finds it: it is
// replaced where it stands, so that a second run over the result of the first changes nothing.
package manifests
