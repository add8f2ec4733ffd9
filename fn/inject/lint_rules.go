// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"
)

// Rule describes a code that findings of this package carry.
type Rule struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"` // the highest that the code comes with
	Summary  string   `json:"summary"`
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
		{"alias-bomb", SeverityError, "A YAML alias stands for a value that holds itself or expands without bound."},
		{"bad-annotation", SeverityError, "An annotation that injection reads has a value that it cannot read."},
		{"bad-override", SeverityError, "An override annotation is not a fragment of a container."},
		{"bad-path", SeverityError, "A path to pod templates in the configuration is not a path."},
		{"behind-alias", SeverityError, "A YAML alias stands where injection has to edit."},
		{"behind-anchor", SeverityError, "An edit would show elsewhere too, where a YAML alias repeats the place."},
		{"behind-merge-key", SeverityError, "A value that injection has to edit comes from a YAML merge key."},
		{"damaged-provenance", SeverityError, "The record of an earlier injection cannot be read."},
		{"duplicate-key", SeverityError, "A mapping has one key twice."},
		{"env-not-found", SeverityInfo, "A variable that transferEnv names is not there."},
		{"hook-skipped", SeverityInfo, "Nothing is injected into a hook, since the configuration says so."},
		{"job-skipped", SeverityWarning, "Sidecars are not injected into a job, which they would keep from completing."},
		{"name-conflict", SeverityError, "An app's container has the name of an injected one."},
		{"undecided", SeverityError, "Whether, or at which revision, a SidecarSet is injected cannot be decided offline."},
		{"unused-annotation", SeverityWarning, "An annotation names a SidecarSet or a container that does not exist."},
		{"wrong-type", SeverityError, "A value has a type that its field does not take."},
	}
}

// setRules are about SidecarSets and what Kruise adds to a container.
func setRules() []Rule {
	return []Rule{
		{"annotation-conflict", SeverityError, "Two SidecarSets that can meet in one pod dispute an annotation."},
		{"bad-amount", SeverityError, "A partition or a maxUnavailable is neither a number nor a percentage."},
		{"bad-expression", SeverityError, "A resource expression cannot be evaluated, or is always negative."},
		{"bad-merge-patch", SeverityError, "MergePatchJson meets a value that is not JSON."},
		{"bad-resources-policy", SeverityError, "A resourcesPolicy cannot compute resources."},
		{"bad-selector", SeverityError, "A label selector is not valid."},
		{"bad-transfer-env", SeverityError, "The fieldRef of a transferEnv is not valid."},
		{"canary-base", SeverityError, "A canary's base is missing, itself, or a canary."},
		{"canary-update", SeverityError, "A canary's update strategy is not NotUpdate."},
		{"container-conflict", SeverityError, "Two SidecarSets that can meet in one pod inject containers of one name."},
		{"duplicate-annotation", SeverityError, "A SidecarSet patches an annotation twice."},
		{"duplicate-container", SeverityError, "Two injected containers have one name."},
		{"duplicate-sidecarset", SeverityError, "Two SidecarSets of one name differ."},
		{"empty-revision", SeverityError, "A pinned revision has neither revisionName nor customVersion."},
		{"empty-selector", SeverityError, "A selector is empty and so matches nothing."},
		{"empty-transfer-env", SeverityWarning, "A transferEnv names no container or no variable."},
		{"impossible-selector", SeverityWarning, "The parts of a selector exclude each other."},
		{"namespace-twice", SeverityError, "A SidecarSet has both namespace and namespaceSelector."},
		{"native-sidecar-update", SeverityError, "A native sidecar's update strategy is RollingUpdate."},
		{"negative-expression", SeverityWarning, "A resource expression is negative for some inputs."},
		{"no-annotations", SeverityError, "An entry of patchPodMetadata has no annotation."},
		{"no-containers", SeverityError, "A SidecarSet has no container."},
		{"no-empty-image", SeverityError, "HotUpgrade lacks hotUpgradeEmptyImage."},
		{"no-name", SeverityError, "A SidecarSet or a container has no name."},
		{"no-selector", SeverityError, "A SidecarSet's selector is missing or empty."},
		{"partition-and-selector", SeverityError, "An update strategy has both a partition and a selector."},
		{"reserved-annotation", SeverityError, "A SidecarSet patches an annotation that injection writes."},
		{"unknown-field", SeverityError, "A field does not exist."},
		{"unknown-value", SeverityError, "A field has a word that it does not know."},
		{"unknown-version", SeverityError, "A SidecarSet's API version is not one that can be read."},
		{"unused-volume", SeverityInfo, "A volume is mounted by no container and never injected."},
		{"volume-conflict", SeverityError, "Two SidecarSets that can meet in one pod have different volumes of one name."},
		{"wrong-version", SeverityError, "A field exists in the other API version only."},
	}
}

