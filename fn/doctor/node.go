// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"errors"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// objectNode turns an item of a list into a tree that says what it is.
func objectNode(item json.RawMessage, k kind, version string) (*yaml.Node, error) {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(string(item)))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("it is null")
	}
	object["kind"], object["apiVersion"] = k.kind, k.apiVersion(version)
	return manifest.NewNode(object), nil
}
