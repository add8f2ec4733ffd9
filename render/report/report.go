// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
)

// Format is the form of a report.
type Format string

// Text is for people, JSON for programs, SARIF for code review tools, CodeQuality for GitLab.
const (
	Text        Format = "text"
	JSON        Format = "json"
	SARIF       Format = "sarif"
	CodeQuality Format = "codequality"
)

// FindingsOnly says whether a report in this format has nothing but findings.
func (f Format) FindingsOnly() bool { return f == SARIF || f == CodeQuality }

// ParseFormat reads the name of a format: one of a report's, or one that a caller has besides them.
func ParseFormat(name string, besides ...string) (Format, error) {
	known := append([]string{string(Text), string(JSON), string(SARIF), string(CodeQuality)}, besides...)
	if slices.Contains(known, name) {
		return Format(name), nil
	}
	last := len(known) - 1
	return "", fmt.Errorf("unknown report format %q: %s or %s", name, strings.Join(known[:last], ", "), known[last])
}

// Write writes what a run did and found. The text form leaves findings out: a person has seen them as messages.
func Write(w io.Writer, o *render.Outcome, format Format) error {
	switch format {
	case SARIF:
		return writeJSON(w, sarifOf(o.Findings))
	case CodeQuality:
		return writeJSON(w, issuesOf(o.Findings))
	case JSON:
		return writeJSON(w, reportOf(o))
	default:
		return writeText(w, o)
	}
}

// WriteFindings writes findings for a person, one on a line, and how many there are.
func WriteFindings(w io.Writer, o *render.Outcome) error {
	count := map[manifest.Severity]int{}
	var b strings.Builder
	for _, f := range o.Findings {
		count[f.Severity]++
		fmt.Fprintf(&b, "%s: %s [%s]\n", f.Severity, f, f.Code)
	}
	checked := manifest.Counted(o.Sets, "SidecarSet")
	if o.Released > 0 {
		checked += ", " + manifest.Counted(o.Released, "BatchPlan")
	}
	fmt.Fprintf(&b, "%s: %s, %s\n", checked,
		manifest.Counted(count[manifest.SeverityError], "error"), manifest.Counted(count[manifest.SeverityWarning], "warning"))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	return nil
}

// WriteDiagnosis writes findings alone; for a person what is worst first, each with what to do about it below.
func WriteDiagnosis(w io.Writer, outcome *render.Outcome, format Format) error {
	if format != Text {
		return Write(w, outcome, format)
	}
	var b strings.Builder
	for _, severity := range []manifest.Severity{manifest.SeverityError, manifest.SeverityWarning, manifest.SeverityInfo} {
		for _, f := range outcome.Findings {
			if f.Severity != severity {
				continue
			}
			hint := f.Hint
			f.Hint = ""
			fmt.Fprintf(&b, "%s: %s [%s]\n", f.Severity, f, f.Code)
			if hint != "" {
				fmt.Fprintf(&b, "  %s\n", manifest.Printable(hint))
			}
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing the report: %w", render.Cause(err))
	}
	return nil
}

// jsonReport is the JSON form; lists are never null.
type jsonReport struct {
	Documents   int                     `json:"documents"`
	SidecarSets int                     `json:"sidecarSets"`
	Released    int                     `json:"released,omitempty"`
	Injected    int                     `json:"injected"`
	Changed     []string                `json:"changed"`
	Workloads   []inject.TemplateResult `json:"workloads"`
	Impact      []render.Impact         `json:"impact,omitempty"`
	Findings    []manifest.Finding      `json:"findings"`
}

func reportOf(o *render.Outcome) jsonReport {
	workloads := append([]inject.TemplateResult{}, o.Templates...)
	for i, w := range workloads {
		workloads[i].Matches = append([]inject.Match{}, w.Matches...)
	}
	return jsonReport{
		Documents: o.Documents, SidecarSets: o.Sets, Released: o.Released, Injected: o.Injected,
		Changed:   append([]string{}, o.Changed...),
		Workloads: workloads, Impact: o.Impact, Findings: append([]manifest.Finding{}, o.Findings...),
	}
}

// writeText writes a paragraph for every pod template: each set's answer, and under it each injected field.
func writeText(w io.Writer, o *render.Outcome) error {
	var b strings.Builder
	for _, t := range o.Templates {
		heading := t.Object.String()
		if t.Field != "" && strings.Count(t.Field, ".") > 1 {
			heading += " " + manifest.Printable(t.Field)
		}
		fmt.Fprintf(&b, "%s (%s)\n", heading, t.Source)
		if t.OptOut {
			b.WriteString("  opted out by the annotation slipway.dev/inject\n")
		}
		for _, m := range t.Matches {
			fmt.Fprintf(&b, "  %s\t%s\t%s\n", manifest.Printable(m.Set), m.Verdict, manifest.Printable(m.Reason))
			if m.Add != "" {
				fmt.Fprintf(&b, "  \t\t%s\n", manifest.Printable(m.Add))
			}
			writeOrigins(&b, t.Origins, m.Set)
		}
		for _, set := range unmatchedSets(t) {
			fmt.Fprintf(&b, "  %s\n", manifest.Printable(set))
			writeOrigins(&b, t.Origins, set)
		}
	}
	columns := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, err := io.WriteString(columns, b.String())
	if err = errors.Join(err, columns.Flush()); err != nil {
		return fmt.Errorf("writing the report: %w", render.Cause(err))
	}
	return nil
}

func writeOrigins(b *strings.Builder, origins []inject.Origin, set string) {
	for _, f := range origins {
		if f.Set != set {
			continue
		}
		rule := f.Rule
		if f.Prevailed != "" {
			rule += ": " + f.Prevailed
		}
		fmt.Fprintf(b, "    %s\t\t%s\n", manifest.Printable(f.Field), manifest.Printable(rule))
	}
}

// unmatchedSets are those that injected fields come from and that no match names: an earlier injection's.
func unmatchedSets(t inject.TemplateResult) []string {
	var out []string
	for _, f := range t.Origins {
		known := slices.ContainsFunc(t.Matches, func(m inject.Match) bool { return m.Set == f.Set })
		if !known && !slices.Contains(out, f.Set) {
			out = append(out, f.Set)
		}
	}
	return out
}
