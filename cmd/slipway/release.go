// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/launch"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// releaser makes the release of a BatchPlan. Without a configuration it only checks plans, as lint does.
type releaser struct{ config *launch.Config }

var _ launch.Maker = releaser{}

// newReleaser is the maker of launch for fn and render.
func newReleaser(config *launch.Config) launch.Maker { return releaser{config} }

// Targets reads a plan.
func (releaser) Targets(doc launch.Document) ([]manifest.ObjectRef, []manifest.Finding) {
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

// Release checks a plan against its targets and makes the manifests of the release.
func (r releaser) Release(planDoc launch.Document, targets []launch.Document) (launch.Made, []manifest.Finding) {
	p, err := plan.ParsePlan(planDoc.Source.File, planDoc.Text)
	if err != nil {
		return launch.Made{}, planFindings(planDoc, err)
	}
	var sets []manifests.Target
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
		sets = append(sets, manifests.Target{CloneSet: set})
	}
	if len(findings) > 0 || r.config == nil {
		return launch.Made{}, findings
	}
	for i, t := range sets {
		sets[i].Mode = r.mode(p, t.CloneSet)
	}
	o := manifests.Job{
		Plan: planDoc.Text, Image: r.config.Image, Flags: r.config.Flags, Await: true,
		DeleteMode: cmp.Or(r.config.DeleteMode, manifests.DeleteModeDelete), For: manifests.GitOps(r.config.For),
		Wave: annotationOf(targets[0].Text, manifests.WaveAnnotation), Owner: launch.Kind + "/" + p.Name,
	}
	if err := couple(&o, p, sets); err != nil {
		return launch.Made{}, planFindings(planDoc, plan.Locate(planDoc.Source.File, planDoc.Text, err))
	}
	if other := slices.IndexFunc(targets, func(doc launch.Document) bool { return annotationOf(doc.Text, manifests.WaveAnnotation) != o.Wave }); other > 0 && o.For == manifests.ArgoCD {
		return launch.Made{}, []manifest.Finding{wavesDiffer(targets[0], targets[other])}
	}
	made, err := madeOf(o, sets, targets)
	if err != nil {
		return launch.Made{}, []manifest.Finding{finding(planDoc, "", err.Error())}
	}
	return made, nil
}

// wavesDiffer is the finding for targets of one Job that Argo CD does not apply together.
func wavesDiffer(one, other launch.Document) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Object: other.Object, Source: other.Source, Field: "metadata.annotations." + manifests.WaveAnnotation,
		Message: fmt.Sprintf("is not that of %s: one Job releases both, and Argo CD would wait for the one before it applies the other", one.Object),
		Hint:    "give all targets of a plan one sync wave: their order is that of the plan's own waves",
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
func madeOf(o manifests.Job, sets []manifests.Target, targets []launch.Document) (launch.Made, error) {
	objects, err := o.Manifests()
	if err != nil {
		return launch.Made{}, err
	}
	var made launch.Made
	for _, m := range objects {
		text, err := yaml.Marshal(m)
		if err != nil {
			return launch.Made{}, fmt.Errorf("writing %s: %w", m["kind"], err)
		}
		made.Objects = append(made.Objects, launch.Object{Ref: refOf(m), Text: text})
	}
	id, err := o.ID()
	if err != nil {
		return launch.Made{}, err
	}
	for i, set := range sets {
		edits := []launch.Edit{{Path: []string{"metadata", "annotations", kube.ReleaseAnnotation}, Value: id, Tag: "!!str"}}
		if set.Mode == plan.Partition {
			edits = append(edits, armed(set.CloneSet, targets[i], o.For)...)
		}
		made.Edits = append(made.Edits, edits)
	}
	return made, nil
}

// armed is the edit that lets a target rest at a partition which moves no pod, where it does not yet.
func armed(set plan.Workload, target launch.Document, tool manifests.GitOps) []launch.Edit {
	path, value, armed := manifests.RestingPartition(set)
	if armed {
		return nil
	}
	edit := launch.Edit{Path: path, Value: value.String(), Tag: "!!str"}
	if !value.IsPercent() {
		edit.Tag = "!!int"
	}
	edit.Finding = &manifest.Finding{
		Severity: manifest.SeverityInfo, Code: "armed", Object: target.Object, Source: target.Source, Field: strings.Join(edit.Path, "."),
		Message: "is set to " + edit.Value + ": a new template moves no pod before the release's Job steps it down, and the Job puts it back at the end",
	}
	if tool == manifests.ArgoCD || tool == manifests.Flux {
		edit.Finding.Hint = "slipway rollout gitops " + string(tool) + " prints what keeps it from putting the partition back in between"
	}
	return []launch.Edit{edit}
}

// readTarget reads what is released. Where the text after injection has a mistake that the user has made, it is named
// at its line in the file.
func readTarget(doc launch.Document) (plan.Workload, []manifest.Finding) {
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

func planFindings(doc launch.Document, err error) []manifest.Finding {
	return fieldFindings(doc, "bad-plan", err)
}

// fieldFindings turns the errors of a parser into findings at their lines of the file.
func fieldFindings(doc launch.Document, code string, err error) []manifest.Finding {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var out []manifest.Finding
		for _, e := range joined.Unwrap() {
			out = append(out, fieldFindings(doc, code, e)...)
		}
		return out
	}
	var field plan.FieldError
	if !errors.As(err, &field) {
		return []manifest.Finding{finding(doc, "", err.Error())}
	}
	f := finding(doc, field.Field, field.What)
	f.Code = code
	if f.Source.Line > 0 {
		f.Source.Line += max(field.Line-1, 0)
	}
	return []manifest.Finding{f}
}

func finding(doc launch.Document, field, message string) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Object: doc.Object, Source: doc.Source, Field: field, Message: message,
	}
}

// gitOpsWords are the values of a flag that says what applies the manifests.
func gitOpsWords() []string {
	return []string{string(manifests.None), string(manifests.ArgoCD), string(manifests.Flux)}
}

// checkGitOps refuses a word that is none of them.
func checkGitOps(flag, value string) error {
	if value == "" || slices.Contains(gitOpsWords(), value) {
		return nil
	}
	return usagef("%s %q is not one of %s", flag, value, strings.Join(gitOpsWords(), ", "))
}
