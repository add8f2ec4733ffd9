// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// configFile stands for the functionConfig where a finding names a file; orchestrators do not say where it stood.
const configFile = "functionConfig"

// Run is the KRM function: it reads a ResourceList from in and writes one to out. Errors and warnings stand in the
// list's results and, because kustomize build shows no results, on messages too.
// It returns an error when the function must fail; the ResourceList is then written with its items as they came.
//
// BatchPlans are released where the configuration asks for it.
func Run(in io.Reader, out, messages io.Writer) error {
	input, output := &source{Reader: in}, &gate{Writer: out}
	start := bufio.NewReaderSize(input, openingSize)
	if opening, err := start.Peek(openingSize); err == nil && isOtherThanList(opening) { // what is shorter costs nothing to read
		return fmt.Errorf("running the function: %w", errNoList)
	}
	text, err := asYAML(start)
	if err == nil {
		rw := &kio.ByteReadWriter{Reader: text, KeepReaderAnnotations: true}
		err = execute(rw, output, func(rl *resourceList) error { return process(rl, messages) })
	}
	switch {
	case err == nil || errors.As(err, new(*failure)):
		return err
	case input.err != nil:
		return fmt.Errorf("reading the ResourceList: %w", input.err)
	case output.err != nil:
		return fmt.Errorf("writing the ResourceList: %w", output.err)
	}
	return fmt.Errorf("running the function: %w", brief(err))
}

// execute reads a list, processes and writes it. It does what Execute of kyaml's framework does, but that kyaml's writer takes
// out of every item what is empty in its metadata, touched or not.
func execute(rw *kio.ByteReadWriter, out io.Writer, process func(*resourceList) error) error {
	items, err := rw.Read()
	if err != nil {
		return fmt.Errorf("stdin holds no ResourceList that can be read: %w", err)
	}
	if err := checkInput(rw, items); err != nil {
		return err
	}
	annotations, err := kio.PreprocessResourcesForInternalAnnotationMigration(withAnnotations(items))
	if err != nil {
		return err
	}
	list := &resourceList{items: items, functionConfig: rw.FunctionConfig}
	failed := process(list)
	told := withAnnotations(list.items)
	if err := kio.ReconcileInternalAnnotations(told, annotations); err != nil {
		return err
	}
	for _, it := range told { // what was there for the time of the run only leaves an empty mapping behind
		if err := yaml.ClearEmptyAnnotations(it); err != nil {
			return err
		}
	}
	if err := write(rw, list, out); err != nil {
		return err
	}
	return failed
}

// withAnnotations are the items that have an annotation. Only those can have one that orchestrators work with, and what kyaml
// does to keep these right would leave its traces in the others.
func withAnnotations(items []*yaml.RNode) []*yaml.RNode {
	return slices.DeleteFunc(slices.Clone(items), func(it *yaml.RNode) bool {
		n := manifest.At(it.YNode(), "metadata", "annotations")
		return manifest.IsNull(n) || n.Kind != yaml.MappingNode || len(n.Content) == 0
	})
}

// checkInput refuses what the framework would take for a list of items: nothing at all, plain manifests, and a list that is not
// the only document or has no items.
func checkInput(rw *kio.ByteReadWriter, items []*yaml.RNode) error {
	switch {
	case rw.WrappingKind == kio.ResourceListKind:
		return nil
	case slices.ContainsFunc(items, func(it *yaml.RNode) bool { return it.GetKind() == kio.ResourceListKind }):
		return errNotAlone
	}
	return errNoList
}

// failure is the error of a run whose findings say why it failed.
type failure struct{ count int }

func (f *failure) Error() string {
	if f.count == 1 {
		return "1 error, nothing was injected"
	}
	return fmt.Sprintf("%d errors, nothing was injected", f.count)
}

// item is one item of the list, and where it came from.
type item struct {
	node   *yaml.Node
	source manifest.Source
	place  int // in the list, -1 of what is new
}

// process injects into the items of one list. Where anything is wrong no item changes.
func process(rl *resourceList, messages io.Writer) error {
	findings := manifest.Findings{}
	config, configFindings := ParseConfig(configNode(rl), manifest.Source{File: configFile, Line: manifest.NoLine})
	findings.Add(configFindings)
	items := make([]item, len(rl.items))
	for i, n := range rl.items {
		items[i] = item{n.YNode(), sourceOf(n.YNode()), i}
		findings.Add(manifest.CheckTree(items[i].node, items[i].source))
	}
	var idle []manifest.Finding
	if !findings.Failed() {
		idle = injectAll(config, items, &findings)
	}
	if !findings.Failed() {
		r := newReleases(config)
		items = r.all(items, &findings)
		if r.made() == 0 {
			findings.Add(idle)
		}
	}
	if !findings.Failed() {
		setItems(rl, items)
	}
	return report(rl, findings.List, messages)
}

// setItems puts the items into the list. Those that were there are changed where they are, so that kyaml keeps what it
// knows of them.
func setItems(rl *resourceList, items []item) {
	before := rl.items
	rl.items = make([]*yaml.RNode, 0, len(items))
	for _, it := range items {
		if it.place >= 0 {
			before[it.place].SetYNode(it.node)
			rl.items = append(rl.items, before[it.place])
			continue
		}
		rl.items = append(rl.items, yaml.NewRNode(it.node))
	}
}

