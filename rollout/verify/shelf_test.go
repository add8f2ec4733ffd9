// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// shelf is an API server that only shows objects. It stands in for a real one where a test is about what is made of them.
type shelf struct {
	t         *testing.T
	objects   []map[string]any
	forbidden []string    // resources that may not be read
	failing   []string    // resources that the server cannot read itself
	expired   []string    // resources at which the login turns out to be of no use
	lacking   []string    // "verb resource" that is not granted
	mutations [][2]string // what admission replaces in a new pod, and by what
	denied    string      // what admission refuses in a patch of a pod

	mu     sync.Mutex
	others []string // requests that are neither reads nor questions about rights
	asked  []string // in whose names rights were asked for
}

// newShelf puts the objects of YAML streams on a shelf.
func newShelf(t *testing.T, streams ...string) *shelf {
	t.Helper()
	s := &shelf{t: t}
	for _, stream := range streams {
		decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096)
		for {
			var o map[string]any
			err := decoder.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, stream)
			}
			if o != nil {
				s.objects = append(s.objects, o)
			}
		}
	}
	return s
}

// Verify holds a release against the shelf, and fails the test if it writes.
func (s *shelf) verify(o verify.Options) (verify.Report, error) {
	s.t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	o.Config = &rest.Config{Host: server.URL, QPS: -1}
	o.Namespace, o.Name = "shop", cmp.Or(o.Name, "demo")
	o.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	v, err := verify.Verify(s.t.Context(), o)
	if len(s.others) > 0 {
		s.t.Errorf("verify wrote: %v", s.others)
	}
	return v, err
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v1" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind": "APIResourceList", "resources": [{"name": "pods"}, {"name": "pods/resize"}]}`)
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	version := parts[1]
	if parts[0] == "apis" {
		version, parts = parts[1]+"/"+parts[2], parts[1:]
	}
	namespace, name := "", ""
	if parts = parts[2:]; parts[0] == "namespaces" && len(parts) > 2 {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 1 {
		name = parts[1]
	}
	switch {
	case parts[0] == "selfsubjectaccessreviews":
		s.review(w, r)
	case r.Method == http.MethodPost && parts[0] == "pods" && r.URL.Query().Get("dryRun") == "All":
		s.admit(w, r)
	case r.Method == http.MethodPatch && parts[0] == "pods" && r.URL.Query().Get("dryRun") == "All":
		s.admitPatch(w, r, name)
	case r.Method != http.MethodGet:
		s.mu.Lock()
		s.others = append(s.others, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
	case slices.Contains(s.forbidden, parts[0]):
		refuse(w, http.StatusForbidden, "Forbidden", name, parts[0]+` is forbidden: User "jane" cannot list resource`)
	case slices.Contains(s.failing, parts[0]):
		refuse(w, http.StatusInternalServerError, "InternalError", name, "etcd is on holiday")
	case slices.Contains(s.expired, parts[0]):
		refuse(w, http.StatusUnauthorized, "Unauthorized", name, "Unauthorized")
	default:
		s.show(w, r, version, namespace, parts[0], name)
	}
}

func (s *shelf) show(w http.ResponseWriter, r *http.Request, version, namespace, plural, name string) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		s.t.Errorf("%s: %v", r.URL, err)
		return
	}
	found := []any{}
	for _, o := range s.objects {
		meta, _ := o["metadata"].(map[string]any)
		set := labels.Set{}
		for k, v := range asMap(meta["labels"]) {
			set[k] = fmt.Sprint(v)
		}
		in, _ := meta["namespace"].(string)
		if o["apiVersion"] == version && pluralOf(fmt.Sprint(o["kind"])) == plural && (namespace == "" || in == namespace) &&
			(name == "" || meta["name"] == name) && selector.Matches(set) {
			found = append(found, o)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case name == "":
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{}, "items": found})
	case len(found) == 0:
		refuse(w, http.StatusNotFound, "NotFound", name, name+" not found")
	default:
		_ = json.NewEncoder(w).Encode(found[0])
	}
}

func (s *shelf) review(w http.ResponseWriter, r *http.Request) {
	var review map[string]any
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		s.t.Error(err)
	}
	a := kubetest.Field(review, "spec", "resourceAttributes")
	what := fmt.Sprint(kubetest.Field(a, "verb"), " ", kubetest.Field(a, "resource"))
	s.mu.Lock()
	s.asked = append(s.asked, r.Header.Get("Impersonate-User"))
	s.mu.Unlock()
	review["status"] = map[string]any{"allowed": !slices.Contains(s.lacking, what)}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review)
}

// admit answers a dry run as a server without any policy does: the pod is as it was sent.
func (s *shelf) admit(w http.ResponseWriter, r *http.Request) {
	pod, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	for _, m := range s.mutations {
		pod = bytes.ReplaceAll(pod, []byte(m[0]), []byte(m[1]))
	}
	if slices.Contains(s.lacking, "create pods") {
		refuse(w, http.StatusForbidden, "Forbidden", "", `pods is forbidden: User "jane" cannot create resource "pods" in API group `+
			`"" in the namespace "shop"`)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(pod)
}

// admitPatch answers a dry run of the change of a pod. Like a real server it looks at the rights first.
func (s *shelf) admitPatch(w http.ResponseWriter, r *http.Request, name string) {
	patch, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	switch {
	case slices.Contains(s.lacking, "patch pods"):
		refuse(w, http.StatusForbidden, "Forbidden", name, `pods "`+name+
			`" is forbidden: User "jane" cannot patch resource "pods" in API group "" in the namespace "shop"`)
	case s.denied != "" && bytes.Contains(patch, []byte(s.denied)):
		refuse(w, http.StatusForbidden, "Forbidden", name, `pods "`+name+
			`" is forbidden: ValidatingAdmissionPolicy 'p' denied request: not this image`)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}
}

