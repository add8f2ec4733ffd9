// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// The API versions of targets.
const (
	v1alpha1 = "apps.kruise.io/v1alpha1"
	V1beta1  = "apps.kruise.io/v1beta1"
	appsV1   = "apps/v1"
)

// secondsLimit keeps every number of seconds inside a time.Duration and inside reason (ten years).
const secondsLimit = 10 * 365 * 24 * 3600

// ParseCloneSet reads the one CloneSet of a YAML stream; other documents are skipped. The error joins a manifest.Finding
// for everything that is wrong with it, misspelt fields included. file is how messages name the stream.
func ParseCloneSet(file string, data []byte) (Workload, error) {
	return ParseWorkload(file, data, Target{Kind: cloneSet})
}

// ParseWorkload reads the one object of a YAML stream that is to be released: of the kind that target names, or else the
// CloneSet, the StatefulSet, the DaemonSet or the Deployment that is there. Where there are several, it is the one that target
// names. Of a CloneSet every field is looked at, and those that nobody here knows are in Spec.Unknown: a later Kruise has more
// of them. Of the others, which their controller knows better, only what a release needs is read.
func ParseWorkload(file string, data []byte, target Target) (Workload, error) {
	src := sourceOf(file)
	src.lenient = true
	return pickWorkload(src, documents(src, data), target)
}

// ReadWorkload reads one object of a cluster as ParseWorkload reads one of a file. name is how messages name it.
func ReadWorkload(name string, object map[string]any, kind string) (Workload, error) {
	src := sourceOf(name)
	src.lenient = true
	return pickWorkload(src, []value{src.root(manifest.NewNode(object))}, Target{Kind: kind})
}

func pickWorkload(src *source, docs []value, target Target) (Workload, error) {
	kind := target.Kind
	for _, k := range []string{cloneSet, statefulSet, daemonSet, deployment} {
		if kind == "" && slices.ContainsFunc(docs, isKind(k)) {
			kind = k
		}
	}
	if kind == "" {
		kind = cloneSet
	}
	sought := ""
	if target.Name != "" {
		sought = kind + "/" + target.Name
	}
	doc, ok := only(src, narrowed(docs, kind, target), kind, sought)
	if !ok {
		return Workload{}, src.err()
	}
	cs := readObject(doc, kind)
	cs.Spec.Unknown = src.unknown
	if err := src.err(); err != nil {
		return Workload{}, err
	}
	if _, err := cs.Spec.Bounds(); err != nil {
		at := doc.get("spec").get(cs.KindOf().Strategy[0])
		if !at.Present() {
			at = doc.get("spec")
		}
		at.fail("%v", err)
	}
	return cs, src.err()
}

func isKind(name string) func(value) bool {
	return func(doc value) bool { return doc.get("kind").scalarOr("") == name }
}

// narrowed leaves out those objects of a kind that are not the target, where the target is among them.
func narrowed(docs []value, kind string, target Target) []value {
	is := func(doc value) bool {
		api := doc.get("apiVersion").scalarOr("")
		return isKind(kind)(doc) && doc.get("metadata").get("name").scalarOr("") == target.Name &&
			(target.APIVersion == "" || sameGroup(api, target.APIVersion))
	}
	if target.Name == "" || !slices.ContainsFunc(docs, is) {
		return docs
	}
	return slices.DeleteFunc(slices.Clone(docs), func(doc value) bool { return isKind(kind)(doc) && !is(doc) })
}

func (v value) scalarOr(fallback string) string {
	if s, ok := v.Peek(yaml.NodeTagString); ok {
		return s
	}
	return fallback
}

// only returns the single document of the kind that is wanted, and records an error for none and for more than one. sought is
// its kind and name, "" where any will do.
func only(src *source, docs []value, kind, sought string) (value, bool) {
	found := slices.DeleteFunc(slices.Clone(docs), func(v value) bool { return !isKind(kind)(v) })
	switch {
	case len(src.Findings) > 0:
		return value{}, false
	case len(found) == 0:
		src.fail(instead(src.Source.File, docs, kind, sought))
		return value{}, false
	case len(found) > 1:
		found[1].fail("is a second %s in this file; the first is on line %d: give one", kind, found[0].Line())
		return value{}, false
	}
	return found[0], found[0].whole()
}

