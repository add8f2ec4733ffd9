// SPDX-License-Identifier: Apache-2.0

package command

import (
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// AddAccess adds the flags of every command that asks a cluster.
func AddAccess(cmd *cobra.Command, access *kube.Access) {
	flags := cmd.Flags()
	flags.StringVar(&access.Kubeconfig, "kubeconfig", "", "`FILE` that says how to reach the cluster; without it as kubectl "+
		"does, or with the pod's service account")
	flags.StringVar(&access.Context, "context", "", "`NAME` of the kubeconfig's context")
	flags.DurationVar(&access.Timeout, "request-timeout", 0,
		"how long one request may take that is not a watch, such as 10s (default 1m10s)")
	CompleteFlag(cmd, "context", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return access.Contexts(), cobra.ShellCompDirectiveNoFileComp
	})
}

// Reach says how to reach the cluster, and the namespace that is meant where none is named. That nothing says it is a mistake in
// how the command was called.
func Reach(access *kube.Access) (*rest.Config, string, error) {
	access.UserAgent = process.UserAgent()
	config, namespace, err := access.Config()
	if err != nil {
		return nil, "", &ExitError{Code: ExitUsage, Err: err}
	}
	return config, namespace, nil
}
