// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// releaser makes the release of a BatchPlan. Without a configuration it only checks plans, as lint does. Mistakes of the
// user are findings; an error finding keeps a run from writing.
type releaser struct{ config *Config }

// targets reads a plan and names the objects that it releases.
func (releaser) targets(doc Document) ([]manifest.ObjectRef, []manifest.Finding) {
	plan, err := plan.ParsePlan(doc.Source.File, doc.Text)
	if err != nil {
		return nil, planFindings(doc, err)
	}
	var refs []manifest.ObjectRef
	for _, single := range plan.Single() {
		t := single.Target
		refs = append(refs, manifest.ObjectRef{APIVersion: t.APIVersion, Kind: t.Kind, Name: t.Name, Namespace: plan.Namespace})
	}
	return refs, nil
}

// release checks a plan against its targets, which are in the order in which the plan names them, and makes what carries
// it out. Where the input need not hold all of them, those that it does not hold are left out.
func (r releaser) release(planDoc Document, targets []Document) (made, []manifest.Finding) {
	p, err := plan.ParsePlan(planDoc.Source.File, planDoc.Text)
	if err != nil {
		return made{}, planFindings(planDoc, err)
	}
	var sets []Target
	var findings []manifest.Finding
	for _, doc := range targets {
		set, found := readTarget(doc)
		if findings = append(findings, found...); len(found) > 0 {
			continue
		}
		if err := p.For(set).Validate(set); err != nil {
			findings = append(findings, planFindings(planDoc, plan.Locate(planDoc.Source.File, planDoc.Text, err))...)
		}
		set.Namespace = cmp.Or(set.Namespace, p.Namespace)
		sets = append(sets, Target{CloneSet: set})
	}
	if len(findings) > 0 || r.config == nil {
		return made{}, findings
	}
	for i, t := range sets {
		sets[i].Mode = r.mode(p, t.CloneSet)
	}
	o := Job{
		Plan: planDoc.Text, Image: r.config.Image, Flags: r.config.Flags, Patch: r.config.Job, Await: true,
		DeleteMode: cmp.Or(r.config.DeleteMode, DeleteModeDelete), For: GitOps(r.config.For),
		Wave: annotationOf(targets[0].Text, waveAnnotation), Owner: Kind + "/" + p.Name,
	}
	if err := o.SetTargets(p, sets); err != nil {
		return made{}, planFindings(planDoc, plan.Locate(planDoc.Source.File, planDoc.Text, err))
	}
	if other := slices.IndexFunc(targets, func(doc Document) bool {
		return annotationOf(doc.Text, waveAnnotation) != o.Wave
	}); other > 0 && o.For == ArgoCD {
		return made{}, []manifest.Finding{wavesDiffer(targets[0], targets[other])}
	}
	out, err := madeOf(o, sets, targets)
	if err != nil {
		return made{}, []manifest.Finding{finding(planDoc, "", err.Error())}
	}
	return out, nil
}

// wavesDiffer is the finding for targets of one Job that Argo CD does not apply together.
func wavesDiffer(one, other Document) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Object: other.Object, Source: other.Place(),
		Field: "metadata.annotations." + waveAnnotation,
		Message: fmt.Sprintf("is not that of %s: one Job releases both, and Argo CD would wait for the one before it applies "+
			"the other", one.Object),
		Hint: "give all targets of a plan one sync wave: their order is that of the plan's own waves",
	}
}

// mode is who replaces pods: what the plan says, then the configuration, then what suits the kind.
func (r releaser) mode(p plan.BatchPlan, set plan.Workload) plan.Mode {
	if p.Mode == "" && set.KindOf().Direct {
		p.Mode = plan.Mode(r.config.Mode)
	}
	return p.ModeOf(set)
}

