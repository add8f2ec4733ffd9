// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

func parseStream(t testing.TB, text string) []*yaml.Node {
	t.Helper()
	docs, err := tryParseStream(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return docs
}

func tryParseStream(text string) ([]*yaml.Node, error) {
	var out []*yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		case manifest.Root(&doc) != nil:
			out = append(out, manifest.Root(&doc))
		}
	}
}

// world is a stream of objects, read: its SidecarSets as context, the others to inject into.
type world struct {
	injector *inject.Injector
	objects  []*yaml.Node
	findings []manifest.Finding
}

func readWorld(t testing.TB, opts inject.Options, text string) world {
	t.Helper()
	return newWorld(opts, parseStream(t, text))
}

func newWorld(opts inject.Options, docs []*yaml.Node) world {
	var w world
	var c inject.Context
	for i, n := range docs {
		before := len(c.Sets) + len(c.Revisions)
		w.findings = append(w.findings, c.Read(n, manifest.Source{File: "in.yaml", Doc: i + 1}, &opts)...)
		if len(c.Sets)+len(c.Revisions) == before && manifest.RefOf(n).Kind != "Namespace" {
			w.objects = append(w.objects, n)
		}
	}
	var more []manifest.Finding
	w.injector, more = inject.New(c, opts)
	w.findings = append(w.findings, more...)
	return w
}

// run takes an earlier injection out and injects anew, as every caller of the package does.
func (w world) run(object *yaml.Node) inject.Result {
	source := manifest.Source{File: "in.yaml"}
	ejected := w.injector.Eject(object, source)
	if manifest.HasErrors(ejected.Findings) { // what is there cannot be taken out, so nothing goes in
		return ejected
	}
	result := w.injector.Inject(ejected.Object, source, inject.FlowText)
	result.Findings = append(ejected.Findings, result.Findings...)
	return result
}

// setText is a SidecarSet for pods with the label app: web.
func setText(name, spec string) string {
	return fmt.Sprintf("---\napiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: %s}\nspec:\n"+
		"  selector: {matchLabels: {app: web}}\n%s\n", name, indent(spec))
}

// podText is a pod with the label app: web.
func podText(spec string) string {
	return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec:\n" + indent(spec) + "\n"
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n  ")
}

// say prints findings for comparison: severity, code, field.
func say(findings []manifest.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Field)))
	}
	return out
}

// treeOf is a tree as plain values, everything included.
func treeOf(t testing.TB, n *yaml.Node) any {
	t.Helper()
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatalf("%v in a tree", err)
	}
	return v
}

// valueAt walks down a tree of plain values.
func valueAt(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

type yamlNode = yaml.Node

// podWith is podText for a spec that may be preceded by a line of annotations: "!annotations {k: v}".
func podWith(spec string) string {
	first, rest, _ := strings.Cut(spec, "\n")
	annotations, ok := strings.CutPrefix(first, "!annotations ")
	if !ok {
		return podText(spec)
	}
	return strings.Replace(podText(rest), "labels:", "annotations: "+annotations+", labels:", 1)
}

// lineOf is the line of a finding as ":12".
func lineOf(f manifest.Finding) string { return fmt.Sprintf(":%d", f.Source.Line) }

// nodeOf is the tree of plain values.
func nodeOf(v any) *yamlNode {
	var n yaml.Node
	if err := n.Encode(v); err != nil {
		panic(err)
	}
	return &n
}
