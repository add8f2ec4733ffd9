// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

const (
	v1alpha1 = manifest.KruiseGroup + "/v1alpha1"
	v1beta1  = manifest.KruiseGroup + "/v1beta1"
)

// checkName asks for what both Kruise (no dots, at most 63 characters) and the API server (no capitals) accept.
func (l *linter) checkName() {
	if name := l.set.Metadata.Name; name != "" && len(validation.IsDNS1123Label(name)) > 0 {
		l.report(manifest.SeverityError, l.root().key(metadataField).key(nameField), "bad-name",
			"a SidecarSet's name has at most 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit", "")
	}
	l.checkLabels()
}

// checkLabels checks the labels and annotations of the set itself, which any object may have.
func (l *linter) checkLabels() {
	at := l.root().key(metadataField)
	for _, key := range slices.Sorted(maps.Keys(l.set.Metadata.Annotations)) {
		l.checkKey(at.key(annotationsField).entry(key), strings.ToLower(key))
	}
	for _, key := range slices.Sorted(maps.Keys(l.set.Metadata.Labels)) {
		value, entry := l.set.Metadata.Labels[key], at.key(labelsField).entry(key)
		l.checkKey(entry, key)
		if bad := validation.IsValidLabelValue(value); len(bad) > 0 {
			l.report(manifest.SeverityError, entry, "bad-name", fmt.Sprintf("%q is not the value of a label: %s", value, bad[0]), "")
		}
	}
}

// checkVersion reports fields that only the other API version has.
func (l *linter) checkVersion() {
	spec := &l.set.Spec
	switch {
	case l.set.APIVersion == v1beta1 && spec.Namespace != "":
		l.report(manifest.SeverityError, l.spec().key("namespace"), "wrong-version", "v1beta1 has no such field",
			"use namespaceSelector: {matchLabels: {"+metadataNameLabel+": "+spec.Namespace+"}}")
	case spec.Namespace != "" && spec.NamespaceSelector != nil:
		l.report(manifest.SeverityError, l.spec().key("namespaceSelector"), "namespace-twice",
			"stands beside spec.namespace, and a set has only one of the two", "remove one")
	}
	if l.set.APIVersion == v1alpha1 && spec.CustomVersion != "" {
		l.report(manifest.SeverityError, l.spec().key("customVersion"), "wrong-version", "v1alpha1 has no such field",
			"use the label "+customVersionLabel)
	}
}

// checkSelectors reports selectors that can select nothing. An empty spec.selector is the parser's to report.
func (l *linter) checkSelectors() {
	spec := &l.set.Spec
	selectors := []struct {
		at       spot
		selector *Selector
	}{
		{l.spec().key("selector"), spec.Selector},
		{l.spec().key("namespaceSelector"), spec.NamespaceSelector},
		{l.spec().key("updateStrategy").key("selector"), spec.UpdateStrategy.Selector},
	}
	for i, s := range selectors {
		switch {
		case s.selector == nil:
		case i > 0 && blankSelector(s.selector.Node):
			l.report(manifest.SeverityError, s.at, "empty-selector", "an empty selector matches nothing",
				"remove it, or add matchLabels or matchExpressions")
		case !s.selector.empty() && s.selector.valid() && !satisfiable(requirements(s.selector)):
			l.report(manifest.SeverityWarning, s.at, "impossible-selector", "no object can match: its parts exclude each other", "")
		}
	}
}

func (s *Selector) valid() bool {
	_, err := metav1.LabelSelectorAsSelector(&s.LabelSelector)
	return err == nil
}

// blankSelector says whether a selector was written without anything in it; one whose content did not parse is not blank.
func blankSelector(n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	blank := true
	manifest.EachPair(n, func(_, v *yaml.Node) { blank = blank && (manifest.IsNull(v) || len(manifest.Resolve(v).Content) == 0) })
	return blank
}

// checkUpdateStrategy follows admission, which looks inside the strategy only where it is RollingUpdate, the default.
func (l *linter) checkUpdateStrategy() {
	u, at := l.set.Spec.UpdateStrategy, l.spec().key("updateStrategy")
	l.oneOf(manifest.SeverityError, at.key("type"), u.Type, updateRolling, updateNotUpdate)
	if u.Type != "" && u.Type != updateRolling {
		return
	}
	l.checkAmount(at.key("partition"), u.Partition)
	l.checkAmount(at.key("maxUnavailable"), u.MaxUnavailable)
	if p := manifest.Text(u.Partition); u.Selector != nil && p != "" && p != "0" {
		l.report(manifest.SeverityError, at.key("partition"), "partition-and-selector",
			"a partition and a selector cannot be used together", "remove one of the two")
	}
	for i := range l.set.Spec.InitContainers {
		if s := &l.set.Spec.InitContainers[i]; s.native() {
			l.report(manifest.SeverityError, l.spec().key(initsField).index(i).key("restartPolicy"), "native-sidecar-update",
				"a native sidecar cannot be updated in place, and the update strategy is RollingUpdate",
				"set spec.updateStrategy.type: NotUpdate")
			return
		}
	}
}

// checkAmount reports what is neither a whole number of pods nor a percentage.
func (l *linter) checkAmount(at spot, n *yaml.Node) {
	if manifest.IsNull(n) {
		return
	}
	tag, text := manifest.Scalar(manifest.Resolve(n))
	digits, percent := strings.CutSuffix(text, "%")
	quoted := tag != yaml.NodeTagInt
	if v, err := strconv.ParseInt(digits, 10, 32); err != nil || v < 0 || percent != quoted {
		l.report(manifest.SeverityError, at, "bad-amount", "is "+manifest.Describe(n)+
			", must be a whole number such as 5 or a percentage such as 20%", "")
	}
}

