// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/splice"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// Action is what a run does to every document.
type Action int

// Inject puts the sidecars in, Eject takes them out, and Explain only asks what Inject would do and why.
const (
	Inject Action = iota
	Eject
	Explain
)

// Request is one run.
type Request struct {
	Action Action
	// Paths are files, folders, kustomizations, and "-" for Stdin.
	Paths []string
	Stdin io.Reader
	// StdinName is what messages call Stdin, "stdin" if it is empty.
	StdinName string
	// Within, where it is set, is the folder without links that a kustomization must not read files outside of.
	Within string
	// AsFiles reads the folder of a kustomization file by file in place of building it.
	AsFiles bool
	// SetPaths are files and folders with SidecarSets, and Namespaces and revisions that help to decide about them.
	SetPaths []string
	// Sets are SidecarSets from elsewhere, such as a configuration.
	Sets []*inject.SidecarSet
	// NeedsSets makes it an error that no SidecarSet is known, for runs that would only seem to have checked something.
	NeedsSets bool
	// MustInject makes it an error that nothing is injected, for callers that throw warnings away.
	MustInject bool
	// NameSets says how the user names SidecarSets; "" is as on the command line.
	NameSets string
	// Options decide what injection does.
	Options inject.Options
	// KeepSidecarSets leaves SidecarSets, BatchPlans and SidecarInjectors in a stream.
	KeepSidecarSets bool
	// Release makes the releases of BatchPlans; nil makes none. IgnorePlans says that this is what the user wants.
	Release     *manifests.Config // what BatchPlans are released with; nil: they are not
	IgnorePlans bool
	// SkipHooks leaves hooks of Helm and Argo CD without sidecars.
	SkipHooks bool
	// Detailed asks for the matches of every workload. Without it the outcome tells of no template of an injection.
	Detailed bool
	// Report, where it is set, is called with what the run did and found before anything of it is written; an error of
	// it keeps it unwritten.
	Report func(*Outcome) error
	// Progress, where it is set, is called with the number of documents done so far.
	Progress func(documents int)
	// Building, where it is set, is called before a kustomization is built, and what it returns afterwards.
	Building func() (built func())
}

// Outcome is what a run did.
type Outcome struct {
	Templates []inject.TemplateResult
	Findings  []manifest.Finding
	// Documents counts the documents of the input, Sets the SidecarSets known, Injected the templates that carry an
	// injection after Inject or gave one up to Eject.
	Documents, Sets, Injected int
	// Released counts the BatchPlans of which the run made a release.
	Released int
	// Changed lists the inputs of which the run changed a document.
	Changed []string
	// Impact says what the changes mean for running pods, if the request is a detailed one.
	Impact []Impact

	answered bool // a finding told about a workload
	opted    bool // a workload opted out
	open     bool // a workload neither opted out nor was injected into
	passed   []inject.PassedOver
	noted    map[string]bool // what is in Changed
	emptied  bool            // a folder of SetPaths holds no object: the sets are known, and there is none
	mentions []mention       // of BatchPlans
	inputs   []input         // those that ReadContext has read
}

// Failed says whether a finding is an error; nothing has been written then.
func (o *Outcome) Failed() bool { return manifest.HasErrors(o.Findings) }

// Checked has a finding for each template that would change beside those of o, so that a code review shows it at its line.
func (o *Outcome) Checked() *Outcome {
	checked := *o
	checked.Findings = slices.Clone(o.Findings)
	for _, i := range o.Impact {
		checked.Findings = append(checked.Findings, manifest.Finding{
			Severity: manifest.SeverityWarning, Code: "would-change", Object: i.Object, Field: i.Field, Source: i.Source,
			Message: "would change: " + strings.Join(i.Changes, ", "), Hint: "commit what slipway render makes of it",
		})
	}
	return &checked
}

// Run processes every document of the inputs and hands the results, in order, to sink. Where a finding is an error the
// sink is told so by a missing Commit: sinks write nothing before it. An error means that slipway could not do its
// work; mistakes in manifests are findings of the outcome.
func Run(ctx context.Context, req Request, sink Sink) (*Outcome, error) {
	outcome := &Outcome{}
	if err := process(ctx, &req, sink, outcome); err != nil {
		return nil, interrupted(ctx, err)
	}
	if req.Report != nil {
		if err := req.Report(outcome); err != nil {
			return nil, err
		}
	}
	if outcome.Failed() {
		return outcome, nil
	}
	return outcome, sink.Commit()
}

