// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Rule describes a code that findings of this package carry.
type Rule struct {
	Code     string            `json:"code"`
	Severity manifest.Severity `json:"severity"` // the highest that the code comes with
	Summary  string            `json:"summary"`
}

// Rules lists every code that this package can emit, by code.
func Rules() []Rule {
	all := slices.Concat(workloadRules(), setRules(), containerRules(), policyRules(), clusterRules())
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// workloadRules are about the objects that are injected into.
func workloadRules() []Rule {
	return []Rule{
		{"alias-bomb", manifest.SeverityError, "A YAML alias stands for a value that holds itself or expands without bound."},
		{"bad-annotation", manifest.SeverityError, "An annotation that injection reads has a value that it cannot read."},
		{"bad-override", manifest.SeverityError, "An override annotation is not a fragment of a container."},
		{"bad-path", manifest.SeverityError, "A path to pod templates in the configuration is not a path."},
		{"behind-alias", manifest.SeverityError, "A YAML alias stands where injection has to edit."},
		{"behind-anchor", manifest.SeverityError, "An edit would show elsewhere too, where a YAML alias repeats the place."},
		{"behind-merge-key", manifest.SeverityError, "A value that injection has to edit comes from a YAML merge key."},
		{"damaged-provenance", manifest.SeverityError, "The record of an earlier injection cannot be read."},
		{"duplicate-key", manifest.SeverityError, "A mapping has one key twice."},
		{"env-not-found", manifest.SeverityInfo, "A variable that transferEnv names is not there."},
		{"hook-skipped", manifest.SeverityInfo, "Nothing is injected into a hook, since the configuration says so."},
		{"job-skipped", manifest.SeverityWarning, "Sidecars are not injected into a job, which they would keep from completing."},
		{"name-conflict", manifest.SeverityError, "An app's container has the name of an injected one."},
		{"no-app-containers", manifest.SeverityError, "A SidecarSet matches a pod template that has no container of its own."},
		{"sets-forgotten", manifest.SeverityError, "Sidecars of an earlier run are there, and no SidecarSet is known that would put " +
			"them back."},
		{"undecided", manifest.SeverityError, "Whether, or at which revision, a SidecarSet is injected cannot be decided offline."},
		{"unknown-workload", manifest.SeverityWarning, "An object carries a pod template where slipway does not look for one."},
		{"unused-annotation", manifest.SeverityWarning, "An annotation names a SidecarSet or a container that does not exist."},
		{"wrong-type", manifest.SeverityError, "A value has a type that its field does not take."},
	}
}

// setRules are about SidecarSets and what Kruise adds to a container.
func setRules() []Rule {
	return []Rule{
		{"annotation-conflict", manifest.SeverityError, "Two SidecarSets that can meet in one pod dispute an annotation."},
		{"bad-amount", manifest.SeverityError, "A partition or a maxUnavailable is neither a number nor a percentage."},
		{"bad-expression", manifest.SeverityError, "A resource expression cannot be evaluated, or is always negative."},
		{"bad-merge-patch", manifest.SeverityError, "MergePatchJson meets a value that is not JSON."},
		{"bad-resources-policy", manifest.SeverityError, "A resourcesPolicy cannot compute resources."},
		{"bad-selector", manifest.SeverityError, "A label selector is not valid."},
		{"bad-transfer-env", manifest.SeverityError, "The fieldRef of a transferEnv is not valid."},
		{"canary-base", manifest.SeverityError, "A canary's base is missing, itself, or a canary."},
		{"canary-update", manifest.SeverityError, "A canary's update strategy is not NotUpdate."},
		{"container-conflict", manifest.SeverityError, "Two SidecarSets that can meet in one pod inject containers of one name."},
		{"duplicate-annotation", manifest.SeverityError, "A SidecarSet patches an annotation twice."},
		{"duplicate-container", manifest.SeverityError, "Two injected containers have one name."},
		{"duplicate-sidecarset", manifest.SeverityError, "Two SidecarSets of one name differ."},
		{"empty-revision", manifest.SeverityError, "A pinned revision has neither revisionName nor customVersion."},
		{"empty-selector", manifest.SeverityError, "A selector is empty and so matches nothing."},
		{"empty-transfer-env", manifest.SeverityWarning, "A transferEnv names no container or no variable."},
		{"impossible-selector", manifest.SeverityWarning, "The parts of a selector exclude each other."},
		{"namespace-twice", manifest.SeverityError, "A SidecarSet has both namespace and namespaceSelector."},
		{"native-sidecar-update", manifest.SeverityError, "A native sidecar's update strategy is RollingUpdate."},
		{"negative-expression", manifest.SeverityWarning, "A resource expression is negative for some inputs."},
		{"no-annotations", manifest.SeverityError, "An entry of patchPodMetadata has no annotation."},
		{"no-containers", manifest.SeverityError, "A SidecarSet has no container."},
		{"no-empty-image", manifest.SeverityError, "HotUpgrade lacks hotUpgradeEmptyImage."},
		{"no-name", manifest.SeverityError, "A SidecarSet or a container has no name."},
		{"no-selector", manifest.SeverityError, "A SidecarSet's selector is missing or empty."},
		{"partition-and-selector", manifest.SeverityError, "An update strategy has both a partition and a selector."},
		{"reserved-annotation", manifest.SeverityError, "A SidecarSet patches an annotation that injection writes."},
		{"unknown-field", manifest.SeverityError, "A field does not exist."},
		{"unknown-value", manifest.SeverityError, "A field has a word that it does not know."},
		{"unknown-version", manifest.SeverityError, "A SidecarSet's API version is not one that can be read."},
		{"unused-volume", manifest.SeverityInfo, "A volume is mounted by no container and never injected."},
		{"volume-conflict", manifest.SeverityError, "Two SidecarSets, or a SidecarSet and a pod, have different volumes of one name."},
		{"wrong-version", manifest.SeverityError, "A field exists in the other API version only."},
	}
}

// containerRules are what Kubernetes asks of containers and volumes.
func containerRules() []Rule {
	return []Rule{
		{"bad-image", manifest.SeverityError, "An image's name has a space at its start or end."},
		{"bad-mode", manifest.SeverityError, "A file mode is out of range."},
		{"bad-mount", manifest.SeverityError, "A mount's options do not go together, or with the volume."},
		{"bad-name", manifest.SeverityError, "A name has characters or a length that Kubernetes does not take."},
		{"bad-port", manifest.SeverityError, "A port is out of range or has no valid name."},
		{"bad-probe", manifest.SeverityError, "A probe or a lifecycle handler does not do exactly one thing, or has bad numbers."},
		{"bad-quantity", manifest.SeverityError, "A quantity cannot be read or is negative."},
		{"bad-resources", manifest.SeverityError, "A request is above its limit, or a resource does not exist."},
		{"bad-security-context", manifest.SeverityError, "Parts of a security context contradict each other."},
		{"bad-value-from", manifest.SeverityError, "A variable has no source, or several."},
		{"duplicate-env", manifest.SeverityWarning, "A container sets a variable twice."},
		{"duplicate-mount", manifest.SeverityError, "Two mounts or devices have one place in a container."},
		{"duplicate-port", manifest.SeverityError, "A port, a port's name or a host port stands twice."},
		{"duplicate-volume", manifest.SeverityError, "Two volumes of a SidecarSet have one name."},
		{"many-volume-sources", manifest.SeverityError, "A volume has several sources."},
		{"missing-field", manifest.SeverityError, "A required field is missing or empty."},
		{"no-image", manifest.SeverityError, "A container has no image."},
		{"no-volume", manifest.SeverityError, "A container mounts a volume that does not exist."},
		{"no-volume-source", manifest.SeverityWarning, "A volume has no source and becomes an emptyDir."},
		{"probe-on-init", manifest.SeverityError, "An init container that is no native sidecar has a probe or a lifecycle."},
		{"restart-policy", manifest.SeverityWarning, "A container outside initContainers has a restartPolicy."},
		{"unknown-pod-field", manifest.SeverityWarning, "A container or volume has a field that slipway's Kubernetes does not know."},
		{"unsafe-path", manifest.SeverityError, "A path leaves the directory that it belongs to."},
	}
}

func policyRules() []Rule {
	return []Rule{
		{"policy-digest", manifest.SeverityError, "Policy: an image is not pinned by its digest."},
		{"policy-privileged", manifest.SeverityError, "Policy: a container has the power of its node."},
		{"policy-registry", manifest.SeverityError, "Policy: an image comes from a registry that is not allowed."},
		{"policy-resources", manifest.SeverityError, "Policy: a container lacks requests or limits."},
	}
}

// clusterRules are about a cluster held against Git.
func clusterRules() []Rule {
	return []Rule{
		{"cluster-seen", manifest.SeverityInfo, "What was seen of the cluster."},
		{"injected-by-webhook", manifest.SeverityWarning, "Pods carry sidecars that the webhook put in and Git does not have."},
		{"injected-twice", manifest.SeverityError, "Pods were fitted out by slipway and by the webhook."},
		{"match-not-seen", manifest.SeverityWarning, "Too little was seen of the cluster to tell whether a SidecarSet matches."},
		{"sidecarset-differs", manifest.SeverityError, "A SidecarSet in the cluster injects otherwise than that in Git."},
		{"sidecarset-not-in-cluster", manifest.SeverityInfo, "A SidecarSet is in Git alone."},
		{"sidecarset-not-in-git", manifest.SeverityWarning, "A SidecarSet is in the cluster alone."},
		{"sidecarset-paused", manifest.SeverityWarning, "The injection of a SidecarSet is paused, in the cluster or in Git."},
		{"webhook-injects", manifest.SeverityWarning, "The webhook adds containers to the pods of a workload."},
		{"webhook-replaces", manifest.SeverityError, "The webhook replaces containers that a pod template has."},
	}
}