func refuse(w http.ResponseWriter, code int, reason, name, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message,
		"details": map[string]any{"name": name},
	})
}

func pluralOf(kind string) string {
	plural := strings.ToLower(kind) + "s"
	if strings.HasSuffix(kind, "ss") {
		plural = strings.ToLower(kind) + "es"
	}
	return plural
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// cluster is a CloneSet of n pods that run image v1, and whose template has been changed to v2.
func cluster(n int, strategy string, more ...string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, `
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo, namespace: shop, uid: u1, generation: 2, resourceVersion: "7"}
spec:
  replicas: %d
  selector: {matchLabels: {app: demo}}
  updateStrategy: %s
  template: %s
%s
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: demo-old, namespace: shop, labels: {app: demo}, ownerReferences: [{kind: CloneSet, name: demo, uid: u1, controller: true}]}
revision: 1
data: {spec: {template: %s}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}
`, n, strategy, templateOf("v2"), strings.Join(more, "\n"), stored("v1"))
	for i := range n {
		fmt.Fprintf(&b, `
---
apiVersion: v1
kind: Pod
metadata:
  name: demo-%d
  namespace: shop
  labels: {app: demo, controller-revision-hash: demo-old}
  ownerReferences: [{kind: CloneSet, name: demo, uid: u1, controller: true}]
spec: {nodeName: node-0, containers: [{name: app, image: "example.com/app:v1", resources: {requests: {cpu: 500m}}}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: app, image: "example.com/app:v1", imageID: "example.com/app@sha256:1111"}]
`, i)
	}
	return b.String()
}

func templateOf(tag string) string {
	return `{metadata: {labels: {app: demo}}, spec: {containers: [{name: app, image: "example.com/app:` + tag +
		`", resources: {requests: {cpu: 500m}}}]}}`
}

// stored is the template of an image as a ControllerRevision holds it.
func stored(tag string) string {
	return `{$patch: replace, metadata: {creationTimestamp: null, labels: {app: demo}}, spec: {containers: [{name: app, image: ` +
		`"example.com/app:` + tag +
		`", resources: {requests: {cpu: 500m}}}]}}`
}

// updateRevision is the ControllerRevision of the changed template.
func updateRevision() string {
	return `{apiVersion: apps/v1, kind: ControllerRevision, revision: 2, data: {spec: {template: ` + stored("v2") + `}}, ` +
		`metadata: {name: demo-new, namespace: shop, labels: {app: demo}, ownerReferences: [{kind: CloneSet, name: demo, uid: u1, ` +
		`controller: true}]}}`
}
