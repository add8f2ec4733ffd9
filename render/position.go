// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// sourceOf is where a document starts: its lines count from there. What a kustomization builds is in no file, so that its
// lines are nobody's; locate finds out where its objects were written.
func sourceOf(in *input, d yamltext.Document) manifest.Source {
	line := d.Line
	if in.builtFrom != nil {
		line = manifest.NoLine
	}
	return manifest.Source{File: in.name, Doc: d.Index + 1, Line: line}
}

// locate gives what is told about objects of built kustomizations the files in which they were written. These are read
// for that alone.
func (o *Outcome) locate(ins []input, detailed bool) {
	built := map[string]*builtFrom{}
	for _, in := range ins {
		if in.builtFrom != nil {
			built[in.name] = in.builtFrom
		}
	}
	at := func(s *manifest.Source) {
		if from := built[s.File]; from != nil && s.Doc > 0 {
			*s = from.source(s.Doc - 1)
		}
	}
	if len(built) == 0 {
		return
	}
	for i := range o.Findings {
		at(&o.Findings[i].Source)
	}
	for i := range o.passed {
		at(&o.passed[i].Source)
	}
	if !detailed {
		return // nobody asks where the templates are
	}
	for i := range o.Templates {
		at(&o.Templates[i].Source)
	}
	for i := range o.Impact {
		at(&o.Impact[i].Source)
	}
}

// where is the place of a document's object.
func (d *Document) where() string {
	source := d.source
	if source.File == "" {
		return d.Input // it was generated
	}
	return source.Down(manifest.Opening(d.Original)).String()
}

// place is the place and the words of an error about the text of a document that starts at source.
func place(source manifest.Source, err error) (manifest.Source, string) {
	var syntax *yamltext.SyntaxError
	if !errors.As(err, &syntax) {
		return source, err.Error()
	}
	message := syntax.Text(source.Line)
	return source.Down(syntax.Line - 1), message
}

// malformed is the finding for a document that is not YAML as Kubernetes takes it.
func malformed(source manifest.Source, err error) manifest.Finding {
	f := manifest.Finding{Severity: manifest.SeverityError, Code: "malformed-yaml"}
	f.Source, f.Message = place(source, err)
	return f
}

// unsupported is the finding for a document into which a change cannot be written.
func unsupported(object manifest.ObjectRef, source manifest.Source, err error) manifest.Finding {
	f := manifest.Finding{Severity: manifest.SeverityError, Code: "unsupported-layout", Object: object}
	f.Source, f.Message = place(source, err)
	return f
}

// onObject moves findings about a whole document, which stand on its first line, to the first line of its object.
func onObject(findings []manifest.Finding, source manifest.Source, text []byte) []manifest.Finding {
	for i := range findings {
		if findings[i].Source == source {
			findings[i].Source = source.Down(manifest.Opening(text))
		}
	}
	return findings
}

// lineMap leads from the lines of a document that an ejection has shortened to those of the file. It follows the two trees
// side by side: the ejection keeps the places of the nodes that it keeps.
func lineMap(shortened, kept *yaml.Node) map[int]int {
	lines := map[int]int{}
	var walk func(now, was *yaml.Node)
	walk = func(now, was *yaml.Node) {
		if now.Line > 0 && was.Line > 0 && lines[now.Line] == 0 {
			lines[now.Line] = was.Line
		}
		for i := 0; i < len(now.Content) && i < len(was.Content); i++ {
			walk(now.Content[i], was.Content[i])
		}
	}
	walk(shortened, kept)
	return lines
}

// inFile takes the places of a result, which are those of a document after an ejection, back to the file.
func inFile(result inject.Result, lines map[int]int, source manifest.Source) {
	if source.Line == manifest.NoLine {
		return
	}
	back := func(s *manifest.Source) {
		line := s.Line - source.Line + 1
		for lines[line] == 0 && line > 1 {
			line-- // on what the ejection has put back: the nearest line before it
		}
		if was := lines[line]; was > 0 {
			s.Line = source.Line + was - 1
		}
	}
	for i := range result.Findings {
		back(&result.Findings[i].Source)
	}
	for i := range result.Templates {
		back(&result.Templates[i].Source)
	}
}
