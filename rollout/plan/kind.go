// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Kind is one kind of target in one API version: one row of Kinds. Everything that tells targets apart is a field of
// it, so a release reads the row and never asks what it has before it.
type Kind struct {
	APIVersion string
	Name       string   // as in the object's kind
	Resource   string   // as in URLs and Roles
	Words      []string // what a person may write before the slash of statefulset/demo, lower case
	Controller string   // who reconciles it
	Direct     bool     // slipway can replace its pods itself

	Strategy []string // where partition, maxUnavailable and paused stand, below spec
	MinReady []string // where minReadySeconds stands, below spec
	Numbers  bool     // the partition is a number of pods and never a percentage
	Ordinal  bool     // the partition is an ordinal: the pods from it on are updated, and the last ones first
	Nodes    bool     // a pod for each node: how many are wanted is in the status
	BySurge  bool     // it has no partition: paused, maxSurge and maxUnavailable stand for one, as package surge tells
	Deletes  bool     // with updateStrategy OnDelete pods that are deleted come back new, as package ondelete tells
	Stepless bool     // it has no partition, and nothing that stands for one: OnDelete is the only way to its batches
	Recreate string   // why every pod of one is recreated, whatever changes in it, where that is so

	Status StatusFields
}

// StatusFields are the names of what a release reads in a kind's status. "" is a field that the kind has not got.
type StatusFields struct {
	Desired          string // pods wanted, where the spec does not say
	Astray           string // pods on nodes that should have none
	Replicas         string
	Ready            string
	Available        string
	Updated          string
	UpdatedReady     string
	UpdatedAvailable string
	CurrentRevision  string
	UpdateRevision   string
}

// Group is the API group, such as apps.kruise.io.
func (k Kind) Group() string {
	group, _, _ := strings.Cut(k.APIVersion, "/")
	return group
}

func sameGroup(apiVersion, other string) bool {
	return Kind{APIVersion: apiVersion}.Group() == Kind{APIVersion: other}.Group()
}

// Stepped are the fields that a release in partition mode writes while it lasts, as paths below the object.
func (k Kind) Stepped() [][]string {
	strategy := append([]string{"spec"}, k.Strategy...)
	switch {
	case k.Stepless:
		return nil
	case !k.BySurge:
		return [][]string{append(strategy, "partition")}
	}
	return [][]string{{"spec", "paused"}, {"spec", "minReadySeconds"}, {"spec", "progressDeadlineSeconds"}, strategy}
}

// Everything is a partition that keeps every pod.
func (k Kind) Everything() Quantity {
	if k.Numbers {
		return Pods(AllPods)
	}
	return Percent(100)
}

const (
	cloneSet    = "CloneSet"
	statefulSet = "StatefulSet"
	daemonSet   = "DaemonSet"
	deployment  = "Deployment"
	kruise      = "kruise-manager"
	kruiseGroup = "apps.kruise.io"
	native      = "kube-controller-manager"
)

