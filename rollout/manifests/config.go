// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

const (
	// Kind is that of a BatchPlan.
	Kind = "BatchPlan"
	// LocalConfig is the annotation that keeps an object from the cluster in kustomize and kpt.
	LocalConfig = "config.kubernetes.io/local-config"
)

// Config is the release section of a configuration.
type Config struct {
	// Enabled is false where BatchPlans are to be left alone. Unset means that the section is there to be used.
	Enabled *bool `json:"enabled"`
	// Image is that of slipway in the Job.
	Image string `json:"image"`
	// For names what applies the manifests: argocd, flux or none (default).
	For string `json:"for"`
	// Mode is Direct or Partition, for plans that do not say; without it the target's kind decides.
	Mode string `json:"mode"`
	// DeleteMode is delete (default) or evict.
	DeleteMode string `json:"deleteMode"`
	// Flags are more arguments of slipway rollout run.
	Flags []string `json:"flags"`
	// Job is a fragment of the Job, merged into it as kubectl patch merges: tolerations, imagePullSecrets, labels and the like.
	Job Patch `json:"job"`
}

// Off says whether the user wants no release.
func (c *Config) Off() bool { return c != nil && c.Enabled != nil && !*c.Enabled }

// On says whether BatchPlans are to be released.
func (c *Config) On() bool { return c != nil && !c.Off() }

// Validate lists what is wrong with the section: Field, Message and Hint of each finding.
func (c *Config) Validate() []manifest.Finding {
	if !c.On() {
		return nil
	}
	var out []manifest.Finding
	for _, e := range []struct{ field, value, allowed string }{
		{"for", c.For, "argocd, flux, none"},
		{"mode", c.Mode, "Direct, Partition"},
		{"deleteMode", c.DeleteMode, "delete, evict"},
	} {
		if e.value != "" && !slices.Contains(strings.Split(e.allowed, ", "), e.value) {
			out = append(out, manifest.Finding{Field: e.field, Message: "\"" + e.value + "\" is not one of " + e.allowed})
		}
	}
	if c.Image == "" {
		out = append(out, manifest.Finding{
			Field: "image", Message: "is missing: the Job of a release runs slipway",
			Hint: "name the image of slipway, or set enabled: false to leave BatchPlans alone",
		})
	}
	return out
}

// ID tells the documents of a run apart: the input that one is in, and its place there.
type ID struct{ Input, Doc int }

// Document is one document of the input.
type Document struct {
	ID     ID
	Object manifest.ObjectRef
	Source manifest.Source // where Text begins, or began before injection
	// Text is the document, of a target after injection. Original is the same before it, for the lines of messages.
	Text, Original []byte
}

// Place is where the document's object begins in its file.
func (d *Document) Place() manifest.Source {
	return d.Source.Down(manifest.Opening(d.Original))
}

// Object is a generated object.
type Object struct {
	Ref  manifest.ObjectRef
	Text []byte // YAML, without a marker
	Plan string // name of the plan
	File string // of the plan, "" where it has none
}

// Edit sets one field of a target.
type Edit struct {
	Path    []string
	Value   string
	Tag     string // of the value: !!str or !!int
	Finding *manifest.Finding
}

// made is what a release needs.
type made struct {
	Objects []Object
	Edits   [][]Edit // of each target
}

// IsPlan says whether an object is a BatchPlan.
func IsPlan(object *yaml.Node) bool { return IsPlanRef(manifest.RefOf(object)) }

// IsPlanRef says whether an object of this reference is a BatchPlan.
func IsPlanRef(o manifest.ObjectRef) bool {
	return o.Kind == Kind && strings.HasPrefix(o.APIVersion, "slipway.dev/")
}

// NotReleased is the finding for a plan in a run that was not told to release anything.
func NotReleased(plan manifest.ObjectRef, source manifest.Source) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityWarning, Code: "not-released", Object: plan, Source: source,
		Message: "no release is made of this plan: there is no image of slipway for its Job",
		Hint:    "give --release-image, or release: {image: ...} in the configuration; release: {enabled: false} silences this",
	}
}

// FileName is that of the file, beside a plan, into which what is generated from it goes.
func FileName(plan string) string { return "release-" + plan + ".yaml" }
