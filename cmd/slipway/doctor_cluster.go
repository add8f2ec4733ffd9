// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// sight is what was seen of a cluster, and findings about what was not.
type sight struct {
	live       inject.Live
	namespaces map[string]map[string]string
	findings   []manifest.Finding

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
	s.live.Owners = map[manifest.ObjectRef]manifest.ObjectRef{}
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
		s.add(manifest.SeverityError, "nothing-seen", "the cluster refused every list", "slipway doctor --permissions prints all that it needs")
	}
	if len(s.absent) > 0 {
		s.add(manifest.SeverityInfo, "kind-not-served", "the cluster does not serve "+strings.Join(s.absent, ", "), "nothing to do where they are not used")
	}
	return s, nil
}

func (s *sight) add(severity manifest.Severity, code, message, hint string) {
	s.findings = append(s.findings, manifest.Finding{Severity: severity, Code: code, Message: message, Hint: hint})
}

func (s *sight) sets(ctx context.Context) error {
	kind := sidecarSetKind()
	seen, err := s.list(ctx, kind, false, func(item json.RawMessage, version string) error {
		node, err := objectNode(item, kind, version)
		if err != nil {
			return err
		}
		set, findings := inject.ParseSidecarSet(node, manifest.Source{})
		for _, f := range findings {
			f.Severity, f.Message, f.Source = manifest.SeverityWarning, "in the cluster: "+f.Message, manifest.Source{}
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
func (m *liveMeta) owner() manifest.ObjectRef {
	for _, o := range m.Metadata.OwnerReferences {
		if o.Controller {
			return manifest.ObjectRef{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: m.Metadata.Namespace, Name: o.Name}
		}
	}
	return manifest.ObjectRef{}
}

func (m *liveMeta) ref(kind liveKind, version string) manifest.ObjectRef {
	if kind.group != "" {
		version = kind.group + "/" + version
	}
	return manifest.ObjectRef{APIVersion: version, Kind: kind.kind, Namespace: m.Metadata.Namespace, Name: m.Metadata.Name}
}

// metadata lists the metadata of a kind.
func (s *sight) metadata(ctx context.Context, kind liveKind, f func(m *liveMeta, ref manifest.ObjectRef)) (listed, error) {
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
	_, err := s.metadata(ctx, namespaceKind(), func(m *liveMeta, _ manifest.ObjectRef) {
		s.namespaces[m.Metadata.Name] = m.Metadata.Labels
	})
	return err
}

// space reads the labels of the one namespace that is looked at.
func (s *sight) space(ctx context.Context) error {
	kind := namespaceKind()
	var m liveMeta
	data, err := answer(ctx, s.client.Get().AbsPath(kind.path("v1", ""), s.namespace))
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
	_, err := s.metadata(ctx, replicaSetKind(), func(m *liveMeta, ref manifest.ObjectRef) {
		if owner := m.owner(); owner != (manifest.ObjectRef{}) {
			s.live.Owners[ref] = owner
		}
	})
	return err
}

func (s *sight) pods(ctx context.Context) error {
	seen, err := s.metadata(ctx, podKind(), func(m *liveMeta, ref manifest.ObjectRef) {
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
		if owner := m.owner(); owner != (manifest.ObjectRef{}) {
			s.live.Owners[m.ref(kind, version)] = owner
		}
		node, err := objectNode(item, kind, version)
		s.live.Workloads = append(s.live.Workloads, node)
		return err
	})
	return err
}