func configNode(rl *resourceList) *yaml.Node {
	if rl.functionConfig == nil {
		return nil
	}
	return rl.functionConfig.YNode()
}

// injectAll collects the context that the items hold, SidecarSets, Namespaces and revisions, and injects into each. It
// returns the warning of a run that injected nothing.
func injectAll(config *Config, items []item, findings *manifest.Findings) []manifest.Finding {
	context := inject.Context{Sets: config.Sets()}
	opts := config.Options()
	opts.Terse = true
	for _, it := range items {
		findings.Add(context.Read(it.node, it.source, &opts))
	}
	injector, conflicts := inject.New(context, opts)
	findings.Add(conflicts)
	if len(context.Sets) == 0 {
		for _, it := range items {
			findings.Add(injector.Forgotten(it.node, it.source, nameSets))
		}
	}
	if findings.Failed() {
		return nil
	}
	var seen outcome
	for i, it := range items {
		items[i].node = injectItem(injector, config, it, findings, &seen)
	}
	findings.Add(inject.TellPassedOver(seen.passed))
	if len(items) > 0 && seen.nothing() {
		return nothingInjected(injector)
	}
	return nil
}

// outcome is what became of the workloads of a list.
type outcome struct {
	injected bool // into one at least
	told     bool // a finding says why one is not
	opted    bool // one opted out
	open     bool // one was neither injected into nor opted out
	passed   []inject.PassedOver
}

// nothing says whether nothing was injected and nothing has been said about it.
func (o *outcome) nothing() bool {
	return !o.injected && !o.told && (o.open || !o.opted)
}

// nameSets says how a function is told its SidecarSets.
const nameSets = "add the SidecarSets to the input or to the functionConfig"

// nothingInjected warns of a run that may have missed what its user meant.
func nothingInjected(in *inject.Injector) []manifest.Finding {
	f := manifest.Finding{
		Severity: manifest.SeverityWarning, Code: "nothing-injected",
		Message: "nothing is injected: no SidecarSet matches a workload of the input",
		Hint:    "slipway explain tells why not",
	}
	if len(in.Sets()) == 0 {
		f.Message = "nothing is injected: there is no SidecarSet"
		f.Hint = nameSets + "; slipway explain lists the workloads that it could match"
	}
	return []manifest.Finding{f}
}

// injectItem returns the item after injection.
func injectItem(in *inject.Injector, config *Config, it item, findings *manifest.Findings, seen *outcome) *yaml.Node {
	ejected := in.Eject(it.node, it.source)
	findings.Add(ejected.Findings)
	seen.told = seen.told || len(ejected.Findings) > 0
	if manifest.HasErrors(ejected.Findings) {
		return it.node // what is there cannot be taken out, so nothing goes in
	}
	if config.SkipHooks() && inject.IsHook(it.node) {
		findings.Add([]manifest.Finding{inject.HookSkipped(it.node, it.source)})
		seen.opted = true
		return ejected.Object
	}
	seen.passed = append(seen.passed, in.PassedOver(it.node, it.source)...)
	result := in.Inject(ejected.Object, it.source, inject.FlowText)
	findings.Add(result.Findings)
	findings.Add(in.Orphans(it.node, result.Object, it.source))
	seen.told = seen.told || len(result.Findings) > 0
	for _, t := range result.Templates {
		seen.injected = seen.injected || t.Edited
		seen.opted = seen.opted || t.OptOut
		seen.open = seen.open || !t.Edited && !t.OptOut
	}
	if len(ejected.Templates) > 0 && inject.Equal(it.node, result.Object) {
		return it.node // nothing new: the item keeps its style
	}
	return result.Object
}

// Annotations of older orchestrators, in place of the internal ones.
const (
	legacyPath  = "config.kubernetes.io/path"
	legacyIndex = "config.kubernetes.io/index"
)

// sourceOf is the file that an orchestrator says an item came from. It is asked for every item, and kyaml's way to ask is
// a tenth of all that the function costs.
func sourceOf(object *yaml.Node) manifest.Source {
	either := func(key, legacy string) string {
		return cmp.Or(manifest.Annotation(object, key), manifest.Annotation(object, legacy))
	}
	s := manifest.Source{File: either(kioutil.PathAnnotation, legacyPath), Line: manifest.NoLine}
	if i, err := strconv.Atoi(either(kioutil.IndexAnnotation, legacyIndex)); err == nil && s.File != "" {
		s.Doc = i + 1
	}
	return s
}

// report writes findings into the list's results and to messages.
func report(rl *resourceList, findings []manifest.Finding, messages io.Writer) error {
	failed := 0
	for _, f := range findings {
		f.Source.Line = 0 // those of a configuration's values count from the start of the ResourceList
		rl.results = append(rl.results, resultOf(f))
		if f.Severity == manifest.SeverityError {
			failed++
		}
		if f.Severity != manifest.SeverityInfo {
			if _, err := fmt.Fprintf(messages, "%s: %s\n", f.Severity, f); err != nil {
				return fmt.Errorf("writing a message: %w", err)
			}
		}
	}
	if failed > 0 {
		return &failure{failed}
	}
	return nil
}
