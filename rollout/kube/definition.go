// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
)

// established is how long a server may take to serve a kind of objects that was defined.
const established = 30 * time.Second

func customResourceDefinitions() Resource {
	return Resource{"CustomResourceDefinition", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"}
}

// Definition reads a CustomResourceDefinition. It is nil where there is none.
func Definition(ctx context.Context, config *rest.Config, name string) (map[string]any, error) {
	api, err := NewClient(config)
	if err != nil {
		return nil, err
	}
	return api.definition(ctx, name)
}

func (c Client) definition(ctx context.Context, name string) (map[string]any, error) {
	var live map[string]any
	err := c.Get(ctx, customResourceDefinitions().Object(name), &live)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, definitionError("reading", name, err)
	}
	return live, nil
}

// InstallDefinition writes a CustomResourceDefinition in place of the live one, nil where there is none, and waits until
// its objects are served. If the definition has changed since it was read, it stays and the error says so.
func InstallDefinition(ctx context.Context, config *rest.Config, manifest, live map[string]any) error {
	api, err := NewClient(config)
	if err != nil {
		return err
	}
	name := Text(manifest, "metadata", "name")
	if live == nil {
		err = api.Create(ctx, customResourceDefinitions().Path, manifest, nil)
	} else {
		next, _ := runtime.DeepCopyJSONValue(live).(map[string]any)
		next["spec"] = manifest["spec"]
		labels := Child(next, "metadata", "labels")
		wanted, _ := Field(manifest, "metadata", "labels").(map[string]any)
		maps.Copy(labels, wanted)
		err = api.Update(ctx, customResourceDefinitions().Object(name), next, nil)
	}
	if err != nil {
		return definitionError("writing", name, err)
	}
	return api.awaitDefinition(ctx, name)
}

func (c Client) awaitDefinition(ctx context.Context, name string) error {
	patient, cancel := context.WithTimeout(ctx, established)
	defer cancel()
	for {
		live, err := c.definition(patient, name)
		if err != nil {
			return err
		}
		for _, condition := range items(live, "status", "conditions") {
			if Text(condition, "type") == "Established" && Text(condition, "status") == "True" {
				return nil
			}
		}
		if patient.Err() != nil {
			return fmt.Errorf("CustomResourceDefinition %s is written, but not served within %v: see its conditions", name, established)
		}
		Pause(patient, established/100)
	}
}

func definitionError(doing, name string, err error) error {
	what := fmt.Sprintf("%s CustomResourceDefinition %s", doing, name)
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w: it takes somebody who may write definitions for the whole cluster", what, err)
	case Conflicting(err):
		return fmt.Errorf("%s: %w (%w): look again", what, rollout.ErrConflict, err)
	}
	return Explain(what, err)
}
