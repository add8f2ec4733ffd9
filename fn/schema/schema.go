// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"embed"
	"fmt"
	"strings"
)

//go:generate go test -run TestSchemasAreThoseOfTheTypes -update .

// Base is where the files are served from, for the first line of a manifest and for kubeconform.
const Base = "https://raw.githubusercontent.com/slipway-dev/slipway/main/fn/schema/"

//go:embed *.json
var files embed.FS

// Kinds are the names under which the schemas are found: a kind in lower case, as kubeconform writes it.
func Kinds() []string { return []string{"sidecarinjector", "batchplan", "sidecarset", "cloneset"} }

// Of is the schema of a kind, of which case does not count.
func Of(kind string) ([]byte, error) {
	text, err := files.ReadFile(strings.ToLower(kind) + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema of %q: it is one of %s", kind, strings.Join(Kinds(), ", "))
	}
	return text, nil
}
