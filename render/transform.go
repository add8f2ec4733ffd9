// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/splice"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// transformer turns documents into what a request asks for.
type transformer struct {
	req       *Request
	injector  *inject.Injector
	releases  *manifests.Set // nil without BatchPlans
	checkOnly bool           // BatchPlans are checked, and one without its target is none of this run's business
	noSets    bool           // neither is a SidecarSet known nor a folder named that holds none
	proofs    *splice.Proofs
	done      int
}

const (
	// batchSize is how many bytes of documents a worker takes at once, so that small ones do not cost a hand-over each.
	batchSize = 64 << 10
	// batchesAhead bounds, together with batchSize, the input that waits for an earlier document to finish.
	batchesAhead = 4
)

// batch is a run of documents on its way through a worker.
type batch struct {
	in    []yamltext.Document
	out   []*Document
	ready chan struct{}
}

// stream processes the documents of one input side by side and hands them to sink in order.
func (t *transformer) stream(ctx context.Context, in *input, sink Sink, outcome *Outcome) error {
	workers := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan *batch)
	order := make(chan *batch, workers*batchesAhead)
	group.Go(func() error {
		defer close(work)
		defer close(order)
		return feed(ctx, in, work, order)
	})
	for range workers {
		group.Go(func() error {
			sc := newObjectScanner(t.proofs)
			for b := range work {
				for _, d := range b.in {
					b.out = append(b.out, t.document(in, d, sc))
				}
				close(b.ready)
			}
			return nil
		})
	}
	group.Go(func() error {
		for b := range order {
			select {
			case <-b.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			for _, d := range b.out {
				if err := t.deliver(d, sink, outcome); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return group.Wait()
}

// feed cuts a stream into batches, and queues each both for a worker and for delivery.
func feed(ctx context.Context, in *input, work, order chan<- *batch) error {
	b, size := &batch{ready: make(chan struct{})}, 0
	send := func() error {
		for _, c := range []chan<- *batch{order, work} {
			select {
			case c <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		b, size = &batch{ready: make(chan struct{})}, 0
		return nil
	}
	err := eachDocument(ctx, in, func(d yamltext.Document) error {
		b.in = append(b.in, d)
		if size += len(d.Bytes); size < batchSize {
			return nil
		}
		return send()
	})
	if err != nil || len(b.in) == 0 {
		return err
	}
	return send()
}

// deliver takes a finished document into account.
func (t *transformer) deliver(d *Document, sink Sink, outcome *Outcome) error {
	outcome.Documents++
	outcome.Findings = append(outcome.Findings, d.findings...)
	outcome.Templates = append(outcome.Templates, d.templates...)
	outcome.Impact = append(outcome.Impact, d.impact...)
	outcome.Injected += d.edited
	outcome.answered = outcome.answered || d.answered
	outcome.opted, outcome.open = outcome.opted || d.opted, outcome.open || d.open
	outcome.passed = append(outcome.passed, d.passed...)
	if d.changed {
		outcome.note(d.Input)
	}
	if t.done++; t.req.Progress != nil {
		t.req.Progress(t.done)
	}
	if outcome.Failed() {
		return nil // nothing will be written: the rest is read for its findings alone
	}
	if err := sink.Document(d); err != nil {
		return err
	}
	return t.deliverAdded(d, sink, outcome)
}

// note takes down that something of an input changed.
func (o *Outcome) note(input string) {
	if o.noted[input] {
		return
	}
	if o.noted == nil {
		o.noted = map[string]bool{}
	}
	o.noted[input] = true
	o.Changed = append(o.Changed, input)
}

// document processes one document.
func (t *transformer) document(in *input, d yamltext.Document, sc *splice.Scanner) *Document {
	sc.Reuse()
	out := t.inject(in, d, sc)
	if t.releases.Concerns(out.id) {
		t.release(out, sourceOf(in, d))
	}
	return out
}

// inject processes one document without what a release changes in it.
func (t *transformer) inject(in *input, d yamltext.Document, sc *splice.Scanner) *Document {
	out := &Document{
		Input: in.name, Path: in.path, First: d.Index == 0, Original: d.Bytes, Text: d.Bytes,
		id: manifests.ID{Input: in.index, Doc: d.Index}, source: sourceOf(in, d),
	}
	if !t.mayChange(d.Bytes) && !suspect(d.Bytes) {
		if found, certain := sc.Scan(d.Bytes); certain && passes(found[kindAt]) && len(found[nameAt]) > 0 {
			out.Object = manifest.ObjectRef{
				APIVersion: string(found[apiVersionAt]), Kind: string(found[kindAt]),
				Namespace: string(found[namespaceAt]), Name: string(found[nameAt]),
			}
			out.open = t.injector.IsWorkload(out.Object)
			return out
		}
	}
	if t.injectItems(in, out, sc) {
		return out
	}
	source := out.source
	root, err := sc.Parse(d.Bytes)
	if err != nil {
		out.findings = unread(source, d.Bytes, err)
		return out
	}
	if root == nil {
		return out
	}
	if out.findings = disguised(source, d.Bytes, root); len(out.findings) > 0 {
		return out
	}
	object := manifest.Root(root)
	if object.Kind != yaml.MappingNode {
		out.findings = []manifest.Finding{notAnObject(source, object)}
		return out
	}
	out.Object = manifest.RefOf(object)
	out.generated = out.Object.Name != "" && manifest.Text(manifest.At(object, "metadata", "name")) == ""
	out.Leaves = t.leaves(object, out.Object)
	err = t.change(out, root, source, sc)
	if err == nil && out.changed && t.req.Detailed {
		out.impact, err = impactOf(out)
	}
	if err != nil {
		out.findings = append(out.findings, unsupported(out.Object, source, err))
	}
	out.findings = onObject(out.findings, source, d.Bytes)
	return out
}

// mayChange says whether this request could change the document, or has to look into it for its report.
func (t *transformer) mayChange(text []byte) bool {
	switch t.req.Action {
	case Eject:
		return bytes.IndexByte(text, '\\') >= 0 || bytes.Contains(text, []byte(inject.InjectedAnnotation))
	default:
		return t.req.Detailed || t.injector.MayMatch(text)
	}
}

// What a scan of a document looks for, in this order.
const (
	apiVersionAt = iota
	kindAt
	namespaceAt
	nameAt
)

// newObjectScanner returns a scanner that looks for what names an object.
func newObjectScanner(proofs *splice.Proofs) *splice.Scanner {
	return splice.NewScanner(proofs, "apiVersion", "kind", "metadata.namespace", "metadata.name")
}

// passes says whether an object of a kind, of which a scan is certain, can only be passed on.
func passes(kind []byte) bool {
	return len(kind) > 0 && string(kind) != "SidecarSet" && string(kind) != manifests.Kind
}

func notAnObject(source manifest.Source, n *yaml.Node) manifest.Finding {
	what := "a list"
	if n.Kind == yaml.ScalarNode {
		what = "a single value"
	}
	source = source.Down(max(n.Line-1, 0))
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "not-an-object", Source: source,
		Message: fmt.Sprintf("the document is %s, not a Kubernetes object", what),
		Hint:    "a manifest is a mapping with apiVersion, kind and metadata",
	}
}

// leaves says whether an object is for slipway alone, and goes no further in a stream: a set, a plan, the configuration.
func (t *transformer) leaves(object *yaml.Node, ref manifest.ObjectRef) bool {
	own := manifests.IsPlanRef(ref) || ref.Kind == manifest.InjectorKind && ref.APIVersion == manifest.SlipwayVersion
	return (inject.IsSidecarSet(object) || t.req.Action == Inject && own) && !t.req.KeepSidecarSets
}

// change applies the request's action to one object. An error means that the change cannot be written into this text.
func (t *transformer) change(out *Document, root *yaml.Node, source manifest.Source, sc *splice.Scanner) error {
	if t.forgotten(out, root, source) {
		return nil
	}
	ejected := t.injector.Eject(manifest.Root(root), source)
	out.findings = append(out.findings, ejected.Findings...)
	away := t.outOfReach(out, root, source)
	out.findings = append(out.findings, away...)
	if t.req.Action != Eject && len(away) == 0 {
		out.passed = t.injector.PassedOver(manifest.Root(root), source)
	}
	if manifest.HasErrors(ejected.Findings) {
		return nil
	}
	text, err := t.undo(out.Original, root, ejected, sc)
	if err != nil {
		return err
	}
	if t.req.Action == Eject {
		out.findings = append(out.findings, t.injector.Orphans(manifest.Root(root), ejected.Object, source)...)
		out.templates, out.edited = ejected.Templates, len(ejected.Templates)
		out.set(text)
		return nil
	}
	if t.req.SkipHooks && inject.IsHook(manifest.Root(root)) {
		out.findings = append(out.findings, inject.HookSkipped(manifest.Root(root), source))
		out.templates, out.opted = ejected.Templates, true
		out.set(text)
		return nil
	}
	before := manifest.Root(root)
	root, result, err := t.injected(text, root, ejected, source, sc)
	if err != nil {
		return err
	}
	out.findings = append(out.findings, result.Findings...)
	out.findings = append(out.findings, t.injector.Orphans(before, result.Object, source)...)
	out.count(result)
	if t.req.Detailed {
		out.templates = result.Templates
	}
	if t.req.Action == Explain || manifest.HasErrors(result.Findings) {
		return nil
	}
	if result.Changed(manifest.Root(root)) {
		if text, err = sc.Apply(text, root, withRoot(root, result.Object), result.Verbatim); err != nil {
			return err
		}
	}
	out.set(text)
	return nil
}

// injected asks for the injection into what an ejection has left, text with the tree root before it. It returns the tree of
// the text; places of the result are those of the file.
func (t *transformer) injected(
	text []byte, root *yaml.Node, ejected inject.Result, source manifest.Source, sc *splice.Scanner,
) (*yaml.Node, inject.Result, error) {
	moved := ejected.Changed(manifest.Root(root))
	if moved {
		var err error
		if root, err = sc.Parse(text); err != nil {
			return root, inject.Result{}, err
		}
	}
	var unreadable *yaml.Node
	result := t.injector.Inject(manifest.Root(root), source, func(n *yaml.Node) string {
		was, ok := splice.SourceText(text, root, n)
		if !ok {
			unreadable = n
		}
		return was
	})
	if unreadable != nil {
		return root, result, splice.Unsupported(unreadable.Line,
			"the text that injection replaces here cannot be told from its surroundings")
	}
	if moved {
		inFile(result, lineMap(manifest.Root(root), ejected.Object), source)
	}
	return root, result, nil
}

// forgotten reports an injection that the run would take out because it knows no SidecarSet at all.
func (t *transformer) forgotten(out *Document, root *yaml.Node, source manifest.Source) bool {
	if !t.noSets || t.req.Action != Inject || !bytes.Contains(out.Original, []byte(inject.InjectedAnnotation)) {
		return false
	}
	found := t.injector.Forgotten(manifest.Root(root), source, t.req.howToName())
	out.findings = append(out.findings, found...)
	return len(found) > 0
}

// outOfReach warns of an injection in an object of a kind that slipway was told about then, and is not now.
func (t *transformer) outOfReach(d *Document, root *yaml.Node, source manifest.Source) []manifest.Finding {
	if !bytes.Contains(d.Original, []byte(inject.InjectedAnnotation)) || t.injector.Templates(manifest.Root(root)) > 0 {
		return nil
	}
	key := inject.Mark(root)
	if key == nil {
		return nil
	}
	source = source.Down(key.Line - 1)
	return []manifest.Finding{{
		Severity: manifest.SeverityWarning, Code: "out-of-reach", Object: d.Object, Source: source,
		Message: "an earlier injection stays: slipway is not told where this kind has its pod templates",
		Hint:    "give the configuration with its workloads by -c",
	}}
}

// undo writes an ejection: the original text to the byte or, where others have moved that text about, the same tree.
func (t *transformer) undo(text []byte, root *yaml.Node, ejected inject.Result, sc *splice.Scanner) ([]byte, error) {
	if !ejected.Changed(manifest.Root(root)) {
		return text, nil
	}
	edited := withRoot(root, ejected.Object)
	if out, err := sc.Apply(text, root, edited, ejected.Verbatim); err == nil {
		return out, nil
	}
	return sc.Apply(text, root, edited, nil)
}

// withRoot is the document with another object in it.
func withRoot(document, object *yaml.Node) *yaml.Node {
	c := *document
	c.Content = []*yaml.Node{object}
	return &c
}

// count takes into account what an injection did.
func (d *Document) count(result inject.Result) {
	d.answered = len(result.Findings) > 0
	for _, t := range result.Templates {
		d.opted = d.opted || t.OptOut
		d.open = d.open || !t.OptOut && !t.Edited
		if t.Edited {
			d.edited++
		}
	}
}

func (d *Document) set(text []byte) {
	if d.changed = !bytes.Equal(text, d.Original); d.changed {
		d.Text = text
	}
}

// mayBeContext says whether a document could hold a SidecarSet, a Namespace or a revision. A false answer is certain,
// but for kinds written with escapes, which no one does.
func mayBeContext(text []byte, sc *splice.Scanner) bool {
	for _, word := range []string{"SidecarSet", "Namespace", "ControllerRevision", "WorkloadSpread"} {
		if !bytes.Contains(text, []byte(word)) {
			continue
		}
		found, certain := sc.Scan(text)
		return !certain || slices.Contains(contextKinds(), string(found[kindAt]))
	}
	return false
}

func contextKinds() []string {
	return []string{
		"SidecarSet", "Namespace", "ControllerRevision", "WorkloadSpread", "List", "SidecarSetList", "NamespaceList",
		"Template", "",
	}
}
