// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
)

// requestTimeout bounds one request that is not a watch: the time that an API server allows itself, and a little more.
const requestTimeout = 70 * time.Second

// client speaks JSON with the API server and decodes answers into the structs of this package.
type client struct {
	rest rest.Interface
}

// newClient makes a client that keeps to the rate of its config. Requests that the server refuses with Retry-After are
// repeated after that time by client-go.
func newClient(config *rest.Config) (client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c := rest.CopyConfig(config)
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.WarningHandler = rest.NoWarnings{}
	r, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return client{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return client{rest: r}, nil
}

// resource is a kind of object in one namespace, as it stands in a URL.
type resource struct {
	kind string // for messages
	path string // without a slash at its end
}

func (r resource) object(name string, subresource ...string) string {
	return path.Join(append([]string{r.path, name}, subresource...)...)
}

// The resources that a release touches.
func pods(namespace string) resource { return core("Pod", namespace, "pods") }

func claims(namespace string) resource {
	return core("PersistentVolumeClaim", namespace, "persistentvolumeclaims")
}
func configMaps(namespace string) resource { return core("ConfigMap", namespace, "configmaps") }
func events(namespace string) resource     { return core("Event", namespace, "events") }

func core(kind, namespace, plural string) resource {
	return resource{kind, "/api/v1/namespaces/" + namespace + "/" + plural}
}

func leases(namespace string) resource {
	return resource{"Lease", "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases"}
}

func controllerRevisions(namespace string) resource {
	return resource{"ControllerRevision", "/apis/apps/v1/namespaces/" + namespace + "/controllerrevisions"}
}

// get reads one object.
func (c client) get(ctx context.Context, path string, out any) error {
	return c.send(ctx, c.rest.Get().AbsPath(path), out)
}

// create posts an object to a collection or a subresource.
func (c client) create(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Post().AbsPath(path).Param("fieldManager", fieldManager), in, out)
}

// update replaces an object.
func (c client) update(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Put().AbsPath(path).Param("fieldManager", fieldManager), in, out)
}

// merge sends a merge patch.
func (c client) merge(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.MergePatchType).AbsPath(path).Param("fieldManager", fieldManager), in, out)
}

// strategic sends a strategic merge patch, which knows the keys of the lists in built-in objects.
func (c client) strategic(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.StrategicMergePatchType).AbsPath(path).Param("fieldManager", fieldManager), in, out)
}

// delete deletes an object under preconditions.
func (c client) delete(ctx context.Context, path string, options deleteOptions, out any) error {
	return c.body(ctx, c.rest.Delete().AbsPath(path), options, out)
}

// evict asks to delete a pod as far as PodDisruptionBudgets permit it now. It does not wait for them.
func (c client) evict(ctx context.Context, path string, in any) error {
	return c.body(ctx, c.rest.Post().AbsPath(path).MaxRetries(0), in, nil)
}

// apply sends a server-side apply that takes the fields over from other managers.
func (c client) apply(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.ApplyPatchType).AbsPath(path).Param("fieldManager", fieldManager).Param("force", "true"), in, out)
}

// jsonPatch sends a list of operations.
func (c client) jsonPatch(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.JSONPatchType).AbsPath(path).Param("fieldManager", fieldManager), in, out)
}

func (c client) body(ctx context.Context, r *rest.Request, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return c.send(ctx, r.Body(data), out)
}

func (c client) send(ctx context.Context, r *rest.Request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	data, err := r.DoRaw(ctx)
	if err != nil {
		return serverError(err, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decoding the server's answer: %w", err)
	}
	return nil
}

// serverError gives an error the words of the server, which client-go does not read from a raw answer.
func serverError(err error, data []byte) error {
	var status metav1.Status
	var api *apierrors.StatusError
	if errors.As(err, &api) && json.Unmarshal(data, &status) == nil && status.Kind == "Status" && status.Code != 0 {
		api.ErrStatus = status
	}
	return err
}

// stream opens a list or a watch whose answer is read piece by piece.
func (c client) stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	r := c.rest.Get().AbsPath(path)
	for name, values := range query {
		for _, v := range values {
			r = r.Param(name, v)
		}
	}
	return r.Stream(ctx)
}

// fieldManager names this agent in managedFields.
const fieldManager = "slipway"

// conflicting tells whether a write did not happen because the object is not as it was, is gone, or is there already.
func conflicting(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) || apierrors.IsGone(err)
}

// refused tells whether the server has said no for good: repeating the same request would not help.
func refused(err error) bool {
	var api apierrors.APIStatus
	if !errors.As(err, &api) {
		return false
	}
	code := api.Status().Code
	return code >= 400 && code < 500 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout &&
		code != http.StatusUnauthorized && !conflicting(err)
}

// conflict turns an error of a write into one that makes the run look again where that is the remedy: the write did
// not happen for good reason, or nobody knows whether it happened.
func conflict(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case refused(err):
		return explain(what, err)
	default:
		return fmt.Errorf("%s: %w (%w)", what, rollout.ErrConflict, err)
	}
}

// explain adds to an error of the server what to do about it.
func explain(what string, err error) error {
	switch {
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		return fmt.Errorf("%s: %w: raise the ResourceQuota, or release with a smaller maxSurge", what, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: %w: the server does not accept the token or certificate: it may have expired, log in again", what, err)
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot "): // in the words of RBAC
		return fmt.Errorf("%s: %w: slipway rollout job prints a Role with what a release needs", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
