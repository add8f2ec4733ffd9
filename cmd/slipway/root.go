// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/release"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/render"
)

func newRootCommand(s command.Streams) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "slipway",
		Short: "Inject sidecars into manifests at build time, and release workloads batch by batch",
		Long: `slipway injects OpenKruise SidecarSets into rendered manifests at build time, so that what an admission
webhook does unseen in the cluster is a diff in Git.

Started without arguments and with a ResourceList on standard input it does what slipway fn does: a tool that knows
only the path of a KRM function cannot pass arguments to it.`,
		Args:          usage.KnownCommand,
		SilenceUsage:  true,
		SilenceErrors: true,

		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return printVersion(s)
			}
			in := bufio.NewReader(process.UntilDone(c.Context(), s.In))
			if process.IsTerminal(s.In) || isEmpty(in) {
				return c.Help()
			}
			return runFunction(s, in)
		},
	}
	// Cobra's own flag prints other words. A template for them would link every method of every type, as templates call methods
	// by name: six megabytes.
	root.Flags().BoolVarP(&version, "version", "v", false, "version for slipway")
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return command.Usagef("%w", usage.FlagError(c, err)) })
	root.AddCommand(newRenderCommand(s), newExplainCommand(s), newEjectCommand(s), newLintCommand(s), newDoctorCommand(s),
		newFnCommand(s), newArgoCDCommand(s), release.NewCommand(s), newSchemaCommand(s), newInitCommand(s), newVersionCommand(s))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	checkHelp(root)
	checkUsage(root)
	return root
}

// checkHelp makes help for a command that is not there an error of usage.
func checkHelp(root *cobra.Command) {
	help, _, err := root.Find([]string{"help"})
	if err != nil || help == root {
		return
	}
	show := help.Run
	help.Run = nil
	help.RunE = func(c *cobra.Command, args []string) error {
		if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
			return command.Usagef("there is no command %q to help with (see slipway --help)", strings.Join(args, " "))
		}
		show(c, args)
		return nil
	}
}

// checkUsage makes what a command and those below it say against their arguments errors of usage, and gives those that
// only hold others a way to say it.
func checkUsage(c *cobra.Command) {
	c.SuggestionsMinimumDistance = 2
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = usage.KnownCommand
		c.RunE = needsCommand
	}
	c.Args = usageArgs(c.Args)
	for _, sub := range c.Commands() {
		checkUsage(sub)
	}
}

// needsCommand is a group of commands that is called by itself. As kubectl has it the help is no output then, and that is no
// success: what goes on with the output, such as Argo CD with that of a plugin, would take the help for manifests.
func needsCommand(c *cobra.Command, _ []string) error {
	c.SetOut(c.ErrOrStderr())
	if err := c.Help(); err != nil {
		return err
	}
	return command.Usagef("%s does nothing by itself: name one of its commands", c.CommandPath())
}

// printed is what cobra prints help and completions to: it passes over that they could not be written.
type printed struct {
	io.Writer
	err error // the first
}

func (p *printed) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	p.err = cmp.Or(p.err, err)
	return n, err
}

// failed is what became of what was printed, after an execution that ended well.
func (p *printed) failed(err error) error {
	if err == nil && p.err != nil {
		return fmt.Errorf("writing to standard output: %w", render.Cause(p.err))
	}
	return err
}

// isEmpty says whether there is nothing to read.
func isEmpty(r *bufio.Reader) bool {
	_, err := r.Peek(1)
	return err != nil
}

// usageArgs makes a refusal of arguments an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check != nil {
			if err := check(c, args); err != nil {
				return command.Usagef("%w (see %s --help)", err, c.CommandPath())
			}
		}
		if slices.Contains(args, "") {
			return command.Usagef("an argument is empty and names nothing: is the variable that holds it set? (see %s --help)",
				c.CommandPath())
		}
		return nil
	}
}
