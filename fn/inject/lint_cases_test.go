// SPDX-License-Identifier: Apache-2.0

package inject_test

import "github.com/slipway-dev/slipway/fn/inject"

func lintCases() []lintCase {
	var all []lintCase
	for _, group := range [][]lintCase{
		setCases(), sidecarCases(), containerCases(), podCases(), volumeCases(), conflictCases(),
		policyCases(),
	} {
		all = append(all, group...)
	}
	return all
}

func setCases() []lintCase {
	return []lintCase{
		{
			name: "set name", reason: "Kruise refuses dots, the API server capitals",
			ok: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: a-b}\nspec:\n  selector: {matchLabels: " +
				"{app: web}}\n  containers: [{name: c, image: i}]",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: a.b}\nspec:\n  selector: {matchLabels: " +
				"{app: web}}\n  containers: [{name: c, image: i}]",
			want: []string{"error bad-name metadata.name:3"},
		},
		{
			name: "set name length", reason: "63 characters are the most",
			ok: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata:\n  name: " +
				"a23456789012345678901234567890123456789012345678901234567890123\nspec:\n  selector: {matchLabels: {app: web}}\n  " +
				"containers: [{name: c, image: i}]",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata:\n  name: " +
				"a234567890123456789012345678901234567890123456789012345678901234\nspec:\n  selector: {matchLabels: {app: web}}\n  " +
				"containers: [{name: c, image: i}]",
			want: []string{"error bad-name metadata.name:4"},
		},
		{
			name: "labels and annotations of the set", reason: "the API server refuses them on every object",
			ok: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s, labels: {a/b: c}, " +
				"annotations: {A.b/C: d e}}\nspec:\n  selector: {matchLabels: {app: web}}\n  containers: [{name: c, image: i}]",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata:\n  name: s\n  labels:\n    A.b/C: d\n    e: f g\n" +
				"  annotations:\n    h i: j\nspec:\n  selector: {matchLabels: {app: web}}\n  containers: [{name: c, image: i}]",
			want: []string{
				"error bad-name metadata.labels[A.b/C]:6", "error bad-name metadata.labels[e]:7",
				"error bad-name metadata.annotations[h i]:9",
			},
		},
		{
			name: "no selector", reason: "the parser reports it, and Lint does not repeat it",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n  selector: {}\n  containers: " +
				"[{name: c, image: i}]",
			want: []string{"error no-selector spec.selector:5"},
		},
		{
			name: "no containers", reason: "the parser reports it, and Lint does not repeat it",
			bad: "  containers: []", want: []string{"error no-containers spec.containers:5"},
		},
		{
			name: "no names", reason: "the parser reports them, and Lint does not repeat them",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {labels: {}}\nspec:\n  selector: {matchLabels: " +
				"{app: web}}\n  containers:\n  - {image: i}",
			want: []string{"error no-name metadata.name:3", "error no-name spec.containers[0].name:7"},
		},
		{
			name: "unknown version", reason: "the parser reports it",
			bad: "apiVersion: apps.kruise.io/v1\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n  selector: {matchLabels: {app: " +
				"web}}\n  containers: [{name: c, image: i}]",
			want: []string{"error unknown-version apiVersion:1"},
		},
		{
			name: "unknown field of the set", reason: "the parser reports it",
			bad: "  containerz: []", want: []string{"error unknown-field spec.containerz:6"},
		},
		{
			name: "bad selector", reason: "the parser reports it, and it is not called impossible too",
			ok:   "  namespaceSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}",
			bad:  "  namespaceSelector: {matchExpressions: [{key: a, operator: In}]}",
			want: []string{"error bad-selector spec.namespaceSelector:6"},
		},
		{
			name: "empty namespaceSelector", reason: "Kruise refuses an empty selector",
			ok: "  namespaceSelector: {matchLabels: {a: b}}", bad: "  namespaceSelector: {}",
			want: []string{"error empty-selector spec.namespaceSelector:6"},
		},
		{
			name: "empty updateStrategy.selector", reason: "Kruise refuses an empty selector",
			ok: "  updateStrategy: {selector: {matchLabels: {a: b}}}", bad: "  updateStrategy:\n    selector: {matchLabels: {}}",
			want: []string{"error empty-selector spec.updateStrategy.selector:7"},
		},
		{
			name: "impossible selector", reason: "requirements that exclude each other match nothing",
			ok:   "  namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: Exists}]}",
			bad:  "  namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: NotIn, values: [b]}]}",
			want: []string{"warning impossible-selector spec.namespaceSelector:6"},
		},
		{
			name: "namespace and namespaceSelector", reason: "Kruise takes one of the two",
			ok: "  namespace: x", bad: "  namespace: x\n  namespaceSelector: {matchLabels: {a: b}}",
			want: []string{"error namespace-twice spec.namespaceSelector:7"},
		},
		{
			name: "customVersion in v1alpha1", reason: "the field is v1beta1's",
			ok: "apiVersion: apps.kruise.io/v1beta1\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n  selector: {matchLabels: {app: " +
				"web}}\n  customVersion: v1\n  containers: [{name: c, image: i}]",
			bad:  "  customVersion: v1",
			want: []string{"error wrong-version spec.customVersion:6"},
		},
		{
			name: "namespace in v1beta1", reason: "the field is v1alpha1's",
			ok: "  namespace: x",
			bad: "apiVersion: apps.kruise.io/v1beta1\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n  selector: {matchLabels: {app: " +
				"web}}\n  namespace: x\n  containers: [{name: c, image: i}]",
			want: []string{"error wrong-version spec.namespace:6"},
		},
		{
			name: "updateStrategy.type", reason: "Kruise knows two",
			ok: "  updateStrategy: {type: NotUpdate}", bad: "  updateStrategy: {type: OnDelete}",
			want: []string{"error unknown-value spec.updateStrategy.type:6"},
		},
		{
			name: "partition and selector", reason: "Kruise refuses them together",
			ok:   "  updateStrategy: {partition: 0, selector: {matchLabels: {a: b}}}",
			bad:  "  updateStrategy: {partition: 10%, selector: {matchLabels: {a: b}}}",
			want: []string{"error partition-and-selector spec.updateStrategy.partition:6"},
		},
		{
			name: "amounts", reason: "whole numbers and percentages, and percentages are strings",
			ok:   "  updateStrategy: {partition: 50%, maxUnavailable: 3}",
			bad:  "  updateStrategy:\n    partition: -1\n    maxUnavailable: \"3\"",
			want: []string{"error bad-amount spec.updateStrategy.partition:7", "error bad-amount spec.updateStrategy.maxUnavailable:8"},
		},
		{
			name: "amounts where nothing is updated", reason: "admission does not look inside a NotUpdate strategy",
			ok:  "  updateStrategy: {type: NotUpdate, partition: many}",
			bad: "  updateStrategy: {partition: many}", want: []string{"error bad-amount spec.updateStrategy.partition:6"},
		},
		{
			name: "native sidecar with RollingUpdate", reason: "RollingUpdate is the default, and in-place update of native sidecars " +
				"is not supported",
			ok:   "  updateStrategy: {type: NotUpdate}\n  initContainers: [{name: native, image: i, restartPolicy: Always}]",
			bad:  "  initContainers: [{name: native, image: i, restartPolicy: Always}]",
			want: []string{"error native-sidecar-update spec.initContainers[0].restartPolicy:6"},
		},
		{
			name: "revision names nothing", reason: "Kruise asks for a name or a version",
			ok:   "  injectionStrategy: {paused: true}",
			bad:  "  injectionStrategy: {revision: {policy: Always}}",
			want: []string{"error empty-revision spec.injectionStrategy.revision:6"},
		},
		{
			name: "revision policy", reason: "Always or Partial",
			ok: setHead + "  injectionStrategy: {revision: {revisionName: r1, policy: Partial}}\n  updateStrategy: {partition: 1}\n" +
				"  containers: [{name: c, image: i}]\n---\n" + revisionOne,
			bad: "  injectionStrategy: {revision: {customVersion: v1, policy: Partially}}",
			want: []string{
				"error unknown-value spec.injectionStrategy.revision.policy:6",
				"error undecided spec.injectionStrategy.revision:6",
			},
		},
		{
			name: "revision not in the input", reason: "injection never takes the latest in its place",
			ok: setHead + "  injectionStrategy: {revision: {revisionName: r1}}\n  containers: [{name: c, image: i}]\n---\n" +
				revisionOne,
			bad: setHead + "  injectionStrategy: {revision: {revisionName: r2}}\n  containers: [{name: c, image: i}]\n---\n" +
				revisionOne,
			want: []string{"error undecided spec.injectionStrategy.revision:6"},
		},
		{
			name: "revision not in the input, skipped", reason: "the webhook refuses the pod, so nothing is skipped",
			opts: inject.Options{OnUndecided: inject.Skip},
			bad:  "  injectionStrategy: {revision: {revisionName: r2}}",
			want: []string{"error undecided spec.injectionStrategy.revision:6"},
		},
		{
			name: "revision by lot", reason: "a percentage of pods cannot be decided at build time",
			ok: setHead + "  injectionStrategy: {revision: {revisionName: r1, policy: Partial}}\n  updateStrategy: {partition: 0%}\n" +
				"  containers: [{name: c, image: i}]\n---\n" + revisionOne,
			bad: setHead + "  injectionStrategy: {revision: {revisionName: r1, policy: Partial}}\n  updateStrategy: {partition: 20%}\n" +
				"  containers: [{name: c, image: i}]\n---\n" + revisionOne,
			want: []string{"error undecided spec.injectionStrategy.revision:6"},
		},
		{
			name: "patch without annotations", reason: "Kruise refuses it",
			ok: "  patchPodMetadata: [{annotations: {a: b}}]", bad: "  patchPodMetadata: [{annotations: {}}]",
			want: []string{"error no-annotations spec.patchPodMetadata[0]:6"},
		},
		{
			name: "patchPolicy", reason: "a word that Kruise does not know",
			ok:   "  patchPodMetadata: [{annotations: {a: b}, patchPolicy: Overwrite}]",
			bad:  "  patchPodMetadata: [{annotations: {a: b}, patchPolicy: overwrite}]",
			want: []string{"error unknown-value spec.patchPodMetadata[0].patchPolicy:6"},
		},
		{
			name: "annotation twice in a set", reason: "Kruise refuses it",
			ok:   "  patchPodMetadata: [{annotations: {a: b}}, {annotations: {c: d}}]",
			bad:  "  patchPodMetadata:\n  - {annotations: {a: b}}\n  - {annotations: {a: d}}",
			want: []string{"error duplicate-annotation spec.patchPodMetadata[1].annotations[a]:8"},
		},
		{
			name: "annotation key", reason: "the API server would refuse the pod",
			ok: "  patchPodMetadata: [{annotations: {Example.com/A: b}}]", bad: "  patchPodMetadata: [{annotations: {a b: c}}]",
			want: []string{"error bad-name spec.patchPodMetadata[0].annotations[a b]:6"},
		},
		{
			name: "annotation that injection writes", reason: "the record of the injection would be lost",
			ok:   "  patchPodMetadata: [{annotations: {slipway: b}}]",
			bad:  "  patchPodMetadata: [{annotations: {slipway.dev/injected: c}}]",
			want: []string{"error reserved-annotation spec.patchPodMetadata[0].annotations[slipway.dev/injected]:6"},
		},
		{
			name: "MergePatchJson without JSON", reason: "the merge would fail at injection",
			ok:   "  patchPodMetadata: [{annotations: {a: '{\"x\":1}'}, patchPolicy: MergePatchJson}]",
			bad:  "  patchPodMetadata: [{annotations: {a: text}, patchPolicy: MergePatchJson}]",
			want: []string{"error bad-merge-patch spec.patchPodMetadata[0].annotations[a]:6"},
		},
		{
			name: "canary without a base", reason: "a canary stands in for a set",
			ok:  canaryText("s", "base", "NotUpdate") + "---\n" + canaryText("base", "", "NotUpdate"),
			bad: canaryText("s", "other", "NotUpdate") + "---\n" + canaryText("base", "", "NotUpdate"),
			want: []string{
				"error canary-base metadata.annotations[apps.kruise.io/sidecarset-base]:5",
				"error container-conflict spec.containers[0].name:10",
			},
		},
		{
			name: "canary of itself", reason: "Kruise refuses it",
			bad:  canaryText("s", "s", "NotUpdate"),
			want: []string{"error canary-base metadata.annotations[apps.kruise.io/sidecarset-base]:5"},
		},
		{
			name: "canary of nothing", reason: "the annotation with the base is missing",
			bad: "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s, annotations: " +
				"{apps.kruise.io/sidecarset-canary: \"true\"}}\nspec: {selector: {matchLabels: {a: b}}, containers: [{name: c, image: " +
				"i}], updateStrategy: {type: NotUpdate}}",
			want: []string{"error canary-base metadata.annotations[apps.kruise.io/sidecarset-canary]:3"},
		},
		{
			name: "canary of a canary", reason: "Kruise refuses it",
			ok: canaryText("s", "t", "NotUpdate") + "---\n" + canaryText("t", "", "NotUpdate"),
			bad: canaryText("s", "t", "NotUpdate") + "---\n" + canaryText("t", "u", "NotUpdate") + "---\n" +
				canaryText("u", "", "NotUpdate"),
			want: []string{
				"error canary-base metadata.annotations[apps.kruise.io/sidecarset-base]:5",
				"error container-conflict spec.containers[0].name:32",
			},
		},
		{
			name: "canary that is updated", reason: "a canary is only injected",
			ok:   canaryText("s", "t", "NotUpdate") + "---\n" + canaryText("t", "", "RollingUpdate"),
			bad:  canaryText("s", "t", "RollingUpdate") + "---\n" + canaryText("t", "", "RollingUpdate"),
			want: []string{"error canary-update spec.updateStrategy.type:9"},
		},
		{
			name: "two sets of one name", reason: "SidecarSets are cluster-scoped",
			ok:   setHead + "  containers: [{name: c, image: i}]\n---\n" + setHead + "  containers: [{name: c, image: i}]\n",
			bad:  setHead + "  containers: [{name: c, image: i}]\n---\n" + setHead + "  containers: [{name: c, image: j}]\n",
			want: []string{"error duplicate-sidecarset :8"},
		},
	}
}

const revisionOne = `apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: r1, labels: {kruise.io/sidecarset-name: s}}
data: {spec: {containers: [{name: c, image: old}]}}
`

// canaryText is a set of ten lines; a canary where base is not empty.
func canaryText(name, base, update string) string {
	annotations := "\n    a: b\n    c: d\n"
	if base != "" {
		annotations = "\n    apps.kruise.io/sidecarset-base: " + base + "\n    apps.kruise.io/sidecarset-canary: \"true\"\n"
	}
	return "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: \n  annotations: " + annotations +
		"  name: " + name + "\nspec: {selector: {matchLabels: {a: b}},\n  updateStrategy: {type: " + update +
		"}, containers: [\n    {name: c, image: i}]}\n"
}

func conflictCases() []lintCase {
	two := func(first, second string) string {
		head := "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: "
		return head + "a}\nspec:\n" + first + "\n---\n" + head + "b}\nspec:\n" + second + "\n"
	}
	set := func(selector, rest string) string { return "  selector: {matchLabels: {" + selector + "}}\n" + rest }
	const c = "  containers: [{name: c, image: i}]"
	return []lintCase{
		{
			name: "one container name in two sets", reason: "labels of different keys can meet in one pod",
			ok: two(set("app: a", c), set("app: b", c)), bad: two(set("app: a", c), set("tier: b", c)),
			want: []string{"error container-conflict spec.containers[0].name:13"},
		},
		{
			name: "container and init container of one name", reason: "names are unique in a pod, init containers included",
			ok:   two(set("a: b", c), set("a: b", "  initContainers: [{name: d, image: i}]")),
			bad:  two(set("a: b", c), set("a: b", "  initContainers: [{name: c, image: i}]")),
			want: []string{"error container-conflict spec.initContainers[0].name:13"},
		},
		{
			name: "hot upgrade's name in another set", reason: "the pair is what the pod has",
			ok: two(set("a: b", c), set("a: b", "  containers: [{name: c-1, image: i}]")),
			bad: two(set("a: b", "  containers: [{name: c, image: i, upgradeStrategy: {upgradeType: HotUpgrade, "+
				"hotUpgradeEmptyImage: e}}]"), set("a: b", "  containers: [{name: c-1, image: i}]")),
			want: []string{"error container-conflict spec.containers[0].name:13"},
		},
		{
			name: "sets in different namespaces", reason: "a pod is in one namespace",
			ok:   two(set("a: b", "  namespace: x\n"+c), set("a: b", "  namespace: z\n"+c)),
			bad:  two(set("a: b", "  namespace: x\n"+c), set("a: b", "  namespaceSelector: {matchLabels: {t: z}}\n"+c)),
			want: []string{"error container-conflict spec.containers[0].name:15"},
		},
		{
			name: "known labels of the only namespace", reason: "the namespace that is named is known not to match",
			opts: inject.Options{Namespaces: map[string]map[string]string{"x": {"t": "z"}}},
			ok:   two(set("a: b", "  namespace: x\n"+c), set("a: b", "  namespaceSelector: {matchLabels: {t: w}}\n"+c)),
			bad:  two(set("a: b", "  namespace: x\n"+c), set("a: b", "  namespaceSelector: {matchLabels: {t: z}}\n"+c)),
			want: []string{"error container-conflict spec.containers[0].name:15"},
		},
		{
			name: "namespace by its name label", reason: "the label and the field say the same",
			ok: two(set("a: b", "  namespace: x\n"+c), set("a: b",
				"  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}\n"+c)),
			bad: two(set("a: b", "  namespace: x\n"+c), set("a: b",
				"  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}\n"+c)),
			want: []string{"error container-conflict spec.containers[0].name:15"},
		},
		{
			name: "one volume name, two volumes", reason: "only one of them can be in the pod",
			ok: two(set("a: b", "  volumes: [{name: v, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: v, "+
				"mountPath: /v}]}]"),
				set("a: b", "  volumes: [{emptyDir: {}, name: v}]\n  containers: [{name: d, image: i, volumeMounts: [{name: v, "+
					"mountPath: /v}]}]")),
			bad: two(set("a: b", "  volumes: [{name: v, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: v, "+
				"mountPath: /v}]}]"),
				set("a: b", "  volumes: [{name: v, hostPath: {path: /v}}]\n  containers: [{name: d, image: i, volumeMounts: [{name: v, "+
					"mountPath: /v}]}]")),
			want: []string{"error volume-conflict spec.volumes[0]:14"},
		},
		{
			name: "one annotation, Overwrite", reason: "neither of two that write can prevail; Retain gives way",
			ok: two(set("a: b", "  patchPodMetadata: [{annotations: {k: v}}]\n  containers: [{name: c, image: i}]"),
				set("a: b", "  patchPodMetadata: [{annotations: {k: w}, patchPolicy: Overwrite}]\n  containers: [{name: d, image: i}]")),
			bad: two(set("a: b", "  patchPodMetadata: [{annotations: {k: '{}'}, patchPolicy: MergePatchJson}]\n  containers: [{name: "+
				"c, image: i}]"),
				set("a: b", "  patchPodMetadata: [{annotations: {k: '{}'}, patchPolicy: Overwrite}]\n  containers: [{name: d, image: i}]")),
			want: []string{"error annotation-conflict spec.patchPodMetadata[0].annotations[k]:14"},
		},
		{
			name: "one annotation, merged into text", reason: "the merge would fail at injection",
			ok: two(set("a: b", "  patchPodMetadata: [{annotations: {k: '{}'}}]\n  containers: [{name: c, image: i}]"),
				set("a: b", "  patchPodMetadata: [{annotations: {k: '{}'}, patchPolicy: MergePatchJson}]\n  containers: [{name: d, "+
					"image: i}]")),
			bad: two(set("a: b", "  patchPodMetadata: [{annotations: {k: text}}]\n  containers: [{name: c, image: i}]"),
				set("a: b", "  patchPodMetadata: [{annotations: {k: '{}'}, patchPolicy: MergePatchJson}]\n  containers: [{name: d, "+
					"image: i}]")),
			want: []string{"error annotation-conflict spec.patchPodMetadata[0].annotations[k]:14"},
		},
	}
}

func policyCases() []lintCase {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	return []lintCase{
		{
			name: "images by digest", reason: "a tag can move", policies: inject.Policies{ImagesByDigest: true},
			list: "containers", ok: "image: nginx:1" + digest, bad: "image: nginx:1",
			want: []string{"error policy-digest spec.containers[0].image:8"},
		},
		{
			name: "empty image by digest", reason: "the idle image of a hot upgrade runs too",
			policies: inject.Policies{ImagesByDigest: true},
			list:     "containers", ok: "image: nginx" + digest + "\nupgradeStrategy: {hotUpgradeEmptyImage: e}",
			bad:  "image: nginx" + digest + "\nupgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e@sha256:0}",
			want: []string{"error policy-digest spec.containers[0].upgradeStrategy.hotUpgradeEmptyImage:9"},
		},
		{
			name: "registries", reason: "an image without a host is docker.io's",
			policies: inject.Policies{Registries: []string{"ghcr.io", "registry.example.com/team"}},
			list:     "containers", ok: "image: registry.example.com/team/agent", bad: "image: nginx",
			want: []string{"error policy-registry spec.containers[0].image:8"},
		},
		{
			name: "privileged", reason: "each way to the node is named", policies: inject.Policies{NoPrivileged: true},
			list: "containers", ok: "image: i\nsecurityContext: {privileged: false, capabilities: {add: [NET_ADMIN], drop: [ALL]}}",
			bad: "image: i\nsecurityContext:\n  privileged: true\n  allowPrivilegeEscalation: true\n  capabilities:\n    add: " +
				"[CAP_SYS_ADMIN, ALL]\n  windowsOptions: {hostProcess: true}",
			want: []string{
				"error policy-privileged spec.containers[0].securityContext.privileged:10",
				"error policy-privileged spec.containers[0].securityContext.allowPrivilegeEscalation:11",
				"error policy-privileged spec.containers[0].securityContext.capabilities.add[0]:13",
				"error policy-privileged spec.containers[0].securityContext.capabilities.add[1]:13",
				"error policy-privileged spec.containers[0].securityContext.windowsOptions.hostProcess:14",
			},
		},
		{
			name: "resources set", reason: "a limit stands for its request", policies: inject.Policies{ResourcesSet: true},
			list: "containers", ok: "image: i\nresources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m}}",
			bad:  "image: i\nresources: {limits: {cpu: 1}, requests: {memory: 1Gi}}",
			want: []string{"error policy-resources spec.containers[0].resources:9"},
		},
		{
			name: "resources computed", reason: "a resourcesPolicy sets them", policies: inject.Policies{ResourcesSet: true},
			list: "containers", ok: "image: i\nresourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}", bad: "image: i",
			want: []string{"error policy-resources spec.containers[0].resources:7"},
		},
	}
}
