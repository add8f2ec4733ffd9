// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/slipway-dev/slipway/fn"
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render"
	"github.com/spf13/cobra"
)

// inputFlags are the flags that say what to read and how to inject.
type inputFlags struct {
	sidecarSets []string
	config      string
	namespace   string
}

func (f *inputFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.sidecarSets, "sidecarsets", "s", nil, "file or folder with SidecarSets, beside those in the input; can be repeated")
	c.Flags().StringVarP(&f.config, "config", "c", "", "file with a SidecarInjector, SidecarSet or ConfigMap as for the KRM function")
	c.Flags().StringVarP(&f.namespace, "namespace", "n", "", "namespace of objects that name none")
}

// request turns the flags and arguments into a request. Findings tell what is wrong with the configuration.
func (f *inputFlags) request(s streams, args []string) (render.Request, []inject.Finding, error) {
	req := render.Request{Paths: args, Stdin: s.in, SetPaths: f.sidecarSets}
	if len(args) == 0 {
		if isTerminal(s.in) {
			return req, nil, usagef("nothing to read: name a file or a folder, or pipe manifests in")
		}
		req.Paths = []string{"-"}
	}
	config := &fn.Config{}
	var findings []inject.Finding
	if f.config != "" {
		object, source, err := render.ReadObject(f.config)
		if err != nil {
			return req, nil, err
		}
		config, findings = fn.ParseConfig(object, source)
	}
	req.Options = config.Options()
	req.Sets = config.Sets()
	req.KeepSidecarSets, req.SkipHooks = config.KeepSidecarSets, config.SkipHooks()
	if f.namespace != "" {
		req.Options.Namespace = f.namespace
	}
	return req, findings, nil
}

// reportFlags are the flags that say what is told about a run, and where.
type reportFlags struct {
	format, file string
}

func (f *reportFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "report", "", "report what was done and why: text, json or sarif; to stderr or --report-file")
	c.Flags().StringVar(&f.file, "report-file", "", "file for the report (text if --report is not given)")
}

func (f *reportFlags) wanted() bool { return f.format != "" || f.file != "" }

func (f *reportFlags) parse() (render.Format, error) {
	if f.format == "" {
		return render.Text, nil
	}
	format, err := render.ParseFormat(f.format)
	if err != nil {
		return format, usagef("--report: %w", err)
	}
	return format, nil
}

// write writes the report where the flags say. Where a caller keeps stderr to itself a file is all that a person gets to
// see: in the text form, too, it holds the findings.
func (f *reportFlags) write(s streams, o *render.Outcome) (err error) {
	if !f.wanted() {
		return nil
	}
	format, err := f.parse()
	if err != nil {
		return err
	}
	if f.file == "" {
		return render.WriteReport(s.err, o, format)
	}
	file, err := os.Create(f.file)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := render.WriteReport(file, o, format); err != nil || format != render.Text {
		return err
	}
	for _, finding := range o.Findings {
		if _, err := fmt.Fprintf(file, "%s: %s\n", finding.Severity, finding); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}

// failed writes a report of a run that could not be done, and returns why.
func (f *reportFlags) failed(s streams, why error) error {
	if f.file == "" {
		return why
	}
	return errors.Join(why, f.write(s, &render.Outcome{Findings: []inject.Finding{
		{Severity: inject.SeverityError, Code: "not-done", Message: why.Error()},
	}}))
}

// maxTold is how many errors are printed; a report has them all.
const maxTold = 20

// tell prints errors and warnings, and returns an error if there are errors.
func (s streams) tell(findings []inject.Finding) error {
	failed := 0
	for _, f := range findings {
		if f.Severity == inject.SeverityError {
			failed++
		}
		if f.Severity == inject.SeverityInfo || f.Severity == inject.SeverityError && failed > maxTold {
			continue
		}
		s.say("%s: %s", f.Severity, f)
	}
	if failed == 0 {
		return nil
	}
	if failed > maxTold {
		s.say("error: and %d more (--report json lists them all)", failed-maxTold)
	}
	return &exitError{code: exitFailure}
}

// progress shows on a terminal how far a run of more than a second has come. stop takes the line away.
func (s streams) progress() (show func(documents int), stop func()) {
	if !isTerminal(s.err) {
		return nil, func() {}
	}
	start, last := time.Now(), time.Time{}
	shown := false
	show = func(documents int) {
		now := time.Now()
		if now.Sub(start) < time.Second || now.Sub(last) < 100*time.Millisecond {
			return
		}
		last, shown = now, true
		fmt.Fprintf(s.err, "\r%d documents", documents) //nolint:errcheck // a line for the eye alone
	}
	return show, func() {
		if shown {
			io.WriteString(s.err, "\r\x1b[K") //nolint:errcheck // a line for the eye alone
		}
	}
}
