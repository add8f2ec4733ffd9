// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

const namespaces = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod, inject: yes}}}\n"

// namespaceSet is a SidecarSet with a selector, and a rule of namespaces.
func namespaceSet(version, selector, rule string) string {
	return "---\napiVersion: apps.kruise.io/" + version + "\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n  selector: " +
		selector + "\n  containers: [{name: c}]\n" + rule + "\n"
}

func TestMatch(t *testing.T) {
	const web = "{matchLabels: {app: web}}"
	deploy := func(namespace string) string {
		return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d" + namespace +
			"}\nspec: {template: {metadata: {labels: {app: web, tier: gold}}, spec: {containers: [{name: app}]}}}\n"
	}
	here, nowhere := deploy(", namespace: shop"), deploy("")
	parameters := strings.Replace(here, "app: web", `app: "${APP}"`, 1)
	for _, c := range []struct {
		name, set, object string
		options           inject.Options
		want              inject.Match
	}{
		{
			"labels match", namespaceSet("v1alpha1", web, ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"no namespace is needed where none is asked for", namespaceSet("v1beta1", web, ""), nowhere,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"a label differs", namespaceSet("v1beta1", "{matchLabels: {app: web, tier: iron}}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label tier=iron, found gold"},
		},
		{
			"a label is a parameter", namespaceSet("v1beta1", "{matchLabels: {app: web}}", ""), parameters,
			inject.Options{},
			inject.Match{
				Verdict: inject.Undecided, Reason: "spec.selector: label app is ${APP}, which is filled in after this point",
				Add: "render what is filled in, or select on a label whose value stands there",
			},
		},
		{
			"a label is a parameter, and it is enough that it is there",
			namespaceSet("v1beta1", "{matchExpressions: [{key: app, operator: Exists}]}", ""), parameters,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"a label is a parameter, and another one says no", namespaceSet("v1beta1", "{matchLabels: {app: web, tier: iron}}", ""),
			parameters,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label tier=iron, found gold"},
		},
		{
			"a namespace is a parameter", namespaceSet("v1alpha1", web, "  namespace: shop"),
			strings.Replace(here, "namespace: shop", `namespace: "${NS}"`, 1),
			inject.Options{},
			inject.Match{
				Verdict: inject.Undecided, Reason: "spec.namespace is shop and the workload names no namespace",
				Add: "give the namespace: metadata.namespace, or -n, or namespace in the configuration",
			},
		},
		{
			"a label is missing", namespaceSet("v1beta1", "{matchExpressions: [{key: x, operator: In, values: [a, b]}]}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label x=a|b, which is not there"},
		},
		{
			"NotIn of what is not there", namespaceSet("v1beta1", "{matchExpressions: [{key: x, operator: NotIn, values: [a]}]}", ""),
			here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"NotIn", namespaceSet("v1beta1", "{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: label app must not be web"},
		},
		{
			"Exists", namespaceSet("v1beta1", "{matchExpressions: [{key: x, operator: Exists}]}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label x, which is not there"},
		},
		{
			"DoesNotExist", namespaceSet("v1beta1", "{matchExpressions: [{key: app, operator: DoesNotExist}]}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: label app must not be there"},
		},
		{
			"paused", namespaceSet("v1beta1", web, "  injectionStrategy: {paused: true}"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "injection is paused (spec.injectionStrategy.paused)"},
		},
		{
			"namespace", namespaceSet("v1alpha1", web, "  namespace: shop"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"another namespace", namespaceSet("v1alpha1", web, "  namespace: other"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.namespace is other, the workload's is shop"},
		},
		{
			"namespace beats namespaceSelector", namespaceSet("v1alpha1", web,
				"  namespace: shop\n  namespaceSelector: {matchLabels: {env: none}}"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"namespace of the options", namespaceSet("v1alpha1", web, "  namespace: shop"), nowhere,
			inject.Options{Namespace: "shop"},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"the webhook takes no namespace for default", namespaceSet("v1alpha1", web, "  namespace: default"), nowhere,
			inject.Options{Compatibility: inject.Kruise},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"a namespace is needed", namespaceSet("v1alpha1", web, "  namespace: shop"), nowhere,
			inject.Options{},
			inject.Match{
				Verdict: inject.Undecided, Reason: "spec.namespace is shop and the workload names no namespace",
				Add: "give the namespace: metadata.namespace, or -n, or namespace in the configuration",
			},
		},
		{
			"an empty namespaceSelector matches everything", namespaceSet("v1alpha1", web, "  namespaceSelector: {}"), nowhere,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"labels of the Namespace", namespaces + namespaceSet("v1beta1", web, "  namespaceSelector: {matchLabels: {env: prod}}"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"labels of the Namespace differ", namespaces + namespaceSet("v1beta1", web, "  namespaceSelector: {matchLabels: {env: dev}}"),
			here,
			inject.Options{},
			inject.Match{
				Verdict: inject.Unmatched,
				Reason:  "spec.namespaceSelector: needs label env=dev, found prod",
			},
		},
		{
			"labels from the configuration", namespaceSet("v1beta1", web, "  namespaceSelector: {matchLabels: {env: prod}}"), here,
			inject.Options{Namespaces: map[string]map[string]string{"shop": {"env": "prod"}}},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"the name of a namespace is a label of it", namespaceSet("v1beta1", web,
				"  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}"), here,
			inject.Options{},
			inject.Match{Verdict: inject.Matched, Reason: "labels match spec.selector"},
		},
		{
			"its name rules a namespace out before its labels are known",
			namespaceSet("v1beta1", web, "  namespaceSelector: {matchLabels: {env: prod, kubernetes.io/metadata.name: other}}"), here,
			inject.Options{},
			inject.Match{
				Verdict: inject.Unmatched,
				Reason:  "spec.namespaceSelector: needs label kubernetes.io/metadata.name=other, found shop",
			},
		},
		{
			"labels are not known", namespaceSet("v1beta1", web, "  namespaceSelector: {matchLabels: {env: prod}}"), here,
			inject.Options{},
			inject.Match{
				Verdict: inject.Undecided, Reason: "spec.namespaceSelector: the labels of namespace shop are not known",
				Add: "add Namespace shop to the input, or namespaces: {shop: {label: value}} to the configuration",
			},
		},
		{
			"a label of the controller", namespaceSet("v1beta1", "{matchExpressions: [{key: pod-template-hash, operator: Exists}]}", ""),
			here,
			inject.Options{},
			inject.Match{Verdict: inject.Undecided, Reason: "spec.selector: label pod-template-hash is set by a controller after " +
				"this point", Add: "select on a label of the pod template"},
		},
		{
			"no beats undecided", namespaceSet("v1beta1", "{matchLabels: {pod-template-hash: x, app: other}}", ""), here,
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label app=other, found web"},
		},
		{
			"other controllers do not add it", namespaceSet("v1beta1", "{matchLabels: {pod-template-hash: x}}", ""),
			strings.Replace(here, "Deployment", "StatefulSet", 1),
			inject.Options{},
			inject.Match{Verdict: inject.Unmatched, Reason: "spec.selector: needs label pod-template-hash=x, which is not there"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, c.options, c.set+c.object)
			if len(w.findings) > 0 {
				t.Fatal(w.findings)
			}
			result := w.run(w.objects[0])
			c.want.Set = "s"
			if diff := cmp.Diff([]inject.Match{c.want}, result.Templates[0].Matches); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if got := result.Changed(w.objects[0]); got != (c.want.Verdict == inject.Matched) {
				t.Errorf("changed: %v", got)
			}
			if failed := manifest.HasErrors(result.Findings); failed != (c.want.Verdict == inject.Undecided) {
				t.Errorf("an undecided match is an error that says what to add: %v", result.Findings)
			}
			text := []byte(c.object)
			if c.want.Verdict != inject.Unmatched && !w.injector.MayMatch(text) {
				t.Error("MayMatch rules the document out")
			}
		})
	}
}

func TestUndecidedSkips(t *testing.T) {
	w := readWorld(t, inject.Options{OnUndecided: inject.Skip},
		namespaceSet("v1alpha1", "{matchLabels: {app: web}}", "  namespace: shop")+
			"---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: app}]}}")
	result := w.run(w.objects[0])
	if result.Changed(w.objects[0]) {
		t.Error("injected")
	}
	if diff := cmp.Diff([]string{"warning undecided"}, say(result.Findings)); diff != "" {
		t.Error(diff)
	}
}

func TestCanary(t *testing.T) {
	canary := func(name, labels string) string {
		return "---\napiVersion: apps.kruise.io/v1beta1\nkind: SidecarSet\nmetadata: {name: " + name +
			", annotations: {apps.kruise.io/sidecarset-canary: 'true', apps.kruise.io/sidecarset-base: s}}\n" +
			"spec: {selector: {matchLabels: " + labels + "}, containers: [{name: c, image: canary}], updateStrategy: {type: NotUpdate}}\n"
	}
	pod := "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: app}]}}"
	for _, c := range []struct{ name, labels, pod, want string }{
		{"the canary takes the place of its base", "{app: web}", pod, "canary"},
		{"a canary that does not match leaves its base", "{app: other}", pod, "base"},
		{
			"a canary that is skipped leaves its base", "{app: web}",
			strings.Replace(pod, "name: p,", "name: p, annotations: {slipway.dev/skip: z},", 1), "base",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c, image: base}]")+canary("z", c.labels)+c.pod)
			result := w.run(w.objects[0])
			containers := valueAt(treeOf(t, result.Object), "spec", "containers").([]any)
			if got := containers[len(containers)-1].(map[string]any)["image"]; got != c.want || len(containers) != 2 {
				t.Errorf("image %v of %d containers, want %s (%v)", got, len(containers), c.want, result.Findings)
			}
		})
	}
}

// revisionText is a ControllerRevision of set s that holds spec.
func revisionText(name, number, spec string) string {
	return "---\napiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: " + name +
		", labels: {kruise.io/sidecarset-name: s, apps.kruise.io/sidecarset-custom-version: one}}\nrevision: " + number +
		"\ndata: {spec: " + spec + "}\n"
}

func TestRevisions(t *testing.T) {
	const old = "{containers: [{name: c, image: old}], volumes: null, initContainers: null, imagePullSecrets: null, " +
		"patchPodMetadata: null}"
	revisions := revisionText("s-1", "1", strings.Replace(old, "image: old", "image: older", 1)) + revisionText("s-3", "3", old) +
		revisionText("s-2", "2", strings.Replace(old, "image: old", "image: middle", 1))
	pod := "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web, ring: two}}, spec: {containers: [{name: app}]}}"
	for _, c := range []struct{ name, strategy, want, finding string }{
		{"by name", "injectionStrategy: {revision: {revisionName: s-1}}", "older", ""},
		{"the latest of a custom version", "injectionStrategy: {revision: {customVersion: one}}", "old", ""},
		{"name beats version", "injectionStrategy: {revision: {revisionName: s-2, customVersion: one}}", "middle", ""},
		{"neither", "injectionStrategy: {revision: {policy: Partial}}\nupdateStrategy: {partition: 50%}", "new", ""},
		{"not in the input", "injectionStrategy: {revision: {revisionName: s-9}}", "", "error undecided"},
		{"no such custom version", "injectionStrategy: {revision: {customVersion: two}}", "", "error undecided"},
		{
			"the present version without its revision", "customVersion: two\ninjectionStrategy: {revision: {customVersion: two}}", "",
			"error undecided",
		},
		{"a name beats the present version", "customVersion: two\ninjectionStrategy: {revision: {revisionName: s-1, " +
			"customVersion: two}}", "older", ""},
		{
			"a name that is gone beats a version that is not", "injectionStrategy: {revision: {revisionName: s-9, customVersion: one}}",
			"", "error undecided",
		},
		{
			"Partial and gone", "injectionStrategy: {revision: {revisionName: s-9, policy: Partial}}\nupdateStrategy: {partition: 0%}",
			"", "error undecided",
		},
		{
			"Partial and paused", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {paused: true}",
			"old", "",
		},
		{"Partial and not selected", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: " +
			"{selector: {matchLabels: {ring: one}}}", "old", ""},
		{"Partial and selected", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {selector: " +
			"{matchLabels: {ring: two}}}", "new", ""},
		{"an empty selector selects every pod", "injectionStrategy: {revision: {revisionName: s-3, policy: " +
			"Partial}}\nupdateStrategy: {selector: {}}", "new", ""},
		{
			"a number of pods", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {partition: 5}",
			"new", "",
		},
		{"nothing", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {partition: 0%}", "new", ""},
		{
			"everything", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {partition: 100%}", "old",
			"",
		},
		{
			"by chance", "injectionStrategy: {revision: {revisionName: s-3, policy: Partial}}\nupdateStrategy: {partition: 30%}", "",
			"error undecided",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c, image: new, env: [{name: LATER, value: "+
				"x}]}]\nvolumes: [{name: later, emptyDir: {}}]\n"+c.strategy)+revisions+pod)
			result := w.run(w.objects[0])
			if got := strings.Join(say(result.Findings), " "); got != c.finding {
				t.Fatalf("findings %q, want %q", result.Findings, c.finding)
			}
			if c.want == "" {
				return
			}
			sidecar := valueAt(treeOf(t, result.Object), "spec", "containers").([]any)[1].(map[string]any)
			if sidecar["image"] != c.want {
				t.Errorf("image %v, want %s", sidecar["image"], c.want)
			}
			// What a container has gained since a revision stays: Kruise merges.
			if env := sidecar["env"].([]any)[0].(map[string]any)["name"]; env != "LATER" {
				t.Errorf("env %v", env)
			}
		})
	}
}

// TestReplacingRevisions restores what Kruise records since 1.7: the spec as a whole, in which nothing of today stays.
func TestReplacingRevisions(t *testing.T) {
	const pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: app}]}}"
	const now = "containers: [{name: c, image: new, command: [/now], env: [{name: LATER, value: x}], volumeMounts: [{name: now, " +
		"mountPath: /now}]}]\ninitContainers: [{name: now}]\nvolumes: [{name: now, emptyDir: {}}]\nimagePullSecrets: [{name: now}]\n" +
		"patchPodMetadata: [{annotations: {now: x}}]\ninjectionStrategy: {revision: {revisionName: s-1}}"
	for name, recorded := range map[string]string{
		"nulls": "{$patch: replace, containers: [{name: c, image: old}], volumes: null, initContainers: null, " +
			"imagePullSecrets: null, patchPodMetadata: null}",
		"absent": "{containers: [{name: c, image: old}], $patch: replace}",
		"empty lists": "{$patch: replace, containers: [{name: c, image: old}], volumes: [], initContainers: [], " +
			"imagePullSecrets: [], patchPodMetadata: []}",
		"empty elements": "{\"$patch\": \"replace\", containers: [{name: c, image: old, env: [], upgradeStrategy: {}, " +
			"shareVolumePolicy: {}}]}",
	} {
		for _, compatibility := range []inject.Compatibility{inject.Safe, inject.Kruise} {
			t.Run(name+" "+string(compatibility), func(t *testing.T) {
				w := readWorld(t, inject.Options{Compatibility: compatibility}, setText("s", now)+revisionText("s-1", "1", recorded)+pod)
				result := w.run(w.objects[0])
				if manifest.HasErrors(result.Findings) {
					t.Fatal(result.Findings)
				}
				want := map[string]any{"containers": []any{map[string]any{"name": "app"}, map[string]any{
					"name": "c", "image": "old", "env": []any{map[string]any{"name": "IS_INJECTED", "value": "true"}},
				}}}
				got := treeOf(t, result.Object)
				spec, _ := valueAt(got, "spec").(map[string]any)
				if diff := cmp.Diff(want, spec); diff != "" {
					t.Error(diff)
				}
				if annotations := valueAt(got, "metadata", "annotations").(map[string]any); annotations["now"] != nil {
					t.Error(annotations)
				}
			})
		}
	}
}

// TestRevisionsOfOneNumber takes the one that Kubernetes orders last, whatever the order of the input.
func TestRevisionsOfOneNumber(t *testing.T) {
	const pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: app}]}}"
	older := strings.Replace(revisionText("s-9", "1", "{$patch: replace, containers: [{name: c, image: older}]}"),
		"labels:", "creationTimestamp: \"2026-01-01T00:00:00Z\", labels:", 1)
	later := strings.Replace(revisionText("s-1", "1", "{$patch: replace, containers: [{name: c, image: later}]}"),
		"labels:", "creationTimestamp: \"2026-02-01T00:00:00Z\", labels:", 1)
	for _, revisions := range []string{older + later, later + older} {
		w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c}]\ninjectionStrategy: {revision: "+
			"{customVersion: one}}")+revisions+pod)
		result := w.run(w.objects[0])
		if got := valueAt(treeOf(t, result.Object), "spec", "containers").([]any)[1].(map[string]any)["image"]; got != "later" {
			t.Errorf("image %v of\n%s", got, revisions)
		}
	}
}
