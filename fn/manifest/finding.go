// SPDX-License-Identifier: Apache-2.0

package manifest

import (
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
	Line int    `json:"line,omitempty"`     // 1-based line in the file, or NoLine
}

// Down is the place so many lines further down, where the line is known.
func (s Source) Down(lines int) Source {
	if s.Line > 0 {
		s.Line += lines
	}
	return s
}

// NoLine is the line of what has none in a file that the user knows: the lines of an item of a ResourceList are not those
// of the file that it comes from.
const NoLine = -1

// String prints the place as editors and problem matchers read it, "app.yaml:41". Where the line is not known, the
// document is said in words, which nothing takes for a line: "app.yaml (document 3)".
func (s Source) String() string {
	file := Printable(s.File)
	switch {
	case s.File == "":
		return ""
	case s.Line > 0:
		return fmt.Sprintf("%s:%d", file, s.Line)
	case s.Doc > 0:
		return fmt.Sprintf("%s (document %d)", file, s.Doc)
	default:
		return file
	}
}

// ObjectRef names a Kubernetes object.
type ObjectRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
}

// Group is the API group, "" for Kubernetes' core.
func (o ObjectRef) Group() string {
	group, _, found := strings.Cut(o.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}

// String prints the object as kind/namespace/name, without the parts that it does not have, as Printable has it.
func (o ObjectRef) String() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{o.Kind, o.Namespace, o.Name} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return Printable(strings.Join(parts, "/"))
}

// Finding is what slipway has to tell about what people wrote, or about a cluster. It is an error where a reader gives back
// nothing but mistakes, as that of plans does.
type Finding struct { //nolint:errname // few findings are errors
	Severity Severity  `json:"severity"`
	Code     string    `json:"code"`    // stable, kebab-case: for filters and for SARIF
	Message  string    `json:"message"` // what is so
	Hint     string    `json:"hint,omitempty"`
	Object   ObjectRef `json:"object"`
	Field    string    `json:"field,omitempty"` // path from the object's root, "spec.containers[0].image"
	Source   Source    `json:"source"`
}

// String prints the finding on one line, as Printable has it: where, which object, what, and what to do.
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
	return Printable(b.String())
}

// Error is the finding on one line.
func (f Finding) Error() string { return f.String() }

// HasErrors says whether one of the findings fails the run.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == SeverityError })
}

// Findings collects findings and remembers whether one is an error.
type Findings struct {
	List   []Finding
	failed bool
}

// Add appends findings.
func (f *Findings) Add(more []Finding) {
	f.List = append(f.List, more...)
	f.failed = f.failed || HasErrors(more)
}

// Failed says whether one of the findings is an error.
func (f *Findings) Failed() bool { return f.failed }
