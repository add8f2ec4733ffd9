// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// listed is the outcome of a list.
type listed int

const (
	seenList listed = iota
	absentList
	refusedList
)

// objects calls f with every object of a kind and the version of its API.
func (c *cluster) objects(ctx context.Context, k kind, f func(item json.RawMessage, version string) error) (listed, error) {
	return c.list(k, func(version string) error {
		var unread error
		err := kube.ListPages(ctx, c.client, k.path(version, c.namespace), k.query(), func(item json.RawMessage) {
			if unread == nil {
				unread = f(item, version)
			}
		})
		if err == nil && unread != nil {
			return fmt.Errorf("reading a %s: %w", k.kind, unread)
		}
		return err
	})
}

// metadata calls f with the metadata of every object of a kind.
func (c *cluster) metadata(ctx context.Context, k kind, f func(o *metav1.PartialObjectMetadata,
	ref manifest.ObjectRef),
) (listed, error) {
	return c.list(k, func(version string) error {
		return kube.ListMetadata(ctx, c.client, k.path(version, c.namespace), k.query(), func(o metav1.PartialObjectMetadata) {
			f(&o, k.ref(&o, version))
		})
	})
}

// list asks for one version of a kind after the other until the server has it. What the server refuses is noted, and no error.
func (c *cluster) list(k kind, pages func(version string) error) (listed, error) {
	for _, version := range k.versions {
		err := pages(version)
		switch {
		case err == nil:
			c.seen++
			return seenList, nil
		case apierrors.IsNotFound(err):
			continue
		case refusal(err):
			c.refused(k, "list", err)
			return refusedList, nil
		default:
			return refusedList, err
		}
	}
	if k.kind == sidecarSetKind().kind {
		c.add(manifest.SeverityWarning, "not-seen", "SidecarSets were not seen: the cluster has no CustomResourceDefinition "+
			k.resource(),
			"nothing to do where Kruise is not installed")
	} else {
		c.absent = append(c.absent, k.resource())
	}
	return absentList, nil
}

// refusal says whether the server answered, and will not list a kind.
func refusal(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code != http.StatusUnauthorized
}

const permissionsHint = "slipway doctor --permissions prints all that it needs"

// refused notes what was not seen, and what would make it seen.
func (c *cluster) refused(k kind, verb string, err error) {
	where := "in the cluster"
	if c.namespace != "" && !k.cluster {
		where = "in namespace " + c.namespace
	}
	hint := "the server gave an error: try again"
	reason := err.Error()
	switch {
	case !apierrors.IsForbidden(err):
	case apierrors.IsUnexpectedServerError(err):
		hint = "that is not the word of an API server: what stands before it, such as a proxy, refuses"
	default:
		hint = permissionsHint
		reason = "permission to " + verb + " " + k.resource() + " is missing"
		c.forbidden = true
	}
	c.add(manifest.SeverityWarning, "not-seen", fmt.Sprintf("%ss were not seen %s: %s", k.kind, where, reason), hint)
}
