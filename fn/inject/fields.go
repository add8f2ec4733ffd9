// SPDX-License-Identifier: Apache-2.0

package inject

// Where a sidecar goes in a pod, as podInjectPolicy says it.
const (
	BeforeAppContainer = "BeforeAppContainer"
	AfterAppContainer  = "AfterAppContainer"
)

// Other words that a SidecarSet's fields take. Those that injection does not act on are there for Lint.
const (
	enabled  = "enabled" // shareVolumePolicy.type, shareVolumeDevicePolicy.type
	disabled = "disabled"

	hotUpgrade  = "HotUpgrade" // upgradeStrategy.upgradeType
	coldUpgrade = "ColdUpgrade"

	patchRetain    = "Retain" // patchPodMetadata[].patchPolicy
	patchOverwrite = "Overwrite"
	patchMergeJSON = "MergePatchJson"

	targetSum = "sum" // resourcesPolicy.targetContainersMode
	targetMax = "max"

	revisionAlways  = "Always" // injectionStrategy.revision.policy
	revisionPartial = "Partial"

	updateRolling   = "RollingUpdate" // updateStrategy.type
	updateNotUpdate = "NotUpdate"

	restartAlways = "Always" // restartPolicy of an init container, which makes it a native sidecar
)

// Labels and annotations of a SidecarSet that change what it does.
const (
	customVersionLabel = "apps.kruise.io/sidecarset-custom-version"
	canaryAnnotation   = "apps.kruise.io/sidecarset-canary"
	baseAnnotation     = "apps.kruise.io/sidecarset-base"
)

// isInjectedEnv marks the containers that came from a SidecarSet; sharing leaves them out.
const isInjectedEnv = "IS_INJECTED"

// Fields of any object.
const (
	metadataField    = "metadata"
	nameField        = "name"
	labelsField      = "labels"
	annotationsField = "annotations"
	specField        = "spec"
	itemsField       = "items"
	objectsField     = "objects" // of an OpenShift template
)

// templateKind is OpenShift's kind of an object that holds others, with parameters in them.
const templateKind = "Template"

// Lists of a pod spec that injection adds to. A SidecarSet's spec names them alike.
const (
	initsField       = "initContainers"
	containersField  = "containers"
	volumesField     = "volumes"
	pullSecretsField = "imagePullSecrets"
)

// patchesField is the list of a SidecarSet's spec that patches the metadata of pods.
const patchesField = "patchPodMetadata"

// Fields of a container that injection adds to.
const (
	envField          = "env"
	volumeMountsField = "volumeMounts"
	devicesField      = "volumeDevices"
	resourcesField    = "resources"
	limitsField       = "limits"
	requestsField     = "requests"
	restartField      = "restartPolicy"
	imageField        = "image"

	shareTypeField = "type" // of shareVolumePolicy and shareVolumeDevicePolicy
)
