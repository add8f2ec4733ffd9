// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// SidecarSet is an OpenKruise SidecarSet, v1alpha1 or v1beta1, in the fields that matter at injection.
// Containers and volumes stay yaml, so that a field of a Kubernetes newer than slipway passes through.
type SidecarSet struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   Metadata       `json:"metadata"`
	Spec       SidecarSetSpec `json:"spec"`
	Status     *yaml.Node     `json:"status"`

	Source manifest.Source `json:"-"` // where its document starts
	Node   *yaml.Node      `json:"-"` // its root

	volumes map[string]*yaml.Node // those of the spec by name
}

// Metadata is the part of an object's metadata that slipway reads.
type Metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Rest        *yaml.Node        `rest:"true"`
}

// SidecarSetSpec follows the CRD field by field.
type SidecarSetSpec struct {
	Selector             *Selector          `json:"selector"`
	Namespace            string             `json:"namespace"` // v1alpha1 only
	NamespaceSelector    *Selector          `json:"namespaceSelector"`
	InitContainers       []Sidecar          `json:"initContainers"`
	Containers           []Sidecar          `json:"containers"`
	Volumes              []Volume           `json:"volumes"`
	ImagePullSecrets     []LocalReference   `json:"imagePullSecrets"`
	PatchPodMetadata     []PodMetadataPatch `json:"patchPodMetadata"`
	InjectionStrategy    InjectionStrategy  `json:"injectionStrategy"`
	UpdateStrategy       UpdateStrategy     `json:"updateStrategy"`
	RevisionHistoryLimit *int32             `json:"revisionHistoryLimit"`
	CustomVersion        string             `json:"customVersion"` // v1beta1 only
}

// Selector is a label selector that knows where it stands.
type Selector struct {
	metav1.LabelSelector
	Node *yaml.Node
}

// UnmarshalNode reads a label selector.
func (s *Selector) UnmarshalNode(n *yaml.Node, d *manifest.Decoder, field string) {
	var in struct {
		MatchLabels      map[string]string `json:"matchLabels"`
		MatchExpressions []struct {
			Key      string   `json:"key"`
			Operator string   `json:"operator"`
			Values   []string `json:"values"`
		} `json:"matchExpressions"`
	}
	d.Decode(n, &in, field)
	s.Node = n
	s.MatchLabels = in.MatchLabels
	for _, e := range in.MatchExpressions {
		s.MatchExpressions = append(s.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: e.Key, Operator: metav1.LabelSelectorOperator(e.Operator), Values: e.Values})
	}
	if _, err := metav1.LabelSelectorAsSelector(&s.LabelSelector); err != nil {
		d.Report(n, "bad-selector", field, err.Error(), "")
	}
}

