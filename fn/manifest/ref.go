// SPDX-License-Identifier: Apache-2.0

package manifest

import "sigs.k8s.io/kustomize/kyaml/yaml"

// RefOf reads which object a root node is.
func RefOf(object *yaml.Node) ObjectRef {
	m := Lookup(object, "metadata")
	name := Text(Lookup(m, "name"))
	if name == "" {
		name = Text(Lookup(m, "generateName"))
	}
	return ObjectRef{
		APIVersion: Text(Lookup(object, "apiVersion")), Kind: Text(Lookup(object, "kind")),
		Namespace: Text(Lookup(m, "namespace")), Name: name,
	}
}

// Annotation is the value of an annotation of an object, "" where it has none.
func Annotation(object *yaml.Node, key string) string {
	return Text(At(object, "metadata", "annotations", key))
}
