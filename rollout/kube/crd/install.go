// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// ForeignError says that the cluster has definitions of Kruise or somebody else, which must stay.
type ForeignError struct{ Names []string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the cluster has %s of Kruise or somebody else: they stay, and nothing was written: "+
		"slipway releases their CloneSets as they are", strings.Join(e.Names, " and "))
}

// Definition is one of slipway's, and whose the cluster has under its name.
type Definition struct {
	Name   string
	Origin Origin

	manifest, live map[string]any
}

// Read looks for each of slipway's definitions in a cluster.
func Read(ctx context.Context, config *rest.Config) ([]Definition, error) {
	api, err := kube.NewClient(config)
	if err != nil {
		return nil, err
	}
	var all []Definition
	for _, own := range []struct {
		name string
		text []byte
	}{{CloneSetName, CloneSet()}, {SidecarSetName, SidecarSet()}} {
		d := Definition{Name: own.name}
		err = yaml.Unmarshal(own.text, &d.manifest)
		if err != nil {
			return nil, fmt.Errorf("reading slipway's definition of %s: %w", own.name, err)
		}
		if d.live, err = read(ctx, api, d.Name); err != nil {
			return nil, err
		}
		d.Origin = originOf(d.live)
		all = append(all, d)
	}
	return all, nil
}

// Install writes all definitions, or with a ForeignError none, and calls done after each.
func Install(ctx context.Context, config *rest.Config, definitions []Definition, done func(name, what string) error) error {
	var foreign []string
	for _, d := range definitions {
		if d.Origin == Kruise {
			foreign = append(foreign, d.Name)
		}
	}
	if len(foreign) > 0 {
		return &ForeignError{foreign}
	}
	api, err := kube.NewClient(config)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		if err := write(ctx, api, d.manifest, d.live); err != nil {
			return err
		}
		what := "replaced"
		if d.Origin == Absent {
			what = "created"
		}
		if err := done(d.Name, what); err != nil {
			return err
		}
	}
	return nil
}
