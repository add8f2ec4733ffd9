// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/fn/inject"
	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Run is the KRM function: it reads a ResourceList from in and writes one to out. Errors and warnings stand in the
// list's results and, because kustomize build shows no results, on messages too.
// It returns an error when the function must fail; the ResourceList is then written with its items as they came.
func Run(in io.Reader, out, messages io.Writer) error {
	input, output := &guard{Reader: in}, &gate{Writer: out}
	rw := &kio.ByteReadWriter{Reader: input, Writer: output, KeepReaderAnnotations: true}
	err := framework.Execute(framework.ResourceListProcessorFunc(func(rl *framework.ResourceList) error {
		if rw.WrappingKind != kio.ResourceListKind {
			output.shut = true
			return &notAList{input.read}
		}
		return process(rl, messages)
	}), rw)
	var failed *failure
	var other *notAList
	switch {
	case err == nil || errors.As(err, &failed):
		return err
	case errors.As(err, &other):
		return other
	case input.err != nil:
		return fmt.Errorf("reading the ResourceList: %w", input.err)
	case output.err != nil:
		return fmt.Errorf("writing the ResourceList: %w", cause(output.err))
	}
	return fmt.Errorf("reading the ResourceList: %s", firstLine(err))
}

// cause takes an error of a system call out of Go's wrapping of it.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// firstLine is what kyaml says of a list that it cannot read, without the list.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line = strings.TrimPrefix(line, "failed to read ResourceList input: ")
	return strings.TrimSuffix(line, ": node contents:")
}

// gate is a writer that can be shut, as what is no ResourceList gets no answer, and that notes why it broke off.
type gate struct {
	io.Writer
	shut bool
	err  error
}

// Write passes p on while the gate is open.
func (g *gate) Write(p []byte) (int, error) {
	if g.shut {
		return len(p), nil
	}
	n, err := g.Writer.Write(p)
	g.err = errors.Join(g.err, err)
	return n, err
}

// notAList is the error of a run that was given something else.
type notAList struct{ any bool }

func (e *notAList) Error() string {
	const advice = " (run it through kustomize or kpt, or use slipway render)"
	if !e.any {
		return "stdin is empty: the function reads a ResourceList" + advice
	}
	return "stdin holds no ResourceList with items, which is what the function reads" + advice
}

// guard notes what came of reading: whether there was any input, to tell an empty stdin from a broken one, and why it
// broke off.
type guard struct {
	io.Reader
	read bool
	err  error
}

// Read reads on.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	g.read = g.read || n > 0
	if err != nil && !errors.Is(err, io.EOF) {
		g.err = err
	}
	return n, err
}

// failure is the error of a run whose findings say why it failed.
type failure struct{ count int }

func (f *failure) Error() string {
	if f.count == 1 {
		return "1 error, nothing was injected"
	}
	return fmt.Sprintf("%d errors, nothing was injected", f.count)
}

// process injects into the items of one list. Where anything is wrong no item changes.
func process(rl *framework.ResourceList, messages io.Writer) error {
	findings := inject.Findings{}
	config, configFindings := ParseConfig(configNode(rl), inject.Source{File: "functionConfig"})
	findings.Add(configFindings)
	objects := make([]*yaml.Node, len(rl.Items))
	for i, item := range rl.Items {
		objects[i] = item.YNode()
	}
	injector, contextFindings := prepare(config, rl, objects)
	findings.Add(contextFindings)
	if !findings.Failed() {
		told, edited := len(findings.List), 0
		for i, object := range objects {
			var n int
			objects[i], n = injectItem(injector, object, sourceOf(rl.Items[i]), &findings)
			edited += n
		}
		if edited == 0 && len(findings.List) == told && len(objects) > 0 {
			findings.Add(nothingInjected(injector))
		}
	}
	if !findings.Failed() {
		for i, item := range rl.Items {
			item.SetYNode(objects[i])
		}
	}
	return report(rl, findings.List, messages)
}

