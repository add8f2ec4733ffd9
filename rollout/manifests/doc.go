// SPDX-License-Identifier: Apache-2.0

// Package manifests makes what a release needs in a cluster: the Job, with its ServiceAccount, Role and ConfigMap, the
// rights of agents and of people, and what GitOps tools need beside them.
//
// Input is a BatchPlan and its targets, output are objects as they are applied. It reads no cluster and no file.
package manifests
