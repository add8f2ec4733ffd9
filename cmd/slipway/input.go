// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn"
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// inputFlags are the flags that say what to read and how to inject.
type inputFlags struct {
	sidecarSets []string
	config      string
	namespace   string
	release     manifests.Config // of the flags
	tool        string           // what applies the manifests, where neither flag nor configuration says

	policies inject.Policies // of the configuration, once request has read it
}

func (f *inputFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.sidecarSets, "sidecarsets", "s", nil,
		"read SidecarSets from `PATH`, a file, a folder or -, beside those in the input; can be repeated")
	usage.NamespaceVar(c.Flags(), &f.namespace, "`NAMESPACE` of objects that name none")
	command.CompleteFlag(c, "sidecarsets", command.CompleteManifests)
	command.CompleteFlag(c, "namespace", cobra.NoFileCompletions)
	f.registerConfig(c, "read the configuration from `FILE`: a SidecarInjector, SidecarSet or ConfigMap, as for the KRM function")
}

// registerRelease adds the flags of commands that make releases of BatchPlans.
func (f *inputFlags) registerRelease(c *cobra.Command) {
	c.Flags().StringVar(&f.release.Image, "release-image", "",
		"release the BatchPlans of the input: `IMAGE` of slipway for their Jobs")
	c.Flags().StringVar(&f.release.For, "for", "", "`TOOL` that applies the manifests of a release: argocd, flux or none "+
		"(default none)")
	c.Flags().StringVar(&f.release.Mode, "release-mode", "",
		"`MODE` of plans that name none: Direct (slipway replaces the pods) or Partition (a controller does); without it the "+
			"target's kind decides")
	command.CompleteFlag(c, "release-image", cobra.NoFileCompletions)
	command.CompleteWords(c, "for", command.GitOpsWords()...)
	command.CompleteWords(c, "release-mode", "Direct", "Partition")
}

// releaseConfig is the release section of the configuration under the flags. It is nil where nothing is to be released.
func (f *inputFlags) releaseConfig(c *manifests.Config) (*manifests.Config, error) {
	if f.release.Image == "" && c == nil {
		if f.release.For != "" || f.release.Mode != "" {
			return nil, command.Usagef("--for and --release-mode say how to release: which image of slipway is to run? give " +
				"--release-image")
		}
		return nil, nil
	}
	var out manifests.Config
	if c != nil {
		out = *c
	}
	out.Image = cmp.Or(f.release.Image, out.Image)
	out.For = cmp.Or(f.release.For, out.For, f.tool)
	out.Mode = cmp.Or(f.release.Mode, out.Mode)
	for _, p := range out.Validate() {
		flag := map[string]string{"for": "--for", "mode": "--release-mode"}[p.Field]
		if flag != "" {
			return nil, command.Usagef("%s %s", flag, p.Message)
		}
	}
	return &out, nil
}

// registerConfig adds the flag for the configuration alone.
func (f *inputFlags) registerConfig(c *cobra.Command, usage string) {
	c.Flags().StringVarP(&f.config, "config", "c", "", usage)
	command.CompleteFlag(c, "config", command.CompleteManifests)
	c.ValidArgsFunction = command.CompleteManifests
}

// paths are those to read: the arguments, or standard input.
func (f *inputFlags) paths(s command.Streams, args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"-"}
		if process.IsTerminal(s.In) {
			return nil, command.Usagef("nothing to read: name a file or a folder, or pipe manifests in")
		}
	}
	if slices.Contains(f.sidecarSets, "") {
		return nil, command.Usagef("-s is empty and names nothing: is the variable that holds it set?")
	}
	if f.config == "-" {
		return nil, command.Usagef("-c takes a file, not standard input")
	}
	dashes := 0
	for _, p := range slices.Concat(args, f.sidecarSets) {
		if p == "-" {
			dashes++
		}
	}
	if dashes > 1 {
		return nil, command.Usagef("standard input can be read only once: name a file in place of one -")
	}
	return args, nil
}

// request turns the flags and arguments into a request. Findings tell what is wrong with the configuration.
func (f *inputFlags) request(ctx context.Context, s command.Streams, args []string) (render.Request, []manifest.Finding, error) {
	paths, err := f.paths(s, args)
	if err != nil {
		return render.Request{}, nil, err
	}
	return f.requestOf(ctx, s, paths)
}

