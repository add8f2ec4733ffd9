// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a Finding means for the run. The values are those of a KRM function's results.
type Severity string

// The severities, from the one that fails a run to the one that only informs.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Source is a place in what the user wrote. Zero values mean that the part is not known.
type Source struct {
	File string `json:"file,omitempty"`
	Doc  int    `json:"document,omitempty"` // 1-based place of the document in its file
	Line int    `json:"line,omitempty"`     // 1-based line in the file
}

// String prints the known parts as file:document:line would be read, "app.yaml:3:41", and where the line is not known
// what cannot be taken for one: "app.yaml (document 3)".
func (s Source) String() string {
	if s.File == "" {
		return ""
	}
	if s.Line == 0 && s.Doc > 0 {
		return fmt.Sprintf("%s (document %d)", s.File, s.Doc)
	}
	out := s.File
	if s.Doc > 0 {
		out += fmt.Sprintf(":%d", s.Doc)
	}
	if s.Line > 0 {
		out += fmt.Sprintf(":%d", s.Line)
	}
	return out
}

// ObjectRef names a Kubernetes object.
type ObjectRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
}

// String prints the object as kind/namespace/name, without the parts that it does not have.
func (o ObjectRef) String() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{o.Kind, o.Namespace, o.Name} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}

// Finding is what slipway has to tell about the user's manifests. A mistake in a manifest is a Finding;
// a Go error means that slipway could not do its work.
type Finding struct {
	Severity Severity  `json:"severity"`
	Code     string    `json:"code"`    // stable, kebab-case: for filters and for SARIF
	Message  string    `json:"message"` // what is so
	Hint     string    `json:"hint,omitempty"`
	Object   ObjectRef `json:"object"`
	Field    string    `json:"field,omitempty"` // path from the object's root, "spec.containers[0].image"
	Source   Source    `json:"source"`
}

// String prints the finding on one line: where, which object, what, and what to do.
func (f Finding) String() string {
	var b strings.Builder
	if s := f.Source.String(); s != "" {
		b.WriteString(s + ": ")
	}
	if o := f.Object.String(); o != "" {
		b.WriteString(o + ": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// HasErrors says whether one of the findings fails the run.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == SeverityError })
}

// nearest returns the candidate that a person who wrote name most likely meant, or "".
func nearest(name string, candidates []string) string {
	best, limit := "", max(2, len(name)/3)+1
	for _, c := range slices.SortedFunc(slices.Values(candidates), cmp.Compare[string]) {
		if strings.EqualFold(c, name) {
			return c
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c), limit); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b, or at least limit where it is not smaller.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
