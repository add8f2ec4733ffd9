// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// needed is an object that pods of the template need.
type needed struct {
	kind, name string
	pull       bool // an image pull secret, which pods start without where they can
}

// references are all objects that the pods of the template name and cannot start without, and image pull secrets.
func (r *release) references() []needed {
	refs := map[needed]bool{}
	need := func(kind, name string, optional *bool) {
		if name != "" && (optional == nil || !*optional) {
			refs[needed{kind: kind, name: name}] = true
		}
	}
	spec := &r.pod.Spec
	need("ServiceAccount", cmp.Or(spec.ServiceAccountName, "default"), nil)
	need("PriorityClass", spec.PriorityClassName, nil)
	if spec.RuntimeClassName != nil {
		need("RuntimeClass", *spec.RuntimeClassName, nil)
	}
	for _, pull := range spec.ImagePullSecrets {
		if pull.Name != "" {
			refs[needed{"Secret", pull.Name, true}] = true
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		needsOfContainer(c, need)
	}
	for _, v := range spec.Volumes {
		if !slices.ContainsFunc(r.coming.ClaimTemplates(), func(t any) bool { return kube.Text(t, "metadata", "name") == v.Name }) {
			needsOfVolume(v, need)
		}
	}
	for _, t := range r.coming.ClaimTemplates() {
		if class := kube.Text(t, "spec", "storageClassName"); class != "" {
			need("StorageClass", class, nil)
		}
	}
	var out []needed
	for ref := range refs {
		out = append(out, ref)
	}
	slices.SortFunc(out, func(a, b needed) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return out
}

type needing func(kind, name string, optional *bool)

func needsOfContainer(c corev1.Container, need needing) {
	for _, e := range c.EnvFrom {
		if e.ConfigMapRef != nil {
			need("ConfigMap", e.ConfigMapRef.Name, e.ConfigMapRef.Optional)
		}
		if e.SecretRef != nil {
			need("Secret", e.SecretRef.Name, e.SecretRef.Optional)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if k := e.ValueFrom.ConfigMapKeyRef; k != nil {
			need("ConfigMap", k.Name, k.Optional)
		}
		if k := e.ValueFrom.SecretKeyRef; k != nil {
			need("Secret", k.Name, k.Optional)
		}
	}
}

func needsOfVolume(v corev1.Volume, need needing) {
	switch {
	case v.ConfigMap != nil:
		need("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional)
	case v.Secret != nil:
		need("Secret", v.Secret.SecretName, v.Secret.Optional)
	case v.PersistentVolumeClaim != nil:
		need("PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName, nil)
	case v.Projected != nil:
		for _, p := range v.Projected.Sources {
			if p.ConfigMap != nil {
				need("ConfigMap", p.ConfigMap.Name, p.ConfigMap.Optional)
			}
			if p.Secret != nil {
				need("Secret", p.Secret.Name, p.Secret.Optional)
			}
		}
	}
}

// lookUp finds out whether an object exists.
func (s *snapshot) lookUp(ctx context.Context, r *reader, ref needed) {
	at := s.collectionOf(ref.kind)
	if ref.kind == "ServiceAccount" {
		s.lookUpAccount(ctx, r, at, ref)
		return
	}
	s.noteAbsence(r, at, ref, r.client.Exists(ctx, at.Object(ref.name)))
}

// lookUpAccount also looks for the pull secrets that pods without their own get from their service account.
func (s *snapshot) lookUpAccount(ctx context.Context, r *reader, at collection, ref needed) {
	var account corev1.ServiceAccount
	if !s.noteAbsence(r, at, ref, r.client.Get(ctx, at.Object(ref.name), &account)) || len(s.pod.Spec.ImagePullSecrets) > 0 {
		return
	}
	for _, pull := range account.ImagePullSecrets {
		s.lookUp(ctx, r, needed{"Secret", pull.Name, true})
	}
}

// noteAbsence tells whether the object is there.
func (c *cluster) noteAbsence(r *reader, at collection, ref needed, err error) bool {
	switch {
	case apierrors.IsNotFound(err):
		r.mu.Lock()
		defer r.mu.Unlock()
		c.absent[ref] = true
	case err != nil:
		r.denied(manifest.ObjectRef{Kind: ref.kind, Namespace: at.namespace, Name: ref.name}, "get", err,
			"whether it exists, and the pods need it")
	default:
		r.saw(ref.kind, 1)
	}
	return err == nil
}

// collectionOf is where objects of a referenced kind are.
func (q *request) collectionOf(kind string) collection {
	ns := q.options.Namespace
	switch kind {
	case "PriorityClass":
		return of(kube.Resource{Kind: kind, Path: "/apis/scheduling.k8s.io/v1/priorityclasses"}, "")
	case "RuntimeClass":
		return of(kube.Resource{Kind: kind, Path: "/apis/node.k8s.io/v1/runtimeclasses"}, "")
	case "StorageClass":
		return of(kube.Resource{Kind: kind, Path: "/apis/storage.k8s.io/v1/storageclasses"}, "")
	}
	return of(kube.Core(kind, ns, strings.ToLower(kind)+"s"), ns)
}

// probeReferences finds what the template names and is not there.
func probeReferences(s *snapshot) []Finding {
	var out []Finding
	absent := slices.SortedFunc(maps.Keys(s.absent), func(a, b needed) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	for _, ref := range absent {
		of := manifest.ObjectRef{Kind: ref.kind, Namespace: s.collectionOf(ref.kind).namespace, Name: ref.name}
		code, effect := codeMissing, "it does not exist, and "
		switch {
		case ref.pull:
			code = codePullSecret
			effect += "images are pulled without it: where the registry asks for a login, new pods do not start and the first batch " +
				"stops at its deadline (exit code 11)"
		case ref.kind == "ServiceAccount" || ref.kind == "PriorityClass" || ref.kind == "RuntimeClass":
			effect += "every new pod that names it is refused: the release ends before its first one"
		default:
			effect += "new pods wait for it: the first batch stops at its deadline (exit code 11)"
		}
		out = append(out, newFinding(code, of, effect, "create it before the release, or correct its name in the pod template"))
	}
	return append(out, s.probeStorage()...)
}

// probeStorage finds claims that name no class where there is no default one.
func (s *snapshot) probeStorage() []Finding {
	if len(s.storage) > 0 && slices.ContainsFunc(s.storage, isDefault) || !s.storageKnown {
		return nil
	}
	for _, t := range s.coming.ClaimTemplates() {
		if _, named := kube.Field(t, "spec").(map[string]any)["storageClassName"]; !named {
			return one(codeMissing, manifest.ObjectRef{Kind: "StorageClass"},
				fmt.Sprintf("claim %s names no class and no class is the default one: unless a volume is there for it, new pods wait and "+
					"the first batch stops at its deadline (exit code 11)",
					kube.Text(t, "metadata", "name")), "name a storageClassName in the claim template, or make a class the default one")
		}
	}
	return nil
}

const annotationDefaultClass = "storageclass.kubernetes.io/is-default-class"

func isDefault(c storagev1.StorageClass) bool { return c.Annotations[annotationDefaultClass] == "true" }

// storageClassOf is the class that a claim of a template gets.
func (c *cluster) storageClassOf(template any) string {
	if class := kube.Text(template, "spec", "storageClassName"); class != "" {
		return class
	}
	for _, class := range c.storage {
		if isDefault(class) {
			return class.Name
		}
	}
	return ""
}