// madeOf writes down the manifests, and what changes in the targets.
func madeOf(o Job, sets []Target, targets []Document) (made, error) {
	objects, err := o.Manifests()
	if err != nil {
		return made{}, err
	}
	var out made
	for _, m := range objects {
		text, err := yaml.Marshal(m)
		if err != nil {
			return made{}, fmt.Errorf("writing %s: %w", m["kind"], err)
		}
		out.Objects = append(out.Objects, Object{Ref: refOf(m), Text: text})
	}
	id, err := o.ID()
	if err != nil {
		return made{}, err
	}
	for i, set := range sets {
		edits := []Edit{{Path: []string{"metadata", "annotations", plan.ReleaseAnnotation}, Value: id, Tag: "!!str"}}
		if set.Mode == plan.Partition {
			edits = append(edits, armed(set.CloneSet, targets[i], o.For)...)
		}
		out.Edits = append(out.Edits, edits)
	}
	return out, nil
}

// armed are the edits that let a target rest so that a new template moves no pod, where it does not yet.
func armed(set plan.Workload, target Document, tool GitOps) []Edit {
	edits := resting(set)
	for i, edit := range edits {
		edits[i].Finding = &manifest.Finding{
			Severity: manifest.SeverityInfo, Code: "armed", Object: target.Object, Source: target.Place(),
			Field: strings.Join(edit.Path, "."),
			Message: "is set to " + edit.Value + ": a new template moves no pod before the release's Job steps it down, and the Job " +
				"puts it back at the end",
		}
		if set.Rolling != nil {
			edits[i].Finding.Message = "is set to " + edit.Value +
				": a new template moves no pod before the release's Job lets it, and the Job leaves it so at the end"
		}
		if tool == ArgoCD || tool == Flux {
			edits[i].Finding.Hint = "slipway rollout gitops " + string(tool) + " prints what keeps it from putting the " + stepped(set) +
				" back in between"
		}
	}
	return edits
}

// stepped is what a release steps, in a word.
func stepped(set plan.Workload) string {
	if set.Rolling != nil {
		return "fields"
	}
	return "partition"
}

// readTarget reads what is released. Where the text after injection has a mistake that the user has made, it is named
// at its line in the file.
func readTarget(doc Document) (plan.Workload, []manifest.Finding) {
	kind := plan.Target{Kind: doc.Object.Kind}
	set, err := plan.ParseWorkload(doc.Source.File, doc.Text, kind)
	if err == nil {
		return set, nil
	}
	if _, original := plan.ParseWorkload(doc.Source.File, doc.Original, kind); original != nil {
		return set, fieldFindings(doc, "bad-target", original)
	}
	doc.Source.Line = 0 // the lines are those of the injected text
	return set, fieldFindings(doc, "bad-target", err)
}

func refOf(m map[string]any) manifest.ObjectRef {
	meta, _ := m["metadata"].(map[string]any)
	word := func(v any) string { s, _ := v.(string); return s }
	return manifest.ObjectRef{
		APIVersion: word(m["apiVersion"]), Kind: word(m["kind"]), Name: word(meta["name"]), Namespace: word(meta["namespace"]),
	}
}

func annotationOf(text []byte, key string) string {
	var object struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if yaml.Unmarshal(text, &object) != nil {
		return "" // its reader has said why
	}
	return object.Metadata.Annotations[key]
}

func planFindings(doc Document, err error) []manifest.Finding {
	return fieldFindings(doc, "bad-plan", err)
}

// fieldFindings turns the errors of a parser into findings at their lines of the file.
func fieldFindings(doc Document, code string, err error) []manifest.Finding {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var out []manifest.Finding
		for _, e := range joined.Unwrap() {
			out = append(out, fieldFindings(doc, code, e)...)
		}
		return out
	}
	var field manifest.Finding
	if !errors.As(err, &field) {
		return []manifest.Finding{finding(doc, "", err.Error())}
	}
	f := finding(doc, field.Field, field.Message)
	f.Code, f.Hint = code, field.Hint
	if f.Source = doc.Source; field.Source.Line > 0 {
		f.Source = f.Source.Down(field.Source.Line - 1)
	}
	return []manifest.Finding{f}
}

func finding(doc Document, field, message string) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Object: doc.Object, Source: doc.Place(), Field: field, Message: message,
	}
}
