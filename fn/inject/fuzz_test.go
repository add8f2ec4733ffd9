// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// dump prints all that a tree is made of, to tell whether anyone has changed it.
func dump(n *yaml.Node) string {
	var b strings.Builder
	seen := map[*yaml.Node]int{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if at, ok := seen[n]; ok {
			fmt.Fprintf(&b, "<%d>", at)
			return
		}
		seen[n] = len(seen)
		fmt.Fprintf(&b, "(%d %d %q %q %q %d:%d %q%q%q", n.Kind, n.Style, n.Tag, n.Value, n.Anchor, n.Line, n.Column, n.HeadComment,
			n.LineComment, n.FootComment)
		if n.Alias != nil {
			walk(n.Alias)
		}
		for _, c := range n.Content {
			walk(c)
		}
		b.WriteString(")")
	}
	walk(n)
	return b.String()
}

// snippets are documents in the ways that people write them.
func snippets() []string {
	return []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    metadata: {labels: {app: web}}\n    " +
			"spec:\n      containers:\n      - name: app # the app\n        image: a\n",
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: " +
			"{containers: [{name: app}]}}\n",
		"apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: d}\n  spec: {template: {metadata: {labels: {app: " +
			"web}}, spec: {containers: [{name: app}]}}}\n",
		"x: &t\n  metadata: {labels: {app: web}}\n  spec: {containers: [{name: app}]}\napiVersion: apps/v1\nkind: Deployment\nspec: " +
			"{template: *t}\n",
		"x: &l {app: web}\napiVersion: v1\nkind: Pod\nmetadata: {labels: {<<: *l}}\nspec: {containers: [{name: app}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {labels: {app: web}}\nspec: {containers: [{name: sc, image: old, args: [a, 'b: c', " +
			"\"d\\n\"]}], volumes: null, initContainers: [], imagePullSecrets: [{name: x}, {name: x}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {labels: {app: web}, annotations: {slipway.dev/inject: \"false\"}}\nspec: " +
			"{containers: [{name: app}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {labels: {app: web}, annotations: {slipway.dev/skip: more, " +
			"\"slipway.dev/override.sc\": '{\"env\":[{\"name\":\"A\",\"value\":\"b\"}]}'}}\nspec: {containers: [{name: app}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {labels: {app: web}, annotations: {slipway.dev/injected: " +
			"'{\"sets\":{\"s\":{\"containers\":[\"sc\"]}}}'}}\nspec: {containers: [{name: app}, {name: sc}]}\n",
		"apiVersion: batch/v1\nkind: Job\nspec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app}]}}}\n",
		"apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nspec: {replicatedJobs: [{template: {spec: {template: {metadata: " +
			"{labels: {app: web}}, spec: {containers: [{name: app}]}}}}}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {labels: [app, web]}\nspec: []\n",
		"apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {app: web}\nspec:\n  containers: {name: app}\n",
		"kind: Pod\napiVersion: v1\nmetadata: {labels: {app: 'we''b', tier: web}}\nspec: {containers: [null]}\n",
		"- a\n- b\n", "text", "null", "{}", "apiVersion: v1\nkind: Pod\n",
	}
}

const fuzzSets = `
apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: s}
spec:
  selector: {matchLabels: {app: web}}
  containers:
  - {name: sc, image: sc, shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled}, transferEnv: [{sourceContainerName: app, envNames: [A, B]}], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: hot, image: hot, podInjectPolicy: BeforeAppContainer, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}
  initContainers: [{name: init}]
  volumes: [{name: v, emptyDir: {}}]
  imagePullSecrets: [{name: x}]
  patchPodMetadata: [{annotations: {k: v}, patchPolicy: Overwrite}, {annotations: {j: '{"a":1}'}, patchPolicy: MergePatchJson}]
---
apiVersion: apps.kruise.io/v1beta1
kind: SidecarSet
metadata: {name: t}
spec:
  selector: {matchExpressions: [{key: app, operator: In, values: [web, "we'b"]}, {key: "off", operator: DoesNotExist}]}
  containers: [{name: more, resourcesPolicy: {targetContainersMode: max, resourcesExpr: {limits: {cpu: cpu*50%}}}}]
`

// FuzzInject injects into any text that parses: it never panics, never changes its input, is idempotent, is undone by
// Eject, and changes nothing where MayMatch says so.
func FuzzInject(f *testing.F) {
	for i, s := range snippets() {
		f.Add(s, i%2 == 0)
	}
	for _, c := range readConformance(f, featureCases) {
		f.Add(string(c.Pod), true)
	}
	f.Fuzz(func(t *testing.T, text string, kruise bool) {
		docs, err := tryParseStream(text)
		if err != nil {
			t.Skip()
		}
		opts := inject.Options{Jobs: inject.Inject}
		if kruise {
			opts = inject.Options{Compatibility: inject.Kruise, Jobs: inject.Native}
		}
		w := readWorld(t, opts, fuzzSets)
		for _, doc := range docs {
			if len(manifest.CheckTree(doc, manifest.Source{})) == 0 {
				checkLaws(t, w, doc, []byte(text))
			}
		}
	})
}

func checkLaws(t *testing.T, w world, doc *yaml.Node, text []byte) {
	t.Helper()
	before := dump(doc)
	ejected := w.injector.Eject(doc, manifest.Source{})
	result := w.run(doc)
	if after := dump(doc); before != after {
		t.Fatalf("the input changed:\n%s", cmp.Diff(before, after))
	}
	if result.Changed(doc) && !w.injector.MayMatch(text) {
		t.Fatal("MayMatch rules out a document that Inject changes")
	}
	if manifest.HasErrors(result.Findings) {
		if !inject.Equal(result.Object, ejected.Object) {
			t.Fatal("edited in spite of an error")
		}
		return
	}
	again := w.run(result.Object)
	if manifest.HasErrors(again.Findings) || !inject.Equal(result.Object, again.Object) {
		t.Fatalf("injected twice is not once (%v)", again.Findings)
	}
	back := w.injector.Eject(result.Object, manifest.Source{})
	if manifest.HasErrors(back.Findings) || !inject.Equal(ejected.Object, back.Object) {
		want, _ := yaml.Marshal(ejected.Object)
		got, _ := yaml.Marshal(back.Object)
		t.Fatalf("eject does not restore the object (%v):\n%s", back.Findings, cmp.Diff(string(want), string(got)))
	}
}