// process reads the inputs and hands the finished documents to sink.
func process(ctx context.Context, req *Request, sink Sink, outcome *Outcome) error {
	ins, told, err := inputs(ctx, req)
	if err != nil {
		return err
	}
	outcome.Findings = append(outcome.Findings, told...)
	for i := range ins {
		if ins[i].name == stdinName && req.StdinName != "" {
			ins[i].name = req.StdinName
		}
	}
	known, err := readContext(ctx, req, ins, outcome)
	if err != nil {
		return err
	}
	req.Options.Terse = !req.Detailed
	injector, findings := inject.New(known, req.Options)
	outcome.Findings = append(outcome.Findings, findings...)
	outcome.Sets = len(known.Sets)
	if outcome.Failed() {
		outcome.locate(ins, req.Detailed)
		return nil
	}
	t := &transformer{req: req, injector: injector, noSets: outcome.Sets == 0 && !outcome.emptied, proofs: splice.NewProofs()}
	if ins, err = t.plan(ctx, ins, outcome); err != nil {
		return err
	}
	for i := range ins {
		if err := t.stream(ctx, &ins[i], sink, outcome); err != nil {
			return err
		}
	}
	outcome.locate(ins, req.Detailed)
	outcome.tellPassedOver(req)
	outcome.adviseWhereNothingHappened(req)
	return context.Cause(ctx)
}

// interrupted is the error of a run that was told to stop, or err.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w; nothing was written", context.Cause(ctx))
}

// Sink takes the documents of a run.
type Sink interface {
	// Document takes one document, in the order of the input. Nothing of it may be seen before Commit.
	Document(d *Document) error
	// Commit makes visible what the documents were turned into. It is called once, and only if all went well.
	Commit() error
}

// Document is one document after a run.
type Document struct {
	// Input names the stream, as messages give it; Path is its file, "" where it is none.
	Input, Path string
	// First marks the first document of its stream.
	First bool
	// Object is what the document holds, as far as it had to be known.
	Object manifest.ObjectRef
	// Original and Text are the document's bytes before and after; they are the same slice where nothing changed.
	Original, Text []byte
	// Leaves marks a SidecarSet or BatchPlan that does not belong into a stream, and what an earlier run generated and
	// this one does not.
	Leaves bool
	// Added marks an object that the run generated. It follows its target; Path is the file for it beside its plan.
	Added bool

	templates []inject.TemplateResult
	findings  []manifest.Finding
	impact    []Impact
	id        manifests.ID
	source    manifest.Source // of the document; its object may begin below
	generated bool            // the name is one that the API server completes
	changed   bool
	edited    int  // pod templates that carry an injection, or that one was taken out of
	answered  bool // a finding says why nothing may have been injected
	opted     bool // a workload opted out
	open      bool // a workload neither opted out nor was injected into
	passed    []inject.PassedOver
}

// ReadContext reads SidecarSets and what helps to decide about them from all paths of a request, and nothing else.
// What cannot be read is a finding of the outcome.
func ReadContext(ctx context.Context, req *Request) (inject.Context, *Outcome, error) {
	outcome := &Outcome{}
	known := inject.Context{Sets: req.Sets}
	for _, path := range req.SetPaths {
		if err := readSets(ctx, path, req, &known, outcome); err != nil {
			return known, nil, interrupted(ctx, err)
		}
	}
	ins, told, err := inputs(ctx, req)
	if err != nil {
		return known, nil, interrupted(ctx, err)
	}
	outcome.Findings = append(outcome.Findings, told...)
	outcome.inputs, outcome.mentions = ins, nil // plans of -s are none of this run
	for i := range ins {
		if err := contextOf(ctx, &ins[i], req, &known, outcome, true); err != nil {
			return known, nil, interrupted(ctx, err)
		}
	}
	outcome.locate(ins, false)
	return known, outcome, nil
}

