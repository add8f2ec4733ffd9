// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// client is what the tests run of a client: the module that holds its version, in the oldest and in the newest go.mod of it,
// both below testdata.
type client struct {
	name           string
	module         string // "" for one that no module pins
	oldest, newest string
	how            string
	examples       []string // folders below testdata/examples
}

func clients() []client {
	const kustomize = "sigs.k8s.io/kustomize/kustomize/v5"
	return []client{
		{
			"kustomize", kustomize, "clients/kustomize54", "clients",
			"the program: `fn run` and `build`, held to `kustomize build` to the byte; each minor version between",
			[]string{"kustomize-fn", "kustomize-transformer"},
		},
		{"Helm 3", "helm.sh/helm/v3", "clients/helm3", "clients/helm3", "the program, with the post-renderer", []string{"helm"}},
		{"Helm 4", "helm.sh/helm/v4", "clients/helm42", "clients/helm4", "the program, with the plugin installed", []string{"helm"}},
		{
			"Flux's command", "github.com/fluxcd/flux2/v2", "clients/flux", "clients/flux",
			"the program, with a registry of the test's own; it installs the plugin from its catalog's manifest",
			[]string{"flux"},
		},
		{
			"Flux's controllers", "github.com/fluxcd/pkg/runtime", "clients", "clients", "their package that evaluates health checks",
			[]string{"flux", "rollout"},
		},
		{
			"Argo CD 3", "github.com/argoproj/argo-cd/v3", "clients/argocd", "clients/argocd",
			"its plugin server, called as by its repository server (`make argocd`), and both played by the test; its health script by " +
				"a Lua of Go",
			[]string{"argocd", "argocd-build-options", "rollout"},
		},
		{"kpt", "github.com/kptdev/kpt", "clients/kpt", "clients/kpt", "the program: `fn render`, `fn eval`", []string{"kpt"}},
		{"pre-commit", "", "", "", "the program, Debian's", []string{"ci"}},
		{
			"GitHub Actions", "github.com/rhysd/actionlint", "clients", "clients",
			"the scripts of workflow and action; both by actionlint (the version)",
			[]string{"ci"},
		},
		{
			"GitLab CI", "", "", "", "the scripts of pipeline and component; their report against the fields that GitLab asks for",
			[]string{"ci"},
		},
		{
			"Kubernetes", "k8s.io/kubernetes", "controlplane", "controlplane",
			"the API server and the controllers, kwok for the kubelets",
			[]string{"deployment", "daemonset", "rollout"},
		},
		{
			"Kruise", "github.com/openkruise/kruise", "kruise", "kruise",
			"its manager takes releases over and gives them back (`make kruise`); its webhook's answers are kept (1.9)",
			[]string{"rollout"},
		},
	}
}

// version is that of a module in a go.mod below testdata.
func (c client) version(t *testing.T, folder string) string {
	t.Helper()
	if c.module == "" {
		return "not pinned"
	}
	text, err := os.ReadFile(filepath.Join("../../testdata", folder, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(c.module) + ` v(\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no %s", folder, c.module)
	}
	return string(found[1])
}

// links are the examples, as the README links them.
func (c client) links() string {
	var out []string
	for _, e := range c.examples {
		out = append(out, "["+e+"](testdata/examples/"+e+")")
	}
	return strings.Join(out, ", ")
}

// TestReadmeNamesTheClientsThatAreTested holds the table of clients against the go.mod files that the tests build them from.
func TestReadmeNamesTheClientsThatAreTested(t *testing.T) {
	var rows strings.Builder
	for _, c := range clients() {
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | %s |\n", c.name, c.version(t, c.oldest), c.version(t, c.newest), c.how, c.links())
	}
	const head = "| client | oldest tested | newest tested | how | example |\n|---|---|---|---|---|\n"
	holdsTable(t, "../../README.md", head, rows.String())
}

// holdsTable compares the rows below the head of a table in a document with those that the code knows, and with -update writes
// them there.
func holdsTable(t *testing.T, file, head, rows string) {
	t.Helper()
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(document), head)
	_, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no table that begins with %s", file, head)
	}
	want := before + head + rows + "\n" + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(document)); diff != "" {
		t.Fatalf("%s is stale, run go test ./cmd/slipway -run Readme -update (-want +%[1]s):\n%s", file, diff)
	}
}
