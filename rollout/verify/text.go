// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Text is the report for a person: findings, what was looked at, and how many there are of each severity.
func (v Report) Text() string {
	var b strings.Builder
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s: %s [%s]\n", f.Severity, manifest.Printable(f.String()), f.Code)
		if f.Remedy != "" {
			fmt.Fprintf(&b, "  %s\n", manifest.Printable(f.Remedy))
		}
	}
	writeSeen(&b, v.Seen)
	verdict := "nothing stands in the way of the release"
	switch {
	case v.Count(SeverityError) > 0:
		verdict = "the release would not get through"
	case slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Code == codeUnread }):
		verdict = "nothing that could be looked at stands in the way of the release"
	}
	fmt.Fprintf(&b, "%s %s/%s: %s: %s, %s\n", v.Kind, v.Namespace, v.Name, verdict,
		counted(v.Count(SeverityError), "error"), counted(v.Count(SeverityWarning), "warning"))
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

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Manifest are the findings as those of manifests, for reports that hold both.
func (v Report) Manifest() []manifest.Finding {
	var out []manifest.Finding
	for _, f := range v.Findings {
		out = append(out, manifest.Finding{
			Severity: manifest.Severity(f.Severity), Code: f.Code, Message: f.Effect, Hint: f.Remedy, Field: f.Field,
			Object: manifest.ObjectRef{Kind: f.Object.Kind, Namespace: f.Object.Namespace, Name: f.Object.Name},
			Source: manifest.Source{File: f.File, Line: f.Line},
		})
	}
	return out
}
