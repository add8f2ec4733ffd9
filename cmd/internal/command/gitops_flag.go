// SPDX-License-Identifier: Apache-2.0

package command

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/manifests"
)

// GitOpsWords are the values of a flag that says what applies the manifests.
func GitOpsWords() []string {
	return []string{string(manifests.None), string(manifests.ArgoCD), string(manifests.Flux)}
}

// CheckGitOps refuses a word that is none of them.
func CheckGitOps(flag, value string) error {
	if value == "" || slices.Contains(GitOpsWords(), value) {
		return nil
	}
	return Usagef("%s %q is not one of %s", flag, value, strings.Join(GitOpsWords(), ", "))
}
