// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// small says whether a tree stays small with its aliases written out; loading refuses others before anything reads them.
func small(n *yaml.Node, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	if n.Kind == yaml.AliasNode {
		return small(n.Alias, budget)
	}
	for _, c := range n.Content {
		if !small(c, budget) {
			return false
		}
	}
	return true
}

// FuzzLint gives Lint whatever parses as YAML: it never panics, and it says the same thing twice.
func FuzzLint(f *testing.F) {
	for _, c := range lintCases() {
		f.Add(c.document(c.ok))
		f.Add(c.document(c.bad))
	}
	f.Add("text")
	f.Add("[a, b]")
	f.Add("{metadata: [], spec: {containers: {a: b}, volumes: 5, selector: []}}")
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			return
		}
		root, budget := manifest.Root(&doc), 10000
		if root == nil || !small(root, &budget) {
			return
		}
		set, _ := inject.ParseSidecarSet(root, manifest.Source{})
		c := inject.Context{Sets: []*inject.SidecarSet{set}, Revisions: []*yaml.Node{root}}
		p := inject.Policies{ImagesByDigest: true, Registries: []string{"ghcr.io"}, NoPrivileged: true, ResourcesSet: true}
		one, two := inject.Lint(c, inject.DefaultOptions(), p), inject.Lint(c, inject.DefaultOptions(), p)
		if len(one) != len(two) {
			t.Fatalf("%v, then %v", one, two)
		}
		for i := range one {
			if one[i] != two[i] {
				t.Fatalf("%v, then %v", one[i], two[i])
			}
		}
	})
}
