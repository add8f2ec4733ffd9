// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
)

// Run is the KRM function: it reads a ResourceList from in and writes one to out. Errors and warnings stand in the
// list's results and, because kustomize build shows no results, on messages too.
// It returns an error when the function must fail; the ResourceList is then written with its items as they came.
func Run(in io.Reader, out, messages io.Writer) error {
	input := &guard{Reader: in}
	rw := &kio.ByteReadWriter{Reader: input, Writer: out, KeepReaderAnnotations: true}
	err := framework.Execute(framework.ResourceListProcessorFunc(func(rl *framework.ResourceList) error {
		return process(rl, messages)
	}), rw)
	if err != nil && !errors.As(err, new(*failure)) {
		return fmt.Errorf("running the function: %w", unwrapped(err, input))
	}
	return err
}

// guard notes whether there was any input, to tell an empty stdin from a broken one.
type guard struct {
	io.Reader
	read bool
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	g.read = g.read || n > 0
	return n, err
}

func unwrapped(err error, input *guard) error {
	if !input.read {
		return errors.New("stdin is empty: the function reads a ResourceList (run it through kustomize or kpt, or use slipway render)")
	}
	return err
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
		for i, object := range objects {
			objects[i] = injectItem(injector, object, sourceOf(rl.Items[i]), &findings)
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

func injectItem(in *inject.Injector, object *yaml.Node, source inject.Source, findings *inject.Findings) *yaml.Node {
	ejected := in.Eject(object, source)
	findings.Add(ejected.Findings)
	result := in.Inject(ejected.Object, source, itemText)
	findings.Add(result.Findings)
	if len(ejected.Templates) > 0 && inject.Equal(object, result.Object) {
		return object // nothing new: the item keeps its style
	}
	return result.Object
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
