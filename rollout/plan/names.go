// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
)

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
