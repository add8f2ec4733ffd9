// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// IsHook says whether an object is a hook of Helm or Argo CD: one that runs at a moment of a release and is not part of
// what the release leaves in the cluster.
func IsHook(object *yaml.Node) bool {
	for _, annotation := range []string{"helm.sh/hook", "argocd.argoproj.io/hook"} {
		if manifest.At(object, metadataField, annotationsField, annotation) != nil {
			return true
		}
	}
	return false
}

// HookSkipped is the finding for a hook that was left alone because the configuration says so.
func HookSkipped(object *yaml.Node, source manifest.Source) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityInfo, Code: "hook-skipped", Object: manifest.RefOf(object), Source: source,
		Message: "is a hook, nothing was injected", Hint: "the configuration says hooks: Skip",
	}
}
