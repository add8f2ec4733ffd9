// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// APIVersion and Kind of slipway's own functionConfig.
const (
	APIVersion = manifest.SlipwayVersion
	Kind       = manifest.InjectorKind
)

// Config is a functionConfig, in any of the three forms that ParseConfig reads.
type Config struct {
	// Compatibility is Safe (default) or Kruise.
	Compatibility string `json:"compatibility"`
	// OnUndecided is Fail or Skip; the default follows Compatibility.
	OnUndecided string `json:"onUndecided"`
	// OnNameConflict is Fail, Replace or Keep; the default follows Compatibility.
	OnNameConflict string `json:"onNameConflict"`
	// PodInjectPolicyDefault is AfterAppContainer (default) or BeforeAppContainer.
	PodInjectPolicyDefault string `json:"podInjectPolicyDefault"`
	// Jobs is Skip (default), Native or Inject.
	Jobs string `json:"jobs"`
	// SystemNamespaces is Skip (default) or Inject, for kube-system and namespaces with the label control-plane.
	SystemNamespaces string `json:"systemNamespaces"`
	// DefaultContainer sets kubectl.kubernetes.io/default-container where a sidecar goes first.
	DefaultContainer bool `json:"defaultContainer"`
	// SortByName orders injected containers by name, as Kruise's gate EnableSortSidecarContainerByName does.
	SortByName bool `json:"sortByName"`
	// Hooks is Inject (default) or Skip, for hooks of Helm and Argo CD.
	Hooks string `json:"hooks"`
	// Namespace is the namespace of objects that name none.
	Namespace string `json:"namespace"`
	// Namespaces gives the labels of namespaces that the input does not hold.
	Namespaces Namespaces `json:"namespaces"`
	// Workloads adds kinds with pod templates.
	Workloads []manifest.Kind `json:"workloads"`
	// KeepSidecarSets leaves SidecarSets in a rendered stream. A function's output holds them always.
	KeepSidecarSets bool `json:"keepSidecarSets"`
	// Policies are what lint asks for beyond Kruise's rules.
	Policies inject.Policies `json:"policies"`
	// Release says how BatchPlans of the input become Jobs. Without it they are left alone.
	Release *manifests.Config `json:"release"`
	// SidecarSets are inline sets, beside those of the input.
	SidecarSets []*yaml.Node `json:"sidecarSets"`

	sets      []*inject.SidecarSet
	setSource manifest.Source // of SidecarSets, where they stand as text in a value
}

// Namespaces holds labels by namespace.
type Namespaces map[string]map[string]string

// UnmarshalNode reads a mapping of names to labels, or a list of names with labels.
func (ns *Namespaces) UnmarshalNode(n *yaml.Node, d *manifest.Decoder, field string) {
	if n.Kind != yaml.SequenceNode {
		d.Decode(n, (*map[string]map[string]string)(ns), field)
		return
	}
	var list []struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	d.Decode(n, &list, field)
	*ns = Namespaces{}
	for _, e := range list {
		(*ns)[e.Name] = e.Labels
	}
}

// ParseConfig reads a functionConfig: a SidecarInjector, a SidecarSet that is to be injected, or a ConfigMap whose data
// holds the fields of a SidecarInjector as text. The fields of a SidecarInjector stand under spec or at the top.
// A document without apiVersion and kind is read as a SidecarInjector.
func ParseConfig(root *yaml.Node, source manifest.Source) (*Config, []manifest.Finding) {
	c := &Config{}
	if root == nil {
		return c, nil
	}
	d := &manifest.Decoder{Object: manifest.RefOf(root), Source: source}
	switch {
	case inject.IsSidecarSet(root):
		c.add(root, source, d)
	case d.Object.Kind == "ConfigMap" && d.Object.APIVersion == "v1":
		c.readConfigMap(root, d)
	case d.Object.Kind == Kind && d.Object.APIVersion == APIVersion || d.Object.Kind == "" && d.Object.APIVersion == "":
		c.readInjector(root, d)
	default:
		d.Report(root, "unknown-config", "kind", fmt.Sprintf("%s %s is not a configuration of slipway",
			d.Object.APIVersion, d.Object.Kind), "write a "+Kind+" ("+APIVersion+"), a SidecarSet or a ConfigMap")
	}
	c.validate(root, d)
	if c.setSource.File != "" {
		source = c.setSource
	}
	for _, n := range c.SidecarSets {
		c.add(n, source, d)
	}
	return c, d.Findings
}

func (c *Config) add(n *yaml.Node, source manifest.Source, d *manifest.Decoder) {
	set, findings := inject.ParseSidecarSet(n, source)
	c.sets = append(c.sets, set)
	d.Findings = append(d.Findings, findings...)
}

