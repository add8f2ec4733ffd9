// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// What depends on the kind of the target stands in this file alone.

// kind is the kind of the target.
func (s *snapshot) kind() string { return s.at.Kind.Name }

// target is the target as findings name it.
func (s *snapshot) target() ObjectRef {
	return ObjectRef{Kind: s.kind(), Namespace: s.options.Namespace, Name: s.options.Name}
}

// parse reads the target in a YAML stream.
func (s *snapshot) parse(file string, data []byte) (plan.Workload, error) {
	return plan.ParseWorkload(file, data, plan.Target{APIVersion: s.at.Kind.APIVersion, Kind: s.kind(), Name: s.options.Name})
}

// partitions are the places where a partition may stand, or what stands for one.
func (s *snapshot) partitions() [][]string {
	var out [][]string
	for _, k := range plan.Kinds() {
		for _, path := range k.Stepped() {
			if k.Name == s.kind() && k.Group() == s.group() && !slices.ContainsFunc(out, func(p []string) bool { return slices.Equal(p, path) }) {
				out = append(out, path)
			}
		}
	}
	return out
}

// pointers are the same as JSON pointers, for the configuration of GitOps tools.
func (s *snapshot) pointers() string {
	var out []string
	for _, path := range s.partitions() {
		out = append(out, "/"+strings.Join(path, "/"))
	}
	return strings.Join(out, ", ")
}

// group is the API group of the target.
func (s *snapshot) group() string { return s.at.Kind.Group() }

// byKruise tells whether Kruise's controller is the one that reconciles the target where one does.
func (s *snapshot) byKruise() bool { return s.group() == kube.KruiseGroup }

// behind tells whether the controller of the target has not seen its present spec.
func (s *snapshot) behind() bool {
	return s.live.Behind(s.at.Kind)
}

// leaseName is where the lock of the release is.
func (s *snapshot) leaseName() string {
	return plan.LeaseName(s.coming.Metadata.UID, s.options.Plan.Mode)
}