// readContext collects SidecarSets, Namespaces and revisions from the request, from -s and from the input itself.
func readContext(ctx context.Context, req *Request, ins []input, outcome *Outcome) (inject.Context, error) {
	known := inject.Context{Sets: req.Sets}
	if req.Action == Eject {
		return known, nil // the annotation says all that is needed
	}
	for _, path := range req.SetPaths {
		if err := readSets(ctx, path, req, &known, outcome); err != nil {
			return known, err
		}
	}
	outcome.mentions = nil // plans of -s are none of this run
	room := memoryWindow
	for i := range ins {
		room -= ins[i].hold(room)
		if err := contextOf(ctx, &ins[i], req, &known, outcome, false); err != nil {
			return known, err
		}
	}
	return known, nil
}

// readSets reads the context that one path of -s holds. A path that holds none is a mistake, but for a folder without an
// object: that is what is left where the last set was deleted.
func readSets(ctx context.Context, path string, req *Request, known *inject.Context, outcome *Outcome) error {
	ins, told, err := inputsOf(ctx, path, &Request{Stdin: req.Stdin, AsFiles: true})
	if err != nil {
		return err
	}
	outcome.Findings = append(outcome.Findings, told...)
	if isFolder(path) && !holdsObject(ctx, ins) {
		outcome.emptied = true
		return nil
	}
	failed := outcome.Failed()
	before := len(known.Sets) + len(known.Revisions) + len(req.Options.Namespaces)
	for i := range ins {
		if err := contextOf(ctx, &ins[i], req, known, outcome, true); err != nil {
			return err
		}
	}
	after := len(known.Sets) + len(known.Revisions) + len(req.Options.Namespaces)
	if after == before && outcome.Failed() == failed {
		name := path
		if len(ins) == 1 {
			name = ins[0].name
		}
		outcome.Findings = append(outcome.Findings, manifest.Finding{
			Severity: manifest.SeverityError, Code: "no-sidecarset", Source: manifest.Source{File: name},
			Message: "holds no SidecarSet", Hint: "-s takes files and folders with SidecarSets",
		})
	}
	return nil
}

// holdsObject says whether there is more than white space, comments and the configuration of tools in the inputs.
func holdsObject(ctx context.Context, ins []input) bool {
	for i := range ins {
		if isToolFile(ins[i].path) {
			continue
		}
		err := eachDocument(ctx, &ins[i], func(d yamltext.Document) error {
			if root, err := yamltext.Parse(d.Bytes); err != nil || root != nil {
				return errHolds
			}
			return nil
		})
		if err != nil {
			return true // also where it cannot be read, which reading it again tells
		}
	}
	return false
}

// errHolds ends the search of holdsObject.
var errHolds = errors.New("holds an object")

// contextOf reads the context of one stream. strict reports what cannot be read; the input's own documents are
// reported when they are rendered.
func contextOf(ctx context.Context, in *input, req *Request, known *inject.Context, outcome *Outcome, strict bool) error {
	sc := newObjectScanner(nil)
	return eachDocument(ctx, in, func(d yamltext.Document) error {
		if manifests.MayHold(d.Bytes) {
			outcome.mentions = append(outcome.mentions, mention{in, d})
		}
		if !strict && !mayBeContext(d.Bytes, sc) {
			return nil
		}
		source := sourceOf(in, d)
		root, err := sc.Parse(d.Bytes) // its room is never taken again: sets are kept
		if err != nil {
			if strict {
				outcome.Findings = append(outcome.Findings, unread(source, d.Bytes, err)...)
			}
			return nil
		}
		if found := disguised(source, d.Bytes, root); strict && root != nil && found != nil {
			outcome.Findings = append(outcome.Findings, found...)
			return nil
		}
		if object := manifest.Root(root); object != nil && object.Kind == yaml.MappingNode {
			outcome.Findings = append(outcome.Findings, onObject(known.Read(object, source, &req.Options), source, d.Bytes)...)
		}
		return nil
	})
}

// eachDocument calls f with every document of a stream.
func eachDocument(ctx context.Context, in *input, f func(d yamltext.Document) error) (err error) {
	s, end, err := in.splitter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		d, err := s.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return pathError(in.name, err)
		}
		if err := f(d); err != nil {
			return err
		}
	}
}
