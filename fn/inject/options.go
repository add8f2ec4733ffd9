// SPDX-License-Identifier: Apache-2.0

package inject

import "github.com/slipway-dev/slipway/fn/manifest"

// Options decide what injection does where Kruise leaves a choice or hides a mistake. The zero value is not valid:
// start from DefaultOptions.
type Options struct {
	// Compatibility is Safe or Kruise. Kruise makes OnUndecided Skip and OnNameConflict Replace unless they are set.
	Compatibility Compatibility
	// OnUndecided is what happens to a match that cannot be decided before the cluster has been asked.
	OnUndecided Policy
	// OnNameConflict is what happens to a sidecar whose name a container of the app already has.
	OnNameConflict Policy
	// PodInjectPolicyDefault is where a sidecar without podInjectPolicy goes: AfterAppContainer or BeforeAppContainer.
	PodInjectPolicyDefault string
	// Jobs is what happens in workloads that run to completion, which an ordinary sidecar would keep from completing.
	Jobs Policy
	// SystemNamespaces is what happens in kube-system and in namespaces with the label control-plane, at which Kruise's
	// webhook does not look: Skip or Inject.
	SystemNamespaces Policy
	// DefaultContainer names the app's first container in the annotation kubectl.kubernetes.io/default-container where a
	// sidecar goes before it and nothing sets the annotation.
	DefaultContainer bool
	// SortByName orders injected containers by name, as Kruise does with its feature gate EnableSortSidecarContainerByName.
	SortByName bool
	// Namespace is the namespace of objects that name none; "" means that it is not known.
	Namespace string
	// Namespaces holds the labels of namespaces by name.
	Namespaces map[string]map[string]string
	// Terse leaves out of the results what only explains them: sets that do not match, which are not looked at where their
	// selectors ask for labels that a pod does not have, and where each injected field came from.
	Terse bool
	// Workloads are kinds with pod templates beyond the built-in ones.
	Workloads []manifest.Kind
}

// Compatibility is how far injection follows the webhook where the webhook hides a mistake.
type Compatibility string

// Safe reports what the webhook passes over in silence; Kruise does as the webhook does.
const (
	Safe   Compatibility = "Safe"
	Kruise Compatibility = "Kruise"
)

// Policy is one of the words that OnUndecided, OnNameConflict, Jobs and SystemNamespaces take.
type Policy string

// Fail and Skip go with OnUndecided; Fail, Replace and Keep with OnNameConflict; Skip, Native and Inject with Jobs;
// Skip and Inject with SystemNamespaces.
const (
	Fail    Policy = "Fail"
	Skip    Policy = "Skip"
	Replace Policy = "Replace"
	Keep    Policy = "Keep"
	Native  Policy = "Native"
	Inject  Policy = "Inject"
)

// DefaultOptions are the options of an empty configuration.
func DefaultOptions() Options {
	return Options{Compatibility: Safe}.WithDefaults()
}

// WithDefaults fills what is not set.
func (o Options) WithDefaults() Options {
	if o.Compatibility == "" {
		o.Compatibility = Safe
	}
	undecided, conflict := Fail, Fail
	if o.Compatibility == Kruise {
		undecided, conflict = Skip, Replace
	}
	if o.OnUndecided == "" {
		o.OnUndecided = undecided
	}
	if o.OnNameConflict == "" {
		o.OnNameConflict = conflict
	}
	if o.PodInjectPolicyDefault == "" {
		o.PodInjectPolicyDefault = AfterAppContainer
	}
	if o.Jobs == "" {
		o.Jobs = Skip
	}
	if o.SystemNamespaces == "" {
		o.SystemNamespaces = Skip
	}
	return o
}

// jobs is what happens to a set in workloads that run to completion: what the set says itself, or the options.
func (o *Options) jobs(set *SidecarSet) Policy {
	return Policy(orWord(set.Metadata.Annotations[jobsAnnotation], string(o.Jobs)))
}
