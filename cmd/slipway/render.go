// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
)

// renderFlags are the flags of render and, but for those of its input, of eject.
type renderFlags struct {
	input  inputFlags
	report reportFlags

	outputDir       string
	inPlace         bool
	keepSidecarSets bool
	mustInject      bool
	diff, check     bool
}

func (f *renderFlags) register(c *cobra.Command) {
	c.Flags().StringVarP(&f.outputDir, "output-dir", "o", "",
		"write into `FOLDER`, one file for each object; files of earlier runs that are no longer rendered are removed")
	c.Flags().BoolVar(&f.inPlace, "in-place", false, "rewrite the files that change")
	c.Flags().BoolVar(&f.diff, "diff", false, "print a unified diff in place of the manifests")
	c.Flags().BoolVar(&f.check, "check", false, "write nothing; exit 3 if something would change, in the input or, with -o, in "+
		"that folder")
	command.CompleteFlag(c, "output-dir", command.CompleteFolders)
	f.report.register(c)
}

// validate refuses flags that contradict each other or what is to be read.
func (f *renderFlags) validate(paths []string) error {
	var given []string
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--output-dir", f.outputDir != ""}, {"--in-place", f.inPlace}, {"--diff", f.diff}} {
		if flag.set {
			given = append(given, flag.name)
		}
	}
	if len(given) > 1 {
		return command.Usagef("%s say different things about where the result goes: give one of them", strings.Join(given, " and "))
	}
	if f.inPlace && slices.Contains(paths, "-") {
		return command.Usagef("--in-place rewrites files: name files or folders to read, not standard input")
	}
	if f.outputDir == "-" {
		return command.Usagef("-o is the folder to write into: without it the manifests go to stdout")
	}
	if isFormatName(f.outputDir) {
		return command.Usagef("-o is the folder to write into, and %s is a format: manifests keep the one they have, and --report "+
			"says what is told; for a folder of that name write -o .%c%s", f.outputDir, filepath.Separator, f.outputDir)
	}
	if _, err := os.Stat(f.outputDir); err != nil && manifest.NamesFile(f.outputDir) {
		return command.Usagef("-o is the folder to write into, and %s is called like a file: to write one file leave -o out and add "+
			"> %[1]s", f.outputDir)
	}
	_, err := f.report.parse()
	return err
}

// isFormatName says whether a folder that is not there is called like what other programs take after -o.
func isFormatName(folder string) bool {
	if !slices.Contains([]string{"yaml", "json", "text", "table", "wide", "name", "sarif"}, folder) {
		return false
	}
	_, err := os.Stat(folder)
	return errors.Is(err, fs.ErrNotExist)
}

func newRenderCommand(s command.Streams) *cobra.Command {
	var f renderFlags
	c := &cobra.Command{
		Use:   "render [PATH|-]...",
		Short: "Inject SidecarSets into manifests and make releases of BatchPlans",
		Long: `Inject SidecarSets into the pod templates of manifests and print the result.

A PATH is a file, a folder of .yaml, .yml and .json files, a folder with a kustomization (which is built), or - for
standard input, the default. SidecarSets and Namespaces in the input count; SidecarSets do not appear in the output.
Text that nothing was injected into stays as it is, byte for byte.

If a run knows no SidecarSet, neither from the input nor from -s or the configuration, sidecars of earlier runs in the input are
an error, and so are --check and --in-place. Name the sets with -s, or take the sidecars out with slipway eject. The folder that
-s names may be empty: then the last set was deleted, and its sidecars are taken out.

BatchPlans do not appear either. With --release-image, or release: {image: ...} in the configuration, each becomes a
ServiceAccount, Role, RoleBinding, ConfigMap and Job behind the workload that it releases, as it is after injection. The
workload gets an annotation with the release and, where a controller replaces its pods, a partition under which no pod is
replaced before the Job runs. With --in-place they go into release-PLAN.yaml beside the plan. If nothing has changed, the Job
stays the same.

Exit codes: 0 done, 1 errors in the input (nothing is written), 2 wrong usage, 3 --check found something to change.`,
		Example: `  slipway render app.yaml -s sidecars/
  kustomize build . | slipway render -s sidecars/ | kubectl apply -f -
  slipway render --in-place -s sidecars/ manifests/
  slipway render shop/ --release-image registry.example.com/slipway:v1 --for argocd
  slipway render --check --diff -s sidecars/ manifests/`,
		RunE: func(c *cobra.Command, args []string) error {
			req, findings, err := f.input.request(c.Context(), s, args)
			if err != nil {
				return f.report.failed(s, err)
			}
			req.KeepSidecarSets = req.KeepSidecarSets || f.keepSidecarSets || f.inPlace
			req.NeedsSets = f.check || f.inPlace
			req.MustInject = f.mustInject
			return f.run(c.Context(), s, req, findings)
		},
	}
	f.input.register(c)
	f.input.registerRelease(c)
	f.register(c)
	c.Flags().BoolVar(&f.mustInject, "must-inject", false,
		"fail where nothing is injected, for callers such as Helm 4 that do not show warnings")
	c.Flags().BoolVar(&f.keepSidecarSets, "keep-sidecarsets", false, "leave SidecarSets and BatchPlans in the output")
	return c
}

