// SPDX-License-Identifier: Apache-2.0

package release

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

func newRolloutGitOpsCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "gitops argocd|flux",
		Short: "Print what Argo CD or Flux needs so that it does not disturb a release",
		Long: `Print the parts of an Application and of argocd-cm, or of a Flux Kustomization, that keep the tool from writing back the
partition that a release changes, and that tell it when a release is done. They hold for all targets of all releases.`,
		Example: `  slipway rollout gitops argocd
  slipway rollout gitops flux`,
		Args:      usage.OneOf,
		ValidArgs: []string{string(manifests.ArgoCD), string(manifests.Flux)},
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := manifests.Snippets(manifests.GitOps(args[0]))
			if err != nil {
				return err
			}
			_, err = io.WriteString(s.Out, text)
			return err
		},
	}
}
