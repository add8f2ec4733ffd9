// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// resourceList is what an orchestrator sends and is sent. kyaml's own framework for functions has the same, but with it come
// validators of OpenAPI that take longer to start than an empty list takes to be answered.
type resourceList struct {
	items          []*yaml.RNode
	functionConfig *yaml.RNode
	results        []result
}

// result is one entry of a list's results, as the specification of functions has it.
type result struct {
	Message     string                   `yaml:"message,omitempty"`
	Severity    manifest.Severity        `yaml:"severity,omitempty"`
	ResourceRef *yaml.ResourceIdentifier `yaml:"resourceRef,omitempty"`
	Field       *resultField             `yaml:"field,omitempty"`
	File        *resultFile              `yaml:"file,omitempty"`
	Tags        map[string]string        `yaml:"tags,omitempty"`
}

type resultField struct {
	Path string `yaml:"path,omitempty"`
}

type resultFile struct {
	Path  string `yaml:"path,omitempty"`
	Index int    `yaml:"index,omitempty"` // of the document in it
}

// resultOf is what is said of a finding in a list.
func resultOf(f manifest.Finding) result {
	message := f.Message
	if f.Hint != "" {
		message += " (" + f.Hint + ")"
	}
	r := result{Message: message, Severity: f.Severity, Tags: map[string]string{"code": f.Code}}
	if f.Object.Kind != "" {
		r.ResourceRef = &yaml.ResourceIdentifier{
			TypeMeta: yaml.TypeMeta{APIVersion: f.Object.APIVersion, Kind: f.Object.Kind},
			NameMeta: yaml.NameMeta{Name: f.Object.Name, Namespace: f.Object.Namespace},
		}
	}
	if f.Field != "" {
		r.Field = &resultField{Path: f.Field}
	}
	if f.Source.File != "" && f.Source.File != configFile {
		r.File = &resultFile{Path: f.Source.File, Index: max(f.Source.Doc-1, 0)}
	}
	return r
}
