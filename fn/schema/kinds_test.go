// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	jsonyaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn"
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// ownTypes are slipway's types that read themselves from YAML.
func ownTypes(b *builder, t reflect.Type) (node, bool) {
	switch t {
	case reflect.TypeFor[inject.Selector]():
		return b.of(reflect.TypeFor[metav1.LabelSelector](), nil), true
	case reflect.TypeFor[inject.Volume]():
		return b.of(reflect.TypeFor[corev1.Volume](), nil), true
	case reflect.TypeFor[manifests.Patch]():
		return b.of(reflect.TypeFor[batchv1.Job](), nil), true
	case reflect.TypeFor[fn.Namespaces]():
		labels := table(text())
		byName := closed(node{"name": text(), "labels": labels})
		return node{"anyOf": []node{table(labels), list(byName)}}, true
	case reflect.TypeFor[quantity]():
		return node{"anyOf": []node{
			{"type": "integer", "minimum": 0, "maximum": 100_000_000},
			{"type": "string", "pattern": `^[0-9]{1,4}(\.[0-9]{1,6})?%$`},
		}}, true
	case reflect.TypeFor[duration]():
		return node{"type": "string", "pattern": `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`}, true
	case reflect.TypeFor[timeOfDay]():
		return node{"type": "string", "pattern": `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`}, true
	case reflect.TypeFor[anyScalar]():
		return node{"type": []string{"string", "number", "boolean"}}, true
	}
	return nil, false
}

// object is the schema of a whole manifest.
func object(description string, versions []string, kind string, metadata, spec node, required ...string) node {
	n := closed(node{
		"apiVersion": words(versions...), "kind": words(kind), "metadata": metadata, "spec": spec,
	})
	n["required"] = append([]string{"apiVersion", "kind"}, required...)
	described(n, description)
	return n
}

// metadata is open: an API server and orchestrators write into it.
func metadata(required ...string) node {
	n := node{"type": "object", "properties": node{
		"name": text(), "namespace": text(), "labels": table(text()), "annotations": table(text()),
	}}
	if len(required) > 0 {
		n["required"] = required
	}
	return n
}

// injectorSchema is that of a functionConfig, whose fields stand under spec or at the top.
func injectorSchema(b *builder) node {
	spec := b.structure(reflect.TypeFor[fn.Config](), nil)
	properties := spec["properties"].(node)
	allowed(b, properties)
	inline := b.structure(reflect.TypeFor[inject.SidecarSet](), definition(b, "sidecarsets"))
	inline["required"] = []string{"apiVersion", "kind", "metadata", "spec"}
	b.defs["SidecarSet"] = inline
	properties["sidecarSets"].(node)["items"] = node{"$ref": "#/$defs/SidecarSet"}
	b.defs["Spec"] = spec
	below := object("", []string{fn.APIVersion}, fn.Kind, metadata(), node{"$ref": "#/$defs/Spec"})
	above := object("", []string{fn.APIVersion}, fn.Kind, metadata(), node{})
	delete(above["properties"].(node), "spec")
	maps.Copy(above["properties"].(node), properties)
	delete(below, "description")
	delete(above, "description")
	return node{
		"description": "How slipway injects SidecarSets and releases BatchPlans. The fields stand under spec or at the top.",
		"if":          node{"required": []string{"spec"}}, "then": below, "else": above,
	}
}

// allowed finds the words that a field of the configuration takes: the reader itself lists them to whom writes another one.
func allowed(b *builder, properties node) {
	oneOf := regexp.MustCompile(`is not one of (.+)`)
	probe := func(path string) []string {
		keys := strings.Split(path, ".")
		text := "spec: {" + strings.Join(keys, ": {") + ": '?'" + strings.Repeat("}", len(keys))
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			b.t.Fatal(err)
		}
		_, findings := fn.ParseConfig(manifest.Root(&doc), manifest.Source{File: "c.yaml"})
		for _, f := range findings {
			if m := oneOf.FindStringSubmatch(f.Message); m != nil && strings.HasSuffix(f.Field, keys[len(keys)-1]) {
				return strings.Split(m[1], ", ")
			}
		}
		return nil
	}
	for _, name := range sorted(properties) {
		property := properties[name].(node)
		if all := probe(name); property["type"] == "string" && all != nil {
			property["enum"] = all
		}
		for _, below := range sorted(at(property, "properties")) {
			if all := probe(name + "." + below); at(property, "properties", below)["type"] == "string" && all != nil {
				at(property, "properties", below)["enum"] = all
			}
		}
	}
	if properties["jobs"].(node)["enum"] == nil || at(properties, "release", "properties", "mode")["enum"] == nil {
		b.t.Fatal("no words are found: ParseConfig lists them in another way by now")
	}
}

