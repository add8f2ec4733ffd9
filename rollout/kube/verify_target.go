// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"github.com/slipway-dev/slipway/rollout/plan"
	"slices"
	"strings"
)

// What depends on the kind of the target stands in this file alone.

// kind is the kind of the target.
func (s *scene) kind() string { return s.options.Kind }

// target is the target as findings name it.
func (s *scene) target() ObjectRef {
	return ObjectRef{Kind: s.kind(), Namespace: s.options.Namespace, Name: s.options.Name}
}

// objects is where the target is in the API.
func (s *scene) objects() resource { return targets(s.row(), s.options.Namespace) }

// row is what is known of the kind.
func (s *scene) row() plan.Kind {
	k, _ := plan.KindOf(s.options.Version, s.kind())
	return k
}

// lookAgain is a cluster that knows its target, for the words in which it says that it cannot be read.
func (s *scene) lookAgain(c client) *Cluster {
	return &Cluster{client: c, kind: s.row(), options: Options{
		Namespace: s.options.Namespace, Kind: s.kind(), Name: s.options.Name, Version: s.options.Version,
	}}
}

// parse reads the target in a YAML stream.
func (s *scene) parse(file string, data []byte) (plan.Workload, error) {
	return plan.ParseWorkload(file, data, plan.Target{APIVersion: s.options.Version, Kind: s.kind(), Name: s.options.Name})
}

// partitions are the places where a partition may stand.
func (s *scene) partitions() [][]string {
	var out [][]string
	for _, k := range plan.Kinds() {
		path := append(append([]string{"spec"}, k.Strategy...), "partition")
		if k.Name == s.kind() && k.Group() == s.group() && !slices.ContainsFunc(out, func(p []string) bool { return slices.Equal(p, path) }) {
			out = append(out, path)
		}
	}
	return out
}

// pointers are the same as JSON pointers, for the configuration of GitOps tools.
func (s *scene) pointers() string {
	var out []string
	for _, path := range s.partitions() {
		out = append(out, "/"+strings.Join(path, "/"))
	}
	return strings.Join(out, ", ")
}

// group is the API group of the target.
func (s *scene) group() string { return s.row().Group() }

// byKruise tells whether Kruise's controller is the one that reconciles the target where one does.
func (s *scene) byKruise() bool { return s.group() == kruiseGroup }

// behind tells whether the controller of the target has not seen its present spec.
func (s *scene) behind() bool {
	return s.live.behind(s.row())
}

// leaseName and memoryName are where lock and progress of the release are.
func (s *scene) leaseName() string { return leaseName(s.coming.Metadata.UID, s.options.Plan.Mode) }

func (s *scene) memoryName() string {
	return MemoryName(ReleaseName(s.kind(), s.options.Name, s.options.Plan.Mode))
}