func (s *Selector) empty() bool {
	return s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

// Sidecar is a container of a SidecarSet: how it is injected, and the container itself in Container.
type Sidecar struct {
	Name                    string           `json:"-"`
	PodInjectPolicy         string           `json:"podInjectPolicy"`
	UpgradeStrategy         UpgradeStrategy  `json:"upgradeStrategy"`
	ShareVolumePolicy       TypedPolicy      `json:"shareVolumePolicy"`
	ShareVolumeDevicePolicy *TypedPolicy     `json:"shareVolumeDevicePolicy"`
	TransferEnv             []TransferEnv    `json:"transferEnv"`
	ResourcesPolicy         *ResourcesPolicy `json:"resourcesPolicy"`
	Container               *yaml.Node       `rest:"true"`
	Node                    *yaml.Node       `json:"-"` // as it stands in the SidecarSet

	init bool // it is one of spec.initContainers
}

// UnmarshalNode reads a sidecar and takes its own fields apart from the container's.
func (s *Sidecar) UnmarshalNode(n *yaml.Node, d *manifest.Decoder, field string) {
	type plain Sidecar
	d.Decode(n, (*plain)(s), field)
	s.Node = n
	if s.Container == nil {
		s.Container = manifest.NewMapping()
	}
	s.Name = manifest.Text(manifest.Lookup(s.Container, nameField))
	for _, list := range []string{envField, volumeMountsField, devicesField, "ports", "args", "command", "envFrom"} {
		if l := manifest.Lookup(s.Container, list); !manifest.IsNull(l) && l.Kind != yaml.SequenceNode {
			d.Mismatch(l, "a list", field+"."+list)
		}
	}
}

// endsWithJob says whether Kruise's SidecarTerminator ends a container once the app's own have ended: by a signal, or by an
// image that ends at once.
func (s *Sidecar) endsWithJob() bool {
	return slices.ContainsFunc(manifest.Items(manifest.Lookup(s.Container, envField)), func(e *yaml.Node) bool {
		value := manifest.Text(manifest.Lookup(e, "value"))
		switch manifest.Text(manifest.Lookup(e, nameField)) {
		case "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT":
			return value == "true"
		case "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE":
			return value != ""
		}
		return false
	})
}

func (s *Sidecar) native() bool {
	return manifest.Text(manifest.Lookup(s.Container, restartField)) == restartAlways
}

// hot says whether a sidecar becomes a pair; an init container that ends has nothing to upgrade.
func (s *Sidecar) hot() bool {
	return s.UpgradeStrategy.UpgradeType == hotUpgrade && (!s.init || s.native())
}

// podNames are the names of a sidecar in the pod.
func (s *Sidecar) podNames() []string {
	if s.hot() {
		return []string{s.Name + "-1", s.Name + "-2"}
	}
	return []string{s.Name}
}

// UpgradeStrategy says how a sidecar's image is changed in a running pod.
type UpgradeStrategy struct {
	UpgradeType          string `json:"upgradeType"`
	HotUpgradeEmptyImage string `json:"hotUpgradeEmptyImage"`
}

// TypedPolicy is a policy with the one field that Kruise gives it.
type TypedPolicy struct {
	Type string `json:"type"`
}

// TransferEnv names variables of an app container that the sidecar gets too.
type TransferEnv struct {
	SourceContainerName     string `json:"sourceContainerName"`
	SourceContainerNameFrom *struct {
		FieldRef *struct {
			APIVersion string `json:"apiVersion"`
			FieldPath  string `json:"fieldPath"`
		} `json:"fieldRef"`
	} `json:"sourceContainerNameFrom"`
	EnvName  string   `json:"envName"`
	EnvNames []string `json:"envNames"`
}

// ResourcesPolicy computes a sidecar's resources from those of app containers.
type ResourcesPolicy struct {
	TargetContainersMode      string  `json:"targetContainersMode"`
	TargetContainersNameRegex *string `json:"targetContainersNameRegex"`
	ResourcesExpr             struct {
		Limits   *ResourceExprs `json:"limits"`
		Requests *ResourceExprs `json:"requests"`
	} `json:"resourcesExpr"`
}

// ResourceExprs holds one expression for each resource; "" leaves the resource out.
type ResourceExprs struct {
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
}

// Volume is a volume of a SidecarSet.
type Volume struct {
	Name string
	Node *yaml.Node
}

// UnmarshalNode reads a volume's name and keeps the rest as it stands.
func (v *Volume) UnmarshalNode(n *yaml.Node, d *manifest.Decoder, field string) {
	if n.Kind != yaml.MappingNode {
		d.Mismatch(n, "a mapping", field)
		return
	}
	v.Name, v.Node = manifest.Text(manifest.Lookup(n, nameField)), n
}

// LocalReference is a reference by name.
type LocalReference struct {
	Name string `json:"name"`
}

// PodMetadataPatch sets annotations of the pod.
type PodMetadataPatch struct {
	Annotations map[string]string `json:"annotations"`
	PatchPolicy string            `json:"patchPolicy"`
	Node        *yaml.Node        `json:"-"`
}

// InjectionStrategy pauses injection or pins what is injected.
type InjectionStrategy struct {
	Paused   bool `json:"paused"`
	Revision *struct {
		RevisionName  string `json:"revisionName"`
		CustomVersion string `json:"customVersion"`
		Policy        string `json:"policy"`
	} `json:"revision"`
}

// UpdateStrategy matters at injection only for Partial revisions and canary sets.
type UpdateStrategy struct {
	Type             string     `json:"type"`
	Paused           bool       `json:"paused"`
	Selector         *Selector  `json:"selector"`
	Partition        *yaml.Node `json:"partition"`
	MaxUnavailable   *yaml.Node `json:"maxUnavailable"`
	PriorityStrategy *yaml.Node `json:"priorityStrategy"`
	ScatterStrategy  *yaml.Node `json:"scatterStrategy"`
}

// IsSidecarSet says whether an object is a SidecarSet.
func IsSidecarSet(object *yaml.Node) bool {
	return isSidecarSet(manifest.RefOf(object))
}

func isSidecarSet(ref manifest.ObjectRef) bool {
	group, _, _ := strings.Cut(ref.APIVersion, "/")
	return group == manifest.KruiseGroup && ref.Kind == "SidecarSet"
}

// ParseSidecarSet reads a SidecarSet strictly. What it returns is usable only if no finding is an error.
// It checks that the set can be read and injected; package-wide rules of admission are Lint's.
func ParseSidecarSet(object *yaml.Node, source manifest.Source) (*SidecarSet, []manifest.Finding) {
	set := &SidecarSet{Source: source, Node: object}
	d := &manifest.Decoder{Source: source, Object: manifest.RefOf(object)}
	d.Decode(object, set, "")
	if v := set.APIVersion; v != manifest.KruiseGroup+"/v1alpha1" && v != manifest.KruiseGroup+"/v1beta1" {
		d.Report(manifest.Lookup(object, "apiVersion"), "unknown-version", "apiVersion",
			"slipway reads apps.kruise.io/v1alpha1 and v1beta1, not "+v, "")
	}
	for i := range set.Spec.InitContainers {
		set.Spec.InitContainers[i].init = true
	}
	set.requireFields(d)
	flat := object.Style&yaml.FlowStyle != 0
	for _, list := range [][]Sidecar{set.Spec.InitContainers, set.Spec.Containers} {
		for i := range list {
			list[i].Container = manifest.Copy(list[i].Container, flat)
		}
	}
	set.volumes = make(map[string]*yaml.Node, len(set.Spec.Volumes))
	for i, v := range set.Spec.Volumes {
		set.Spec.Volumes[i].Node = manifest.Copy(v.Node, flat)
		if _, dup := set.volumes[v.Name]; !dup {
			set.volumes[v.Name] = set.Spec.Volumes[i].Node
		}
	}
	return set, d.Findings
}

func (set *SidecarSet) requireFields(d *manifest.Decoder) {
	spec := manifest.Lookup(set.Node, specField)
	if set.Metadata.Name == "" {
		d.Report(manifest.Lookup(set.Node, metadataField), "no-name", "metadata.name", "a SidecarSet needs a name", "")
	}
	if v, ok := set.Metadata.Annotations[jobsAnnotation]; ok && !slices.Contains([]Policy{Skip, Native, Inject}, Policy(v)) {
		d.Report(manifest.At(set.Node, metadataField, annotationsField, jobsAnnotation), "bad-annotation",
			"metadata.annotations["+jobsAnnotation+"]",
			fmt.Sprintf("is %q, must be Skip, Native or Inject", v), "")
	}
	if set.Spec.Selector.empty() {
		d.Report(orElse(manifest.Lookup(spec, "selector"), spec), "no-selector", "spec.selector",
			"no pod can match: the selector is missing or empty", "add matchLabels or matchExpressions")
	}
	if len(set.Spec.Containers)+len(set.Spec.InitContainers) == 0 {
		d.Report(spec, "no-containers", "spec.containers", "nothing to inject: no container and no init container", "")
	}
	seen := map[string]string{}
	for _, l := range set.sidecarLists() {
		for i := range l.sidecars {
			s, field := &l.sidecars[i], indexed("spec."+l.field, i)
			switch {
			case s.Name == "":
				d.Report(orElse(s.Node, manifest.Items(manifest.Lookup(spec, l.field))[i]), "no-name", field+".name",
					"a container needs a name", "")
			case seen[s.Name] != "":
				d.Report(s.Node, "duplicate-container", field+".name",
					"container "+s.Name+" is already at "+seen[s.Name], "container names are unique in a pod, init containers included")
			default:
				seen[s.Name] = field
			}
		}
	}
}

type sidecarList struct {
	field    string
	sidecars []Sidecar
}

func (set *SidecarSet) sidecarLists() []sidecarList {
	return []sidecarList{{initsField, set.Spec.InitContainers}, {containersField, set.Spec.Containers}}
}

func (set *SidecarSet) volume(name string) *yaml.Node {
	return set.volumes[name]
}

func orElse(n, fallback *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return fallback
}

// sameAs says whether two sets of one name inject the same. Annotations that orchestrators put on one of them, such as
// the path of its file, do not count.
func (set *SidecarSet) sameAs(other *SidecarSet) bool {
	return Equal(manifest.Lookup(set.Node, specField), manifest.Lookup(other.Node, specField)) &&
		set.customVersion() == other.customVersion() &&
		set.Metadata.Annotations[canaryAnnotation] == other.Metadata.Annotations[canaryAnnotation] &&
		set.Metadata.Annotations[jobsAnnotation] == other.Metadata.Annotations[jobsAnnotation] &&
		set.Metadata.Annotations[baseAnnotation] == other.Metadata.Annotations[baseAnnotation]
}
