// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// Messages to people start in lower case and end without a full stop. stdout carries what was asked for and nothing
// else; everything that is said about it goes to stderr.

// Streams are the standard streams of a run.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes of all commands but rollout.
const (
	ExitFailure    = 1 // a finding of severity error, or work that could not be done
	ExitUsage      = 2
	ExitDifference = 3 // --check found something to change
)

// ExitError is an error with an exit code. A nil err has been told already.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usagef is an error in how slipway was called.
func Usagef(format string, args ...any) error {
	return &ExitError{ExitUsage, fmt.Errorf(format, args...)}
}

// ExitCode tells the error to the person and turns it into the exit code.
func (s Streams) ExitCode(err error) int {
	if err == nil {
		return 0
	}
	exit := &ExitError{ExitFailure, err}
	errors.As(err, &exit)
	if exit.Err != nil && !process.ClosedBy(s.Out, exit.Err) { // whoever reads no more, as head, knows
		s.Say("error: %v", exit.Err)
	}
	return exit.Code
}

// Say writes one message to stderr, without what a terminal or a CI system would obey: it may have words of a manifest or of a
// server in it. There is no one to tell if that fails.
func (s Streams) Say(format string, args ...any) {
	fmt.Fprintln(s.Err, manifest.PrintableLines(fmt.Sprintf(format, args...))) //nolint:errcheck // see above
}

// maxTold is how many errors are printed; a report has them all.
const maxTold = 20

// Tell prints errors and warnings, and returns an error if there are errors.
func (s Streams) Tell(findings []manifest.Finding) error {
	failed := 0
	for _, f := range findings {
		if f.Severity == manifest.SeverityError {
			failed++
		}
		if f.Severity == manifest.SeverityInfo || f.Severity == manifest.SeverityError && failed > maxTold {
			continue
		}
		s.Say("%s: %s", f.Severity, f)
	}
	if failed == 0 {
		return nil
	}
	if failed > maxTold {
		s.Say("error: and %d more (--report json lists them all)", failed-maxTold)
	}
	return &ExitError{Code: ExitFailure}
}