// checkRevision reports a pinned revision that injection could not find.
func (l *linter) checkRevision() {
	r := l.set.Spec.InjectionStrategy.Revision
	if r == nil {
		return
	}
	at := l.spec().key("injectionStrategy").key("revision")
	l.oneOf(manifest.SeverityError, at.key("policy"), r.Policy, revisionAlways, revisionPartial)
	if r.RevisionName == "" && r.CustomVersion == "" {
		l.report(manifest.SeverityError, at, "empty-revision", "names no revision", "set revisionName or customVersion")
		return
	}
	m := Match{Verdict: Matched}
	set := l.in.pin(l.set, pod{}, &m)
	if m.Verdict != Undecided {
		return
	}
	severity := manifest.SeverityError
	if l.in.opts.OnUndecided == Skip && set != nil {
		severity = manifest.SeverityWarning
	}
	l.report(severity, at, "undecided", m.Reason, m.Add)
}

// checkPatches checks the annotations that a set writes on pods.
func (l *linter) checkPatches() {
	first := map[string]string{}
	for i, p := range l.set.Spec.PatchPodMetadata {
		at := l.spec().key("patchPodMetadata").index(i)
		l.oneOf(manifest.SeverityError, at.key("patchPolicy"), p.PatchPolicy, patchRetain, patchOverwrite, patchMergeJSON)
		if blank := at.key(annotationsField).node; manifest.IsNull(blank) ||
			blank.Kind == yaml.MappingNode && len(blank.Content) == 0 {
			l.report(manifest.SeverityError, at, "no-annotations", "patches nothing: annotations is missing or empty", "")
		}
		written := at.key(annotationsField)
		values := map[string]*yaml.Node{}
		for _, e := range pairs(written.node) {
			values[e.key.Value] = manifest.Resolve(e.value)
		}
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			entry := written.step(written.field+"["+key+"]", values[key])
			switch other, dup := first[key]; {
			case dup:
				l.report(manifest.SeverityError, entry, "duplicate-annotation", "the annotation is already at "+other, "")
				continue
			case len(validation.IsQualifiedName(strings.ToLower(key))) > 0:
				l.report(manifest.SeverityError, entry, "bad-name",
					"is not an annotation key: "+validation.IsQualifiedName(strings.ToLower(key))[0], "")
			case reservedAnnotation(key):
				l.report(manifest.SeverityError, entry, "reserved-annotation", "injection itself writes this annotation", "remove it")
			case p.PatchPolicy == patchMergeJSON && !mergeable(p.Annotations[key]):
				l.report(manifest.SeverityError, entry, "bad-merge-patch", "MergePatchJson needs a JSON object or list, found "+
					strconv.Quote(manifest.Shorten(p.Annotations[key])), "write JSON, or use Retain or Overwrite")
			}
			first[key] = entry.field
		}
	}
}

// reservedAnnotation names what a patch would overwrite behind injection's back.
func reservedAnnotation(key string) bool {
	return strings.HasPrefix(key, "slipway.dev/") || key == workingHotUpgrade ||
		strings.HasPrefix(key, versionPrefix) || strings.HasPrefix(key, versionAltPrefix)
}

// mergeable says whether a value can be merged by MergePatchJson: an object or a list.
func mergeable(value string) bool {
	var v any
	if json.Unmarshal([]byte(value), &v) != nil {
		return false
	}
	_, object := v.(map[string]any)
	_, list := v.([]any)
	return object || list
}

// mergesInto says whether a value can be merged into: JSON other than null, or nothing yet.
func mergesInto(value string) bool {
	var v any
	return value == "" || json.Unmarshal([]byte(value), &v) == nil && v != nil
}

// checkCanary checks a set that stands in for another one where it matches.
func (l *linter) checkCanary() {
	base, canary := l.set.canaryOf()
	if !canary {
		return
	}
	at := l.root().key(metadataField).key(annotationsField)
	of := l.in.byName[base]
	switch {
	case base == "":
		l.report(manifest.SeverityError, at.entry(canaryAnnotation), "canary-base", "a canary names the set that it stands in for",
			"add the annotation "+baseAnnotation)
	case base == l.set.Metadata.Name:
		l.report(manifest.SeverityError, at.entry(baseAnnotation), "canary-base", "a set cannot be its own canary", "")
	case of == nil:
		l.report(manifest.SeverityError, at.entry(baseAnnotation), "canary-base", "there is no SidecarSet "+base,
			"add it to the input, or mend the name")
	default:
		if _, twice := of.canaryOf(); twice {
			l.report(manifest.SeverityError, at.entry(baseAnnotation), "canary-base", "SidecarSet "+base+" is a canary itself",
				"name the set that it stands in for")
		}
	}
	if l.set.Spec.UpdateStrategy.Type != updateNotUpdate {
		l.report(manifest.SeverityError, l.spec().key("updateStrategy").key("type"), "canary-update",
			"a canary is only injected, never updated in running pods", "set spec.updateStrategy.type: NotUpdate")
	}
}

// canaryOf says whether a set is a canary, and of which one.
func (set *SidecarSet) canaryOf() (base string, canary bool) {
	return set.Metadata.Annotations[baseAnnotation], set.Metadata.Annotations[canaryAnnotation] == "true"
}
