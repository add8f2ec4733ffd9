// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
)

// findings are one of each severity: with a line, without one, and without a place.
func findings() []manifest.Finding {
	return []manifest.Finding{
		{
			Severity: manifest.SeverityInfo, Code: "env-not-found", Message: "the variable A is not there",
			Object: manifest.ObjectRef{Kind: "Pod", Namespace: "shop", Name: "web"}, Field: "spec.containers[0]",
			Source: manifest.Source{File: "a.yaml", Doc: 2, Line: 7},
		},
		{
			Severity: manifest.SeverityError, Code: "name-conflict", Message: "is <taken>\x1b[2J", Hint: "rename it",
			Object: manifest.ObjectRef{Kind: "Pod", Name: "web"}, Source: manifest.Source{File: "base", Doc: 1, Line: manifest.NoLine},
		},
		{Severity: manifest.SeverityWarning, Code: "nothing-injected", Message: "nothing is injected"},
	}
}

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]string{
		"text": "", "json": "", "sarif": "", "codequality": "", "html": "",
		"yaml": `unknown report format "yaml": text, json, sarif, codequality or html`,
		"":     `unknown report format "": text, json, sarif, codequality or html`,
		"JSON": `unknown report format "JSON": text, json, sarif, codequality or html`,
	} {
		format, err := report.ParseFormat(name, "html")
		if want == "" && (err != nil || string(format) != name) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v", name, format, err)
		}
	}
	if _, err := report.ParseFormat("html"); err == nil {
		t.Error("a format that a caller does not have is taken")
	}
}

// TestFindingsForPeople has them in the order of the run, and a diagnosis in that of their weight.
func TestFindingsForPeople(t *testing.T) {
	var b strings.Builder
	if err := report.WriteFindings(&b, &render.Outcome{Findings: findings(), Sets: 1, Released: 2}); err != nil {
		t.Fatal(err)
	}
	want := `info: a.yaml:7: Pod/shop/web: spec.containers[0]: the variable A is not there [env-not-found]
error: base (document 1): Pod/web: is <taken>\x1b[2J (rename it) [name-conflict]
warning: nothing is injected [nothing-injected]
1 SidecarSet, 2 BatchPlans: 1 error, 1 warning
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := report.WriteDiagnosis(&b, &render.Outcome{Findings: findings()}, report.Text); err != nil {
		t.Fatal(err)
	}
	want = `error: base (document 1): Pod/web: is <taken>\x1b[2J [name-conflict]
  rename it
warning: nothing is injected [nothing-injected]
info: a.yaml:7: Pod/shop/web: spec.containers[0]: the variable A is not there [env-not-found]
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("a diagnosis (-want +got):\n%s", diff)
	}
}

