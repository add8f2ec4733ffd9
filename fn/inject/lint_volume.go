// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// volumeKind is what a container may do with a volume.
type volumeKind struct {
	block bool // can be a device: a claim, or one made for the pod
}

// volumeLinter checks the volumes of a set.
type volumeLinter struct{ typeReader }

// check checks the volumes and returns them by name.
func (l *volumeLinter) check() map[string]volumeKind {
	out := map[string]volumeKind{}
	for i, v := range l.set.Spec.Volumes {
		at := l.spec().key(volumesField).index(i)
		if manifest.IsNull(at.node) {
			l.report(manifest.SeverityError, at, "missing-field", "is null, must be a volume", "")
			continue
		}
		if at.node.Kind != yaml.MappingNode {
			continue // the parser has said so
		}
		var volume corev1.Volume
		before := len(l.findings)
		l.read(at, reflect.ValueOf(&volume).Elem())
		if v.Name != "" {
			if bad := validation.IsDNS1123Label(v.Name); len(bad) > 0 {
				l.report(manifest.SeverityError, at.key(nameField), "bad-name", fmt.Sprintf("%q is not a volume name: %s", v.Name, bad[0]),
					"")
			}
			if _, dup := out[v.Name]; dup {
				l.report(manifest.SeverityError, at.key(nameField), "duplicate-volume", "another volume of the set has the name "+v.Name, "")
			}
			out[v.Name] = volumeKind{block: volume.PersistentVolumeClaim != nil || volume.Ephemeral != nil}
		}
		l.checkSources(at, &volume, l.findings[before:])
		l.checkVolumePaths(at, &volume)
	}
	return out
}

// checkSources asks for one source. The API server makes an emptyDir of none, which is seldom what was meant; a field
// that slipway does not know, which is among what was found in the volume, may be the source.
func (l *volumeLinter) checkSources(at spot, v *corev1.Volume, found []manifest.Finding) {
	unknown := slices.ContainsFunc(found, func(f manifest.Finding) bool {
		return f.Code == "unknown-pod-field" && strings.HasPrefix(f.Field, at.field+".")
	})
	switch n := setPointers(v.VolumeSource); {
	case n > 1:
		var sources []string
		for _, p := range pairs(at.node) {
			if p.key.Value != nameField && !manifest.IsNull(p.value) {
				sources = append(sources, p.key.Value)
			}
		}
		l.report(manifest.SeverityError, at, "many-volume-sources",
			"a volume has one source, this one has "+strings.Join(sources, " and "), "remove all but one")
	case n == 0 && !unknown:
		l.report(manifest.SeverityWarning, at, "no-volume-source",
			"says nothing about where the volume comes from, and becomes an emptyDir",
			"write emptyDir: {}")
	}
	if v.Projected != nil {
		for i, p := range v.Projected.Sources {
			source := at.key("projected").key("sources").index(i)
			if n := setPointers(p); n > 1 {
				l.report(manifest.SeverityError, source, "many-volume-sources",
					fmt.Sprintf("a projection has one source, this one has %d", n), "")
			}
			if p.DownwardAPI != nil {
				l.checkFiles(source.key("downwardAPI"), p.DownwardAPI.Items)
			}
		}
	}
}

// checkVolumePaths checks what would reach out of the place that a path belongs to, and modes that are none.
func (l *volumeLinter) checkVolumePaths(at spot, v *corev1.Volume) {
	if p := v.HostPath; p != nil {
		l.checkPath(at.key("hostPath").key("path"), p.Path, true)
	}
	if p := v.ConfigMap; p != nil {
		at := at.key("configMap")
		l.requireName(at, p.Name)
		l.checkItems(at, p.Items, p.DefaultMode)
	}
	if p := v.Secret; p != nil {
		at := at.key("secret")
		if p.SecretName == "" {
			l.report(manifest.SeverityError, at.key("secretName"), "missing-field", "is required", "")
		}
		l.checkItems(at, p.Items, p.DefaultMode)
	}
	if p := v.EmptyDir; p != nil {
		if p.SizeLimit != nil && p.SizeLimit.Sign() < 0 {
			l.report(manifest.SeverityError, at.key("emptyDir").key("sizeLimit"), "bad-quantity", "is negative", "")
		}
		if p.Medium != "" && p.Medium != "Memory" && !strings.HasPrefix(string(p.Medium), "HugePages") {
			l.oneOf(manifest.SeverityError, at.key("emptyDir").key("medium"), string(p.Medium), "Memory", "HugePages")
		}
	}
	if p := v.Ephemeral; p != nil {
		l.checkClaim(at.key("ephemeral").key("volumeClaimTemplate"), p.VolumeClaimTemplate)
	}
	if p := v.DownwardAPI; p != nil {
		l.checkFiles(at.key("downwardAPI"), p.Items)
	}
}

func (l *volumeLinter) checkItems(at spot, list []corev1.KeyToPath, mode *int32) {
	l.checkMode(at.key("defaultMode"), mode)
	for i, e := range list {
		item := at.key("items").index(i)
		l.checkPath(item.key("path"), e.Path, false)
		l.checkMode(item.key("mode"), e.Mode)
	}
}

func (l *volumeLinter) checkMode(at spot, mode *int32) {
	if mode != nil && (*mode < 0 || *mode > 0o777) {
		l.report(manifest.SeverityError, at, "bad-mode", fmt.Sprintf("is %d, must be 0 to 511 (0777 in octal)", *mode), "")
	}
}

// setPointers counts the fields of a struct of pointers that are set.
func setPointers(v any) int {
	n := 0
	s := reflect.ValueOf(v)
	for i := range s.NumField() {
		if f := s.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			n++
		}
	}
	return n
}
