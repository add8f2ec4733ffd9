// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube/transport"
)

// errNoServer is an answer such as a page to log in, or of a web server that has one answer for everything.
var errNoServer = errors.New("what answers is no Kubernetes API server: is the address in the kubeconfig right, and does " +
	"nothing stand before it, such as a proxy or a page to log in?")

// requestTimeout bounds one request that is not a watch: the time that an API server allows itself, and a little more.
const requestTimeout = 70 * time.Second

// Client speaks JSON with the API server and decodes answers into the structs of this package.
type Client struct {
	rest  rest.Interface
	dates *dates
}

// NewClient makes a client that keeps to the rate of its config. Requests that the server refuses with Retry-After are
// repeated after that time by client-go.
func NewClient(config *rest.Config) (Client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	c := rest.CopyConfig(config)
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.WarningHandler = rest.NoWarnings{}
	seen := &dates{}
	c.Wrap(seen.wrap)
	c.Wrap(transport.Patient)
	r, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return Client{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return Client{rest: r, dates: seen}, nil
}

// Resource is a kind of object in one namespace, as it stands in a URL.
type Resource struct {
	Kind string // for messages
	Path string // without a slash at its end
}

// Object is the path of one object, or of a subresource of it.
func (r Resource) Object(name string, subresource ...string) string {
	return path.Join(append([]string{r.Path, name}, subresource...)...)
}

// Pods are those of a namespace.
func Pods(namespace string) Resource { return Core("Pod", namespace, "pods") }

// Claims are the PersistentVolumeClaims of a namespace.
func Claims(namespace string) Resource {
	return Core("PersistentVolumeClaim", namespace, "persistentvolumeclaims")
}

// ConfigMaps are those of a namespace.
func ConfigMaps(namespace string) Resource { return Core("ConfigMap", namespace, "configmaps") }

// Events are those of a namespace.
func Events(namespace string) Resource { return Core("Event", namespace, "events") }

// Core is a kind of the core API group in a namespace.
func Core(kind, namespace, plural string) Resource {
	return Resource{kind, "/api/v1/namespaces/" + namespace + "/" + plural}
}

// Jobs are those of a namespace.
func Jobs(namespace string) Resource {
	return Resource{"Job", "/apis/batch/v1/namespaces/" + namespace + "/jobs"}
}

// Leases are those of a namespace.
func Leases(namespace string) Resource {
	return Resource{"Lease", "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases"}
}

// ControllerRevisions are those of a namespace.
func ControllerRevisions(namespace string) Resource {
	return Resource{"ControllerRevision", "/apis/apps/v1/namespaces/" + namespace + "/controllerrevisions"}
}

// ReplicaSets are those of a namespace.
func ReplicaSets(namespace string) Resource {
	return Resource{"ReplicaSet", "/apis/apps/v1/namespaces/" + namespace + "/replicasets"}
}

// Get reads one object.
func (c Client) Get(ctx context.Context, path string, out any) error {
	return c.send(ctx, c.rest.Get().AbsPath(path), out)
}

// Exists asks whether an object is there. Only its metadata is sent, so nothing secret is.
func (c Client) Exists(ctx context.Context, path string) error {
	return c.send(ctx, c.rest.Get().AbsPath(path).SetHeader("Accept", acceptMetadata), nil)
}

// Resizes tells whether the cluster can give a running pod other cpu and memory: Kubernetes 1.33 and later.
func (c Client) Resizes(ctx context.Context) (bool, error) {
	var served metav1.APIResourceList
	err := c.Get(ctx, "/api/v1", &served)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name == "pods/resize" }), err
}

// pageSize is how many objects one answer of the API server holds at most.
const pageSize = 500

// Of an object, or of a list of them, only the metadata. The plain form is for servers that know no other.
const (
	acceptMetadata     = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	acceptMetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
)

// ListPages reads all objects of a kind, page by page, and gives each to add.
func ListPages[T any](ctx context.Context, c Client, path string, query url.Values, add func(T)) error {
	return pages(ctx, c, func() *rest.Request { return parameters(c.rest.Get().AbsPath(path), query) }, add)
}

// ListMetadata is ListPages for the metadata of the objects. Nothing else is sent.
func ListMetadata(ctx context.Context, c Client, path string, query url.Values, add func(metav1.PartialObjectMetadata)) error {
	return pages(ctx, c, func() *rest.Request {
		return parameters(c.rest.Get().AbsPath(path), query).SetHeader("Accept", acceptMetadataList)
	}, add)
}

