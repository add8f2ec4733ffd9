// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// secretRef names one key of a Secret in the namespace of the release.
type secretRef struct{ Name, Key string }

// planFile is a BatchPlan as a Job gets it.
type planFile struct {
	text string // "" without a plan
	tree object
}

// readPlan takes the BatchPlan out of a YAML stream and writes down what it says and nothing else: sorted keys, no
// comments, no labels. So two plans that say the same are the same bytes.
func readPlan(data []byte) (planFile, error) {
	tree, err := findPlan(data)
	if tree == nil || err != nil {
		return planFile{}, err
	}
	meta, _ := tree["metadata"].(object)
	kept := object{}
	for _, key := range []string{"name", "namespace"} {
		if v, ok := meta[key]; ok {
			kept[key] = v
		}
	}
	plan := planFile{tree: object{"apiVersion": tree["apiVersion"], "kind": tree["kind"], "metadata": kept, "spec": tree["spec"]}}
	text, err := sigsyaml.Marshal(plan.tree)
	if err != nil {
		return planFile{}, fmt.Errorf("writing the BatchPlan: %w", err)
	}
	plan.text = string(text)
	return plan, nil
}

// findPlan decodes the first BatchPlan of a stream; nil where there is none.
func findPlan(data []byte) (object, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := decoder.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("reading the BatchPlan: %w", err)
		case !IsPlan(manifest.Root(&doc)):
			continue
		}
		var tree object
		if err := manifest.Decode(&doc, &tree); err != nil {
			return nil, fmt.Errorf("reading the BatchPlan: %w", err)
		}
		return tree, nil
	}
}

// secretRefs lists every key of a Secret that a BatchPlan refers to, each once and in order: the value of every
// secretRef in it, wherever it stands.
func secretRefs(plan map[string]any) []secretRef {
	var refs []secretRef
	walk(plan, func(key string, value any) {
		ref, ok := value.(object)
		if key != "secretRef" || !ok {
			return
		}
		name, _ := ref["name"].(string)
		secretKey, _ := ref["key"].(string)
		if name != "" && secretKey != "" {
			refs = append(refs, secretRef{Name: name, Key: secretKey})
		}
	})
	slices.SortFunc(refs, func(a, b secretRef) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key)) })
	return slices.Compact(refs)
}

// walk calls f with every field below v.
func walk(v any, f func(key string, value any)) {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			f(key, value)
			walk(value, f)
		}
	case []any:
		for _, value := range v {
			walk(value, f)
		}
	}
}

// volumes mounts the plan from the ConfigMap of this name, and every key of a Secret as the file NAME/KEY below
// secretsPath. The pod waits for a Secret that a check needs, which may be applied after the Job. It does not wait for one
// that only notifications need: they never hold a release.
func (p planFile) volumes(configMap string) (mounts, volumes []any) {
	mounts = []any{object{"name": "plan", "mountPath": planPath, "readOnly": true}}
	volumes = []any{object{"name": "plan", "configMap": object{"name": configMap}}}
	refs, needed := secretRefs(p.tree), secretRefs(object{"checks": kube.Field(p.tree, "spec", "checks")})
	for len(refs) > 0 {
		name := refs[0].Name
		volume := fmt.Sprintf("secret-%d", len(volumes)-1)
		var items []any
		for len(refs) > 0 && refs[0].Name == name {
			items = append(items, object{"key": refs[0].Key, "path": refs[0].Key})
			refs = refs[1:]
		}
		optional := !slices.ContainsFunc(needed, func(r secretRef) bool { return r.Name == name })
		mounts = append(mounts, object{"name": volume, "mountPath": secretsPath + "/" + name, "readOnly": true})
		volumes = append(volumes, object{"name": volume, "secret": object{"secretName": name, "items": items, "optional": optional}})
	}
	return mounts, volumes
}
