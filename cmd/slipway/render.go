// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render"
	"github.com/spf13/cobra"
)

// renderFlags are the flags of render and, but for those of its input, of eject.
type renderFlags struct {
	input  inputFlags
	report reportFlags

	outputDir       string
	inPlace         bool
	keepSidecarSets bool
	diff, check     bool
}

func (f *renderFlags) register(c *cobra.Command) {
	c.Flags().StringVarP(&f.outputDir, "output-dir", "o", "", "folder to write into, one file for each object")
	c.Flags().BoolVar(&f.inPlace, "in-place", false, "rewrite the files that change")
	c.Flags().BoolVar(&f.diff, "diff", false, "print a unified diff in place of the manifests")
	c.Flags().BoolVar(&f.check, "check", false, "write nothing; exit 3 if something would change")
	c.MarkFlagsMutuallyExclusive("output-dir", "in-place", "diff")
	f.report.register(c)
}

func newRenderCommand(s streams) *cobra.Command {
	var f renderFlags
	c := &cobra.Command{
		Use:   "render [PATH|-]...",
		Short: "Inject SidecarSets into manifests",
		Long: `Inject SidecarSets into the pod templates of manifests and print the result.

A PATH is a file, a folder of .yaml, .yml and .json files, a folder with a kustomization (which is built), or - for
standard input, the default. SidecarSets and Namespaces in the input count; SidecarSets do not appear in the output.
Text that nothing was injected into stays as it is, byte for byte.

Exit codes: 0 done, 1 errors in the input (nothing is written), 2 wrong usage, 3 --check found something to change.`,
		Example: `  slipway render app.yaml -s sidecars/
  kustomize build . | slipway render -s sidecars/ | kubectl apply -f -
  slipway render --in-place manifests/
  slipway render --check --diff manifests/`,
		RunE: func(c *cobra.Command, args []string) error {
			req, findings, err := f.input.request(s, args)
			if err != nil {
				return f.report.failed(s, err)
			}
			req.KeepSidecarSets = req.KeepSidecarSets || f.keepSidecarSets || f.inPlace
			return f.run(c.Context(), s, req, findings)
		},
	}
	f.input.register(c)
	f.register(c)
	c.Flags().BoolVar(&f.keepSidecarSets, "keep-sidecarsets", false, "leave SidecarSets in the output")
	return c
}

// sink is where the documents go.
func (f *renderFlags) sink(s streams) render.Sink {
	switch {
	case f.diff:
		return render.NewDiff(s.out)
	case f.check:
		return render.Discard{}
	case f.inPlace:
		return &render.InPlace{}
	case f.outputDir != "":
		return render.NewDir(f.outputDir)
	default:
		return render.NewStream(s.out)
	}
}

// run carries a request out and tells what came of it.
func (f *renderFlags) run(ctx context.Context, s streams, req render.Request, findings []inject.Finding) error {
	if _, err := f.report.parse(); err != nil {
		return err
	}
	outcome, err := f.carryOut(ctx, s, req, findings)
	if err != nil {
		return f.report.failed(s, err)
	}
	if err := f.report.write(s, outcome); err != nil {
		return err
	}
	if err := s.tell(outcome.Findings); err != nil {
		return err
	}
	if !f.check || len(outcome.Changed) == 0 {
		return nil
	}
	for _, name := range outcome.Changed {
		s.say("%s would change", name)
	}
	return &exitError{code: exitDifference}
}

// carryOut runs a request whose configuration has no errors; the outcome holds the configuration's findings, too.
func (f *renderFlags) carryOut(ctx context.Context, s streams, req render.Request, findings []inject.Finding) (*render.Outcome, error) {
	if inject.HasErrors(findings) {
		return &render.Outcome{Findings: findings}, nil
	}
	req.AsFiles = f.inPlace
	req.Detailed = f.report.wanted()
	show, stop := s.progress()
	defer stop()
	req.Progress = show
	outcome, err := render.Run(ctx, req, f.sink(s))
	if err != nil {
		return nil, err
	}
	outcome.Findings = append(findings, outcome.Findings...)
	return outcome, nil
}
