// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/testdata/bench/corpus"
)

// clientDeployments is small: the clients take far longer than any function that they start.
const clientDeployments = 100

// client is a program that starts a function, or a post-renderer, once for each run.
type client struct {
	name        string
	noop, ours  []string
	carriesSets bool // whether the SidecarSet itself is in the output
}

// compareClients measures what slipway adds to each client over a function that does nothing.
func (b *bench) compareClients() error {
	clients, err := b.clients()
	if err != nil {
		return err
	}
	for _, c := range clients {
		matching := (clientDeployments + 1) / 2
		noop := program{name: c.name + ", no-op", args: c.noop, stdin: "empty.yaml", injected: 0}
		ours := program{name: c.name + ", slipway", args: c.ours, stdin: "empty.yaml", injected: matching}
		if c.carriesSets {
			noop.injected, ours.injected = 1, matching+1
		}
		if err := b.compare(ours, noop, false); err != nil {
			return err
		}
	}
	return nil
}

// clients builds the clients and lays out what they read.
func (b *bench) clients() ([]client, error) {
	files := map[string]string{
		"built/app.yaml":           string(corpus.Stream(clientDeployments)),
		"built/kustomization.yaml": "resources: [app.yaml]\nnamePrefix: built-\n",
		"package/app.yaml":         string(corpus.Stream(clientDeployments)),
		"package/sidecarset.yaml":  corpus.SidecarSet,
		"chart/Chart.yaml":         "apiVersion: v2\nname: corpus\nversion: 0.1.0\n",
		"chart/templates/app.yaml": string(corpus.Stream(clientDeployments)),
		"slipway-fn":               "#!/bin/sh\nexec " + b.path("slipway") + " fn\n",
		"slipway-post":             "#!/bin/sh\nexec " + b.path("slipway") + " render - -s " + b.path("sidecarset.yaml") + "\n",
		"noop":                     "#!/bin/sh\nexec cat\n",
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(b.path(name), []byte(text), 0o755); err != nil { //nolint:gosec // some are programs
			return nil, err
		}
	}
	kustomize, err := toolOf("testdata/clients", "kustomize")
	if err != nil {
		return nil, err
	}
	helm, err := toolOf("testdata/clients/helm3", "helm")
	if err != nil {
		return nil, err
	}
	fnRun := func(function string) []string {
		return []string{kustomize, "fn", "run", b.path("package"), "--dry-run", "--enable-exec", "--exec-path", b.path(function)}
	}
	kpt, err := toolOf("testdata/clients/kpt", "kpt")
	if err != nil {
		return nil, err
	}
	eval := func(function string) []string {
		return []string{kpt, "fn", "eval", b.path("package"), "-o", "unwrap", "--exec", b.path(function)}
	}
	template := func(post string) []string {
		return []string{helm, "template", "corpus", b.path("chart"), "--post-renderer", b.path(post)}
	}
	inProcess := []string{"slipway", "render", b.path("built"), "-s", b.path("sidecarset.yaml")}
	return []client{
		{"kustomize build", []string{kustomize, "build", b.path("built")}, inProcess, false},
		{"kustomize fn run", fnRun("noop"), fnRun("slipway-fn"), true},
		{"helm 3 template", template("noop"), template("slipway-post"), false},
		{"kpt fn eval", eval("noop"), eval("slipway-fn"), true},
	}, nil
}

// toolOf builds a tool of a nested module, which takes minutes the first time, and returns where it is.
func toolOf(module, name string) (string, error) {
	cmd := exec.Command("go", "tool", "-n", name)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// argoInstall is a real application: what installs Argo CD in one namespace.
const argoInstall = "../shared/manifests/argo-cd-namespace-install.yaml"

// argoSet selects every pod of the application.
const argoSet = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata:
  name: log-sidecar
spec:
  selector:
    matchExpressions:
    - {key: app.kubernetes.io/name, operator: Exists}
  containers:
  - name: log-collector
    image: example/log-collector:v1
`

// argoGoal is the process time that the plugin may take for the application.
const argoGoal = 100 * time.Millisecond

// measureArgo prints what the plugin of Argo CD takes to generate a real application.
func (b *bench) measureArgo() error {
	app, err := os.ReadFile(argoInstall)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(b.table, "%s is not there, the Argo CD plugin is not measured\t\t\t\t\n", argoInstall)
		return nil
	}
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"argo/app.yaml": string(app), "argo-set.yaml": argoSet} {
		if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	workloads := bytes.Count(app, []byte("\nkind: Deployment\n")) + bytes.Count(app, []byte("\nkind: StatefulSet\n"))
	plugin := program{
		name: "Argo CD plugin, 98 KB", args: []string{"slipway", "argocd", "generate"}, stdin: "empty.yaml",
		injected: workloads,
	}
	plugin.dir, plugin.env = b.path("argo"), []string{
		"ARGOCD_APP_NAMESPACE=argocd",
		"SLIPWAY_SIDECARSETS=" + b.path("argo-set.yaml"),
	}
	var costs []cost
	for range b.runs + 1 {
		c, err := b.measure(plugin)
		if err != nil {
			return err
		}
		costs = append(costs, c)
	}
	m := median(costs[1:]) // the first run warms the page cache
	b.line(plugin.name, m)
	fmt.Fprintf(b.table, "process time / goal of %v\t\t%.2fx\t\t\n\t\t\t\t\n", argoGoal, float64(m.cpu)/float64(argoGoal))
	return nil
}
