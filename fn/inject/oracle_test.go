// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// The oracle is the webhook's merge once more, on plain values and without a thought for trees, text or explanation.
// It knows the fields that randomWorld writes.

type object = map[string]any

func list(o object, key string) []object {
	var out []object
	elements, _ := o[key].([]any)
	for _, e := range elements {
		out = append(out, e.(object))
	}
	return out
}

func put(o object, key string, elements []object) {
	if len(elements) == 0 {
		return
	}
	l := make([]any, len(elements))
	for i, e := range elements {
		l[i] = e
	}
	o[key] = l
}

func word(o object, path ...string) string {
	s, _ := valueAt(o, path...).(string)
	return s
}

func find(l []object, name string) int {
	return slices.IndexFunc(l, func(o object) bool { return o["name"] == name })
}

// oracle returns the pod that comes of sets, given in any order, with labels of namespaces.
func oracle(sets []object, namespaces map[string]object, pod object) object {
	var matched []object
	for _, s := range sets {
		if oracleMatches(s, namespaces, pod) {
			matched = append(matched, s)
		}
	}
	sort.Slice(matched, func(i, j int) bool {
		a, b := matched[i], matched[j]
		if x, y := word(a, "spec", "namespace") != "", word(b, "spec", "namespace") != ""; x != y {
			return x
		}
		return word(a, "metadata", "name") < word(b, "metadata", "name")
	})
	if len(matched) == 0 {
		return pod
	}
	pod = clone(pod)
	for _, s := range matched {
		oraclePatch(s, pod)
	}
	spec := pod["spec"].(object)
	appContainers := list(spec, "containers")
	var inits, containers, volumes, secrets []object
	for _, s := range matched {
		setSpec := s["spec"].(object)
		for _, key := range []string{"initContainers", "containers"} {
			for _, c := range list(setSpec, key) {
				for _, m := range list(c, "volumeMounts") {
					if i := find(list(setSpec, "volumes"), word(m, "name")); i >= 0 {
						volumes = append(volumes, list(setSpec, "volumes")[i])
					}
				}
				built := oracleContainer(c, appContainers)
				if key == "containers" {
					containers = append(containers, built)
				} else {
					inits = append(inits, built)
				}
			}
		}
		secrets = append(secrets, list(setSpec, "imagePullSecrets")...)
	}
	sort.SliceStable(inits, func(i, j int) bool { return word(inits[i], "name") < word(inits[j], "name") })
	put(spec, "initContainers", oracleMerge(list(spec, "initContainers"), inits))
	put(spec, "containers", oracleMerge(appContainers, containers))
	put(spec, "volumes", byName(list(spec, "volumes"), volumes))
	put(spec, "imagePullSecrets", byName(nil, append(list(spec, "imagePullSecrets"), secrets...)))
	return pod
}

func oracleMatches(set object, namespaces map[string]object, pod object) bool {
	namespace := word(pod, "metadata", "namespace")
	if n := word(set, "spec", "namespace"); n != "" && n != namespace {
		return false
	}
	if s, ok := valueAt(set, "spec", "namespaceSelector").(object); ok && !selects(s, namespaces[namespace]) {
		return false
	}
	labels, _ := valueAt(pod, "metadata", "labels").(object)
	return selects(valueAt(set, "spec", "selector").(object), labels)
}

func selects(selector, labels object) bool {
	match, _ := selector["matchLabels"].(object)
	for k, v := range match {
		if labels[k] != v {
			return false
		}
	}
	for _, e := range list(selector, "matchExpressions") {
		value, has := labels[word(e, "key")]
		values, _ := e["values"].([]any)
		in := has && slices.Contains(values, value)
		met := map[any]bool{"In": in, "NotIn": !in, "Exists": has, "DoesNotExist": !has}
		if !met[e["operator"]] {
			return false
		}
	}
	return true
}

func oraclePatch(set, pod object) {
	metadata := pod["metadata"].(object)
	annotations, _ := metadata["annotations"].(object)
	if annotations == nil {
		annotations = object{}
	}
	for _, p := range list(set["spec"].(object), "patchPodMetadata") {
		for k, v := range p["annotations"].(object) {
			if _, has := annotations[k]; !has || p["patchPolicy"] == "Overwrite" {
				annotations[k] = v
			}
		}
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
}

func oracleContainer(sidecar object, app []object) object {
	c := clone(sidecar)
	delete(c, "shareVolumePolicy")
	delete(c, "transferEnv")
	env := append(list(c, "env"), object{"name": "IS_INJECTED", "value": "true"})
	var more, mounts []object
	for _, t := range list(sidecar, "transferEnv") {
		if i := find(app, word(t, "sourceContainerName")); i >= 0 {
			last := -1
			for j, e := range list(app[i], "env") {
				if e["name"] == t["envName"] {
					last = j
				}
			}
			if last >= 0 {
				more = append(more, list(app[i], "env")[last])
			}
		}
	}
	for _, a := range app {
		if i := find(list(a, "env"), "IS_INJECTED"); word(sidecar, "shareVolumePolicy", "type") != "enabled" ||
			i >= 0 && list(a, "env")[i]["value"] == "true" {
			continue
		}
		for _, m := range list(a, "volumeMounts") {
			mounts = append(mounts, m)
			for _, v := range regexp.MustCompile(`\$\([-._a-zA-Z][-._a-zA-Z0-9]*\)`).FindAllString(word(m, "subPathExpr"), -1) {
				if i := find(list(a, "env"), strings.Trim(v, "$()")); i >= 0 {
					more = append(more, list(a, "env")[i])
				}
			}
		}
	}
	put(c, "env", byName(env, more))
	put(c, "volumeMounts", byKey("mountPath", list(c, "volumeMounts"), mounts))
	return c
}

func oracleMerge(own, injected []object) []object {
	var before, after []object
	out := slices.Clone(own)
	for _, c := range injected {
		policy := c["podInjectPolicy"]
		c = clone(c)
		delete(c, "podInjectPolicy")
		if i := find(own, word(c, "name")); i >= 0 {
			out[i] = c
		} else if policy == "BeforeAppContainer" {
			before = append(before, c)
		} else {
			after = append(after, c)
		}
	}
	return slices.Concat(before, out, after)
}

func byName(own, more []object) []object { return byKey("name", own, more) }

// byKey appends to own the elements of more whose key it does not have.
func byKey(key string, own, more []object) []object {
	out := slices.Clone(own)
	for _, e := range more {
		if !slices.ContainsFunc(out, func(o object) bool { return o[key] == e[key] }) {
			out = append(out, e)
		}
	}
	return out
}

func clone(o object) object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var out object
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}
