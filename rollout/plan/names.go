// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// objectName is the name of an object, as the API server checks it: it becomes part of the names of other objects, of files
// and of paths in a pod.
func (v value) objectName() string {
	name := v.Text()
	switch {
	case name == "":
		v.fail("is missing")
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		v.fail("%q is not a name that Kubernetes takes: %s", name, "write lower-case letters, digits, - and ., "+
			"beginning and ending with a letter or digit, at most 253")
	}
	return name
}

// namespaceName is the name of a namespace, "" where it is absent.
func (v value) namespaceName() string {
	name := v.Text()
	if name != "" && len(validation.IsDNS1123Label(name)) > 0 {
		v.fail("%q is not a namespace's name: write lower-case letters, digits and -, beginning and ending with a letter or digit, "+
			"at most 63", name)
	}
	return name
}

// RecordName is the name of the ConfigMap that holds the progress record of a release. An agent in direct mode does a
// controller's work, so that another one may step the partition of the same object at the same time: each has its own. No two
// targets share a name: what stands after the last dots tells kinds and modes apart, and a name without a dot is a CloneSet's in
// direct mode.
func RecordName(k Kind, name string, mode Mode) string {
	kind := strings.ToLower(k.Name)
	switch {
	case !mode.Controlled() && strings.Contains(name, "."):
		return "slipway-" + name + ".direct"
	case !mode.Controlled():
		return "slipway-" + name
	case k.Group() == kruiseGroup && k.Name != cloneSet: // Kubernetes has a kind of that name, too
		return "slipway-" + name + "." + kind + "." + kruiseGroup
	default:
		return "slipway-" + name + "." + kind
	}
}

// RecordNames are the names under which the record of a target may be: RecordName, and then one that older versions gave it.
// Under that may also be the record of another target, which its owner tells.
func RecordNames(k Kind, name string, mode Mode) []string {
	now, then := RecordName(k, name, mode), "slipway-"+name
	if mode.Controlled() {
		then += "." + strings.ToLower(k.Name)
	}
	if then == now {
		return []string{now}
	}
	return []string{now, then}
}

// LeaseName is the name of a release's lock. It is that of its record, which is known before there is a cluster, so that a Role
// can grant this one Lease and no other.
func LeaseName(k Kind, name string, mode Mode) string { return RecordName(k, name, mode) }

// ReleaseAnnotation is the annotation of a target that names the release which its manifest belongs to.
const ReleaseAnnotation = "slipway.dev/release"

// CommitAnnotation is the annotation in which a target carries the Git commit that it is of, where who renders it writes that.
// It stands on the object itself: in the pod template every commit would be a release.
const CommitAnnotation = "slipway.dev/git-commit"
