// SPDX-License-Identifier: Apache-2.0

package inject

import "sigs.k8s.io/kustomize/kyaml/yaml"

// IsHook says whether an object is a hook of Helm or Argo CD: one that runs at a moment of a release and is not part of
// what the release leaves in the cluster.
func IsHook(object *yaml.Node) bool {
	for _, annotation := range []string{"helm.sh/hook", "argocd.argoproj.io/hook"} {
		if at(object, metadataField, annotationsField, annotation) != nil {
			return true
		}
	}
	return false
}

// HookSkipped is the finding for a hook that was left alone because the configuration says so.
func HookSkipped(object *yaml.Node, source Source) Finding {
	return Finding{
		Severity: SeverityInfo, Code: "hook-skipped", Object: Ref(object), Source: source,
		Message: "is a hook, nothing was injected", Hint: "the configuration says hooks: Skip",
	}
}
