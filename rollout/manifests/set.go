// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Set holds the BatchPlans of a run and what they come to. It is not safe for use side by side before Finish, and safe
// after it.
type Set struct {
	releaser  releaser
	namespace string // of objects that name none
	partial   bool   // a target that is not in the input is none of this run's business

	plans []*planned
	olds  []*old

	edits    map[ID][]Edit
	replaced map[ID]*Object // nil: goes
	added    map[ID][]Object
}

type planned struct {
	doc     Document
	targets []wanted
	made    []Object
	anchor  *ID // the first target that was found
}

type wanted struct {
	ref manifest.ObjectRef
	doc *Document // nil until it is found
}

// field is where a plan names its targets.
func (p *planned) field() string {
	if len(p.targets) > 1 {
		return "spec.targets"
	}
	return "spec.target"
}

// old is an object that an earlier run generated.
type old struct {
	id      ID
	ref     manifest.ObjectRef
	planned string
	taken   bool
}

// NewSet makes a Set. Without a configuration plans are checked and nothing is made of them. namespace is that of objects
// that name none. With partial a target may be missing.
func NewSet(config *Config, namespace string, partial bool) *Set {
	return &Set{
		releaser: releaser{config}, namespace: namespace, partial: partial,
		edits: map[ID][]Edit{}, replaced: map[ID]*Object{}, added: map[ID][]Object{},
	}
}

// MayHold says whether a text could hold a plan or an object that was generated from one. A false answer is certain, but
// for names written with escapes, which no one does.
func MayHold(text []byte) bool { return bytes.Contains(text, []byte(Kind)) }

// Len is how many plans there are.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.plans)
}

// Read takes a document into account that could hold a plan or was generated.
func (s *Set) Read(doc Document, object *yaml.Node) []manifest.Finding {
	if strings.HasSuffix(doc.Object.Kind, "List") {
		return inList(doc, object)
	}
	if by, ok := strings.CutPrefix(manifest.Annotation(object, GeneratedBy), Kind+"/"); ok {
		s.olds = append(s.olds, &old{id: doc.ID, ref: doc.Object, planned: by})
		return nil
	}
	if !IsPlanRef(doc.Object) {
		return nil
	}
	refs, findings := s.releaser.targets(doc)
	if manifest.HasErrors(findings) {
		return findings
	}
	p := &planned{doc: doc}
	for _, ref := range refs {
		p.targets = append(p.targets, wanted{ref: ref})
	}
	for _, ref := range refs {
		findings = append(findings, s.shared(p, ref)...)
	}
	s.plans = append(s.plans, p)
	return findings
}

// inList refuses a plan inside of a list, where a document of its own cannot be dropped or left.
func inList(doc Document, object *yaml.Node) []manifest.Finding {
	if !slices.ContainsFunc(manifest.Items(manifest.Lookup(object, "items")), IsPlan) {
		return nil
	}
	return []manifest.Finding{{
		Severity: manifest.SeverityError, Code: "plan-in-list", Object: doc.Object, Source: doc.Place(),
		Message: "a BatchPlan stands in a list", Hint: "give it a document of its own",
	}}
}

// shared refuses two plans for one target.
func (s *Set) shared(p *planned, ref manifest.ObjectRef) []manifest.Finding {
	for _, other := range s.plans {
		for _, t := range other.targets {
			if s.same(t.ref, ref) {
				return []manifest.Finding{{
					Severity: manifest.SeverityError, Code: "second-plan", Object: p.doc.Object, Source: p.doc.Place(), Field: p.field(),
					Message: fmt.Sprintf("%s is released by %s of %s already", ref, other.doc.Object, other.doc.Place()),
					Hint:    "keep one of the two plans",
				}}
			}
		}
	}
	return nil
}

// same compares references without the version. A namespace that is not known is that of the run.
func (s *Set) same(a, b manifest.ObjectRef) bool {
	if a.Kind != b.Kind || a.Name != b.Name || a.Group() != b.Group() {
		return false
	}
	x, y := s.namespaceOf(a), s.namespaceOf(b)
	return x == y || x == "" || y == ""
}

func (s *Set) namespaceOf(o manifest.ObjectRef) string {
	if o.Namespace != "" {
		return o.Namespace
	}
	return s.namespace
}

// MayBeTarget says whether a text could hold the target of a plan. A false answer is certain, but for names written with
// escapes.
func (s *Set) MayBeTarget(text []byte) bool {
	return slices.ContainsFunc(s.plans, func(p *planned) bool {
		return slices.ContainsFunc(p.targets, func(t wanted) bool {
			return bytes.Contains(text, []byte(t.ref.Name)) && bytes.Contains(text, []byte(t.ref.Kind))
		})
	})
}

