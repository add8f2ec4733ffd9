// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// Examine reads a cluster, or of what is in namespaces one of them, and holds it against the SidecarSets of git. An error
// means that the cluster gave no answer; a list that it refuses is a finding.
func Examine(ctx context.Context, config *rest.Config, namespace string, git inject.Context,
	options inject.Options,
) ([]manifest.Finding, error) {
	seen, err := look(ctx, config, namespace, options)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster at %s: %w", config.Host, err)
	}
	options.Namespaces = seen.namespaces
	return append(seen.findings, inject.Diagnose(git, seen.live, options)...), nil
}

// cluster is what was seen of a cluster, and findings about what was not.
type cluster struct {
	live       inject.Live
	namespaces map[string]map[string]string
	findings   []manifest.Finding

	client    kube.Client
	namespace string   // "" for all of them
	seen      int      // kinds that were listed
	forbidden bool     // whether a list was refused for want of permission
	absent    []string // kinds that the cluster does not serve
}

func look(ctx context.Context, config *rest.Config, namespace string, options inject.Options) (*cluster, error) {
	client, err := kube.NewClient(config)
	if err != nil {
		return nil, err
	}
	c := &cluster{client: client, namespace: namespace, namespaces: maps.Clone(options.Namespaces)}
	c.live.Owners = map[manifest.ObjectRef]manifest.ObjectRef{}
	if c.namespaces == nil {
		c.namespaces = map[string]map[string]string{}
	}
	for _, step := range []func(context.Context) error{c.readSets, c.readWebhooks, c.readNamespaces, c.readOwners, c.readPods} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for _, k := range workloadKinds(options.Workloads) {
		if err := c.readWorkloads(ctx, k); err != nil {
			return nil, err
		}
	}
	if c.seen == 0 {
		c.nothingSeen()
	}
	if len(c.absent) > 0 {
		c.add(manifest.SeverityInfo, "kind-not-served", "the cluster does not serve "+strings.Join(c.absent, ", "),
			"nothing to do where they are not used")
	}
	return c, nil
}

// nothingSeen says that no list came, and what may be wrong.
func (c *cluster) nothingSeen() {
	hint := "is the address in the kubeconfig that of a Kubernetes API server? kubectl get --raw /version asks it"
	if c.forbidden {
		hint = permissionsHint
	}
	c.add(manifest.SeverityError, "nothing-seen", "the cluster gave none of the lists", hint)
}

func (c *cluster) add(severity manifest.Severity, code, message, hint string) {
	c.findings = append(c.findings, manifest.Finding{Severity: severity, Code: code, Message: message, Hint: hint})
}

func (c *cluster) readSets(ctx context.Context) error {
	k := sidecarSetKind()
	seen, err := c.objects(ctx, k, func(item json.RawMessage, version string) error {
		node, err := objectNode(item, k, version)
		if err != nil {
			return err
		}
		set, findings := inject.ParseSidecarSet(node, manifest.Source{})
		for _, f := range findings {
			f.Severity, f.Message, f.Source = manifest.SeverityWarning, "in the cluster: "+f.Message, manifest.Source{}
			c.findings = append(c.findings, f)
		}
		c.live.Sets = append(c.live.Sets, set)
		return nil
	})
	c.live.SetsUnseen = seen == refusedList
	return err
}

func (c *cluster) readWebhooks(ctx context.Context) error {
	k := webhookKind()
	seen, err := c.objects(ctx, k, func(item json.RawMessage, version string) error {
		node, err := objectNode(item, k, version)
		c.live.Webhooks = append(c.live.Webhooks, node)
		return err
	})
	c.live.WebhooksUnseen = seen != seenList
	return err
}

// readNamespaces reads the labels of the namespaces that are looked at.
func (c *cluster) readNamespaces(ctx context.Context) error {
	if c.namespace != "" {
		return c.readNamespace(ctx)
	}
	_, err := c.metadata(ctx, namespaceKind(), func(o *metav1.PartialObjectMetadata, _ manifest.ObjectRef) {
		c.namespaces[o.Name] = o.Labels
	})
	return err
}

// readNamespace reads the labels of the one namespace that is looked at.
func (c *cluster) readNamespace(ctx context.Context) error {
	k := namespaceKind()
	var o metav1.PartialObjectMetadata
	err := c.client.Get(ctx, k.path("v1", "")+"/"+c.namespace, &o)
	switch {
	case err == nil:
		c.namespaces[c.namespace] = o.Labels
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no namespace %s", c.namespace)
	case refusal(err):
		c.refused(k, "get", err)
	default:
		return err
	}
	return nil
}

// readOwners reads which Deployment or Rollout a ReplicaSet belongs to.
func (c *cluster) readOwners(ctx context.Context) error {
	_, err := c.metadata(ctx, replicaSetKind(), func(o *metav1.PartialObjectMetadata, ref manifest.ObjectRef) {
		c.owned(o, ref)
	})
	return err
}

func (c *cluster) readPods(ctx context.Context) error {
	seen, err := c.metadata(ctx, podKind(), func(o *metav1.PartialObjectMetadata, ref manifest.ObjectRef) {
		c.live.Pods = append(c.live.Pods, inject.LivePod{Object: ref, Owner: ownerOf(o), Annotations: o.Annotations})
	})
	c.live.PodsUnseen = seen != seenList
	return err
}

// readWorkloads reads a kind with pod templates.
func (c *cluster) readWorkloads(ctx context.Context, k kind) error {
	_, err := c.objects(ctx, k, func(item json.RawMessage, version string) error {
		var o metav1.PartialObjectMetadata
		if err := json.Unmarshal(item, &o); err != nil {
			return err
		}
		c.owned(&o, k.ref(&o, version))
		node, err := objectNode(item, k, version)
		c.live.Workloads = append(c.live.Workloads, node)
		return err
	})
	return err
}

// owned notes the object that controls another, where there is one.
func (c *cluster) owned(o *metav1.PartialObjectMetadata, ref manifest.ObjectRef) {
	if owner := ownerOf(o); owner != (manifest.ObjectRef{}) {
		c.live.Owners[ref] = owner
	}
}

// ownerOf is the object that controls this one, the zero value where there is none.
func ownerOf(o *metav1.PartialObjectMetadata) manifest.ObjectRef {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		return manifest.ObjectRef{}
	}
	return manifest.ObjectRef{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: o.Namespace, Name: owner.Name}
}
