// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
)

// configFile is the configuration that is used where no parameter names another.
const configFile = "slipway.yaml"

// nameSets says how an application names its SidecarSets.
const nameSets = `name the file or folder of the SidecarSets in the plugin's parameter "sidecarsets"`

// Input is what there is to read of an application.
type Input struct {
	Source    Source
	Paths     []string  // of its manifests
	Manifests io.Reader // what "-" among Paths stands for: a rendered chart
	SetPaths  []string
	Config    string // "" where there is none
}

// Input finds what there is to read, and renders the application if it is a chart.
func (a *App) Input(ctx context.Context) (*Input, error) {
	if err := a.checkLinks(); err != nil {
		return nil, err
	}
	source, err := a.source()
	if err != nil {
		return nil, err
	}
	sets, err := a.paths("sidecarsets")
	if err != nil {
		return nil, err
	}
	configs, err := a.paths("config")
	if err != nil {
		return nil, err
	}
	in := &Input{Source: source, Paths: []string{"."}, SetPaths: sets}
	if len(configs) > 0 {
		in.Config = configs[0]
	} else if render.IsFile(configFile) {
		in.Config = configFile
	}
	if source == Helm {
		manifests, err := a.helmTemplate(ctx)
		if err != nil {
			return nil, err
		}
		in.Manifests, in.Paths = bytes.NewReader(manifests), []string{"-"}
	}
	return in, nil
}

// Render carries out a request for the input of the application, and prints its manifests to out.
func (a *App) Render(ctx context.Context, in *Input, req render.Request, out io.Writer) (*render.Outcome, error) {
	if in.Source == Helm {
		req.StdinName = "helm template"
	}
	req.AsFiles, req.Within = in.Source == Directory, a.root
	req.NameSets = nameSets
	if req.Options.Namespace == "" {
		req.Options.Namespace = a.env["ARGOCD_APP_NAMESPACE"]
	}
	sink := &stream{Stream: render.NewStream(out)}
	_, given := a.settings["sidecarsets"]
	req.Report = func(o *render.Outcome) error {
		if given || o.Failed() || sink.objects == 0 || o.Sets+o.Released > 0 {
			return nil
		}
		return errors.New("no SidecarSet is known, so that nothing is injected (" + nameSets + ", an empty list to have none)")
	}
	return render.Run(ctx, req, sink)
}

// stream is a stream that must not end up empty and that holds nothing for slipway itself.
type stream struct {
	*render.Stream
	objects int
}

// Document passes on what is not configuration.
func (k *stream) Document(d *render.Document) error {
	if isConfiguration(d.Object) || isKustomization(d.Path) {
		left := *d
		left.Leaves = true
		return k.Stream.Document(&left)
	}
	if d.Object.Kind != "" && !d.Leaves {
		k.objects++
	}
	return k.Stream.Document(d)
}

// Commit refuses to print nothing.
func (k *stream) Commit() error {
	if k.objects == 0 {
		return errors.New("no object is left to deploy, and Argo CD would prune the application; delete the application itself to " +
			"get rid of it (to deploy SidecarSets set keepSidecarSets: true in " + configFile + ")")
	}
	if err := k.Stream.Commit(); err != nil {
		return fmt.Errorf("printing the application: %w", err)
	}
	return nil
}

// isKustomization says whether a file is one, which needs to name neither its apiVersion nor its kind.
func isKustomization(path string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path))
}

// isConfiguration says whether an object configures a tool that reads this folder, and is not for the cluster.
func isConfiguration(o manifest.ObjectRef) bool {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	return o.Kind == manifest.InjectorKind && o.APIVersion == manifest.SlipwayVersion || group == "kustomize.config.k8s.io" ||
		group == "kpt.dev"
}
