// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Defaulted returns a pod template with the defaults that the API server gives a pod, and Kruise's webhook a CloneSet.
func Defaulted(template map[string]any) map[string]any {
	t, _ := runtime.DeepCopyJSONValue(template).(map[string]any)
	if t == nil {
		t = map[string]any{}
	}
	set(Child(t, "metadata"), "creationTimestamp", nil)
	defaultSpec(Child(t, "spec"))
	return t
}

func defaultSpec(spec map[string]any) {
	set(spec, "dnsPolicy", "ClusterFirst")
	set(spec, "restartPolicy", "Always")
	set(spec, "schedulerName", "default-scheduler")
	set(spec, "securityContext", map[string]any{})
	set(spec, "terminationGracePeriodSeconds", float64(30))
	if name, ok := spec["serviceAccountName"]; ok {
		set(spec, "serviceAccount", name)
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range items(spec, list) {
			if c, ok := c.(map[string]any); ok {
				defaultContainer(c)
			}
		}
	}
	for _, v := range items(spec, "volumes") {
		if v, ok := v.(map[string]any); ok {
			defaultVolume(v)
		}
	}
	for _, c := range items(spec, "topologySpreadConstraints") {
		if c, ok := c.(map[string]any); ok {
			set(c, "whenUnsatisfiable", "DoNotSchedule")
		}
	}
}

func defaultContainer(c map[string]any) {
	set(c, "terminationMessagePath", "/dev/termination-log")
	set(c, "terminationMessagePolicy", "File")
	set(c, "resources", map[string]any{})
	defaultResources(c)
	set(c, "imagePullPolicy", pullPolicy(Text(c, "image")))
	for _, p := range items(c, "ports") {
		if p, ok := p.(map[string]any); ok {
			set(p, "protocol", "TCP")
		}
	}
	for _, e := range items(c, "env") {
		if ref, ok := Field(e, "valueFrom", "fieldRef").(map[string]any); ok {
			set(ref, "apiVersion", "v1")
		}
	}
	for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		if probe, ok := c[name].(map[string]any); ok {
			defaultProbe(probe)
		}
	}
	for _, name := range []string{"postStart", "preStop"} {
		if get, ok := Field(c, "lifecycle", name, "httpGet").(map[string]any); ok {
			defaultGet(get)
		}
	}
}

// defaultResources requests what is limited and not requested.
func defaultResources(c map[string]any) {
	limits, ok := Field(c, "resources", "limits").(map[string]any)
	if !ok {
		return
	}
	requests := Child(c, "resources", "requests")
	for name, v := range limits {
		set(requests, name, v)
	}
}

func defaultProbe(probe map[string]any) {
	set(probe, "timeoutSeconds", float64(1))
	set(probe, "periodSeconds", float64(10))
	set(probe, "successThreshold", float64(1))
	set(probe, "failureThreshold", float64(3))
	if get, ok := probe["httpGet"].(map[string]any); ok {
		defaultGet(get)
	}
	if grpc, ok := probe["grpc"].(map[string]any); ok {
		set(grpc, "service", "")
	}
}

func defaultGet(get map[string]any) {
	set(get, "path", "/")
	set(get, "scheme", "HTTP")
}

// defaultVolume is what the volume sources have of defaults. A volume without a source is an emptyDir.
func defaultVolume(v map[string]any) {
	if len(v) == 1 && v["name"] != nil {
		v["emptyDir"] = map[string]any{}
	}
	const mode = float64(0o644)
	for name, source := range v {
		source, ok := source.(map[string]any)
		if !ok {
			continue
		}
		switch name {
		case "configMap", "secret", "downwardAPI":
			set(source, "defaultMode", mode)
		case "projected":
			set(source, "defaultMode", mode)
			for _, s := range items(source, "sources") {
				if token, ok := Field(s, "serviceAccountToken").(map[string]any); ok {
					set(token, "expirationSeconds", float64(3600))
				}
				defaultRefs(items(s, "downwardAPI", "items"))
			}
		case "hostPath":
			set(source, "type", "")
		case "iscsi":
			set(source, "iscsiInterface", "default")
		case "rbd":
			set(source, "pool", "rbd")
			set(source, "user", "admin")
			set(source, "keyring", "/etc/ceph/keyring")
		case "azureDisk":
			set(source, "cachingMode", "ReadWrite")
			set(source, "kind", "Shared")
			set(source, "fsType", "ext4")
			set(source, "readOnly", false)
		case "scaleIO":
			set(source, "storageMode", "ThinProvisioned")
			set(source, "fsType", "xfs")
		case "ephemeral":
			set(Child(source, "volumeClaimTemplate", "spec"), "volumeMode", "Filesystem")
		}
		if name == "downwardAPI" {
			defaultRefs(items(source, "items"))
		}
	}
}

func defaultRefs(list []any) {
	for _, item := range list {
		if ref, ok := Field(item, "fieldRef").(map[string]any); ok {
			set(ref, "apiVersion", "v1")
		}
	}
}

// pullPolicy is Always for an image that can change under its name.
func pullPolicy(image string) string {
	full := manifest.FullImage(image)
	if !strings.Contains(full, "@") && strings.HasSuffix(full, ":latest") {
		return "Always"
	}
	return "IfNotPresent"
}

// set writes a field that is absent.
func set(m map[string]any, key string, v any) {
	if _, ok := m[key]; !ok {
		m[key] = v
	}
}

// Child is the mapping at a path, made where it is absent.
func Child(m map[string]any, path ...string) map[string]any {
	for _, name := range path {
		next, ok := m[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[name] = next
		}
		m = next
	}
	return m
}
