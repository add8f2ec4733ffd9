// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// jsonClient speaks JSON and does not decode.
func jsonClient(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c := rest.CopyConfig(config)
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.WarningHandler = rest.NoWarnings{}
	client, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}

// outcome of a list.
type listed int

const (
	seenList listed = iota
	absentList
	refusedList
)

// list calls f with every object of a kind. What the server refuses is noted, and no error.
func (s *sight) list(ctx context.Context, kind liveKind, metadataOnly bool, f func(item json.RawMessage, version string) error) (listed, error) {
	for _, version := range kind.versions {
		err := s.pages(ctx, kind, version, metadataOnly, f)
		switch {
		case err == nil:
			s.seen++
			return seenList, nil
		case apierrors.IsNotFound(err):
			continue
		case refusal(err):
			s.refused(kind, "list", err)
			return refusedList, nil
		default:
			return refusedList, err
		}
	}
	if kind.kind == sidecarSetKind().kind {
		s.add(manifest.SeverityWarning, "not-seen", "SidecarSets were not seen: the cluster has no CustomResourceDefinition "+kind.resource(),
			"nothing to do where Kruise is not installed")
	} else {
		s.absent = append(s.absent, kind.resource())
	}
	return absentList, nil
}

// refusal says whether the server answered, and will not list a kind.
func refusal(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code != http.StatusUnauthorized
}

func (s *sight) refused(kind liveKind, verb string, err error) {
	where := "in the cluster"
	if s.namespace != "" && !kind.cluster {
		where = "in namespace " + s.namespace
	}
	hint := "the server gave an error: try again"
	reason := err.Error()
	if apierrors.IsForbidden(err) {
		hint = "slipway doctor --permissions prints all that it needs"
		reason = "permission to " + verb + " " + kind.resource() + " is missing"
	}
	s.add(manifest.SeverityWarning, "not-seen", fmt.Sprintf("%ss were not seen %s: %s", kind.kind, where, reason), hint)
}

const (
	pageSize     = "500"
	answerTime   = 70 * time.Second // what an API server allows itself, and a little more
	metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// pages reads a list page by page.
func (s *sight) pages(ctx context.Context, kind liveKind, version string, metadataOnly bool, f func(json.RawMessage, string) error) error {
	for next := ""; ; {
		page, err := s.page(ctx, kind, version, metadataOnly, next)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := f(item, version); err != nil {
				return fmt.Errorf("reading a %s: %w", kind.kind, err)
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return nil
		}
	}
}

// answer sends a request; an error has the words of the server.
func answer(ctx context.Context, r *rest.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	result := r.Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// livePage is one answer of a list.
type livePage struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []json.RawMessage `json:"items"`
}

func (s *sight) page(ctx context.Context, kind liveKind, version string, metadataOnly bool, next string) (livePage, error) {
	var page livePage
	r := s.client.Get().AbsPath(kind.path(version, s.namespace)).Param("limit", pageSize)
	if next != "" {
		r = r.Param("continue", next)
	}
	if kind.kind == podKind().kind {
		r = r.Param("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed")
	}
	accept := runtime.ContentTypeJSON
	if metadataOnly {
		accept = metadataList + "," + accept
	}
	data, err := answer(ctx, r.SetHeader("Accept", accept))
	if err != nil {
		return page, err
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return page, fmt.Errorf("decoding the list of %s: %w", kind.resource(), err)
	}
	return page, nil
}