// whole checks what no field can tell of: a key that stands twice, and aliases that multiply. An object that was never text has
// no lines, and neither of them.
func (v value) whole() bool {
	if v.Line() == 0 {
		return true
	}
	found := manifest.CheckTree(v.Node(), v.src.Source)
	for _, f := range found {
		f.Object = manifest.ObjectRef{} // whoever asks knows which
		v.src.fail(f)
	}
	return len(found) == 0
}

// instead says what a file holds in place of the one thing that is wanted, and what to do about it.
func instead(file string, docs []value, wanted, sought string) manifest.Finding {
	if len(docs) == 0 {
		return mistakeAt(manifest.Source{File: file}, "", "is empty, and a %s is wanted", wanted)
	}
	known := []string{cloneSet, statefulSet, daemonSet, deployment, "BatchPlan"}
	var kinds []string
	at, field, advice := manifest.Source{File: file}, "", ""
	for _, d := range docs {
		kind := d.get("kind")
		word := kind.scalarOr("a document without kind")
		kinds = append(kinds, word)
		if !slices.Contains(known, word) && misspelt(word, known) && advice == "" {
			at.Line, field, advice = kind.Line(), "kind", suggestion(word, known)
		}
	}
	switch {
	case advice != "":
	case wanted == "BatchPlan":
		advice = ": name the file of the plan"
	case slices.Contains(kinds, "BatchPlan"):
		advice = ": name the file of what it releases, and give this one with --plan"
	case sought != "":
		advice = ": " + sought + " is to be released, so name the file that holds it"
	default:
		advice = ": what can be released is a CloneSet, StatefulSet, DaemonSet or Deployment"
	}
	return mistakeAt(at, field, "holds no %s, only %s%s", wanted, strings.Join(kinds, ", "), advice)
}

func readObject(doc value, name string) Workload {
	doc.mapping("apiVersion", "kind", "metadata", "spec", "status")
	api := doc.get("apiVersion")
	cs := Workload{APIVersion: api.Text(), Kind: name}
	kind, ok := KindOf(cs.APIVersion, name)
	if !ok || cs.APIVersion == "" {
		api.fail("%q is not a %s's that can be released: write %s", cs.APIVersion, name, strings.Join(versionsOf(name), " or "))
		return cs
	}
	readMetadata(doc.get("metadata"), &cs)
	spec := doc.get("spec")
	switch {
	case !spec.Present():
		spec.fail("is missing")
	case name == cloneSet:
		if spec.mapping("replicas", "selector", "template", "volumeClaimTemplates", "scaleStrategy", "updateStrategy",
			"revisionHistoryLimit", "minReadySeconds", "lifecycle", "progressDeadlineSeconds") {
			cs.Spec = readSpec(spec, cs.APIVersion == V1beta1)
		}
	case kind.BySurge:
		readDeployment(spec, &cs)
	default:
		cs.Spec = readWorkload(spec, kind)
	}
	return cs
}

func readMetadata(meta value, cs *Workload) {
	if !meta.mapping() && !meta.Present() {
		meta.fail("is missing")
		return
	}
	cs.Name = meta.get("name").Text()
	if cs.Name == "" {
		meta.get("name").fail("is missing")
	}
	cs.Namespace = meta.get("namespace").namespaceName()
	cs.UID = meta.get("uid").Text()
	cs.Generation = int64(meta.get("generation").number(0, 0, MaxPods))
}

func readSpec(spec value, beta bool) WorkloadSpec {
	s := WorkloadSpec{
		Replicas:    spec.get("replicas").number(1, 0, MaxPods),
		Selector:    readSelector(spec.get("selector")),
		MinReady:    spec.get("minReadySeconds").seconds(),
		ReuseClaims: !beta,
		HasClaims:   len(spec.get("volumeClaimTemplates").items()) > 0,
		Lifecycle:   readLifecycle(spec.get("lifecycle")),
	}
	s.ClaimTemplates, _ = spec.get("volumeClaimTemplates").decode().([]any)
	spec.get("revisionHistoryLimit").number(10, 0, MaxPods)
	deadline := spec.get("progressDeadlineSeconds")
	s.ProgressDeadline = deadline.seconds()
	if deadline.Present() && s.ProgressDeadline <= s.MinReady {
		deadline.fail("must be longer than minReadySeconds (%v), not %v", s.MinReady, s.ProgressDeadline)
	}
	readScaleStrategy(spec.get("scaleStrategy"), &s)
	readUpdateStrategy(spec.get("updateStrategy"), beta, &s)
	readTemplate(spec, &s)
	return s
}

