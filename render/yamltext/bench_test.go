// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// deployment is a document like those that tools render, about 1.6 kB.
func deployment(i int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\n  namespace: team-%d\n", i, i%20)
	fmt.Fprintf(&b, "  labels:\n    app: app-%d\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: app-%[1]d\n", i)
	fmt.Fprintf(&b, "  template:\n    metadata:\n      labels:\n        app: app-%d\n    spec:\n      # main container\n", i)
	fmt.Fprintf(&b, "      containers:\n      - name: app\n        image: registry.example.com/team/app-%d:v1.2.3\n        env:\n", i)
	for k := range 8 {
		fmt.Fprintf(&b, "        - name: VAR_%d\n          value: \"value-%d\"\n", k, i*k)
	}
	b.WriteString("        resources:\n          requests:\n            cpu: 100m\n          limits:\n            cpu: \"1\"\n" +
		"        volumeMounts:\n        - name: config\n          mountPath: /etc/app\n" +
		"      volumes:\n      - name: config\n        configMap:\n          name: config\n")
	return b.Bytes()
}

func stream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		b.Write(deployment(i))
	}
	return b.Bytes()
}

func BenchmarkSplit(b *testing.B) {
	data := stream(1000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewSplitter(bytes.NewReader(data))
		for {
			if _, err := s.Read(); errors.Is(err, io.EOF) {
				break
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	doc := deployment(7)
	s := NewScanner()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Scan(doc); !ok {
			b.Fatal("not certain")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	doc := deployment(7)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}

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
	return editAt(root, add(str("annotations"), object(str("slipway.dev/injected"), str(`{"log":{"containers":["log-collector"]}}`))),
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
	doc := deployment(7)
	root, err := Parse(doc)
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
		s := NewScanner()
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := spliceVerifiedBy(s.Parse, doc, root, edited, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verified", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Splice(doc, root, edited, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
