// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
)

// App is an application as Argo CD hands it to a plugin: a folder, which is the working folder, and variables.
type App struct {
	dir, root string // the application's folder, and the repository's
	env       map[string]string
	settings  settings
}

// Open reads the application in the working folder from the variables of the process.
func Open(environ []string) (*App, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the application's folder: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("finding the application's folder: %w", err)
	}
	a := &App{dir: dir, root: dir, env: map[string]string{}}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		a.env[name] = value
	}
	a.root = sentRoot(dir, a.env["ARGOCD_APP_SOURCE_PATH"])
	a.settings, err = readSettings(a.env)
	return a, err
}

// sentRoot is the root of what Argo CD has sent to the plugin: the repository or, where the application's
// manifest-generate-paths say so, the folder that those paths have in common, below which the application's own path ends
// as in the repository.
func sentRoot(dir, path string) string {
	const slash = string(filepath.Separator)
	for path = filepath.Clean(slash + path); path != slash; {
		if root, found := strings.CutSuffix(dir, path); found && root != "" {
			return root
		}
		_, rest, _ := strings.Cut(path[1:], slash)
		path = slash + rest
	}
	return dir
}

// name is the application's own. Argo CD writes NAMESPACE_NAME of one outside of its own namespace, and no name has an
// underscore.
func (a *App) name() string {
	name := a.env["ARGOCD_APP_NAME"]
	if _, own, found := strings.Cut(name, "_"); found {
		return own
	}
	return name
}

// Source is a way to get an application's manifests.
type Source string

// The sources of an application.
const (
	Helm      Source = "helm"
	Kustomize Source = "kustomize"
	Directory Source = "directory"
)

// source says what kind of source the application is.
func (a *App) source() (Source, error) {
	set := a.settings["source"]
	switch source := Source(set.text); source {
	case Helm, Kustomize, Directory:
		return source, nil
	case "":
		return a.detect(), nil
	}
	return "", fmt.Errorf("%s: %q is not one of helm, kustomize, directory", set.origin, set.text)
}

func (a *App) detect() Source {
	if render.IsFile("Chart.yaml") {
		return Helm
	}
	if slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), render.IsFile) {
		return Kustomize
	}
	return Directory
}

// checkLinks refuses a repository with a link that leads out of it, wherever it stands: a manifest, a base, a chart's template
// or its values could be one. What a link leads to that is not there is nobody's.
func (a *App) checkLinks() error {
	return filepath.WalkDir(a.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("looking for links: %w", err)
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil //nolint:nilerr // it leads nowhere
		}
		if !render.IsInside(a.root, target) {
			return fmt.Errorf("%s: the link leads out of the repository", path)
		}
		return nil
	})
}

// missing says what is not there, and why something outside of the application's folder may not be. A link that does not lead
// out of the repository may still lead nowhere: Argo CD's server makes an absolute one relative when it unpacks the repository.
func (a *App) missing(path string) string {
	inside := !filepath.IsAbs(path) && render.IsInside(a.root, filepath.Join(a.dir, path)) // what is elsewhere is not told
	if target, err := os.Readlink(path); err == nil && inside {
		return path + ": a link to " + target + ", which is not there"
	}
	text := path + ": no such file or folder"
	if filepath.IsLocal(path) || filepath.IsAbs(path) {
		return text
	}
	return text + " (Argo CD hands over only what the application's annotation argocd.argoproj.io/manifest-generate-paths names, " +
		"where it has one)"
}

// paths are those that a parameter names. Who writes an application must not reach files outside its repository.
func (a *App) paths(parameter string) ([]string, error) {
	set := a.settings[parameter]
	for _, path := range set.all() {
		if path == "" {
			return nil, fmt.Errorf("%s: an empty path names nothing", set.origin)
		}
		target, err := filepath.Abs(path)
		if err == nil {
			target, err = filepath.EvalSymlinks(target)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s", set.origin, manifest.Printable(a.missing(path)))
		}
		if !set.trusted && !render.IsInside(a.root, target) {
			return nil, fmt.Errorf("%s: %s is outside the repository", set.origin, manifest.Printable(path))
		}
	}
	return set.all(), nil
}
