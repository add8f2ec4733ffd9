// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// snapshot is what has been read of a cluster and of the files of a release. Probes only look at it.
type snapshot struct {
	course
	cluster
	found []Finding
}

// release is what is to be released: the target as the release will find it.
type release struct {
	request
	live    *kube.Workload // nil: there is none
	coming  kube.Workload  // what is released; its tree is nil where nothing is
	set     plan.Workload
	bounds  plan.Bounds
	targets []int
	pod     *corev1.Pod // as the coming template makes it, with the API server's defaults
}

// setComing makes the object that the release will find: the manifest over what is in the cluster.
func (r *release) setComing() error {
	if r.options.Manifest == nil {
		if r.live != nil {
			r.coming = *r.live
		}
		return nil
	}
	tree, err := r.manifest()
	if err != nil || tree == nil {
		return err // the parser says what is wrong
	}
	if r.live != nil {
		keep(tree, r.live.Tree, "spec", "replicas")
		for _, path := range r.partitions() {
			keep(tree, r.live.Tree, path...)
		}
		r.coming = *r.live
	}
	r.coming.APIVersion, r.coming.Kind = kube.Text(tree, "apiVersion"), kube.Text(tree, "kind")
	r.coming.Name, r.coming.Namespace = r.options.Name, r.options.Namespace
	r.coming.Tree = map[string]any{
		"apiVersion": r.coming.APIVersion, "kind": r.coming.Kind, "spec": tree["spec"],
		"metadata": map[string]any{"name": r.options.Name, "namespace": r.options.Namespace, "uid": string(r.coming.UID)},
	}
	return nil
}

// keep copies a field that a manifest leaves to the cluster.
func keep(manifest, live map[string]any, path ...string) {
	last := len(path) - 1
	there, ok := kube.Field(live, path[:last]...).(map[string]any)
	v, set := there[path[last]]
	if !ok || !set || kube.Field(manifest, path...) != nil || kube.Field(manifest, path[:1]...) == nil {
		return
	}
	kube.Child(manifest, path[:last]...)[path[last]] = v
}

// readTemplate makes the pod of the coming template.
func (r *release) readTemplate() []Finding {
	var err error
	if r.pod, err = podFrom(r.coming.Template()); err != nil {
		return one(codeTemplate, r.target(), fmt.Sprintf("no pod can be created: the template is not one of a pod: %v", err),
			"correct spec.template")
	}
	r.pod.Namespace = r.options.Namespace
	return nil
}

// podFrom is a pod of a template, with the API server's defaults.
func podFrom(template map[string]any) (*corev1.Pod, error) {
	data, err := json.Marshal(kube.Defaulted(template))
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := json.Unmarshal(data, &pod); err != nil {
		return nil, err
	}
	return &pod, nil
}