// TestText tells of each template which set matched and why, and where each field comes from.
func TestText(t *testing.T) {
	o := &render.Outcome{Findings: findings(), Templates: []inject.TemplateResult{
		{
			Object: manifest.ObjectRef{Kind: "Deployment", Name: "web"}, Field: "spec.template",
			Source: manifest.Source{File: "a.yaml", Line: 6},
			Matches: []inject.Match{
				{Set: "logs", Verdict: "matches", Reason: "the selector matches"},
				{Set: "mesh", Verdict: "does not match", Reason: "label app is missing", Add: "app: web"},
			},
			Origins: []inject.Origin{
				{Set: "logs", Field: "containers[tail]", Rule: "containers"},
				{Set: "old", Field: "volumes[v]", Rule: "volumes", Prevailed: "the app's own"},
			},
		},
		{
			Object: manifest.ObjectRef{Kind: "JobSet", Name: "j"}, Field: "spec.replicatedJobs[1].template.spec.template",
			Source: manifest.Source{File: "a.yaml", Line: 20}, OptOut: true,
		},
	}}
	var b strings.Builder
	if err := report.Write(&b, o, report.Text); err != nil {
		t.Fatal(err)
	}
	want := `Deployment/web (a.yaml:6)
  logs                matches         the selector matches
    containers[tail]                  containers
  mesh                does not match  label app is missing
                                      app: web
  old
    volumes[v]    volumes: the app's own
JobSet/j spec.replicatedJobs[1].template.spec.template (a.yaml:20)
  opted out by the annotation slipway.dev/inject
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestJSON has no list that is null, and no value that a template of HTML would need escaped.
func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := report.Write(&b, &render.Outcome{Documents: 1}, report.JSON); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "documents": 1,
  "sidecarSets": 0,
  "injected": 0,
  "changed": [],
  "workloads": [],
  "findings": []
}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSARIF compares with the properties that SARIF 2.1.0 asks for.
func TestSARIF(t *testing.T) {
	var b strings.Builder
	if err := report.Write(&b, &render.Outcome{Findings: append(findings(), findings()[0])}, report.SARIF); err != nil {
		t.Fatal(err)
	}
	place := func(uri string, line any, object string) []any {
		physical := map[string]any{"artifactLocation": map[string]any{"uri": uri}}
		if line != nil {
			physical["region"] = map[string]any{"startLine": line}
		}
		return []any{map[string]any{
			"physicalLocation": physical,
			"logicalLocations": []any{map[string]any{"fullyQualifiedName": object, "kind": "object"}},
		}}
	}
	note := map[string]any{
		"ruleId": "env-not-found", "ruleIndex": 0.0, "level": "note",
		"message":   map[string]any{"text": "Pod/shop/web: spec.containers[0]: the variable A is not there"},
		"locations": place("a.yaml", 7.0, "Pod/shop/web: spec.containers[0]"),
	}
	want := []any{note, map[string]any{
		"ruleId": "name-conflict", "ruleIndex": 1.0, "level": "error",
		"message": map[string]any{"text": `Pod/web: is <taken>\x1b[2J (rename it)`}, "locations": place("base", nil, "Pod/web"),
	}, map[string]any{
		"ruleId": "nothing-injected", "ruleIndex": 2.0, "level": "warning",
		"message": map[string]any{"text": "nothing is injected"}, "locations": []any{map[string]any{}},
	}, note}
	var log struct {
		Version string
		Runs    []struct{ Results []any }
	}
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("%v: %s", err, &b)
	}
	if diff := cmp.Diff(want, log.Runs[0].Results); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSARIFNamesFilesByReferences: an artifact's uri is a reference as RFC 3986 has it, whatever the file is called.
func TestSARIFNamesFilesByReferences(t *testing.T) {
	for file, want := range map[string]string{
		"a/b.yaml": "a/b.yaml", "/tmp/a.yaml": "/tmp/a.yaml", "stdin": "stdin", "my app.yaml": "my%20app.yaml",
		"50%.yaml": "50%25.yaml", "a#b.yaml": "a%23b.yaml", "a?b.yaml": "a%3Fb.yaml", "a:b.yaml": "./a:b.yaml",
		"ä.yaml": "%C3%A4.yaml",
	} {
		var b strings.Builder
		o := &render.Outcome{Findings: []manifest.Finding{{Severity: manifest.SeverityError, Source: manifest.Source{File: file}}}}
		if err := report.Write(&b, o, report.SARIF); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `"uri": "`+want+`"`) {
			t.Errorf("%s: want %s in\n%s", file, want, &b)
		}
	}
}

// TestCodeQuality compares with the fields that GitLab reads. A fingerprint stays when lines move, and is no other finding's.
func TestCodeQuality(t *testing.T) {
	type issue struct {
		Description string `json:"description"`
		Check       string `json:"check_name"`
		Fingerprint string `json:"fingerprint"`
		Severity    string `json:"severity"`
		Location    struct {
			Path  string `json:"path"`
			Lines struct {
				Begin int `json:"begin"`
			} `json:"lines"`
		} `json:"location"`
	}
	issues := func(all []manifest.Finding) (out []issue) {
		var b strings.Builder
		if err := report.Write(&b, &render.Outcome{Findings: all}, report.CodeQuality); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(b.String()), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := issues(append(findings(), findings()[0]))
	var got []string
	prints := map[string]bool{}
	for _, i := range all {
		got = append(got, strings.Join([]string{i.Location.Path, i.Check, i.Severity, i.Description}, " | "))
		prints[i.Fingerprint] = true
	}
	want := []string{
		"a.yaml | env-not-found | info | Pod/shop/web: spec.containers[0]: the variable A is not there",
		`base | name-conflict | major | Pod/web: is <taken>\x1b[2J (rename it)`,
		". | nothing-injected | minor | nothing is injected",
		"a.yaml | env-not-found | info | Pod/shop/web: spec.containers[0]: the variable A is not there",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if all[0].Location.Lines.Begin != 7 || all[1].Location.Lines.Begin != 1 || len(prints) != len(all) {
		t.Errorf("lines and fingerprints: %+v", all)
	}
	moved := findings()
	moved[0].Source.Line = 70
	if now := issues(moved); now[0].Fingerprint != all[0].Fingerprint {
		t.Errorf("a line that moved makes another issue: %+v", now[0])
	}
	if got := issues(nil); got == nil {
		t.Error("without findings there is no list")
	}
}

// TestImpactForPeople counts the effects, the worst first.
func TestImpactForPeople(t *testing.T) {
	var b strings.Builder
	pod := manifest.ObjectRef{Kind: "Pod", Name: "web"}
	err := report.WriteImpact(&b, []render.Impact{
		{Object: pod, Effect: render.InPlaceUpdate, Reason: "only images change", Changes: []string{"image of container a: a:v1 -> a:v2"}},
		{Object: pod, Effect: render.Restart, Reason: "its controller replaces the pods", Changes: []string{"adds container b"}},
	})
	want := `impact on 2 pod templates: 1 restart, 1 in place
  Pod/web: in place: only images change
    image of container a: a:v1 -> a:v2
  Pod/web: restart: its controller replaces the pods
    adds container b
`
	if diff := cmp.Diff(want, b.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	b.Reset()
	if err := report.WriteImpact(&b, nil); err != nil || b.Len() > 0 {
		t.Errorf("without an impact it says %q, %v", &b, err)
	}
}

// full is a writer without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errNoRoom }

var errNoRoom = errors.New("no room")

// TestReportsThatCannotBeWritten are errors.
func TestReportsThatCannotBeWritten(t *testing.T) {
	o := &render.Outcome{Findings: findings(), Templates: []inject.TemplateResult{{}}, Impact: []render.Impact{{}}}
	for name, write := range map[string]func() error{
		"text":        func() error { return report.Write(full{}, o, report.Text) },
		"json":        func() error { return report.Write(full{}, o, report.JSON) },
		"sarif":       func() error { return report.Write(full{}, o, report.SARIF) },
		"codequality": func() error { return report.Write(full{}, o, report.CodeQuality) },
		"findings":    func() error { return report.WriteFindings(full{}, o) },
		"diagnosis":   func() error { return report.WriteDiagnosis(full{}, o, report.Text) },
		"impact":      func() error { return report.WriteImpact(full{}, o.Impact) },
	} {
		if err := write(); !errors.Is(err, errNoRoom) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