// pages sends a list request until there is no further page.
func pages[T any](ctx context.Context, c Client, list func() *rest.Request, add func(T)) error {
	for next := ""; ; {
		var page struct {
			Kind     string          `json:"kind"`
			Metadata metav1.ListMeta `json:"metadata"`
			Items    []T             `json:"items"`
		}
		r := list().Param("limit", strconv.Itoa(pageSize))
		if next != "" {
			r = r.Param("continue", next)
		}
		if err := c.send(ctx, r, &page); err != nil {
			return err
		}
		if page.Kind == "" && page.Items == nil {
			return errNoServer
		}
		for _, item := range page.Items {
			add(item)
		}
		if next = page.Metadata.Continue; next == "" {
			return nil
		}
	}
}

// parameters adds a query to a request.
func parameters(r *rest.Request, query url.Values) *rest.Request {
	for name, values := range query {
		for _, v := range values {
			r = r.Param(name, v)
		}
	}
	return r
}

// Create posts an object to a collection or a subresource.
func (c Client) Create(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Post().AbsPath(path).Param("fieldManager", FieldManager), in, out)
}

// CreateStrictly is Create for an object that people have written: a field that the server does not know is an error.
func (c Client) CreateStrictly(ctx context.Context, path string, in any) error {
	return c.body(ctx, c.strictly(path), in, nil)
}

// TryCreate shows an object to the server as Create does, and creates nothing. What the server would make of it is in out.
func (c Client) TryCreate(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Post().AbsPath(path).Param("fieldManager", FieldManager).Param("dryRun", metav1.DryRunAll), in, out)
}

// TryCreateStrictly shows an object to the server as CreateStrictly does, and creates nothing.
func (c Client) TryCreateStrictly(ctx context.Context, path string, in any) error {
	return c.body(ctx, c.strictly(path).Param("dryRun", metav1.DryRunAll), in, nil)
}

func (c Client) strictly(path string) *rest.Request {
	return c.rest.Post().AbsPath(path).Param("fieldManager", FieldManager).Param("fieldValidation", metav1.FieldValidationStrict)
}

// Update replaces an object.
func (c Client) Update(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Put().AbsPath(path).Param("fieldManager", FieldManager), in, out)
}

// MergePatch sends a merge patch.
func (c Client) MergePatch(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.MergePatchType).AbsPath(path).Param("fieldManager", FieldManager), in, out)
}

// MergePatchAs sends a merge patch in the name of another field manager.
func (c Client) MergePatchAs(ctx context.Context, manager, path string, in any) error {
	return c.body(ctx, c.rest.Patch(types.MergePatchType).AbsPath(path).Param("fieldManager", manager), in, nil)
}

// StrategicPatch sends a strategic merge patch, which knows the keys of the lists in built-in objects.
func (c Client) StrategicPatch(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.StrategicMergePatchType).AbsPath(path).Param("fieldManager", FieldManager), in, out)
}

// TryStrategicPatch shows a patch to the server as StrategicPatch does, and changes nothing.
func (c Client) TryStrategicPatch(ctx context.Context, path string, in any) error {
	r := c.rest.Patch(types.StrategicMergePatchType).AbsPath(path).Param("fieldManager", FieldManager).Param("dryRun",
		metav1.DryRunAll)
	return c.body(ctx, r, in, nil)
}

// Delete deletes an object under preconditions.
func (c Client) Delete(ctx context.Context, path string, options metav1.DeleteOptions, out any) error {
	return c.body(ctx, c.rest.Delete().AbsPath(path), options, out)
}

// Evict asks to delete a pod as far as PodDisruptionBudgets permit it now. It does not wait for them.
func (c Client) Evict(ctx context.Context, path string, in any) error {
	return c.body(ctx, c.rest.Post().AbsPath(path).MaxRetries(0), in, nil)
}

// Apply sends a server-side apply that takes the fields over from other managers.
func (c Client) Apply(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.ApplyPatchType).AbsPath(path).Param("fieldManager", FieldManager).Param("force", "true"),
		in, out)
}

// JSONPatch sends a list of operations.
func (c Client) JSONPatch(ctx context.Context, path string, in, out any) error {
	return c.body(ctx, c.rest.Patch(types.JSONPatchType).AbsPath(path).Param("fieldManager", FieldManager), in, out)
}

func (c Client) body(ctx context.Context, r *rest.Request, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return c.send(ctx, r.Body(data), out)
}

func (c Client) send(ctx context.Context, r *rest.Request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	data, err := r.DoRaw(ctx)
	if err != nil {
		return serverError(err, data)
	}
	if out == nil {
		return nil
	}
	if object := bytes.TrimSpace(data); len(object) == 0 || object[0] != '{' {
		return errNoServer
	}
	if err := decode(data, out); err != nil {
		return fmt.Errorf("decoding the server's answer: %w", err)
	}
	return nil
}

// decode is json.Unmarshal without two more readings of the text for what reads itself.
func decode(data []byte, out any) error {
	if own, ok := out.(json.Unmarshaler); ok {
		return own.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, out)
}

// stream opens a list or a watch whose answer is read piece by piece.
func (c Client) stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return parameters(c.rest.Get().AbsPath(path), query).Stream(ctx)
}