func configNode(rl *framework.ResourceList) *yaml.Node {
	if rl.FunctionConfig == nil {
		return nil
	}
	return rl.FunctionConfig.YNode()
}

// prepare collects the context that the items hold: SidecarSets, Namespaces and revisions.
func prepare(config *Config, rl *framework.ResourceList, objects []*yaml.Node) (*inject.Injector, []inject.Finding) {
	context := inject.Context{Sets: config.Sets()}
	opts := config.Options()
	var findings []inject.Finding
	for i, object := range objects {
		findings = append(findings, context.Read(object, sourceOf(rl.Items[i]), &opts)...)
	}
	injector, more := inject.New(context, opts)
	return injector, append(findings, more...)
}

// injectItem returns the item after injection, and how many of its pod templates carry one or want none.
func injectItem(in *inject.Injector, object *yaml.Node, source inject.Source, findings *inject.Findings) (*yaml.Node, int) {
	ejected := in.Eject(object, source)
	findings.Add(ejected.Findings)
	result := in.Inject(ejected.Object, source, itemText)
	findings.Add(result.Findings)
	answered := 0
	for _, t := range result.Templates {
		if t.Edited || t.OptOut {
			answered++
		}
	}
	if len(ejected.Templates) > 0 && inject.Equal(object, result.Object) {
		return object, answered // nothing new: the item keeps its style
	}
	return result.Object, answered
}

// nothingInjected warns of a run that may have missed what its user meant.
func nothingInjected(in *inject.Injector) []inject.Finding {
	f := inject.Finding{
		Severity: inject.SeverityWarning, Code: "nothing-injected",
		Message: "nothing is injected: no SidecarSet matches a workload of the input",
		Hint:    "slipway explain tells why not",
	}
	if len(in.Sets()) == 0 {
		f.Message = "nothing is injected: there is no SidecarSet"
		f.Hint = "add one to the input or to the functionConfig; slipway explain lists the workloads that it could match"
	}
	return []inject.Finding{f}
}

// itemText stands in for the source text of a node, which a ResourceList does not carry: the value on one line.
func itemText(n *yaml.Node) string {
	flow := *n
	flow.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&flow)
	if err != nil {
		return ""
	}
	return " " + strings.TrimRight(string(text), "\n")
}

// sourceOf is the file that an orchestrator says an item came from.
func sourceOf(item *yaml.RNode) inject.Source {
	path, index, err := kioutil.GetFileAnnotations(item)
	if err != nil || path == "" {
		return inject.Source{}
	}
	s := inject.Source{File: path}
	if i, err := strconv.Atoi(index); err == nil {
		s.Doc = i + 1
	}
	return s
}

// report writes findings into the list's results and to messages.
func report(rl *framework.ResourceList, findings []inject.Finding, messages io.Writer) error {
	failed := 0
	for _, f := range findings {
		f.Source.Line = 0 // of the ResourceList, which the person never sees
		rl.Results = append(rl.Results, resultOf(f))
		if f.Severity == inject.SeverityError {
			failed++
		}
		if f.Severity != inject.SeverityInfo {
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

func resultOf(f inject.Finding) *framework.Result {
	message := f.Message
	if f.Hint != "" {
		message += " (" + f.Hint + ")"
	}
	r := &framework.Result{
		Message: message, Severity: framework.Severity(f.Severity), Tags: map[string]string{"code": f.Code},
	}
	if f.Object.Kind != "" {
		r.ResourceRef = &yaml.ResourceIdentifier{
			TypeMeta: yaml.TypeMeta{APIVersion: f.Object.APIVersion, Kind: f.Object.Kind},
			NameMeta: yaml.NameMeta{Name: f.Object.Name, Namespace: f.Object.Namespace},
		}
	}
	if f.Field != "" {
		r.Field = &framework.Field{Path: f.Field}
	}
	if f.Source.File != "" && f.Source.File != "functionConfig" {
		r.File = &framework.File{Path: f.Source.File, Index: max(f.Source.Doc-1, 0)}
	}
	return r
}
