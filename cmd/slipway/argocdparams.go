// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	argoParameters = "ARGOCD_APP_PARAMETERS"
	argoVariables  = "ARGOCD_ENV_" // Argo CD's prefix for variables of an application
	ownVariables   = "SLIPWAY_"
)

// argoParameter is a parameter as it is announced to Argo CD and, with a value alone, as it comes back.
type argoParameter struct {
	Name           string            `json:"name"`
	Title          string            `json:"title,omitempty"`
	Tooltip        string            `json:"tooltip,omitempty"`
	CollectionType string            `json:"collectionType,omitempty"` // "", array or map
	String         string            `json:"string,omitempty"`
	Array          []string          `json:"array,omitempty"`
	Map            map[string]string `json:"map,omitempty"`
}

// knownParameters are all parameters, with what they hold.
func knownParameters() []argoParameter {
	return []argoParameter{
		{Name: "source"},
		{Name: "config"},
		{Name: "sidecarsets", CollectionType: "array"},
		{Name: "helm-release-name"},
		{Name: "helm-values-files", CollectionType: "array"},
		{Name: "helm-values", CollectionType: "map"},
	}
}

// argoSetting is the value of one parameter.
type argoSetting struct {
	origin  string // where it was set, as messages give it
	trusted bool   // set by who runs Argo CD, not by who writes an application
	text    string
	list    []string
	mapping map[string]string
}

// all are the values of a text or a list.
func (s argoSetting) all() []string {
	if s.text != "" {
		return []string{s.text}
	}
	return s.list
}

// argoSettings are the parameters that were set, by name.
type argoSettings map[string]argoSetting

// readArgoSettings reads every parameter from the first place where it is set.
func readArgoSettings(env map[string]string) (argoSettings, error) {
	given, err := givenParameters(env[argoParameters])
	if err != nil {
		return nil, err
	}
	settings := argoSettings{}
	for _, known := range knownParameters() {
		if p, ok := given[known.Name]; ok {
			settings[known.Name] = argoSetting{origin: strconv.Quote(known.Name) + " parameter", text: p.String, list: p.Array, mapping: p.Map}
			continue
		}
		own := ownVariables + strings.ToUpper(strings.ReplaceAll(known.Name, "-", "_"))
		for _, variable := range []string{argoVariables + own, own} {
			if value, ok := env[variable]; ok {
				setting, err := parseArgoVariable(known.CollectionType, value)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", variable, err)
				}
				setting.origin, setting.trusted = variable, variable == own
				settings[known.Name] = setting
				break
			}
		}
	}
	return settings, nil
}

// givenParameters reads the parameters of an application.
func givenParameters(text string) (map[string]argoParameter, error) {
	var list []argoParameter
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("%s: %w; it is a JSON list of parameters with name and string, array or map", argoParameters, err)
	}
	given := map[string]argoParameter{}
	for _, p := range list {
		if err := checkParameter(p); err != nil {
			return nil, err
		}
		given[p.Name] = p
	}
	return given, nil
}

// checkParameter refuses a parameter that is not known, or has a value of another type.
func checkParameter(p argoParameter) error {
	var names []string
	for _, known := range knownParameters() {
		if known.Name != p.Name {
			names = append(names, known.Name)
			continue
		}
		want := "string"
		if known.CollectionType != "" {
			want = known.CollectionType
		}
		is := map[string]bool{"string": p.String != "", "array": p.Array != nil, "map": p.Map != nil}
		for kind, set := range is {
			if set && kind != want {
				return fmt.Errorf("%q parameter: takes %s, not %s", p.Name, want, kind)
			}
		}
		return nil
	}
	return fmt.Errorf("%q parameter: not known; there are %s", p.Name, strings.Join(names, ", "))
}

func parseArgoVariable(collection, value string) (argoSetting, error) {
	switch collection {
	case "array":
		return argoSetting{list: splitList(value)}, nil
	case "map":
		s := argoSetting{mapping: map[string]string{}}
		for i, pair := range splitList(value) {
			key, v, found := strings.Cut(pair, "=")
			if !found || key == "" {
				return s, fmt.Errorf("part %d is not key=value", i+1)
			}
			s.mapping[key] = v
		}
		return s, nil
	default:
		return argoSetting{text: value}, nil
	}
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// announce lists the parameters that depend on the application; plugin.yaml has the others.
func (a *argoApp) announce() ([]argoParameter, error) {
	source, err := a.source()
	if err != nil {
		return nil, err
	}
	announced := []argoParameter{}
	if source != argoHelm {
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
		argoParameter{Name: "helm-release-name", Title: "Helm release", Tooltip: "name of the release", String: a.env["ARGOCD_APP_NAME"]},
		argoParameter{
			Name: "helm-values-files", Title: "Values files", CollectionType: "array",
			Tooltip: "files of the repository, the last one wins; the chart has " + strings.Join(files, ", "),
		},
		argoParameter{Name: "helm-values", Title: "Values", Tooltip: "values that prevail over files", CollectionType: "map", Map: values},
	), nil
}

// chartValues are the single values of a chart's values.yaml, by their path.
func chartValues() (map[string]string, error) {
	text, err := os.ReadFile("values.yaml")
	if err != nil {
		return nil, nil //nolint:nilerr // a chart need not have values
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
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
		case string, bool, float64:
			into[path] = fmt.Sprint(v)
		}
	}
}
