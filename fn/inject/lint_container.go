// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// containerLinter checks one container as the API server would check it in a pod.
type containerLinter struct {
	*sidecarLinter
	corev1.Container
	at           spot
	init, native bool // of initContainers; one that does not end
	before       int  // how many findings there were before those of this container
}

// checkContainer checks the container that a sidecar is, and holds it to the user's policies.
func (l *sidecarLinter) checkContainer(s *Sidecar, at spot, init bool) {
	own := manifest.FieldsOf(reflect.TypeOf(*s))
	plain := at
	plain.node = withoutFields(s.Node, func(key string, value *yaml.Node) bool {
		return own.Has(key) || parserChecked(key, value)
	})
	c := &containerLinter{sidecarLinter: l, at: at, init: init, native: s.native(), before: len(l.findings)}
	l.read(plain, reflect.ValueOf(&c.Container).Elem())
	c.checkImage()
	c.checkPorts()
	c.checkEnv()
	c.checkMounts()
	c.checkResources()
	c.checkProbes()
	c.checkInit()
	c.checkSecurity()
	l.policies.check(s, at, &c.Container)
}

func (l *containerLinter) checkImage() {
	at, image := l.at.key("image"), l.Image
	switch {
	case image == "" && (manifest.IsNull(at.node) || at.node.Kind == yaml.ScalarNode && at.node.Value == ""):
		l.report(manifest.SeverityError, at, "no-image", "a container needs an image", "")
	case image != strings.TrimSpace(image):
		l.report(manifest.SeverityError, at, "bad-image", fmt.Sprintf("%q has a space at its start or end", image), "")
	}
}

// checkPorts finds ports that are out of range or taken. The same container port twice is accepted in a pod, but
// server-side apply, which Argo CD and Flux use, refuses the list.
func (l *containerLinter) checkPorts() {
	seen, names := map[string]bool{}, map[string]bool{}
	for i, p := range l.Ports {
		port := l.at.key("ports").index(i)
		for _, r := range []struct {
			field string
			value int32
			unset bool // whether 0 stands for no port
		}{{"containerPort", p.ContainerPort, manifest.IsNull(port.key("containerPort").node)}, {"hostPort", p.HostPort, true}} {
			if bad := validation.IsValidPortNum(int(r.value)); len(bad) > 0 && (r.value != 0 || !r.unset) {
				l.report(manifest.SeverityError, port.key(r.field), "bad-port", fmt.Sprintf("is %d, must be 1 to 65535", r.value), "")
			}
		}
		if bad := validation.IsValidPortName(p.Name); p.Name != "" && len(bad) > 0 {
			l.report(manifest.SeverityError, port.key(nameField), "bad-name", fmt.Sprintf("%q is not a port name: %s", p.Name, bad[0]),
				"")
		} else if p.Name != "" && names[p.Name] {
			l.report(manifest.SeverityError, port.key(nameField), "duplicate-port", "another port of the container has the name "+p.Name,
				"")
		}
		names[p.Name] = true
		key := fmt.Sprintf("%d/%s", p.ContainerPort, orWord(string(p.Protocol), "TCP"))
		if p.ContainerPort != 0 && seen[key] {
			l.report(manifest.SeverityWarning, port, "duplicate-port", "the container lists the port "+key+" twice",
				"server-side apply refuses such a list: remove one")
		}
		seen[key] = true
		if !l.init || l.native {
			l.checkHostPort(port.key("hostPort"), p)
		}
	}
}

func (l *containerLinter) checkHostPort(at spot, p corev1.ContainerPort) {
	if p.HostPort == 0 {
		return
	}
	key := fmt.Sprintf("%d/%s/%s", p.HostPort, orWord(string(p.Protocol), "TCP"), p.HostIP)
	if other, dup := l.hostPorts[key]; dup {
		l.report(manifest.SeverityError, at, "duplicate-port", "the host port is taken by "+other, "")
		return
	}
	l.hostPorts[key] = at.field
}

func (l *containerLinter) checkEnv() {
	seen := map[string]bool{}
	for i, e := range l.Env {
		env := l.at.key(envField).index(i)
		switch {
		case e.Name == "":
		case len(validation.IsRelaxedEnvVarName(e.Name)) > 0:
			l.report(manifest.SeverityError, env.key(nameField), "bad-name",
				fmt.Sprintf("%q is not a variable name: %s", e.Name, validation.IsRelaxedEnvVarName(e.Name)[0]), "")
		case seen[e.Name]:
			l.report(manifest.SeverityWarning, env, "duplicate-env", "the container sets "+e.Name+" twice, and the last one counts",
				"remove one")
		}
		seen[e.Name] = true
		if e.ValueFrom != nil {
			l.checkValueFrom(env, e)
		}
	}
	for i, e := range l.EnvFrom {
		from := l.at.key("envFrom").index(i)
		if n := setPointers(e); n != 1 {
			l.report(manifest.SeverityError, from, "bad-value-from", fmt.Sprintf("needs one of configMapRef and secretRef, has %d", n),
				"")
		}
		if e.ConfigMapRef != nil {
			l.checkObjectName(from.key("configMapRef"), e.ConfigMapRef.Name)
		}
		if e.SecretRef != nil {
			l.checkObjectName(from.key("secretRef"), e.SecretRef.Name)
		}
	}
}

