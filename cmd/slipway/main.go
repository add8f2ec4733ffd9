// SPDX-License-Identifier: Apache-2.0

// Command slipway injects SidecarSets into rendered manifests and releases CloneSets batch by batch.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(slipway())
}

// slipway runs the command line of the process and returns its exit code.
func slipway() int {
	// A closed pipe is an error like any other: it is told, and what must be cleaned up is cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// run is the whole program over given streams.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := streams{in: stdin, out: stdout, err: stderr}
	root := newRootCommand(s)
	root.SetArgs(args)
	return s.exitCode(root.ExecuteContext(ctx))
}
