// SPDX-License-Identifier: Apache-2.0

package inject

import "sigs.k8s.io/kustomize/kyaml/yaml"

// IsSidecarSetRevision says whether an object is a ControllerRevision of a SidecarSet.
func IsSidecarSetRevision(object *yaml.Node) bool { return isSidecarSetRevision(object) }
