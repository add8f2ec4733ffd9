// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// What depends on the kind of the target stands in this file alone.

// request is what is asked: which release is held against which cluster, and when.
type request struct {
	options Options
	at      kube.Target
	now     time.Time
}

// kind is the kind of the target.
func (q *request) kind() string { return q.at.Kind.Name }

// target is the target as findings name it.
func (q *request) target() manifest.ObjectRef {
	return manifest.ObjectRef{Kind: q.kind(), Namespace: q.options.Namespace, Name: q.options.Name}
}

// parse reads the target in a YAML stream.
func (q *request) parse(file string, data []byte) (plan.Workload, error) {
	return plan.ParseWorkload(file, data, plan.Target{APIVersion: q.at.Kind.APIVersion, Kind: q.kind(), Name: q.options.Name})
}

// partitions are the places where a partition may stand, or what stands for one.
func (q *request) partitions() [][]string {
	var out [][]string
	for _, k := range plan.Kinds() {
		for _, path := range k.Stepped() {
			if k.Name == q.kind() && k.Group() == q.group() && !slices.ContainsFunc(out,
				func(p []string) bool { return slices.Equal(p, path) }) {
				out = append(out, path)
			}
		}
	}
	return out
}

// pointers are the same as JSON pointers, for the configuration of GitOps tools.
func (q *request) pointers() string {
	var out []string
	for _, path := range q.partitions() {
		out = append(out, "/"+strings.Join(path, "/"))
	}
	return strings.Join(out, ", ")
}

// group is the API group of the target.
func (q *request) group() string { return q.at.Kind.Group() }

// byKruise tells whether Kruise's controller is the one that reconciles the target where one does.
func (q *request) byKruise() bool { return q.group() == kube.KruiseGroup }

// behind tells whether the controller of the target has not seen its present spec.
func (r *release) behind() bool {
	return r.live.Behind(r.at.Kind)
}

// leaseName is where the lock of the release is.
func (r *release) leaseName() string {
	return plan.LeaseName(r.at.Kind, r.at.Name, r.options.Plan.Mode)
}

// direct tells whether slipway replaces the pods.
func (q *request) direct() bool { return !q.options.Plan.Mode.Controlled() }

func (q *request) ref(kind, name string) manifest.ObjectRef {
	return manifest.ObjectRef{Kind: kind, Namespace: q.options.Namespace, Name: name}
}

// manifest is the target as the manifest has it.
func (q *request) manifest() (map[string]any, error) {
	set, err := q.parse("", q.options.Manifest)
	if err != nil {
		return nil, nil //nolint:nilerr // readSpec tells what is wrong, with its place
	}
	trees, err := q.trees()
	if err != nil {
		return nil, err
	}
	for _, tree := range trees {
		if kube.Text(tree, "kind") == q.kind() && kube.Text(tree, "metadata", "name") == set.Name {
			return tree, nil
		}
	}
	return nil, fmt.Errorf("reading the manifest: it has no %s %s", q.kind(), set.Name)
}

// trees are the documents of the manifest.
func (q *request) trees() ([]map[string]any, error) {
	var trees []map[string]any
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(q.options.Manifest), 4096)
	for {
		var tree map[string]any
		switch err := decoder.Decode(&tree); {
		case errors.Is(err, io.EOF):
			return trees, nil
		case err != nil:
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		trees = append(trees, tree)
	}
}
