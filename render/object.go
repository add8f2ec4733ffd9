// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// ReadObject reads a file that holds one object, such as a configuration. An empty file holds nil.
func ReadObject(path string) (*yaml.Node, manifest.Source, error) {
	in := fileInput(path)
	var object *yaml.Node
	var source manifest.Source
	err := eachDocument(context.Background(), &in, func(d yamltext.Document) error {
		root, err := yamltext.Parse(d.Bytes)
		if err != nil {
			return fmt.Errorf("reading %w", malformed(sourceOf(&in, d), err))
		}
		if root == nil {
			return nil
		}
		if object != nil {
			return fmt.Errorf("reading %s: it holds more than one document (put the configuration into a file of its own)", path)
		}
		object, source = manifest.Root(root), sourceOf(&in, d)
		if object.Kind != yaml.MappingNode {
			return fmt.Errorf("reading %w", notAnObject(source, object))
		}
		return nil
	})
	return object, source, err
}
