// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

// sidecar adds a container, a volume and an annotation to the pod template of a deployment.
func sidecar(root *yaml.Node) *yaml.Node {
	str := func(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v} }
	object := func(nodes ...*yaml.Node) *yaml.Node {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: nodes}
	}
	list := func(nodes ...*yaml.Node) *yaml.Node {
		return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: nodes}
	}
	container := object(str("name"), str("log-collector"), str("image"), str("xxx:latest"), str("volumeMounts"),
		list(object(str("name"), str("log-volume"), str("mountPath"), str("/var/log"))))
	volume := object(str("name"), str("log-volume"), str("emptyDir"), object())
	add := func(nodes ...*yaml.Node) func(*yaml.Node) *yaml.Node {
		return func(n *yaml.Node) *yaml.Node {
			return withContent(n, append(append([]*yaml.Node{}, n.Content...), nodes...))
		}
	}
	root = editAt(root, add(container), "spec", "template", "spec", "containers")
	root = editAt(root, add(volume), "spec", "template", "spec", "volumes")
	return editAt(root, add(str("annotations"), object(str("slipway.dev/injected"),
		str(`{"log":{"containers":["log-collector"]}}`))),
		"spec", "template", "metadata")
}

// editAt returns n with the value at path changed.
func editAt(n *yaml.Node, change func(*yaml.Node) *yaml.Node, path ...string) *yaml.Node {
	if n.Kind == yaml.DocumentNode {
		return withContent(n, []*yaml.Node{editAt(n.Content[0], change, path...)})
	}
	if len(path) == 0 {
		return change(n)
	}
	content := append([]*yaml.Node{}, n.Content...)
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == path[0] {
			content[i+1] = editAt(content[i+1], change, path[1:]...)
		}
	}
	return withContent(n, content)
}

func BenchmarkSplice(b *testing.B) {
	doc := yamltest.Deployment(7)
	root, err := yamltext.Parse(doc)
	if err != nil {
		b.Fatal(err)
	}
	edited := sidecar(root)
	b.Run("alone", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := splice(doc, root, edited, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verified quickly", func(b *testing.B) {
		s := NewScanner(nil)
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Apply(doc, root, edited, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verified", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Apply(doc, root, edited, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
