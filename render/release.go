// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/splice"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// mention is a document that says BatchPlan somewhere.
type mention struct {
	in  *input
	doc yamltext.Document
}

// plan reads the BatchPlans of the inputs and makes their releases, before any document is written: what a release
// generates may belong before its target.
func (t *transformer) plan(ctx context.Context, ins []input, outcome *Outcome) ([]input, error) {
	if t.req.Action != Inject {
		return ins, nil
	}
	ins, err := t.withGenerated(ctx, ins, outcome)
	if err != nil {
		return nil, err
	}
	set := manifests.NewSet(t.req.Release, t.req.Options.Namespace, t.checkOnly)
	sc := newObjectScanner(t.proofs)
	for _, m := range outcome.mentions {
		object, doc := planDocument(m.in, m.doc, sc)
		switch {
		case object == nil:
		case t.req.Release != nil || t.checkOnly:
			outcome.Findings = append(outcome.Findings, set.Read(doc, object)...)
		case manifests.IsPlanRef(doc.Object) && !t.req.IgnorePlans:
			outcome.Findings = append(outcome.Findings, manifests.NotReleased(doc.Object, doc.Place()))
		}
	}
	outcome.mentions, outcome.Released = nil, set.Len()
	if set.Len() == 0 || outcome.Failed() {
		return ins, nil
	}
	if err := t.targets(ctx, ins, set, outcome, sc); err != nil {
		return nil, err
	}
	outcome.Findings = append(outcome.Findings, set.Finish()...)
	t.releases = set
	return ins, nil
}

// checkPlans checks the BatchPlans that ReadContext came by, each against its target where the inputs hold it.
// outcome is that of ReadContext, and gets the findings and the number of plans.
func checkPlans(ctx context.Context, req *Request, outcome *Outcome) error {
	if len(outcome.mentions) == 0 {
		return nil
	}
	injector, _ := inject.New(inject.Context{}, req.Options)
	t := &transformer{req: &Request{Options: req.Options}, injector: injector, checkOnly: true}
	_, err := t.plan(ctx, outcome.inputs, outcome)
	return interrupted(ctx, err)
}

// withGenerated adds the files that earlier runs have written beside plans, where files are rewritten and those are not
// among the inputs.
func (t *transformer) withGenerated(ctx context.Context, ins []input, outcome *Outcome) ([]input, error) {
	if !t.req.AsFiles || t.req.Release == nil {
		return ins, nil
	}
	sc := newObjectScanner(t.proofs)
	for _, m := range outcome.mentions {
		object, doc := planDocument(m.in, m.doc, sc)
		if object == nil || m.in.path == "" || !manifests.IsPlanRef(doc.Object) {
			continue
		}
		path := filepath.Join(filepath.Dir(m.in.path), manifests.FileName(doc.Object.Name))
		text, err := readFile(path)
		if err != nil || !manifests.MayHold(text) {
			continue // none, or one of the user's, which the sink refuses to write over
		}
		if i := slices.IndexFunc(ins, func(in input) bool { return isSameFile(in.path, path) }); i >= 0 {
			ins[i].path = path // one file has one name for the sink, which would write it twice
			continue
		}
		in := fileInput(path)
		in.index = len(ins)
		ins = append(ins, in)
		if err := contextOf(ctx, &in, t.req, &inject.Context{}, outcome, false); err != nil {
			return nil, err
		}
	}
	return ins, nil
}

// planDocument reads a document that could be a BatchPlan or generated from one; any other, and one that cannot be read,
// which the run itself will report, is nil.
func planDocument(in *input, d yamltext.Document, sc *splice.Scanner) (*yaml.Node, manifests.Document) {
	root, err := sc.Parse(d.Bytes)
	object := manifest.Root(root)
	if err != nil || object == nil || object.Kind != yaml.MappingNode {
		return nil, manifests.Document{}
	}
	return object, manifests.Document{
		ID: manifests.ID{Input: in.index, Doc: d.Index}, Object: manifest.RefOf(object), Source: sourceOf(in, d), Text: d.Bytes,
		Original: d.Bytes,
	}
}

