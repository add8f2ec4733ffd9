// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// Announce lists the parameters that depend on the application; plugin.yaml has the others.
func (a *App) Announce() ([]Parameter, error) {
	if err := a.checkLinks(); err != nil {
		return nil, err
	}
	source, err := a.source()
	if err != nil {
		return nil, err
	}
	announced := []Parameter{}
	if source != Helm {
		return announced, nil
	}
	files, err := filepath.Glob("values*.yaml")
	if err != nil {
		return nil, fmt.Errorf("looking for values: %w", err)
	}
	values, err := chartValues()
	if err != nil {
		return nil, err
	}
	return append(announced,
		Parameter{Name: "helm-release-name", Title: "Helm release", Tooltip: "name of the release", String: a.name()},
		Parameter{
			Name: "helm-values-files", Title: "Values files", CollectionType: "array",
			Tooltip: "files of the repository, the last one wins; the chart has " + strings.Join(files, ", "),
		},
		Parameter{Name: "helm-values", Title: "Values", Tooltip: "values that prevail over files", CollectionType: "map", Map: values},
	), nil
}

// chartValues are the single values of a chart's values.yaml, by their path.
func chartValues() (map[string]string, error) {
	text, err := os.ReadFile("values.yaml")
	if err != nil {
		return nil, nil //nolint:nilerr // a chart need not have values
	}
	var values map[string]any
	asWritten := func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d } // a float would be 1.00066e+09
	if err := yaml.Unmarshal(text, &values, asWritten); err != nil {
		return nil, fmt.Errorf("reading values.yaml: %w", err)
	}
	flat := map[string]string{}
	flatten("", values, flat)
	return flat, nil
}

// flatten adds the single values below a mapping, the dots in their keys escaped as helm --set takes them.
func flatten(prefix string, values map[string]any, into map[string]string) {
	for key, value := range values {
		path := prefix + strings.ReplaceAll(key, ".", `\.`)
		switch v := value.(type) {
		case map[string]any:
			flatten(path+".", v, into)
		case string, bool, json.Number:
			into[path] = fmt.Sprint(v)
		}
	}
}
