// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// objectName is the name of an object, as the API server checks it: it becomes part of the names of other objects, of files
// and of paths in a pod.
func (v value) objectName() string {
	name := v.text()
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
	name := v.text()
	if name != "" && len(validation.IsDNS1123Label(name)) > 0 {
		v.fail("%q is not a namespace's name: write lower-case letters, digits and -, beginning and ending with a letter or digit, at most 63", name)
	}
	return name
}

// RecordName is the name of the ConfigMap that holds the progress record of a release. An agent in direct mode does a
// controller's work, so that another one may step the partition of the same object at the same time: each has its own.
func RecordName(kind, name string, mode Mode) string {
	if mode != Partition {
		return "slipway-" + name
	}
	return "slipway-" + name + "." + strings.ToLower(kind)
}

// LeaseName follows from the UID, so a target that is made anew under its old name has another lock. Who steps the
// partition does not lock out an agent that does the controller's work.
func LeaseName(uid string, mode Mode) string {
	if mode == Partition {
		return "slipway-" + uid + "-partition"
	}
	return "slipway-" + uid
}

// ReleaseAnnotation is the annotation of a target that names the release which its manifest belongs to.
const ReleaseAnnotation = "slipway.dev/release"
