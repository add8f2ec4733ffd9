// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/slipway-dev/slipway/fn"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// argoApp is an application as Argo CD hands it to a plugin: a folder, which is the working folder, and variables.
type argoApp struct {
	dir, root string // the application's folder, and the repository's
	env       map[string]string
	settings  argoSettings
}

func newArgoApp(environ []string) (*argoApp, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the application's folder: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("finding the application's folder: %w", err)
	}
	a := &argoApp{dir: dir, root: dir, env: map[string]string{}}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		a.env[name] = value
	}
	path := filepath.Clean(string(filepath.Separator) + a.env["ARGOCD_APP_SOURCE_PATH"])
	if root, found := strings.CutSuffix(dir, path); found && root != "" {
		a.root = root
	}
	a.settings, err = readArgoSettings(a.env)
	return a, err
}

// source says what kind of source the application is.
func (a *argoApp) source() (argoSource, error) {
	set := a.settings["source"]
	switch source := argoSource(set.text); source {
	case argoHelm, argoKustomize, argoDirectory:
		return source, nil
	case "":
		return a.detect(), nil
	}
	return "", fmt.Errorf("%s: %q is not one of helm, kustomize, directory", set.origin, set.text)
}

func (a *argoApp) detect() argoSource {
	if isFile("Chart.yaml") {
		return argoHelm
	}
	if slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), isFile) {
		return argoKustomize
	}
	return argoDirectory
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// input is what generate reads beside the application's manifests.
func (a *argoApp) input() (*inputFlags, error) {
	sets, err := a.paths("sidecarsets")
	if err != nil {
		return nil, err
	}
	configs, err := a.paths("config")
	if err != nil {
		return nil, err
	}
	f := &inputFlags{sidecarSets: sets}
	if len(configs) > 0 {
		f.config = configs[0]
	} else if isFile(argoConfig) {
		f.config = argoConfig
	}
	return f, nil
}

// paths are those that a parameter names. Who writes an application must not reach files outside its repository.
func (a *argoApp) paths(parameter string) ([]string, error) {
	set := a.settings[parameter]
	for _, path := range set.all() {
		target, err := filepath.Abs(path)
		if err == nil {
			target, err = filepath.EvalSymlinks(target)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: no such file or folder", set.origin, path)
		}
		if inside, err := filepath.Rel(a.root, target); !set.trusted && (err != nil || !filepath.IsLocal(inside)) {
			return nil, fmt.Errorf("%s: %s is outside the repository", set.origin, path)
		}
	}
	return set.all(), nil
}

// helmTemplate renders the chart as Argo CD itself would.
func (a *argoApp) helmTemplate(ctx context.Context) ([]byte, error) {
	args, err := a.helmArgs()
	if err != nil {
		return nil, err
	}
	const patience = 2 * time.Second // the server's own ends after five
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "helm", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	switch err := cmd.Run(); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w; nothing was written", context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("helm is not on PATH; add it to the plugin's container to render charts")
	case err != nil && stderr.Len() == 0:
		return nil, fmt.Errorf("helm template: %w", err)
	case err != nil:
		return nil, fmt.Errorf("helm template: %s", strings.TrimPrefix(strings.TrimSpace(stderr.String()), "Error: "))
	}
	return stdout.Bytes(), nil
}

func (a *argoApp) helmArgs() ([]string, error) {
	values, err := a.paths("helm-values-files")
	if err != nil {
		return nil, err
	}
	args := []string{"template", "--include-crds", "--namespace=" + a.env["ARGOCD_APP_NAMESPACE"]}
	if version := a.env["KUBE_VERSION"]; version != "" {
		args = append(args, "--kube-version="+version)
	}
	for _, version := range splitList(a.env["KUBE_API_VERSIONS"]) {
		args = append(args, "--api-versions="+version)
	}
	for _, file := range values {
		args = append(args, "--values="+file)
	}
	set := a.settings["helm-values"].mapping
	for _, key := range slices.Sorted(maps.Keys(set)) {
		args = append(args, "--set="+key+"="+strings.ReplaceAll(set[key], ",", `\,`))
	}
	name := a.settings["helm-release-name"].text
	if name == "" {
		name = a.env["ARGOCD_APP_NAME"]
	}
	return append(args, "--", name, "."), nil
}

// isConfiguration says whether an object configures a tool that reads this folder, and is not for the cluster.
func isConfiguration(o manifest.ObjectRef) bool {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	return o.Kind == fn.Kind && o.APIVersion == fn.APIVersion || group == "kustomize.config.k8s.io" || group == "kpt.dev"
}

// messages is a writer for what the server shows in its user interface: few and short lines, without secrets and without
// the folder of the day that the server has unpacked the repository into.
func (a *argoApp) messages(to io.Writer) io.Writer {
	var swap []string
	for _, secret := range a.secrets() {
		swap = append(swap, secret, "***")
	}
	for _, dir := range []string{a.dir, a.root} {
		swap = append(swap, dir+string(filepath.Separator), "", dir, ".")
	}
	return &briefWriter{to: to, swap: strings.NewReplacer(swap...)}
}

// secrets are values that no message may hold, the longest first.
func (a *argoApp) secrets() []string {
	var out []string
	add := func(value string) {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= shortestSecret {
				out = append(out, line)
			}
		}
	}
	for _, value := range a.settings["helm-values"].mapping {
		add(value)
	}
	for name, value := range a.env {
		if isSecretName(name) {
			add(value)
		}
	}
	slices.SortFunc(out, func(x, y string) int { return len(y) - len(x) })
	return out
}

// shortestSecret keeps words such as "true" readable in messages.
const shortestSecret = 5

func isSecretName(name string) bool {
	if strings.HasPrefix(name, argoVariables) {
		return !strings.HasPrefix(name, argoVariables+ownVariables)
	}
	return slices.ContainsFunc([]string{"PASSWORD", "TOKEN", "SECRET", "KEY", "CREDENTIAL"}, func(word string) bool {
		return strings.Contains(strings.ToUpper(name), word)
	})
}

// briefWriter passes on the first lines that are written to it, shortened.
type briefWriter struct {
	to    io.Writer
	swap  *strings.Replacer
	lines int
}

const (
	briefLines  = 10
	briefLength = 400
)

func (w *briefWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(w.swap.Replace(string(p))) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > briefLength {
			line = strings.ToValidUTF8(line[:briefLength], "") + "..."
		}
		switch w.lines++; {
		case w.lines < briefLines:
		case w.lines == briefLines:
			line = "(and more; run slipway render in the repository to see it all)"
		default:
			continue
		}
		if _, err := fmt.Fprintln(w.to, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
