// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// pageSize is how many objects one answer of the API server holds at most.
const pageSize = 500

// newCluster is a client of the cluster that a check is about.
func newCluster(config *rest.Config) (dynamic.Interface, error) {
	if config == nil {
		return nil, errors.New("a check of pods or with a Job needs a cluster")
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return client, nil
}

func jobs() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
}

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

// each lists objects page by page.
func each(ctx context.Context, in dynamic.ResourceInterface, options metav1.ListOptions, do func(*unstructured.Unstructured) error) error {
	options.Limit = pageSize
	for {
		page, err := in.List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := do(&page.Items[i]); err != nil {
				return err
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// decode reads the fields of an object that a struct names.
func decode(u *unstructured.Unstructured, into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into); err != nil {
		return fmt.Errorf("reading %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

// serverAnswer says why the API server did not do what was asked.
func serverAnswer(what string, err error) answer {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err):
		return inconclusive("%s: %w: slipway rollout job prints a Role with what a release needs", what, err)
	case errors.As(err, &status) && (status.Status().Code == http.StatusBadRequest || status.Status().Code == http.StatusUnprocessableEntity):
		return inconclusive("%w: %s: %w", ErrWrong, what, err)
	default:
		return inconclusive("%w: %s: %w", ErrUnreachable, what, err)
	}
}
