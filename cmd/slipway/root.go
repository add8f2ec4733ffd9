// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// Messages to people start in lower case and end without a full stop. stdout carries what was asked for and nothing
// else; everything that is said about it goes to stderr.

// streams are the standard streams of a run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes of all commands but rollout.
const (
	exitFailure    = 1 // a finding of severity error, or work that could not be done
	exitUsage      = 2
	exitDifference = 3 // --check found something to change
)

// exitError is an error with an exit code. A nil err has been told already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef is an error in how slipway was called.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode tells the error to the person and turns it into the exit code.
func (s streams) exitCode(err error) int {
	if err == nil {
		return 0
	}
	exit := &exitError{exitFailure, err}
	errors.As(err, &exit)
	if exit.err != nil && !process.ClosedBy(s.out, exit.err) { // whoever reads no more, as head, knows
		s.say("error: %v", exit.err)
	}
	return exit.code
}

// say writes one message to stderr, without what a terminal or a CI system would obey: it may have words of a manifest or of a
// server in it. There is no one to tell if that fails.
func (s streams) say(format string, args ...any) {
	fmt.Fprintln(s.err, manifest.PrintableLines(fmt.Sprintf(format, args...))) //nolint:errcheck // see above
}

func newRootCommand(s streams) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "slipway",
		Short: "Fit out manifests with their sidecars, then launch them a little at a time",
		Long: `slipway injects OpenKruise SidecarSets into rendered manifests at build time, so that what an admission
webhook does unseen in the cluster is a diff in Git.

Started without arguments and with a ResourceList on standard input it is a KRM function, as slipway fn is: an
orchestrator that is given nothing but a path to an executable can pass no arguments.`,
		Args:          usage.KnownCommand,
		SilenceUsage:  true,
		SilenceErrors: true,

		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return s.printVersion()
			}
			in := bufio.NewReader(process.UntilDone(c.Context(), s.in))
			if process.IsTerminal(s.in) || isEmpty(in) {
				return c.Help()
			}
			return s.runFunction(in)
		},
	}
	// Cobra's own flag prints other words. A template for them would link every method of every type, as templates call methods
	// by name: six megabytes.
	root.Flags().BoolVarP(&version, "version", "v", false, "version for slipway")
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usagef("%w", usage.FlagError(c, err)) })
	root.AddCommand(newRenderCommand(s), newExplainCommand(s), newEjectCommand(s), newLintCommand(s), newDoctorCommand(s), newFnCommand(s), newArgoCDCommand(s), newRolloutCommand(s), newSchemaCommand(s), newInitCommand(s), newVersionCommand(s))
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
			return usagef("there is no command %q to help with (see slipway --help)", strings.Join(args, " "))
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
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	c.Args = usageArgs(c.Args)
	for _, sub := range c.Commands() {
		checkUsage(sub)
	}
}

// isEmpty says whether there is nothing to read.
func isEmpty(r *bufio.Reader) bool {
	_, err := r.Peek(1)
	return err != nil
}

// usageArgs makes a refusal of arguments an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return usagef("%w (see %s --help)", err, c.CommandPath())
		}
		return nil
	}
}