// sink is where the documents go.
func (f *renderFlags) sink(s command.Streams) render.Sink {
	switch {
	case f.diff:
		return render.NewDiff(s.Out)
	case f.outputDir != "":
		return render.NewDir(f.outputDir, f.check)
	case f.check:
		return render.Discard{}
	case f.inPlace:
		return &render.InPlace{}
	default:
		return render.NewStream(s.Out)
	}
}

// run carries a request out and tells what came of it.
func (f *renderFlags) run(ctx context.Context, s command.Streams, req render.Request, findings []manifest.Finding) error {
	if err := f.validate(req.Paths); err != nil {
		return err
	}
	if err := s.Tell(findings); err != nil {
		return errors.Join(err, f.report.write(s, &render.Outcome{Findings: findings}))
	}
	req.AsFiles = f.inPlace
	req.Detailed = f.report.wanted() || f.diff
	show, stop := process.Counter(s.Err, "documents")
	req.Progress = show
	req.Report = func(o *render.Outcome) error {
		stop()
		return f.report.write(s, f.reported(o))
	}
	sink := f.sink(s)
	outcome, err := render.Run(ctx, req, sink)
	stop()
	if err != nil {
		return f.report.failed(s, err)
	}
	if f.report.ownsStderr() {
		s.Err = io.Discard
	}
	if err := s.Tell(outcome.Findings); err != nil {
		return err
	}
	tellResumed(s, sink)
	if f.diff {
		if err := report.WriteImpact(s.Err, outcome.Impact); err != nil {
			return err
		}
	}
	if !f.check {
		return nil
	}
	return differs(s, sink, outcome)
}

// reported is the outcome as a report has it. Some formats know findings alone, so that theirs of --check holds one for each
// change.
func (f *renderFlags) reported(o *render.Outcome) *render.Outcome {
	if !f.check || !report.Format(f.report.format).FindingsOnly() {
		return o
	}
	return o.Checked()
}

// tellResumed tells of folders in which an earlier run was killed: their files may have been partly its own, and partly not.
func tellResumed(s command.Streams, sink render.Sink) {
	var folders []string
	switch sink := sink.(type) {
	case *render.Dir:
		folders = sink.Resumed
	case *render.InPlace:
		folders = sink.Resumed
	}
	for _, folder := range folders {
		s.Say("warning: %s: an earlier run was cut off here; what it left is cleared, and what it had not written is written now",
			manifest.Printable(folder))
	}
}

// differs tells what --check found.
func differs(s command.Streams, sink render.Sink, outcome *render.Outcome) error {
	changed := outcome.Changed
	if dir, ok := sink.(*render.Dir); ok {
		changed = dir.Differs
	}
	for _, name := range changed {
		s.Say("%s would change", manifest.Printable(name))
	}
	if len(changed) == 0 {
		return nil
	}
	return &command.ExitError{Code: command.ExitDifference}
}
