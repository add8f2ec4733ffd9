// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// provenance is the value of the annotation slipway.dev/injected: what came from which set, and the text of what was
// there before. It depends on what is injected and on what that displaced, and on nothing else: a change of its value
// restarts pods.
type provenance struct {
	Sets map[string]*setRecord `json:"sets"`
	// Was holds original text by what it was the text of: "volumes" for a list written as [], null or with repeats,
	// "containers[x]" for a container that was replaced, "annotations[x]" for a value that was.
	Was map[string]string `json:"was,omitempty"`
}

// setRecord lists by name what one set put into the template.
type setRecord struct {
	InitContainers   []string `json:"initContainers,omitempty"`
	Containers       []string `json:"containers,omitempty"`
	Volumes          []string `json:"volumes,omitempty"`
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
	Annotations      []string `json:"annotations,omitempty"`
}

func newProvenance() *provenance {
	return &provenance{Sets: map[string]*setRecord{}, Was: map[string]string{}}
}

func (p *provenance) set(name string) *setRecord {
	if p.Sets[name] == nil {
		p.Sets[name] = &setRecord{}
	}
	return p.Sets[name]
}

// list returns the names recorded under a field of the pod spec, or under "annotations".
func (r *setRecord) list(field string) *[]string {
	switch field {
	case initsField:
		return &r.InitContainers
	case containersField:
		return &r.Containers
	case volumesField:
		return &r.Volumes
	case pullSecretsField:
		return &r.ImagePullSecrets
	default:
		return &r.Annotations
	}
}

func (r *setRecord) add(field, name string) {
	l := r.list(field)
	*l = append(*l, name)
}

// replaced remembers the text of a named element or value that injection takes the place of.
func (p *provenance) replaced(field, name, text string) {
	p.Was[field+"["+name+"]"] = text
}

// recorded lists what all sets put under a field.
func (p *provenance) recorded(field string) []string {
	var out []string
	for _, r := range p.Sets {
		if r != nil {
			out = append(out, *r.list(field)...)
		}
	}
	slices.Sort(out)
	return out
}

// encode writes the annotation's value: one line of JSON, keys sorted.
func (p *provenance) encode() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic("inject: provenance does not marshal: " + err.Error())
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func decodeProvenance(text string) (*provenance, error) {
	p := newProvenance()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("its value is damaged: %w", err)
	}
	if p.Was == nil {
		p.Was = map[string]string{}
	}
	return p, nil
}