// targets hands every target to the set, as injection leaves it. What injection finds is reported when the document is
// rendered.
func (t *transformer) targets(ctx context.Context, ins []input, set *manifests.Set, outcome *Outcome, sc *splice.Scanner) error {
	for i := range ins {
		err := eachDocument(ctx, &ins[i], func(d yamltext.Document) error {
			if !set.MayBeTarget(d.Bytes) {
				return nil
			}
			out := t.inject(&ins[i], d, sc)
			if manifest.HasErrors(out.findings) || !set.IsTarget(out.Object) {
				return nil
			}
			outcome.Findings = append(outcome.Findings, set.Release(manifests.Document{
				ID: out.id, Object: out.Object, Source: sourceOf(&ins[i], d), Text: out.Text, Original: d.Bytes,
			})...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// release changes a document that a release concerns: a target, or an object that an earlier run generated.
func (t *transformer) release(out *Document, source manifest.Source) {
	if manifest.HasErrors(out.findings) {
		return
	}
	root, err := yamltext.Parse(out.Text)
	if err == nil {
		if object, ok := t.releases.Replaces(out.id); ok {
			out.replaceBy(object, manifest.Root(root))
			return
		}
		err = t.edit(out, root)
	}
	if err != nil {
		// The lines of an error are those of the text after injection: the object is the nearest place in the file.
		f := unsupported(out.Object, source, err)
		f.Source = source
		out.findings = append(out.findings, onObject([]manifest.Finding{f}, source, out.Original)...)
	}
}

// edit splices the edits of a target into its text.
func (t *transformer) edit(out *Document, root *yaml.Node) error {
	object, findings, err := manifests.Apply(manifest.Root(root), t.releases.Edits(out.id))
	if err != nil {
		return err
	}
	text, err := splice.Apply(out.Text, root, withRoot(root, object), nil)
	if err != nil {
		return err
	}
	out.findings = append(out.findings, findings...)
	out.set(text)
	return nil
}

// replaceBy puts a newly generated object in the place of an old one. One that says the same stays as it is, also where
// another tool has written it in a style of its own.
func (d *Document) replaceBy(object *manifests.Object, was *yaml.Node) {
	switch {
	case object == nil:
		d.Leaves, d.changed, d.Text = true, true, nil
	case !manifests.Same(was, object.Text):
		text := object.Text
		if marker, _ := yamltext.MarkerAt(firstLine(d.Original), true); marker == yamltext.StartMarker {
			text = append([]byte("---"+lineEnd(d.Original)), text...)
		}
		d.Object = object.Ref
		d.set(text)
	}
}

// deliverAdded hands over what follows a document.
func (t *transformer) deliverAdded(d *Document, sink Sink, outcome *Outcome) error {
	for _, object := range t.releases.Adds(d.id) {
		added := &Document{Input: d.Input, Path: d.Path, Object: object.Ref, Text: object.Text, Added: true, changed: true}
		if object.File != "" {
			added.Path = filepath.Join(filepath.Dir(object.File), manifests.FileName(object.Plan))
		}
		name := d.Input
		if t.req.AsFiles {
			name = added.Path
			outcome.Findings = append(outcome.Findings, unlisted(added.Path, outcome.noted[name])...)
		}
		outcome.note(name)
		if err := sink.Document(added); err != nil {
			return err
		}
	}
	return nil
}

// unlisted warns of a new file in the folder of a kustomization, which has to name it.
func unlisted(path string, told bool) []manifest.Finding {
	if told || !isKustomization(filepath.Dir(path)) {
		return nil
	}
	return []manifest.Finding{{
		Severity: manifest.SeverityWarning, Code: "not-in-kustomization", Source: manifest.Source{File: path},
		Message: "is new, and kustomize builds only what it is told to",
		Hint:    "add " + filepath.Base(path) + " to the resources of the kustomization beside it",
	}}
}
