// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/slipway-dev/slipway/rollout/manifests"

// GitOpsWords are the values of a flag that says what applies the manifests.
func GitOpsWords() []string {
	return []string{string(manifests.None), string(manifests.ArgoCD), string(manifests.Flux)}
}
