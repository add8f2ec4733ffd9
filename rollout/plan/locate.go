// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Locate gives a Finding that knows no file, as Plan.Validate returns it, its place in the file that the plan was
// read from. Any other error is returned as it is.
func Locate(file string, data []byte, err error) error {
	var e manifest.Finding
	if !errors.As(err, &e) || e.Source.File != "" {
		return err
	}
	e.Source.File = file
	for _, doc := range documents(sourceOf(file), data) {
		if isPlan(doc) {
			e.Source.Line = doc.follow(e.Field).Line()
		}
	}
	return e
}

// follow walks a path such as spec.batches[0].replicas as far as it exists.
func (v value) follow(path string) value {
	for _, part := range strings.Split(path, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		v = v.get(name)
		if items := v.items(); indexed {
			if i, err := strconv.Atoi(index); err == nil && i < len(items) {
				v = items[i]
			}
		}
	}
	return v
}