// requestOf is request for the paths alone, which may be none.
func (f *inputFlags) requestOf(ctx context.Context, s command.Streams,
	paths []string,
) (render.Request, []manifest.Finding, error) {
	req := render.Request{
		Stdin: process.UntilDone(ctx, s.In), Paths: paths, SetPaths: f.sidecarSets, Building: process.CollectRarely,
	}
	config := &fn.Config{}
	var findings []manifest.Finding
	if f.config != "" {
		object, source, err := render.ReadObject(f.config)
		if err != nil {
			return req, nil, err
		}
		config, findings = fn.ParseConfig(object, source)
	}
	f.policies = config.Policies
	req.Options = config.Options()
	req.Sets = config.Sets()
	req.KeepSidecarSets, req.SkipHooks = config.KeepSidecarSets, config.SkipHooks()
	settings, err := f.releaseConfig(config.Release)
	if err != nil {
		return req, findings, err
	}
	req.IgnorePlans = settings.Off()
	if settings.On() {
		req.Release = settings
	}
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
	c.Flags().StringVar(&f.format, "report", "", "report what is done and why in `FORMAT` text, json, sarif or codequality, to "+
		"stderr or --report-file")
	c.Flags().StringVar(&f.file, "report-file", "", "write the report to `FILE`, as text if --report is not given")
	command.CompleteFormats(c, "report")
}

// ownsStderr says whether a program reads stderr: the report holds what a person would be told beside it.
func (f *reportFlags) ownsStderr() bool {
	return f.file == "" && (f.format == string(report.JSON) || report.Format(f.format).FindingsOnly())
}

func (f *reportFlags) wanted() bool { return f.format != "" || f.file != "" }

func (f *reportFlags) parse() (report.Format, error) {
	if f.file == "-" {
		return "", command.Usagef("--report-file takes a file: without it, and with --report, the report goes to stderr")
	}
	if f.file != "" && holdsManifest(f.file) {
		return "", command.Usagef("--report-file: %s holds a manifest, which the report would write over: name another file", f.file)
	}
	if f.format == "" {
		return report.Text, nil
	}
	return command.ParseFormat("--report", f.format)
}

// manifestStart matches where a manifest says that it is one. No report has that where a manifest does.
var manifestStart = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\A(?:\x{feff}|\s)*\{\s*"(?:apiVersion|kind)"\s*:|(?m:^["']?apiVersion["']?[ \t]*:)`)
})

// holdsManifest says whether there is a file at a path with a manifest near its beginning.
func holdsManifest(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return manifestStart().MatchReader(bufio.NewReader(io.LimitReader(file, 1<<16)))
}

// registerOutput adds -o to a command whose output is a report. --report means the same, as with render.
func registerOutput(c *cobra.Command, format *string, usage string, besides ...cobra.Completion) {
	c.Flags().StringVarP(format, "output", "o", string(report.Text), usage)
	c.Flags().StringVar(format, "report", string(report.Text), usage)
	c.Flags().Lookup("report").Hidden = true
	command.CompleteFormats(c, "output", besides...)
}

// write writes the report where the flags say. Where a caller keeps stderr to itself a file is all that a person gets to
// see: in the text form, too, it holds the findings.
func (f *reportFlags) write(s command.Streams, o *render.Outcome) error {
	if !f.wanted() {
		return nil
	}
	format, err := f.parse()
	if err != nil {
		return err
	}
	if f.file == "" {
		return report.Write(s.Err, o, format)
	}
	var text bytes.Buffer
	if err := report.Write(&text, o, format); err != nil {
		return err
	}
	if format == report.Text {
		for _, finding := range o.Findings {
			fmt.Fprintf(&text, "%s: %s\n", finding.Severity, finding)
		}
	}
	if err := command.WriteFile(f.file, text.Bytes()); err != nil {
		return fmt.Errorf("writing the report to %s: %w", f.file, err)
	}
	return nil
}

// failed writes a report of a run that could not be done, and returns why.
func (f *reportFlags) failed(s command.Streams, why error) error {
	if f.file == "" {
		return why
	}
	//nolint:errcheck // why, which may be that the report could not be written, is what has to be told
	f.write(s, &render.Outcome{Findings: []manifest.Finding{
		{Severity: manifest.SeverityError, Code: "not-done", Message: why.Error()},
	}})
	return why
}