// IsTarget says whether an object is the target of a plan.
func (s *Set) IsTarget(o manifest.ObjectRef) bool {
	_, t := s.find(o)
	return t != nil
}

func (s *Set) find(o manifest.ObjectRef) (*planned, *wanted) {
	for _, p := range s.plans {
		for i := range p.targets {
			if s.same(p.targets[i].ref, o) {
				return p, &p.targets[i]
			}
		}
	}
	return nil, nil
}

// Release takes a target as it is after injection.
func (s *Set) Release(doc Document) []manifest.Finding {
	p, t := s.find(doc.Object)
	switch {
	case t == nil:
		return nil
	case t.doc != nil:
		return []manifest.Finding{{
			Severity: manifest.SeverityError, Code: "second-target", Object: doc.Object, Source: doc.Place(),
			Message: fmt.Sprintf("is in the input twice, and %s of %s releases one", p.doc.Object, p.doc.Place()),
			Hint:    "name the namespaces of both, or render them apart",
		}}
	}
	if t.doc = &doc; p.anchor == nil {
		p.anchor = &doc.ID
	}
	return nil
}

// Finish ends the reading: it finds targets that are missing, and makes the releases whose targets are there.
func (s *Set) Finish() []manifest.Finding {
	var findings []manifest.Finding
	for _, p := range s.plans {
		var found []Document
		for _, t := range p.targets {
			switch {
			case t.doc != nil:
				found = append(found, *t.doc)
			case !s.partial:
				findings = append(findings, s.missing(p, t.ref))
			}
		}
		if len(found) > 0 && (s.partial || len(found) == len(p.targets)) {
			findings = append(findings, s.make(p, found)...)
		}
	}
	return findings
}

// make has a release made and finds the place of each of its objects.
func (s *Set) make(p *planned, targets []Document) []manifest.Finding {
	made, findings := s.releaser.release(p.doc, targets)
	for i := range made.Objects {
		made.Objects[i].Plan, made.Objects[i].File = p.doc.Object.Name, p.doc.Source.File
	}
	for i, edits := range made.Edits {
		s.edits[targets[i].ID] = edits
	}
	p.made = made.Objects
	s.place(p)
	return findings
}

func (s *Set) missing(p *planned, ref manifest.ObjectRef) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "no-target", Object: p.doc.Object, Source: p.doc.Place(), Field: p.field(),
		Message: fmt.Sprintf("%s is not in the input, so there is no pod template to release", ref),
		Hint:    "render the plan together with its target, which must be a document of its own",
	}
}

// place puts each object where an earlier run has put the one that it follows: of the same name or, where the name has a
// hash, of the same kind. The rest comes after the target.
func (s *Set) place(p *planned) {
	left := slices.Clone(p.made)
	for _, byName := range []bool{true, false} {
		left = slices.DeleteFunc(left, func(o Object) bool {
			i := slices.IndexFunc(s.olds, func(old *old) bool {
				return !old.taken && s.follows(p, old) && old.ref.Kind == o.Ref.Kind && (!byName || old.ref.Name == o.Ref.Name)
			})
			if i >= 0 {
				s.olds[i].taken = true
				s.replaced[s.olds[i].id] = &o
			}
			return i >= 0
		})
	}
	for _, old := range s.olds {
		if len(p.made) > 0 && !old.taken && s.follows(p, old) {
			old.taken = true
			s.replaced[old.id] = nil
		}
	}
	s.added[*p.anchor] = append(s.added[*p.anchor], left...)
}

func (s *Set) follows(p *planned, old *old) bool {
	if old.planned != p.doc.Object.Name {
		return false
	}
	x, y := s.namespaceOf(old.ref), s.namespaceOf(p.doc.Object)
	return x == y || x == "" || y == ""
}

// Edits are those of a target.
func (s *Set) Edits(id ID) []Edit {
	if s == nil {
		return nil
	}
	return s.edits[id]
}

// Replaces says what takes the place of a generated object, which is nil where nothing does. It is false for everything
// else.
func (s *Set) Replaces(id ID) (*Object, bool) {
	if s == nil {
		return nil, false
	}
	o, ok := s.replaced[id]
	return o, ok
}

// Adds are the objects that come after a document.
func (s *Set) Adds(id ID) []Object {
	if s == nil {
		return nil
	}
	return s.added[id]
}

// Concerns says whether a document changes or is followed by something.
func (s *Set) Concerns(id ID) bool {
	if s == nil {
		return false
	}
	_, replaced := s.replaced[id]
	return replaced || len(s.edits[id]) > 0
}