// definition is the schema in slipway's own definition of a kind of Kruise.
func definition(b *builder, resource string) node {
	text, err := os.ReadFile("../../rollout/kube/crd/" + resource + ".yaml")
	if err != nil {
		b.t.Fatal(err)
	}
	var crd map[string]any
	if err := jsonyaml.Unmarshal(text, &crd); err != nil {
		b.t.Fatal(err)
	}
	versions, _ := at(crd, "spec")["versions"].([]any)
	return at(versions[0].(node), "schema", "openAPIV3Schema")
}

func setSchema(b *builder) node {
	crd := definition(b, "sidecarsets")
	spec := b.structure(reflect.TypeFor[inject.SidecarSetSpec](), at(crd, "properties", "spec"))
	spec["required"] = []string{"selector"}
	n := object("Containers and volumes that pods get besides their own.",
		[]string{"apps.kruise.io/v1alpha1", "apps.kruise.io/v1beta1"},
		"SidecarSet", metadata("name"), spec, "metadata", "spec")
	n["properties"].(node)["status"] = node{}
	return n
}

// cloneSetSchema is that of slipway's definition, with all that Kubernetes knows of a pod, and the strategy of v1beta1.
func cloneSetSchema(b *builder) node {
	const alpha, beta = "apps.kruise.io/v1alpha1", "apps.kruise.io/v1beta1"
	crd := definition(b, "clonesets")
	spec := openAPI(at(crd, "properties", "spec"))
	properties := spec["properties"].(node)
	properties["template"] = b.of(reflect.TypeFor[corev1.PodTemplateSpec](), nil)
	properties["volumeClaimTemplates"] = list(b.of(reflect.TypeFor[corev1.PersistentVolumeClaim](), nil))
	at(properties, "scaleStrategy", "properties")["enablePVCReuse"] = node{
		"type": "boolean", "description": "Give the claims of lost pods to new pods. Only in " + beta + ".",
	}
	old := at(properties, "updateStrategy")
	rolling := maps.Clone(at(old, "properties"))
	update := rolling["type"].(node)
	delete(rolling, "type")
	rolling["podUpdatePolicy"] = update
	b.defs["UpdateStrategy"] = old
	b.defs["UpdateStrategyV1beta1"] = closed(node{"type": words("RollingUpdate", "OnDelete"), "rollingUpdate": closed(rolling)})
	properties["updateStrategy"] = node{"type": "object"}
	n := object("A set of equal pods without an identity of their own, updated step by step.", []string{alpha, beta}, "CloneSet",
		metadata("name"), spec, "metadata", "spec")
	n["properties"].(node)["status"] = node{}
	strategy := func(name string) node {
		return node{"properties": node{"spec": node{"properties": node{"updateStrategy": node{"$ref": "#/$defs/" + name}}}}}
	}
	n["if"] = node{"properties": node{"apiVersion": node{"const": beta}}}
	n["then"], n["else"] = strategy("UpdateStrategyV1beta1"), strategy("UpdateStrategy")
	return n
}

// openAPI translates a schema of a definition. Where its fields are listed there are no others.
func openAPI(in node) node {
	out := node{}
	for key, value := range in {
		switch key {
		case "type", "description", "enum", "minimum", "maximum", "minItems", "required", "pattern":
			out[key] = value
		case "items", "additionalProperties":
			out[key] = openAPI(value.(node))
		case "properties":
			properties := node{}
			for name, p := range value.(node) {
				properties[name] = openAPI(p.(node))
			}
			out[key] = properties
			if in["x-kubernetes-preserve-unknown-fields"] != true {
				out["additionalProperties"] = false
			}
		case "x-kubernetes-int-or-string":
			maps.Copy(out, intOrString())
		}
	}
	if fmt.Sprint(out["type"]) == "object" && out["properties"] == nil && out["additionalProperties"] == nil {
		out["additionalProperties"] = true
	}
	return out
}

// wordsOfKubernetes lists the values of a string type that has a closed set of them.
func wordsOfKubernetes(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[corev1.PullPolicy]():
		return []string{"Always", "IfNotPresent", "Never"}
	case reflect.TypeFor[corev1.Protocol]():
		return []string{"TCP", "UDP", "SCTP"}
	case reflect.TypeFor[corev1.RestartPolicy]():
		return []string{"Always", "OnFailure", "Never"}
	case reflect.TypeFor[corev1.URIScheme]():
		return []string{"HTTP", "HTTPS"}
	}
	return nil
}
