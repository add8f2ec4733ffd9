// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// checkNames finds what in the name of an object no API server would take, in the words of a finding: the field, and what is
// wrong with it. Only a name that passes becomes the name of a file. What is absent passes.
func checkNames(o manifest.ObjectRef, prefix bool) (field, why string) {
	group, version, found := strings.Cut(o.APIVersion, "/")
	if !found {
		group, version = "", o.APIVersion
	}
	nameCheck, nameWords := nameRule(group, prefix)
	for _, part := range []struct {
		field, value string
		check        func(string) []string
		words        string
	}{
		{"apiVersion", group, validation.IsDNS1123Subdomain, "lower-case letters, digits, - and ., at most 253"},
		{"apiVersion", version, validation.IsDNS1035Label, "lower-case letters and digits, such as v1"},
		{"kind", o.Kind, kindRule, "letters and digits, such as Deployment"},
		{"metadata.namespace", o.Namespace, validation.IsDNS1123Label, "lower-case letters, digits and -, at most 63"},
		{"metadata.name", o.Name, nameCheck, nameWords},
	} {
		if part.value != "" && len(part.check(part.value)) > 0 {
			return part.field, fmt.Sprintf("%q is not a name that Kubernetes takes: write %s", part.value, part.words)
		}
	}
	return "", ""
}

// kindRule is how a definition of a kind is checked.
func kindRule(kind string) []string { return validation.IsDNS1035Label(strings.ToLower(kind)) }

// nameRule is how the API server checks the names of a group's objects, and what it takes in words. Those of RBAC and of
// OpenShift's users are paths' segments and may hold what domain names may not, such as the colon of system:node.
func nameRule(group string, prefix bool) (check func(string) []string, words string) {
	if group == "rbac.authorization.k8s.io" || strings.HasSuffix(group, ".openshift.io") {
		return segment, "characters that can be seen, without / and %"
	}
	return func(name string) []string {
		if prefix {
			name = strings.TrimSuffix(name, "-") // letters follow
		}
		return validation.IsDNS1123Subdomain(name)
	}, "lower-case letters, digits, - and ., beginning and ending with a letter or digit, at most 253"
}

// segment is the rule for segments of paths, and refuses what no one could read besides.
func segment(name string) []string {
	if manifest.Printable(name) != name {
		return []string{"holds characters that cannot be seen"}
	}
	return content.IsPathSegmentName(name)
}

// fileName is group_version_kind_name.yaml in a folder named after the namespace, as kustomize names its files. The names have
// passed checkNames. It is the same for names that differ in case alone: file systems may not tell them apart.
func fileName(o manifest.ObjectRef) string {
	group, version, found := strings.Cut(o.APIVersion, "/")
	parts := []string{group, version, o.Kind, o.Name}
	if !found {
		parts = []string{group, o.Kind, o.Name}
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	name := strings.ToLower(strings.Join(parts, "_"))
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && !strings.ContainsRune(`/\:*?"<>|`, r) {
			return r
		}
		return '-'
	}, name)
	return path.Join(o.Namespace, bounded(name)+".yaml")
}

// maxFileName is how long a name may be before the number and the ending that it may get: file systems take 255 bytes.
const maxFileName = 255 - len("_100000.yaml")

// bounded is a name that file systems take. One that is cut gets a hash of the whole, so that it stays one object's.
func bounded(name string) string {
	if len(name) <= maxFileName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := "_" + hex.EncodeToString(sum[:8])
	return name[:maxFileName-len(hash)] + hash
}

// isOwnName says whether a name is one that slipway gives to files. A list that somebody has edited, or that an earlier
// version has written for a name with line breaks in it, names nothing else.
func isOwnName(name string) bool { return strings.Contains(name, "_") && ownName().MatchString(name) }

var ownName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9][-a-z0-9]*/)?[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*\.yaml$`)
})
