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

// ends says whether the template's pods run to completion, which a sidecar that never ends keeps them from: those of Jobs
// and the like, and a Pod that is a hook, for whose end Helm and Argo CD wait.
func (t *podTemplate) ends() bool {
	return t.kind.RunsToCompletion || t.isHookPod()
}

func (t *podTemplate) isHookPod() bool { return t.object.Kind == "Pod" && IsHook(t.root) }

// HookSkipped is the finding for a hook that was left alone because the configuration says so.
func HookSkipped(object *yaml.Node, source manifest.Source) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityInfo, Code: "hook-skipped", Object: manifest.RefOf(object), Source: source,
		Message: "is a hook, nothing was injected", Hint: "the configuration says hooks: Skip",
	}
}
