// SPDX-License-Identifier: Apache-2.0

// Command slipway injects SidecarSets into rendered manifests and releases CloneSets batch by batch.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	_ "time/tzdata" // a scratch image has no time zones of its own

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
)

func main() {
	os.Exit(slipway())
}

// slipway runs the command line of the process and returns its exit code.
func slipway() int {
	// A closed pipe is an error like any other, though nobody is told: what must be cleaned up is cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return runAs(ctx, commandName(os.Args[0]), os.Args[1:],
		command.Streams{In: os.Stdin, Out: process.NewOutput(os.Stdout), Err: os.Stderr})
}

// commandName is what a person types to start the program: as a plugin of flux or kubectl it has another file name.
func commandName(program string) string {
	base := strings.TrimSuffix(filepath.Base(program), ".exe")
	for _, host := range []string{"flux", "kubectl"} {
		if base == host+"-slipway" {
			return host + " slipway"
		}
	}
	return "slipway"
}

// run is the whole program over given streams.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runAs(ctx, "slipway", args, command.Streams{In: stdin, Out: stdout, Err: stderr})
}

func runAs(ctx context.Context, name string, args []string, s command.Streams) int {
	root := newRootCommand(s)
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	root.SetArgs(args)
	out := &printed{Writer: s.Out}
	root.SetOut(out)
	err := out.failed(root.ExecuteContext(ctx))
	if exit := new(command.ExitError); errors.As(err, &exit) && exit.Code == command.ExitUsage {
		if file := reportFile(args); file != "-" {
			err = (&reportFlags{file: file}).failed(s, err)
		}
	}
	return s.ExitCode(err)
}

// reportFile finds the report's file in arguments that are wrong: whoever keeps stderr to itself shows nothing else.
func reportFile(args []string) string {
	const flag = "--report-file"
	for i, arg := range args {
		if file, found := strings.CutPrefix(arg, flag+"="); found {
			return file
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
