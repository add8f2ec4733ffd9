// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Text is the report for a person: findings, what was looked at, and how many there are of each severity.
func (v Report) Text() string {
	var b strings.Builder
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s: %s [%s]\n", f.Severity, line(f), f.Code)
		if f.Hint != "" {
			fmt.Fprintf(&b, "  %s\n", manifest.Printable(f.Hint))
		}
	}
	writeSeen(&b, v.Seen)
	verdict := "nothing stands in the way of the release"
	switch {
	case v.Count(manifest.SeverityError) > 0:
		verdict = "the release would not get through"
	case slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Code == codeUnread }):
		verdict = "nothing that could be looked at stands in the way of the release"
	}
	fmt.Fprintf(&b, "%s %s/%s: %s: %s, %s\n", v.Kind, v.Namespace, v.Name, verdict,
		manifest.Counted(v.Count(manifest.SeverityError), "error"), manifest.Counted(v.Count(manifest.SeverityWarning), "warning"))
	return b.String()
}

// writeSeen tells what was looked at, and what was looked for and is not there.
func writeSeen(b *strings.Builder, seen []Seen) {
	var some, none []string
	for _, n := range seen {
		if n.Count > 0 {
			some = append(some, n.String())
		} else {
			none = append(none, n.Kind)
		}
	}
	if len(some) == 0 {
		return
	}
	b.WriteString("looked at " + strings.Join(some, ", "))
	if len(none) > 0 {
		b.WriteString("; there is no " + strings.Join(none, ", no "))
	}
	b.WriteString("\n")
}

// MarshalJSON writes the report in the format of verify -o json, which names what a finding means for a release.
func (v Report) MarshalJSON() ([]byte, error) {
	type object struct {
		Kind      string `json:"kind,omitempty"`
		Namespace string `json:"namespace,omitempty"`
		Name      string `json:"name,omitempty"`
	}
	type finding struct {
		Severity manifest.Severity `json:"severity"`
		Code     string            `json:"code"` // stable: for filters
		Object   object            `json:"object"`
		File     string            `json:"file,omitempty"` // where a mistake was written
		Line     int               `json:"line,omitempty"`
		Field    string            `json:"field,omitempty"`
		Effect   string            `json:"effect"`           // what it would do to the release
		Remedy   string            `json:"remedy,omitempty"` // what to change; empty where there is nothing to do
	}
	type report struct {
		Kind      string    `json:"kind"`
		Namespace string    `json:"namespace"`
		Name      string    `json:"name"`
		Findings  []finding `json:"findings"`
		Seen      []Seen    `json:"seen"`
	}
	out := report{Kind: v.Kind, Namespace: v.Namespace, Name: v.Name, Findings: []finding{}, Seen: v.Seen}
	for _, f := range v.Findings {
		out.Findings = append(out.Findings, finding{
			f.Severity, f.Code,
			object{f.Object.Kind, f.Object.Namespace, f.Object.Name},
			f.Source.File, f.Source.Line, f.Field, f.Message, f.Hint,
		})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(out)
	return b.Bytes(), err
}

// line is the finding on one line, without the hint: where, which object, what.
func line(f Finding) string {
	parts := []string{f.Source.String(), inWords(f.Object), f.Field, f.Message}
	return manifest.Printable(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": "))
}
