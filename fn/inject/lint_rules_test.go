// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
)

// emitted finds the codes in the source of injection and of what it reads manifests with: the argument of report and
// Report that is one, and the field Code.
func emitted(t *testing.T) map[string]bool {
	t.Helper()
	codes := map[string]bool{}
	for _, pattern := range []string{"*.go", "../manifest/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || f == "lint_rules.go" {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if code := codeOf(n); code != "" {
					codes[code] = true
				}
				return true
			})
		}
	}
	return codes
}

func codeOf(n ast.Node) string {
	var e ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		name, place := "", map[string]int{"Report": 1, "report": 2, "reportAnnotation": 2}
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if i, ok := place[name]; ok && i < len(n.Args) {
			e = n.Args[i]
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
			e = n.Value
		}
	}
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if code, err := strconv.Unquote(lit.Value); err == nil {
			return code
		}
	}
	return ""
}

func TestRulesAreTheCodesOfTheSource(t *testing.T) {
	var rules []string
	for _, r := range inject.Rules() {
		rules = append(rules, r.Code)
		if r.Summary == "" || !strings.HasSuffix(r.Summary, ".") || r.Severity == "" {
			t.Errorf("incomplete rule: %+v", r)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(emitted(t))), rules); diff != "" {
		t.Errorf("-emitted by the source +listed by Rules (in order, each once):\n%s", diff)
	}
}

// TestEveryRuleOfLintHasACase looks for each code in the cases, at the severity that Rules gives it.
func TestEveryRuleOfLintHasACase(t *testing.T) {
	elsewhere := map[string]bool{ // about workloads: an injection reports them
		"bad-annotation": true, "bad-override": true, "bad-path": true, "behind-alias": true, "behind-anchor": true,
		"behind-merge-key": true, "damaged-provenance": true, "env-not-found": true, "hook-skipped": true, "job-skipped": true,
		"name-conflict": true, "unused-annotation": true, "alias-bomb": true, "duplicate-key": true,
		"sets-forgotten": true, "no-app-containers": true, "unknown-workload": true,
		// about a cluster: Diagnose reports them
		"cluster-seen": true, "injected-by-webhook": true, "injected-twice": true, "match-not-seen": true,
		"sidecarset-differs": true, "sidecarset-not-in-cluster": true, "sidecarset-not-in-git": true,
		"sidecarset-paused": true, "webhook-injects": true, "webhook-replaces": true,
	}
	shown := map[string]bool{}
	for _, c := range lintCases() {
		for _, w := range c.want {
			severity, rest, _ := strings.Cut(w, " ")
			code, _, _ := strings.Cut(rest, " ")
			shown[severity+" "+code] = true
		}
	}
	for _, r := range inject.Rules() {
		if !elsewhere[r.Code] && !shown[string(r.Severity)+" "+r.Code] {
			t.Errorf("no case breaks the rule %s", r.Code)
		}
	}
}
