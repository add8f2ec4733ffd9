// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	parametersVariable = "ARGOCD_APP_PARAMETERS"
	applicationPrefix  = "ARGOCD_ENV_" // Argo CD's prefix for variables of an application
	ownPrefix          = "SLIPWAY_"
)

// Parameter is a parameter as it is announced to Argo CD and, with a value alone, as it comes back.
type Parameter struct {
	Name           string            `json:"name"`
	Title          string            `json:"title,omitempty"`
	Tooltip        string            `json:"tooltip,omitempty"`
	CollectionType string            `json:"collectionType,omitempty"` // "", array or map
	String         string            `json:"string,omitempty"`
	Array          []string          `json:"array,omitempty"`
	Map            map[string]string `json:"map,omitempty"`
}

// knownParameters are all parameters, with what they hold.
func knownParameters() []Parameter {
	return []Parameter{
		{Name: "source"},
		{Name: "config"},
		{Name: "sidecarsets", CollectionType: "array"},
		{Name: "helm-release-name"},
		{Name: "helm-values-files", CollectionType: "array"},
		{Name: "helm-values", CollectionType: "map"},
	}
}

// setting is the value of one parameter.
type setting struct {
	origin  string // where it was set, as messages give it
	trusted bool   // set by who runs Argo CD, not by who writes an application
	text    string
	list    []string
	mapping map[string]string
}

// all are the values of a text or a list.
func (s setting) all() []string {
	if s.text != "" {
		return []string{s.text}
	}
	return s.list
}

// settings are the parameters that were set, by name.
type settings map[string]setting

// readSettings reads every parameter from the first place where it is set.
func readSettings(env map[string]string) (settings, error) {
	given, err := givenParameters(env[parametersVariable])
	if err != nil {
		return nil, err
	}
	settings := settings{}
	for _, known := range knownParameters() {
		if p, ok := given[known.Name]; ok {
			settings[known.Name] = setting{
				origin: strconv.Quote(known.Name) + " parameter", text: p.String, list: p.Array,
				mapping: p.Map,
			}
			continue
		}
		own := ownPrefix + strings.ToUpper(strings.ReplaceAll(known.Name, "-", "_"))
		for _, variable := range []string{applicationPrefix + own, own} {
			if value, ok := env[variable]; ok {
				setting, err := parseVariable(known.CollectionType, value)
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
func givenParameters(text string) (map[string]Parameter, error) {
	var list []Parameter
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("%s: %w; it is a JSON list of parameters with name and string, array or map", parametersVariable,
			plainly(err))
	}
	given := map[string]Parameter{}
	for _, p := range list {
		if err := checkParameter(p); err != nil {
			return nil, err
		}
		given[p.Name] = p
	}
	return given, nil
}

// plainly says of JSON of another type what it is, in place of a name of Go's.
func plainly(err error) error {
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return fmt.Errorf("byte %d: a value of the wrong type, %s", wrong.Offset, wrong.Value)
	}
	return err
}

// checkParameter refuses a parameter that is not known, or has a value of another type.
func checkParameter(p Parameter) error {
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
		for _, is := range []struct {
			kind string
			set  bool
		}{{"string", p.String != ""}, {"array", p.Array != nil}, {"map", p.Map != nil}} {
			if is.set && is.kind != want {
				return fmt.Errorf("%q parameter: takes %s, not %s", p.Name, want, is.kind)
			}
		}
		return nil
	}
	return fmt.Errorf("%q parameter: not known; there are %s", p.Name, strings.Join(names, ", "))
}

func parseVariable(collection, value string) (setting, error) {
	switch collection {
	case "array":
		return setting{list: splitList(value)}, nil
	case "map":
		s := setting{mapping: map[string]string{}}
		for i, pair := range splitList(value) {
			key, v, found := strings.Cut(pair, "=")
			if !found || key == "" {
				return s, fmt.Errorf("part %d is not key=value", i+1)
			}
			s.mapping[key] = v
		}
		return s, nil
	default:
		return setting{text: value}, nil
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
