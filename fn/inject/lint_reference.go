// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// podFields are what a variable can take from its pod, the first of them a file too. Labels and annotations come with a key.
const filesFields = 3

func podFields() []string {
	return []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
		"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
	}
}

// checkFieldRef checks which field of the pod a variable or a file takes its value from.
func (r *reporter) checkFieldRef(at spot, ref *corev1.ObjectFieldSelector, words ...string) {
	if ref.APIVersion != "" {
		r.oneOf(manifest.SeverityError, at.key("apiVersion"), ref.APIVersion, "v1")
	}
	path := at.key("fieldPath")
	field, key, err := parseFieldPath(ref.FieldPath)
	if err != nil {
		r.oneOf(manifest.SeverityError, path, ref.FieldPath, append(words, "metadata.labels['KEY']", "metadata.annotations['KEY']")...)
		return
	}
	if field == annotationsField {
		key = strings.ToLower(key)
	}
	r.checkKey(path, key)
}

// checkKey checks the key of a label; that of an annotation may have capitals everywhere.
func (r *reporter) checkKey(at spot, key string) {
	if bad := validation.IsQualifiedName(key); len(bad) > 0 {
		r.report(manifest.SeverityError, at, "bad-name", fmt.Sprintf("%q is not a key: %s", key, bad[0]), "")
	}
}

// checkResourceRef checks which resource of a container a variable or a file takes its value from, and in which unit.
func (r *reporter) checkResourceRef(at spot, ref *corev1.ResourceFieldSelector) {
	if ref.Resource == "" {
		return // required, and said so
	}
	words := []string{
		"limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
	}
	if !strings.HasPrefix(ref.Resource, "limits.hugepages-") && !strings.HasPrefix(ref.Resource, "requests.hugepages-") &&
		!slices.Contains(words, ref.Resource) {
		r.oneOf(manifest.SeverityError, at.key("resource"), ref.Resource, words...)
		return
	}
	units := strings.Fields("1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei")
	if strings.HasSuffix(ref.Resource, ".cpu") {
		units = []string{"1", "1m"}
	}
	if !ref.Divisor.IsZero() && !slices.Contains(units, ref.Divisor.String()) {
		r.report(manifest.SeverityError, at.key("divisor"), "unknown-value",
			fmt.Sprintf("is %s, must be one of %s", ref.Divisor.String(), strings.Join(units, ", ")), "")
	}
}

// checkDataKey checks the name of an entry in a ConfigMap or a Secret.
func (r *reporter) checkDataKey(at spot, key string) {
	if bad := validation.IsConfigMapKey(key); key != "" && len(bad) > 0 {
		r.report(manifest.SeverityError, at, "bad-name", fmt.Sprintf("%q is not a key: %s", key, bad[0]), "")
	}
}

// checkObjectName checks the name of a ConfigMap or a Secret that has to be there.
func (r *reporter) checkObjectName(at spot, name string) {
	r.requireName(at, name)
	if bad := validation.IsDNS1123Subdomain(name); name != "" && len(bad) > 0 {
		r.report(manifest.SeverityError, at.key(nameField), "bad-name",
			fmt.Sprintf("%q is not the name of an object: %s", name, bad[0]), "")
	}
}

// checkFiles checks the files that a volume makes of the pod's own fields.
func (l *volumeLinter) checkFiles(at spot, list []corev1.DownwardAPIVolumeFile) {
	for i, f := range list {
		item := at.key("items").index(i)
		l.checkPath(item.key("path"), f.Path, false)
		l.checkMode(item.key("mode"), f.Mode)
		switch {
		case (f.FieldRef == nil) == (f.ResourceFieldRef == nil):
			l.report(manifest.SeverityError, item, "bad-value-from", "needs one of fieldRef and resourceFieldRef", "")
		case f.FieldRef != nil:
			l.checkFieldRef(item.key("fieldRef"), f.FieldRef, append(podFields()[:filesFields:filesFields],
				"metadata.labels", "metadata.annotations")...)
		default:
			ref := item.key("resourceFieldRef")
			if f.ResourceFieldRef.ContainerName == "" {
				l.report(manifest.SeverityError, ref.key("containerName"), "missing-field", "is required in a volume", "")
			}
			l.checkResourceRef(ref, f.ResourceFieldRef)
		}
	}
}

// checkClaim checks the claim that is made for each pod.
func (l *volumeLinter) checkClaim(at spot, claim *corev1.PersistentVolumeClaimTemplate) {
	if claim == nil {
		l.report(manifest.SeverityError, at, "missing-field", "is required", "")
		return
	}
	spec := at.key(specField)
	if len(claim.Spec.AccessModes) == 0 {
		l.report(manifest.SeverityError, spec.key("accessModes"), "missing-field", "is required", "such as [ReadWriteOnce]")
	}
	if _, ok := claim.Spec.Resources.Requests[corev1.ResourceStorage]; !ok {
		storage := spec.key(resourcesField).key(requestsField).key("storage")
		l.report(manifest.SeverityError, storage, "missing-field", "is required", "")
	}
}