// Kinds are all targets that can be released. Where a kind has several API versions, the first one is taken where
// nobody says which.
func Kinds() []Kind {
	rolling := []string{"updateStrategy", "rollingUpdate"}
	minReady := []string{"minReadySeconds"}
	counts := StatusFields{Replicas: "replicas", Ready: "readyReplicas", Available: "availableReplicas", Updated: "updatedReplicas"}
	pods := counts
	pods.CurrentRevision, pods.UpdateRevision = "currentRevision", "updateRevision"
	advanced := pods
	advanced.UpdatedReady, advanced.UpdatedAvailable = "updatedReadyReplicas", "updatedAvailableReplicas"
	nodes := StatusFields{
		Desired: "desiredNumberScheduled", Replicas: "currentNumberScheduled", Ready: "numberReady", Available: "numberAvailable",
		Updated: "updatedNumberScheduled", UpdateRevision: "updateRevision",
	}
	hashed := nodes
	hashed.UpdateRevision = "daemonSetHash"

	clone := Kind{
		APIVersion: v1alpha1, Name: cloneSet, Words: []string{"cloneset", "clonesets", "clone", "cloneset.apps.kruise.io"},
		Controller: kruise, Direct: true, Strategy: []string{"updateStrategy"}, MinReady: minReady, Status: advanced,
		Recreate: "updateStrategy.type is ReCreate",
	}
	cloneBeta := clone
	cloneBeta.APIVersion, cloneBeta.Strategy, cloneBeta.Recreate = V1beta1, rolling,
		"updateStrategy.rollingUpdate.podUpdatePolicy is ReCreate"
	ordered := Kind{
		APIVersion: appsV1, Name: statefulSet, Words: []string{"statefulset", "statefulsets", "sts", "statefulset.apps"},
		Controller: native, Strategy: rolling, MinReady: minReady, Numbers: true, Ordinal: true, Deletes: true, Status: pods,
		Recreate: "a StatefulSet recreates every pod",
	}
	stateful := ordered
	stateful.APIVersion, stateful.Controller, stateful.Status, stateful.Deletes = V1beta1, kruise, advanced, false
	stateful.Words, stateful.MinReady = []string{"asts", "statefulset.apps.kruise.io"},
		append(slices.Clone(rolling), "minReadySeconds")
	stateful.Recreate = cloneBeta.Recreate
	statefulAlpha := stateful
	statefulAlpha.APIVersion = v1alpha1
	daemon := Kind{
		APIVersion: v1alpha1, Name: daemonSet, Words: []string{"ads", "daemon", "daemonset.apps.kruise.io"},
		Controller: kruise, Strategy: rolling, MinReady: minReady, Numbers: true, Nodes: true, Status: hashed,
		Recreate: "updateStrategy.rollingUpdate.rollingUpdateType is not InPlaceIfPossible",
	}
	daemonBeta := daemon
	daemonBeta.APIVersion, daemonBeta.Numbers, daemonBeta.Status = V1beta1, false, nodes
	counted := nodes
	counted.UpdateRevision, counted.Astray = "", "numberMisscheduled"
	everyNode := Kind{
		APIVersion: appsV1, Name: daemonSet, Words: []string{"daemonset", "daemonsets", "ds", "daemonset.apps"},
		Controller: native, Strategy: rolling, MinReady: minReady, Nodes: true, Deletes: true, Stepless: true, Status: counted,
		Recreate: "a DaemonSet recreates every pod",
	}
	replicated := Kind{
		APIVersion: appsV1, Name: deployment, Words: []string{"deployment", "deployments", "deploy", "deployment.apps"},
		Controller: native, Strategy: []string{"strategy", "rollingUpdate"}, MinReady: minReady, BySurge: true,
		Recreate: "a Deployment recreates every pod", Status: counts,
	}
	all := []Kind{clone, cloneBeta, ordered, stateful, statefulAlpha, daemon, daemonBeta, replicated, everyNode}
	for i, k := range all {
		known, _ := manifest.KindOf(k.Group(), k.Name)
		all[i].Resource = known.Resource
	}
	return all
}

// KindOf finds a kind. Without an API version it is the first one of that name.
func KindOf(apiVersion, name string) (Kind, bool) {
	return findKind(func(k Kind) bool { return k.Name == name && (apiVersion == "" || k.APIVersion == apiVersion) })
}

// KindNamed finds a kind by what a person writes, such as sts, or statefulset.apps.kruise.io.
func KindNamed(word string) (Kind, error) {
	word = strings.ToLower(word)
	if resource, group, full := strings.Cut(word, "."); full {
		word = strings.TrimSuffix(resource, "s") + "." + group // as kubectl takes deployments.apps
	}
	if k, ok := findKind(func(k Kind) bool { return slices.Contains(k.Words, word) }); ok {
		return k, nil
	}
	var names, words []string
	for _, k := range Kinds() {
		names, words = append(names, strings.ToLower(k.Name)), append(words, k.Words...)
	}
	slices.Sort(names)
	return Kind{}, fmt.Errorf("%q cannot be released: it is not one of %s%s", word, strings.Join(slices.Compact(names), ", "),
		suggestion(word, words))
}

func findKind(is func(Kind) bool) (Kind, bool) {
	kinds := Kinds()
	if i := slices.IndexFunc(kinds, is); i >= 0 {
		return kinds[i], true
	}
	return Kind{}, false
}

// versionsOf are the API versions in which a kind can be released.
func versionsOf(name string) []string {
	var out []string
	for _, k := range Kinds() {
		if k.Name == name {
			out = append(out, k.APIVersion)
		}
	}
	return out
}

// KindOf is the row of Kinds that the object is of. One without a kind is a CloneSet.
func (c Workload) KindOf() Kind {
	k, ok := KindOf(c.APIVersion, c.KindName())
	if !ok {
		k, _ = KindOf("", cloneSet)
	}
	return k
}

// KindName is the kind of the workload; one without a kind is a CloneSet.
func (c Workload) KindName() string {
	if c.Kind == "" {
		return cloneSet
	}
	return c.Kind
}

// String is the object in words: "StatefulSet shop/demo".
func (c Workload) String() string {
	name := c.Name
	if c.Namespace != "" {
		name = c.Namespace + "/" + name
	}
	return c.KindName() + " " + name
}