func (v value) seconds() time.Duration {
	return time.Duration(v.number(0, 0, secondsLimit)) * time.Second
}

func readTemplate(spec value, s *WorkloadSpec) {
	template := spec.get("template")
	if !template.mapping() {
		if !template.Present() {
			template.fail("is missing")
		}
		return
	}
	s.Template = manifest.Map(template.decode())
	if len(template.get("spec").get("containers").items()) == 0 {
		template.get("spec").get("containers").fail("is missing: a pod needs a container")
	}
	selector := spec.get("selector")
	if !selector.Present() {
		selector.fail("is missing")
	} else if len(s.Selector.Labels)+len(s.Selector.Expressions) == 0 {
		selector.fail("is empty, so every pod would be owned")
	} else if !s.Selector.Matches(s.TemplateLabels()) {
		selector.fail("does not match the labels of the pod template, so its own pods would not be owned")
	}
	for _, c := range template.get("spec").get("topologySpreadConstraints").items() {
		s.SpreadKey = c.get("topologyKey").Text()
		break
	}
}

func readSelector(v value) Selector {
	v.mapping("matchLabels", "matchExpressions")
	s := Selector{Labels: readLabels(v.get("matchLabels"))}
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		v.get("matchLabels").get(key).labelOf(key, s.Labels[key])
	}
	for _, item := range v.get("matchExpressions").items() {
		item.mapping("key", "operator", "values")
		r := Requirement{Key: item.get("key").Text(), Operator: item.get("operator").Text()}
		if !slices.Contains([]string{"In", "NotIn", "Exists", "DoesNotExist"}, r.Operator) {
			item.get("operator").fail("%q is not one of In, NotIn, Exists, DoesNotExist", r.Operator)
		}
		for _, x := range item.get("values").items() {
			label := x.Text()
			r.Values = append(r.Values, label)
			x.labelOf(r.Key, label)
		}
		if takes := r.Operator == "In" || r.Operator == "NotIn"; takes != (len(r.Values) > 0) {
			item.get("values").fail("must not be empty with In and NotIn, and must be empty with Exists and DoesNotExist")
		}
		s.Expressions = append(s.Expressions, r)
	}
	return s
}

// labelOf checks a label that a selector asks for as the API server does: nothing could ever have another one.
func (v value) labelOf(key, label string) {
	if v.Present() && len(validation.IsQualifiedName(key))+len(validation.IsValidLabelValue(label)) > 0 {
		v.fail("%q is not a label that Kubernetes takes: write at most 63 letters, digits, -, _ and ., beginning and ending with a "+
			"letter or "+
			"digit", key+"="+label)
	}
}

func readLabels(v value) map[string]string {
	if !v.mapping() {
		return nil
	}
	labels := map[string]string{}
	for _, f := range v.Fields() {
		labels[f.Key] = f.Text()
	}
	return labels
}

func readScaleStrategy(v value, s *WorkloadSpec) {
	v.mapping("podsToDelete", "maxUnavailable", "disablePVCReuse", "enablePVCReuse")
	for _, name := range v.get("podsToDelete").items() {
		s.PodsToDelete = append(s.PodsToDelete, name.Text())
	}
	if limit := v.get("maxUnavailable"); limit.Present() {
		q := limit.quantity(Pods(1), 100)
		if q == Pods(0) || q == Percent(0) {
			limit.fail("0 would never let a pod be created")
		}
		s.ScaleMaxUnavailable = &q
	}
	if disable := v.get("disablePVCReuse"); disable.Present() {
		s.ReuseClaims = !disable.Bool()
	}
	if enable := v.get("enablePVCReuse"); enable.Present() {
		s.ReuseClaims = enable.Bool()
	}
}

func readLifecycle(v value) Lifecycle {
	v.mapping("preDelete", "inPlaceUpdate", "preNormal")
	return Lifecycle{
		PreDelete:     readHook(v.get("preDelete")),
		InPlaceUpdate: readHook(v.get("inPlaceUpdate")),
		PreNormal:     readHook(v.get("preNormal")),
	}
}

func readHook(v value) Hook {
	v.mapping("labelsHandler", "finalizersHandler", "markPodNotReady")
	h := Hook{Labels: readLabels(v.get("labelsHandler")), MarkPodNotReady: v.get("markPodNotReady").Bool()}
	for _, f := range v.get("finalizersHandler").items() {
		h.Finalizers = append(h.Finalizers, f.Text())
	}
	return h
}