// containerRules are what Kubernetes asks of containers and volumes.
func containerRules() []Rule {
	return []Rule{
		{"bad-image", SeverityError, "An image's name has a space at its start or end."},
		{"bad-mode", SeverityError, "A file mode is out of range."},
		{"bad-mount", SeverityError, "A mount's options do not go together, or with the volume."},
		{"bad-name", SeverityError, "A name has characters or a length that Kubernetes does not take."},
		{"bad-port", SeverityError, "A port is out of range or has no valid name."},
		{"bad-probe", SeverityError, "A probe or a lifecycle handler does not do exactly one thing, or has bad numbers."},
		{"bad-quantity", SeverityError, "A quantity cannot be read or is negative."},
		{"bad-resources", SeverityError, "A request is above its limit, or a resource does not exist."},
		{"bad-security-context", SeverityError, "Parts of a security context contradict each other."},
		{"bad-value-from", SeverityError, "A variable has no source, or several."},
		{"duplicate-env", SeverityWarning, "A container sets a variable twice."},
		{"duplicate-mount", SeverityError, "Two mounts or devices have one place in a container."},
		{"duplicate-port", SeverityError, "A port, a port's name or a host port stands twice."},
		{"duplicate-volume", SeverityError, "Two volumes of a SidecarSet have one name."},
		{"many-volume-sources", SeverityError, "A volume has several sources."},
		{"missing-field", SeverityError, "A required field is missing or empty."},
		{"no-image", SeverityError, "A container has no image."},
		{"no-volume", SeverityError, "A container mounts a volume that does not exist."},
		{"no-volume-source", SeverityWarning, "A volume has no source and becomes an emptyDir."},
		{"probe-on-init", SeverityError, "An init container that is no native sidecar has a probe or a lifecycle."},
		{"restart-policy", SeverityWarning, "A container outside initContainers has a restartPolicy."},
		{"unknown-pod-field", SeverityWarning, "A container or volume has a field that slipway's Kubernetes does not know."},
		{"unsafe-path", SeverityError, "A path leaves the directory that it belongs to."},
	}
}

func policyRules() []Rule {
	return []Rule{
		{"policy-digest", SeverityError, "Policy: an image is not pinned by its digest."},
		{"policy-privileged", SeverityError, "Policy: a container has the power of its node."},
		{"policy-registry", SeverityError, "Policy: an image comes from a registry that is not allowed."},
		{"policy-resources", SeverityError, "Policy: a container lacks requests or limits."},
	}
}

// clusterRules are about a cluster held against Git.
func clusterRules() []Rule {
	return []Rule{
		{"cluster-seen", SeverityInfo, "What was seen of the cluster."},
		{"injected-by-webhook", SeverityWarning, "Pods carry sidecars that the webhook put in and Git does not have."},
		{"injected-twice", SeverityError, "Pods were fitted out by slipway and by the webhook."},
		{"match-not-seen", SeverityWarning, "Too little was seen of the cluster to tell whether a SidecarSet matches."},
		{"sidecarset-differs", SeverityError, "A SidecarSet in the cluster injects otherwise than that in Git."},
		{"sidecarset-not-in-cluster", SeverityInfo, "A SidecarSet is in Git alone."},
		{"sidecarset-not-in-git", SeverityWarning, "A SidecarSet is in the cluster alone."},
		{"sidecarset-paused", SeverityWarning, "The injection of a SidecarSet is paused, in the cluster or in Git."},
		{"webhook-injects", SeverityWarning, "The webhook adds containers to the pods of a workload."},
		{"webhook-replaces", SeverityError, "The webhook replaces containers that a pod template has."},
	}
}
