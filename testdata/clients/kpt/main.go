// SPDX-License-Identifier: Apache-2.0

// Command kpt is kpt's own commands for functions and packages, under a main that does what kpt's does for them. Its program
// cannot be built: an alpha command wants a module that the module proxy does not have.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kptdev/kpt/commands/fn"
	"github.com/kptdev/kpt/commands/pkg"
	kpterrors "github.com/kptdev/kpt/pkg/lib/errors"
	"github.com/kptdev/kpt/pkg/lib/errors/resolver"
	"github.com/kptdev/kpt/pkg/printer"
	"github.com/spf13/cobra"
)

func main() {
	cmd := &cobra.Command{Use: "kpt", SilenceUsage: true, SilenceErrors: true}
	cmd.PersistentFlags().BoolVar(&printer.TruncateOutput, "truncate-output", true, "Enable the truncation for output")
	ctx := printer.WithContext(context.Background(), printer.New(cmd.OutOrStdout(), cmd.ErrOrStderr()))
	cmd.AddCommand(fn.GetCommand(ctx, "kpt"), pkg.GetCommand(ctx, "kpt"))
	if err := cmd.Execute(); err != nil {
		os.Exit(report(err))
	}
}

// report says what stopped a command in kpt's words, and returns its exit code.
func report(err error) int {
	if known, ok := resolver.ResolveError(err); ok {
		if known.Message != "" {
			fmt.Fprintln(os.Stderr, known.Message)
		}
		return known.ExitCode
	}
	var own *kpterrors.Error
	if errors.As(err, &own) {
		if cause, ok := kpterrors.UnwrapErrors(own); ok {
			err = cause
		}
	}
	fmt.Fprintln(os.Stderr, "Error:", err)
	return 1
}
