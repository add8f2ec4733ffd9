// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// lintCase is one rule: text that keeps it, and text that breaks it with what Lint says, each as
// "severity code field:line". A text is what follows the selector in a SidecarSet's spec, from line 6 on, or, where it
// starts with apiVersion, whole documents. With list it is what follows "- name: c" in the list, from line 8 on.
type lintCase struct {
	name, reason string
	list         string
	ok, bad      string
	want         []string
	opts         inject.Options
	policies     inject.Policies
}

const setHead = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: s}
spec:
  selector: {matchLabels: {app: web}}
`

func (c lintCase) document(text string) string {
	text = strings.TrimPrefix(text, "\n")
	if strings.HasPrefix(text, "apiVersion") {
		return text
	}
	if c.list == "" {
		if !strings.Contains(text, "ontainers:") {
			text += "\n  containers: [{name: c, image: i}]"
		}
		return setHead + text
	}
	out := setHead + "  " + c.list + ":\n  - name: c\n"
	for _, line := range strings.Split(text, "\n") {
		out += "    " + line + "\n"
	}
	if c.list == "volumes" {
		return out + "  containers: [{name: x, image: i, volumeMounts: [{name: c, mountPath: /c}]}]"
	}
	return out + "  volumes: [{name: v, emptyDir: {}}, {name: claim, persistentVolumeClaim: {claimName: p}}]"
}

// lintText lints documents separated by lines of three dashes, and returns what the parser and Lint find.
func lintText(tb testing.TB, text string, opts inject.Options, p inject.Policies) []manifest.Finding {
	tb.Helper()
	var c inject.Context
	var all []manifest.Finding
	line := 1
	for _, doc := range strings.SplitAfter(text, "\n---\n") {
		node := mustParse(tb, strings.TrimSuffix(doc, "---\n"))
		if inject.IsSidecarSetRevision(node) {
			c.Revisions = append(c.Revisions, node)
		} else {
			set, findings := inject.ParseSidecarSet(node, manifest.Source{File: "f.yaml", Line: line})
			c.Sets = append(c.Sets, set)
			all = append(all, findings...)
		}
		line += strings.Count(doc, "\n")
	}
	return append(all, inject.Lint(c, opts, p)...)
}

// brief is a finding in the notation of the cases. Volumes of the cases' frame may stay unused.
func brief(findings []manifest.Finding) []string {
	var out []string
	for _, f := range findings {
		if f.Code != "unused-volume" || strings.Contains(f.Message, "spare") {
			out = append(out, fmt.Sprintf("%s %s %s:%d", f.Severity, f.Code, f.Field, f.Source.Line))
		}
	}
	return out
}

func TestLintRules(t *testing.T) {
	for _, c := range lintCases() {
		t.Run(c.name, func(t *testing.T) {
			if got := lintText(t, c.document(c.ok), c.opts, c.policies); len(brief(got)) > 0 {
				t.Errorf("%s: the text that keeps the rule has %v\n%s", c.reason, got, c.document(c.ok))
			}
			got := lintText(t, c.document(c.bad), c.opts, c.policies)
			if diff := cmp.Diff(c.want, brief(got)); diff != "" {
				t.Errorf("%s: -want +got\n%s%v\n%s", c.reason, diff, got, c.document(c.bad))
			}
			for _, f := range got {
				if f.Message == "" || f.Object.Kind != "SidecarSet" || f.Source.File != "f.yaml" {
					t.Errorf("incomplete finding: %+v", f)
				}
			}
		})
	}
}

// TestLintHints shows the words of some findings whole.
func TestLintHints(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{
			"suggestion", "  containers: [{name: c, image: i, podInjectPolicy: beforeAppContainer}]",
			`f.yaml:6: SidecarSet/s: spec.containers[0].podInjectPolicy: is "beforeAppContainer", must be BeforeAppContainer or ` +
				`AfterAppContainer (did you mean "BeforeAppContainer"?)`,
		},
		{
			"a field of Kruise's, misspelt", "  containers: [{name: c, image: i, podInjectPolcy: AfterAppContainer}]",
			`f.yaml:6: SidecarSet/s: spec.containers[0].podInjectPolcy: Container has no field "podInjectPolcy" (did you mean ` +
				`"podInjectPolicy"?)`,
		},
		{
			"a product of quantities", "  containers: [{name: c, image: i, resourcesPolicy: {resourcesExpr: {limits: {cpu: cpu*100m}}}}]",
			`f.yaml:6: SidecarSet/s: spec.containers[0].resourcesPolicy.resourcesExpr.limits.cpu: "cpu*100m": a quantity cannot be ` +
				`multiplied by a quantity`,
		},
		{
			"where a result is negative", "  containers: [{name: c, image: i, resourcesPolicy: {resourcesExpr: {requests: {cpu: cpu - " +
				"250m}}}}]",
			`f.yaml:6: SidecarSet/s: spec.containers[0].resourcesPolicy.resourcesExpr.requests.cpu: "cpu - 250m" is negative where cpu ` +
				`is below 250m, and such pods are refused (bound it: max(cpu - 250m, 0))`,
		},
		{
			"a mount's volume, misspelt", "  volumes: [{name: logs, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: " +
				"[{name: log, mountPath: /l}, {name: logs, mountPath: /m}]}]",
			`f.yaml:7: SidecarSet/s: spec.containers[0].volumeMounts[0].name: the set has no volume "log" (did you mean "logs"?)`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lintText(t, setHead+c.text, inject.DefaultOptions(), inject.Policies{})
			if len(got) != 1 || got[0].String() != c.want {
				t.Errorf("got  %v\nwant %s", got, c.want)
			}
		})
	}
}

func TestLintReportsASetGivenTwiceOnce(t *testing.T) {
	text := strings.Replace(setHead, "name: s", "name: S", 1) + "  containers: [{name: c, image: i}]\n"
	got := lintText(t, text+"---\n"+text, inject.DefaultOptions(), inject.Policies{})
	if diff := cmp.Diff([]string{"error bad-name metadata.name:3"}, brief(got)); diff != "" {
		t.Error(diff)
	}
}

// TestLintDoesNotDependOnOrder holds the findings of sets given in either order against each other.
func TestLintDoesNotDependOnOrder(t *testing.T) {
	a := setHead + "  containers: [{name: c, image: i}]\n"
	b := strings.Replace(a, "name: s", "name: t", 1)
	one := lintText(t, a+"---\n"+b, inject.DefaultOptions(), inject.Policies{})
	two := lintText(t, b+"---\n"+a, inject.DefaultOptions(), inject.Policies{})
	if len(one) != 1 || len(two) != 1 || one[0].Object.Name != two[0].Object.Name || one[0].Message != two[0].Message {
		t.Errorf("%v, the other way round %v", one, two)
	}
}

func TestPolicies(t *testing.T) {
	var p inject.Policies
	d := manifest.Decoder{}
	d.Decode(mustParse(t, "{imagesByDigest: true, registries: [ghcr.io, docker.io/library], noPrivileged: true, "+
		"resourcesSet: true}"), &p, "policies")
	want := inject.Policies{
		ImagesByDigest: true, Registries: []string{"ghcr.io", "docker.io/library"}, NoPrivileged: true,
		ResourcesSet: true,
	}
	if diff := cmp.Diff(want, p); diff != "" || len(d.Findings) > 0 {
		t.Error(diff, d.Findings)
	}
	for registry, ok := range map[string]bool{
		"ghcr.io": true, "ghcr.io/team": true, "localhost": true, "localhost:5000/x": true, "docker.io/library": true,
		"": false, "https://ghcr.io": false, "ghcr.io/": false, "team": false, "team/x": false, "ghcr.io/x:v1": false,
		"ghcr.io/x@sha256": false, "*": false,
	} {
		if problem := (inject.Policies{Registries: []string{registry}}).Validate(); (problem == "") != ok {
			t.Errorf("registry %q: %q", registry, problem)
		}
	}
}

func TestPolicyRegistries(t *testing.T) {
	for _, c := range []struct {
		image, registry string
		ok              bool
	}{
		{"nginx", "docker.io", true},
		{"nginx:1", "docker.io/library", true},
		{"docker.io/nginx", "docker.io/library", true},
		{"team/nginx", "docker.io/library", false},
		{"team/nginx@sha256:0", "docker.io/team", true},
		{"index.docker.io/team/nginx", "docker.io/team", true},
		{"team/nginx", "index.docker.io", true},
		{"ghcr.io/team/x", "ghcr.io", true},
		{"GHCR.io/team/x", "ghcr.io", true},
		{"ghcr.io/team/x:v1", "ghcr.io/team", true},
		{"ghcr.io/teamster/x", "ghcr.io/team", false},
		{"ghcr.io.evil.example/x", "ghcr.io", false},
		{"localhost:5000/x", "localhost:5000", true},
		{"localhost/x", "localhost", true},
		{"evil.example/ghcr.io/x", "ghcr.io", false},
	} {
		p := inject.Policies{Registries: []string{c.registry}}
		got := lintText(t, setHead+"  containers: [{name: c, image: '"+c.image+"'}]", inject.DefaultOptions(), p)
		if (len(got) == 0) != c.ok {
			t.Errorf("%s, allowed %s: %v", c.image, c.registry, got)
		}
	}
}