// readInjector reads the fields from spec or, where there is none, from the top.
func (c *Config) readInjector(root *yaml.Node, d *manifest.Decoder) {
	if i := slices.IndexFunc(root.Content, func(n *yaml.Node) bool { return n.Value == "spec" }); i%2 == 0 {
		var top struct {
			APIVersion string     `json:"apiVersion"`
			Kind       string     `json:"kind"`
			Metadata   *yaml.Node `json:"metadata"`
			Spec       *Config    `json:"spec"`
		}
		top.Spec = c
		d.Decode(root, &top, "")
		if top.Spec != nil {
			*c = *top.Spec
		}
		return
	}
	var top struct {
		APIVersion string     `json:"apiVersion"`
		Kind       string     `json:"kind"`
		Metadata   *yaml.Node `json:"metadata"`
		Config
	}
	d.Decode(root, &top, "")
	*c = top.Config
}

// readConfigMap reads data as if its values stood under spec: each value is YAML text.
func (c *Config) readConfigMap(root *yaml.Node, d *manifest.Decoder) {
	var in struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   *yaml.Node        `json:"metadata"`
		Data       map[string]string `json:"data"`
	}
	d.Decode(root, &in, "")
	data := find(root, "data")
	if data == root || data.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(data.Content); i += 2 {
		if _, ok := in.Data[manifest.Key(data.Content[i])]; ok && data.Content[i+1].Kind == yaml.ScalarNode {
			c.readValue(data.Content[i], data.Content[i+1], d)
		}
	}
}

// readValue reads one value of a ConfigMap.
func (c *Config) readValue(key, value *yaml.Node, d *manifest.Decoder) {
	nested := &manifest.Decoder{Object: d.Object, Source: inside(d.Source, value)}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value.Value), &doc); err != nil {
		nested.ReportSyntax("bad-yaml", "data."+key.Value, nil, err)
		d.Findings = append(d.Findings, nested.Findings...)
		return
	}
	if key.Value == "sidecarSets" {
		c.setSource = nested.Source
	}
	name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Value, Line: 1}
	if isBlock(value) {
		name.Line = 0 // the key stands on the line above its text
	}
	nested.Decode(&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{name, manifest.Root(&doc)}}, c, "data")
	d.Findings = append(d.Findings, nested.Findings...)
}

func isBlock(n *yaml.Node) bool { return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 }

// inside is the place of the text of a value, of which the lines count from 1.
func inside(source manifest.Source, value *yaml.Node) manifest.Source {
	source = manifest.SourceAt(source, value)
	if isBlock(value) && source.Line > 0 {
		source.Line++
	}
	return source
}

func (c *Config) validate(root *yaml.Node, d *manifest.Decoder) {
	for _, e := range []struct {
		field, value string
		allowed      []string
	}{
		{"compatibility", c.Compatibility, []string{"Safe", "Kruise"}},
		{"onUndecided", c.OnUndecided, []string{"Fail", "Skip"}},
		{"onNameConflict", c.OnNameConflict, []string{"Fail", "Replace", "Keep"}},
		{"podInjectPolicyDefault", c.PodInjectPolicyDefault, []string{inject.AfterAppContainer, inject.BeforeAppContainer}},
		{"jobs", c.Jobs, []string{"Skip", "Native", "Inject"}},
		{"hooks", c.Hooks, []string{"Inject", "Skip"}},
		{"systemNamespaces", c.SystemNamespaces, []string{"Skip", "Inject"}},
	} {
		if e.value != "" && !slices.Contains(e.allowed, e.value) {
			d.Report(find(root, e.field), "bad-value", e.field, fmt.Sprintf("%q is not one of %s", e.value,
				strings.Join(e.allowed, ", ")), "")
		}
	}
	if problem := c.Policies.Validate(); problem != "" {
		d.Report(find(root, "policies"), "bad-value", "policies", problem, "")
	}
	for _, p := range c.Release.Validate() {
		d.Report(find(root, "release"), "bad-value", "release."+p.Field, p.Message, p.Hint)
	}
	for i, w := range c.Workloads {
		if problem := w.Validate(); problem != "" {
			d.Report(find(root, "workloads"), "bad-value", fmt.Sprintf("workloads[%d]", i), problem, "")
		}
	}
}

// find returns the node of a field of the configuration, for its line.
func find(root *yaml.Node, field string) *yaml.Node {
	for i := 0; i+1 < len(root.Content); i += 2 {
		v := root.Content[i+1]
		switch root.Content[i].Value {
		case field:
			return v
		case "spec", "data":
			if n := find(v, field); n != v {
				return n
			}
		}
	}
	return root
}

// Sets are the SidecarSets that the configuration itself holds.
func (c *Config) Sets() []*inject.SidecarSet { return c.sets }

// SkipHooks says whether hooks are left without sidecars.
func (c *Config) SkipHooks() bool { return c.Hooks == "Skip" }

// Options are the configuration as the injector takes it.
func (c *Config) Options() inject.Options {
	return inject.Options{
		Compatibility:  inject.Compatibility(c.Compatibility),
		OnUndecided:    inject.Policy(c.OnUndecided),
		OnNameConflict: inject.Policy(c.OnNameConflict),
		Jobs:           inject.Policy(c.Jobs), PodInjectPolicyDefault: c.PodInjectPolicyDefault,
		SystemNamespaces: inject.Policy(c.SystemNamespaces), DefaultContainer: c.DefaultContainer, SortByName: c.SortByName,
		Namespace: c.Namespace, Namespaces: c.Namespaces, Workloads: c.Workloads,
	}.WithDefaults()
}
