// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
)

// crdFlags say what is done with the definitions, and where.
type crdFlags struct {
	access  kube.Access
	check   bool
	install bool
}

func newRolloutCRDsCommand(s streams) *cobra.Command {
	var f crdFlags
	cmd := &cobra.Command{
		Use:   "crds [flags]",
		Short: "Print or install the CloneSet and SidecarSet definitions for clusters without Kruise",
		Long: `Print slipway's own CustomResourceDefinitions of CloneSet and SidecarSet. They are for clusters in which Kruise is not
installed: where it is, its definitions must stay, because Kruise cannot work with others.

--check says whose definitions the cluster has: absent, ours or kruise, which stands for anybody else's. --install writes
those that are absent or ours, and nothing at all where one is of somebody else.

Exit codes: 0 done, 1 unexpected, 2 usage, 13 a definition is of somebody else.`,
		Example: `  slipway rollout crds --install
  # through Git, after --check has said that Kruise is not there
  slipway rollout crds > crds.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "say whose definitions the cluster has, and write nothing")
	flags.BoolVar(&f.install, "install", false, "write the definitions into the cluster, unless they are Kruise's")
	flags.StringVar(&f.access.Kubeconfig, "kubeconfig", "", "`FILE` that says how to reach the cluster; without it as kubectl does")
	flags.StringVar(&f.access.Context, "context", "", "`NAME` of the kubeconfig's context")
	return cmd
}

func (f crdFlags) run(ctx context.Context, s streams) error {
	if f.check && f.install {
		return usagef("--check and --install exclude each other: --install looks first, and writes nothing over other definitions")
	}
	if !f.check && !f.install {
		_, err := fmt.Fprintf(s.out, "%s---\n%s", crd.CloneSet(), crd.SidecarSet())
		return err
	}
	f.access.UserAgent, f.access.QPS, f.access.Burst = "slipway/"+buildVersion(), 10, 10
	config, _, err := f.access.Config()
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	definitions, err := readDefinitions(ctx, config)
	if err != nil {
		return err
	}
	if f.install {
		return install(ctx, s, config, definitions)
	}
	for _, d := range definitions {
		if _, err := fmt.Fprintln(s.out, d.name+"\t"+string(d.origin)); err != nil {
			return err
		}
	}
	return nil
}

// definition is one of slipway's, and what the cluster has under its name.
type definition struct {
	name           string
	manifest, live map[string]any
	origin         crd.Origin
}

func readDefinitions(ctx context.Context, config *rest.Config) ([]definition, error) {
	var all []definition
	for _, own := range []struct {
		name string
		text []byte
	}{{crd.CloneSetName, crd.CloneSet()}, {crd.SidecarSetName, crd.SidecarSet()}} {
		d := definition{name: own.name}
		err := yaml.Unmarshal(own.text, &d.manifest)
		if err != nil {
			return nil, fmt.Errorf("reading slipway's definition of %s: %w", own.name, err)
		}
		if d.live, err = kube.Definition(ctx, config, d.name); err != nil {
			return nil, err
		}
		d.origin = crd.OriginOf(d.live)
		all = append(all, d)
	}
	return all, nil
}

// install writes all definitions, or none where one is of somebody else.
func install(ctx context.Context, s streams, config *rest.Config, definitions []definition) error {
	var foreign []string
	for _, d := range definitions {
		if d.origin == crd.Kruise {
			foreign = append(foreign, d.name)
		}
	}
	if len(foreign) > 0 {
		return &exitError{code: exitForeign, err: fmt.Errorf("the cluster has %s of Kruise or somebody else: they stay, and nothing was written: "+
			"slipway releases their CloneSets as they are", strings.Join(foreign, " and "))}
	}
	for _, d := range definitions {
		if err := kube.InstallDefinition(ctx, config, d.manifest, d.live); err != nil {
			return err
		}
		done := "replaced"
		if d.origin == crd.Absent {
			done = "created"
		}
		if _, err := fmt.Fprintln(s.out, d.name+"\t"+done); err != nil {
			return err
		}
	}
	return nil
}
