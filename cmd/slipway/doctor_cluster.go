// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
)

// liveKind is a kind of object that doctor lists.
type liveKind struct {
	group, kind, plural string
	versions            []string // the one to ask for first, first
	cluster             bool     // not in a namespace
}

const (
	kruiseGroup  = inject.KruiseGroup
	webhookGroup = "admissionregistration.k8s.io"
)

// The kinds that are not workloads.
func sidecarSetKind() liveKind {
	return liveKind{kruiseGroup, "SidecarSet", "sidecarsets", []string{"v1alpha1", "v1beta1"}, true}
}

func webhookKind() liveKind {
	return liveKind{webhookGroup, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", []string{"v1"}, true}
}

func namespaceKind() liveKind { return liveKind{"", "Namespace", "namespaces", []string{"v1"}, true} }
func podKind() liveKind       { return liveKind{"", "Pod", "pods", []string{"v1"}, false} }
func replicaSetKind() liveKind {
	return liveKind{"apps", "ReplicaSet", "replicasets", []string{"v1"}, false}
}

// workloadKinds are those with pod templates. Bare ReplicaSets are seen through their pods.
func workloadKinds(more []inject.WorkloadKind) []liveKind {
	kinds := []liveKind{
		{"", "ReplicationController", "replicationcontrollers", []string{"v1"}, false},
		{"apps", "Deployment", "deployments", []string{"v1"}, false},
		{"apps", "StatefulSet", "statefulsets", []string{"v1"}, false},
		{"apps", "DaemonSet", "daemonsets", []string{"v1"}, false},
		{"batch", "CronJob", "cronjobs", []string{"v1"}, false},
		{"batch", "Job", "jobs", []string{"v1"}, false},
		{kruiseGroup, "CloneSet", "clonesets", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "StatefulSet", "statefulsets", []string{"v1beta1", "v1alpha1"}, false},
		{kruiseGroup, "DaemonSet", "daemonsets", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "BroadcastJob", "broadcastjobs", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "AdvancedCronJob", "advancedcronjobs", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "UnitedDeployment", "uniteddeployments", []string{"v1alpha1", "v1beta1"}, false},
		{"argoproj.io", "Rollout", "rollouts", []string{"v1alpha1"}, false},
		{"serving.knative.dev", "Service", "services", []string{"v1"}, false},
		{"apps.openshift.io", "DeploymentConfig", "deploymentconfigs", []string{"v1"}, false},
		{"keda.sh", "ScaledJob", "scaledjobs", []string{"v1alpha1"}, false},
		{"jobset.x-k8s.io", "JobSet", "jobsets", []string{"v1alpha2"}, false},
	}
	for _, w := range more { // no list of kinds gives the plural offline: this is the usual one
		kinds = append(kinds, liveKind{w.Group, w.Kind, strings.ToLower(w.Kind) + "s", []string{"v1", "v1beta1", "v1alpha1"}, false})
	}
	return kinds
}

// path is where the kind is listed; an empty namespace stands for all of them.
func (k liveKind) path(version, namespace string) string {
	base := "/apis/" + k.group + "/" + version
	if k.group == "" {
		base = "/api/" + version
	}
	if namespace != "" && !k.cluster {
		base += "/namespaces/" + namespace
	}
	return base + "/" + k.plural
}

func (k liveKind) resource() string {
	if k.group == "" {
		return k.plural
	}
	return k.plural + "." + k.group
}

// sight is what was seen of a cluster, and findings about what was not.
type sight struct {
	live       inject.Live
	namespaces map[string]map[string]string
	findings   []inject.Finding

	client    rest.Interface
	namespace string
	seen      int      // kinds that were listed
	absent    []string // kinds that the cluster does not serve
}

// look reads the cluster. An error means that it gave no answer; a list that it refuses is a finding.
func look(ctx context.Context, config *rest.Config, namespace string, options inject.Options) (*sight, error) {
	client, err := jsonClient(config)
	if err != nil {
		return nil, err
	}
	s := &sight{client: client, namespace: namespace, namespaces: maps.Clone(options.Namespaces)}
	s.live.Owners = map[inject.ObjectRef]inject.ObjectRef{}
	if s.namespaces == nil {
		s.namespaces = map[string]map[string]string{}
	}
	for _, step := range []func(context.Context) error{s.sets, s.webhooks, s.spaces, s.owners, s.pods} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for _, kind := range workloadKinds(options.Workloads) {
		if err := s.workloads(ctx, kind); err != nil {
			return nil, err
		}
	}
	if s.seen == 0 {
		s.add(inject.SeverityError, "nothing-seen", "the cluster refused every list", "slipway doctor --permissions prints all that it needs")
	}
	if len(s.absent) > 0 {
		s.add(inject.SeverityInfo, "kind-not-served", "the cluster does not serve "+strings.Join(s.absent, ", "), "nothing to do where they are not used")
	}
	return s, nil
}

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

func (s *sight) add(severity inject.Severity, code, message, hint string) {
	s.findings = append(s.findings, inject.Finding{Severity: severity, Code: code, Message: message, Hint: hint})
}

func (s *sight) sets(ctx context.Context) error {
	kind := sidecarSetKind()
	seen, err := s.list(ctx, kind, false, func(item json.RawMessage, version string) error {
		node, err := objectNode(item, kind, version)
		if err != nil {
			return err
		}
		set, findings := inject.ParseSidecarSet(node, inject.Source{})
		for _, f := range findings {
			f.Severity, f.Message, f.Source = inject.SeverityWarning, "in the cluster: "+f.Message, inject.Source{}
			s.findings = append(s.findings, f)
		}
		s.live.Sets = append(s.live.Sets, set)
		return nil
	})
	s.live.SetsUnseen = seen == refusedList
	return err
}

func (s *sight) webhooks(ctx context.Context) error {
	kind := webhookKind()
	seen, err := s.list(ctx, kind, false, func(item json.RawMessage, version string) error {
		node, err := objectNode(item, kind, version)
		s.live.Webhooks = append(s.live.Webhooks, node)
		return err
	})
	s.live.WebhooksUnseen = seen != seenList
	return err
}

// liveMeta is the metadata that doctor reads.
type liveMeta struct {
	Metadata struct {
		Name            string            `json:"name"`
		Namespace       string            `json:"namespace"`
		Labels          map[string]string `json:"labels"`
		Annotations     map[string]string `json:"annotations"`
		OwnerReferences []struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Name       string `json:"name"`
			Controller bool   `json:"controller"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
}

// owner is the object that controls this one, the zero value where there is none.
func (m *liveMeta) owner() inject.ObjectRef {
	for _, o := range m.Metadata.OwnerReferences {
		if o.Controller {
			return inject.ObjectRef{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: m.Metadata.Namespace, Name: o.Name}
		}
	}
	return inject.ObjectRef{}
}

func (m *liveMeta) ref(kind liveKind, version string) inject.ObjectRef {
	if kind.group != "" {
		version = kind.group + "/" + version
	}
	return inject.ObjectRef{APIVersion: version, Kind: kind.kind, Namespace: m.Metadata.Namespace, Name: m.Metadata.Name}
}

// metadata lists the metadata of a kind.
func (s *sight) metadata(ctx context.Context, kind liveKind, f func(m *liveMeta, ref inject.ObjectRef)) (listed, error) {
	return s.list(ctx, kind, true, func(item json.RawMessage, version string) error {
		var m liveMeta
		if err := json.Unmarshal(item, &m); err != nil {
			return err
		}
		f(&m, m.ref(kind, version))
		return nil
	})
}

// spaces reads the labels of the namespaces that are looked at.
func (s *sight) spaces(ctx context.Context) error {
	if s.namespace != "" {
		return s.space(ctx)
	}
	_, err := s.metadata(ctx, namespaceKind(), func(m *liveMeta, _ inject.ObjectRef) {
		s.namespaces[m.Metadata.Name] = m.Metadata.Labels
	})
	return err
}

// space reads the labels of the one namespace that is looked at.
func (s *sight) space(ctx context.Context) error {
	kind := namespaceKind()
	var m liveMeta
	data, err := s.client.Get().AbsPath(kind.path("v1", ""), s.namespace).DoRaw(ctx)
	switch {
	case err == nil:
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no namespace %s", s.namespace)
	case refusal(err):
		s.refused(kind, "get", err)
		return nil
	default:
		return err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("decoding namespace %s: %w", s.namespace, err)
	}
	s.namespaces[s.namespace] = m.Metadata.Labels
	return nil
}

// owners reads which Deployment or Rollout a ReplicaSet belongs to.
func (s *sight) owners(ctx context.Context) error {
	_, err := s.metadata(ctx, replicaSetKind(), func(m *liveMeta, ref inject.ObjectRef) {
		if owner := m.owner(); owner != (inject.ObjectRef{}) {
			s.live.Owners[ref] = owner
		}
	})
	return err
}

func (s *sight) pods(ctx context.Context) error {
	seen, err := s.metadata(ctx, podKind(), func(m *liveMeta, ref inject.ObjectRef) {
		s.live.Pods = append(s.live.Pods, inject.LivePod{Object: ref, Owner: m.owner(), Annotations: m.Metadata.Annotations})
	})
	s.live.PodsUnseen = seen != seenList
	return err
}

// workloads lists a kind with pod templates.
func (s *sight) workloads(ctx context.Context, kind liveKind) error {
	_, err := s.list(ctx, kind, false, func(item json.RawMessage, version string) error {
		var m liveMeta
		if err := json.Unmarshal(item, &m); err != nil {
			return err
		}
		if owner := m.owner(); owner != (inject.ObjectRef{}) {
			s.live.Owners[m.ref(kind, version)] = owner
		}
		node, err := objectNode(item, kind, version)
		s.live.Workloads = append(s.live.Workloads, node)
		return err
	})
	return err
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
		s.add(inject.SeverityWarning, "not-seen", "SidecarSets were not seen: the cluster has no CustomResourceDefinition "+kind.resource(),
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
	s.add(inject.SeverityWarning, "not-seen", fmt.Sprintf("%ss were not seen %s: %s", kind.kind, where, reason), hint)
}

const (
	pageSize     = "500"
	pageTimeout  = 70 * time.Second
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

// livePage is one answer of a list.
type livePage struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []json.RawMessage `json:"items"`
}

func (s *sight) page(ctx context.Context, kind liveKind, version string, metadataOnly bool, next string) (livePage, error) {
	var page livePage
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
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
	data, err := r.SetHeader("Accept", accept).DoRaw(ctx)
	if err != nil {
		return page, err
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return page, fmt.Errorf("decoding the list of %s: %w", kind.resource(), err)
	}
	return page, nil
}

// objectNode turns an item of a list into a tree that says what it is.
func objectNode(item json.RawMessage, kind liveKind, version string) (*yaml.Node, error) {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(string(item)))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	object["kind"], object["apiVersion"] = kind.kind, version
	if kind.group != "" {
		object["apiVersion"] = kind.group + "/" + version
	}
	return nodeOf(object), nil
}

// nodeOf makes a tree of a JSON value.
func nodeOf(value any) *yaml.Node {
	switch v := value.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, nodeOf(key), nodeOf(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, element := range v {
			n.Content = append(n.Content, nodeOf(element))
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}
