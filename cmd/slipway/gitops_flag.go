// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/manifests"
)

// gitOpsWords are the values of a flag that says what applies the manifests.
func gitOpsWords() []string {
	return []string{string(manifests.None), string(manifests.ArgoCD), string(manifests.Flux)}
}

// checkGitOps refuses a word that is none of them.
func checkGitOps(flag, value string) error {
	if value == "" || slices.Contains(gitOpsWords(), value) {
		return nil
	}
	return usagef("%s %q is not one of %s", flag, value, strings.Join(gitOpsWords(), ", "))
}