func (l *containerLinter) checkValueFrom(env spot, e corev1.EnvVar) {
	from := env.key("valueFrom")
	// A source that slipway does not know, which has a finding of its own, counts: it may be the one.
	n := len(pairs(from.node))
	switch {
	case e.Value != "":
		l.report(manifest.SeverityError, env, "bad-value-from", "a variable has value or valueFrom, not both", "remove one")
	case n != 1:
		l.report(manifest.SeverityError, from, "bad-value-from", fmt.Sprintf("needs one source, has %d", n), "")
	case e.ValueFrom.ConfigMapKeyRef != nil:
		l.requireName(from.key("configMapKeyRef"), e.ValueFrom.ConfigMapKeyRef.Name)
		l.checkDataKey(from.key("configMapKeyRef").key("key"), e.ValueFrom.ConfigMapKeyRef.Key)
	case e.ValueFrom.SecretKeyRef != nil:
		l.requireName(from.key("secretKeyRef"), e.ValueFrom.SecretKeyRef.Name)
		l.checkDataKey(from.key("secretKeyRef").key("key"), e.ValueFrom.SecretKeyRef.Key)
	case e.ValueFrom.FieldRef != nil:
		l.checkFieldRef(from.key("fieldRef"), e.ValueFrom.FieldRef, podFields()...)
	case e.ValueFrom.ResourceFieldRef != nil:
		l.checkResourceRef(from.key("resourceFieldRef"), e.ValueFrom.ResourceFieldRef)
	}
}

// checkMounts checks mounts and devices together: their places in the container must differ.
func (l *containerLinter) checkMounts() {
	taken := map[string]string{}
	take := func(at spot, path string) {
		if other, dup := taken[path]; dup && path != "" {
			l.report(manifest.SeverityError, at, "duplicate-mount", fmt.Sprintf("%s is taken by %s", path, other), "")
			return
		}
		taken[path] = at.field
	}
	for i, m := range l.VolumeMounts {
		mount := l.at.key(volumeMountsField).index(i)
		l.checkMounted(mount, m.Name)
		take(mount.key("mountPath"), m.MountPath)
		l.checkPath(mount.key("subPath"), m.SubPath, false)
		l.checkPath(mount.key("subPathExpr"), m.SubPathExpr, false)
		privileged := l.SecurityContext != nil && l.SecurityContext.Privileged != nil && *l.SecurityContext.Privileged
		switch {
		case m.SubPath != "" && m.SubPathExpr != "":
			l.report(manifest.SeverityError, mount.key("subPathExpr"), "bad-mount",
				"stands beside subPath, and a mount has only one of the two", "")
		case m.MountPropagation != nil && *m.MountPropagation == corev1.MountPropagationBidirectional && !privileged:
			l.report(manifest.SeverityError, mount.key("mountPropagation"), "bad-mount",
				"Bidirectional is for privileged containers only", "")
		case m.RecursiveReadOnly != nil && *m.RecursiveReadOnly != corev1.RecursiveReadOnlyDisabled && !m.ReadOnly:
			l.report(manifest.SeverityError, mount.key("recursiveReadOnly"), "bad-mount", "needs readOnly: true", "")
		}
	}
	for i, d := range l.VolumeDevices {
		device := l.at.key(devicesField).index(i)
		l.checkMounted(device, d.Name)
		take(device.key("devicePath"), d.DevicePath)
		l.checkPath(device.key("devicePath"), d.DevicePath, true)
		if v, ok := l.volumes[d.Name]; ok && !v.block {
			l.report(manifest.SeverityError, device.key(nameField), "bad-mount",
				"the volume "+d.Name+" is no block device: only claims are", "mount it under volumeMounts")
		}
	}
}

// checkMounted follows admission, which knows the set's own volumes only: a set reaches the pod's by sharing.
func (l *containerLinter) checkMounted(at spot, name string) {
	if _, ok := l.volumes[name]; ok || name == "" {
		return
	}
	known := make([]string, 0, len(l.volumes))
	for v := range l.volumes {
		known = append(known, v)
	}
	hint := "add it to spec.volumes; what the app mounts comes with shareVolumePolicy: {type: enabled}"
	if near := manifest.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	l.report(manifest.SeverityError, at.key(nameField), "no-volume", fmt.Sprintf("the set has no volume %q", name), hint)
}
