// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"context"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// established is how long a server may take to serve a kind of objects that was defined.
const established = 30 * time.Second

func customResourceDefinitions() kube.Resource {
	return kube.Resource{Kind: "CustomResourceDefinition", Path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"}
}

// read reads a CustomResourceDefinition. It is nil where there is none.
func read(ctx context.Context, api kube.Client, name string) (map[string]any, error) {
	var live map[string]any
	err := api.Get(ctx, customResourceDefinitions().Object(name), &live)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, definitionError("reading", name, err)
	}
	return live, nil
}

// write writes a CustomResourceDefinition in place of the live one, nil where there is none, and waits until
// its objects are served. If the definition has changed since it was read, it stays and the error says so.
func write(ctx context.Context, api kube.Client, manifest, live map[string]any) (err error) {
	name := kube.Text(manifest, "metadata", "name")
	if live == nil {
		err = api.Create(ctx, customResourceDefinitions().Path, manifest, nil)
	} else {
		next, _ := runtime.DeepCopyJSONValue(live).(map[string]any)
		next["spec"] = manifest["spec"]
		labels := kube.Child(next, "metadata", "labels")
		wanted, _ := kube.Field(manifest, "metadata", "labels").(map[string]any)
		maps.Copy(labels, wanted)
		err = api.Update(ctx, customResourceDefinitions().Object(name), next, nil)
	}
	if err != nil {
		return definitionError("writing", name, err)
	}
	return await(ctx, api, name)
}

func await(ctx context.Context, api kube.Client, name string) error {
	limited, cancel := context.WithTimeout(ctx, established)
	defer cancel()
	for {
		live, err := read(limited, api, name)
		if err != nil {
			return err
		}
		for _, condition := range manifest.List(live, "status", "conditions") {
			if kube.Text(condition, "type") == "Established" && kube.Text(condition, "status") == "True" {
				return nil
			}
		}
		if limited.Err() != nil {
			return fmt.Errorf("CustomResourceDefinition %s is written, but not served within %v: see its conditions", name, established)
		}
		kube.Pause(limited, established/100)
	}
}

func definitionError(doing, name string, err error) error {
	what := fmt.Sprintf("%s CustomResourceDefinition %s", doing, name)
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w: only somebody who may write CustomResourceDefinitions can do this", what, err)
	case kube.Conflicting(err):
		return fmt.Errorf("%s: %w (%w): look again", what, rollout.ErrConflict, err)
	}
	return kube.Explain(what, err)
}
