// SPDX-License-Identifier: Apache-2.0

package release

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// modeFlags say who replaces pods and how they are deleted.
type modeFlags struct {
	mode     string
	deletion string
}

// modes are the words of --mode.
func modes() []string { return []string{"auto", "direct", "partition", "delete"} }

// deletions are the words of --delete-mode.
func deletions() []string {
	return []string{manifests.DeleteModeDelete, manifests.DeleteModeEvict}
}

func (f *modeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.mode, "mode", "auto", "who replaces pods: direct (slipway), partition (a controller), delete (a "+
		"controller, what slipway deletes) or auto")
	command.CompleteWords(cmd, "mode", modes()...)
	f.addDeletion(cmd)
}

func (f *modeFlags) addDeletion(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.deletion, "delete-mode", manifests.DeleteModeDelete,
		"how pods are deleted: delete, or evict, which respects PodDisruptionBudgets")
	command.CompleteWords(cmd, "delete-mode", deletions()...)
}

func (f modeFlags) check() error {
	if err := command.OneOf("--mode", f.mode, modes()...); err != nil {
		return err
	}
	return f.checkDeletion()
}

func (f modeFlags) checkDeletion() error {
	return command.OneOf("--delete-mode", f.deletion, deletions()...)
}

// direct says that slipway replaces the pods, whoever is at work.
func (f modeFlags) direct() bool { return f.mode == "direct" }

// evict says that pods are evicted.
func (f modeFlags) evict() bool { return f.deletion == manifests.DeleteModeEvict }
