// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// semanticsCase is one rule of the table of semantics: sets and a pod, and the pod's spec that comes of them.
type semanticsCase struct {
	name, reason string
	sets, pod    string
	kruise       bool              // compatibility: Kruise
	options      inject.Options    // beyond that
	want         string            // the pod's spec; "" where nothing is injected
	annotations  map[string]string // of the pod, slipway's own left out
	findings     []string
}

const app = "containers: [{name: app}]"

func semanticsCases() []semanticsCase {
	return []semanticsCase{
		{
			name: "container order", reason: "before and after groups keep the order of the spec",
			sets: setText("s", "containers: [{name: z}, {name: b, podInjectPolicy: BeforeAppContainer}, {name: a}, {name: c, "+
				"podInjectPolicy: BeforeAppContainer}]"),
			pod: app,
			want: `containers: [{name: b, env: [{name: IS_INJECTED, value: "true"}]}, {name: c, env: [{name: IS_INJECTED, value: "true"}]}, {name: app},
			        {name: z, env: [{name: IS_INJECTED, value: "true"}]}, {name: a, env: [{name: IS_INJECTED, value: "true"}]}]`,
		},
		{
			name: "default place", reason: "podInjectPolicyDefault gives the place of a sidecar that names none",
			sets:    setText("s", "containers: [{name: a}]"),
			options: inject.Options{PodInjectPolicyDefault: inject.BeforeAppContainer}, pod: app,
			want: `containers: [{name: a, env: [{name: IS_INJECTED, value: "true"}]}, {name: app}]`,
		},
		{
			name: "init containers", reason: "sorted by name across sets, before and after the app's own",
			sets: setText("s", "initContainers: [{name: z}, {name: m, podInjectPolicy: BeforeAppContainer}]") +
				setText("t", "initContainers: [{name: a, restartPolicy: Always}, {name: b, podInjectPolicy: BeforeAppContainer}]"),
			pod: "initContainers: [{name: own}]\n" + app,
			want: `initContainers: [{name: b, env: [{name: IS_INJECTED, value: "true"}]}, {name: m, env: [{name: IS_INJECTED, value: "true"}]}, {name: own},
			        {name: a, restartPolicy: Always, env: [{name: IS_INJECTED, value: "true"}]}, {name: z, env: [{name: IS_INJECTED, value: "true"}]}]
containers: [{name: app}]`,
		},
		{
			name: "sets bound to a namespace first", reason: "then by name: the webhook's order is random, ours is not",
			sets: setText("a", "containers: [{name: ca}]") +
				setText("z", "containers: [{name: cz}]\nnamespace: shop") +
				setText("'y'", "containers: [{name: cy}]\nnamespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}") +
				setText("x", "containers: [{name: cx}]\nnamespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, "+
					"operator: In, values: [shop]}]}"),
			pod: app,
			want: `containers: [{name: app}, {name: cx, env: [{name: IS_INJECTED, value: "true"}]}, {name: cy, env: [{name: IS_INJECTED, value: "true"}]},
			        {name: cz, env: [{name: IS_INJECTED, value: "true"}]}, {name: ca, env: [{name: IS_INJECTED, value: "true"}]}]`,
		},
		{
			name: "volumes", reason: "those that are mounted, init containers first, mounts before devices, the pod's prevail",
			sets: setText("s",
				`containers: [{name: c, volumeDevices: [{name: dev, devicePath: /dev/x}], volumeMounts: [{name: two, mountPath: /2}, {name: own, mountPath: /o}, {name: one, mountPath: /1}]}]
initContainers: [{name: i, volumeMounts: [{name: three, mountPath: /3}, {name: one, mountPath: /1}]}]
volumes: [{name: one, emptyDir: {}}, {name: two, emptyDir: {}}, {name: three, emptyDir: {}}, {name: unused, emptyDir: {}}, {name: own, emptyDir: {}}, {name: dev, persistentVolumeClaim: {claimName: x}}]`),
			pod: app + "\nvolumes: [{name: own, configMap: {name: mine}}]",
			want: `initContainers: [{name: i, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: three, mountPath: /3}, {name: one, mountPath: /1}]}]
containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}], volumeDevices: [{name: dev, devicePath: /dev/x}], volumeMounts: [{name: two, mountPath: /2}, {name: own, mountPath: /o}, {name: one, mountPath: /1}]}]
volumes: [{name: own, configMap: {name: mine}}, {name: three, emptyDir: {}}, {name: one, emptyDir: {}}, {name: two, emptyDir: {}}, {name: dev, persistentVolumeClaim: {claimName: x}}]`,
		},
		{
			name: "mount without volume", reason: "the API server would refuse the pod",
			sets: setText("s", "containers: [{name: c, volumeMounts: [{name: gone, mountPath: /g}]}]"), pod: app,
			findings: []string{"error no-volume"},
		},
		{
			name: "mount without volume, as the webhook", reason: "the webhook only logs it", kruise: true,
			sets: setText("s", "containers: [{name: c, volumeMounts: [{name: gone, mountPath: /g}]}]"), pod: app,
			want: `containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: gone, ` +
				`mountPath: /g}]}]`,
			findings: []string{"warning no-volume"},
		},
		{
			name: "mount of a volume of the pod", reason: "a sidecar may mount what only the pod has",
			sets: setText("s", "containers: [{name: c, volumeMounts: [{name: data, mountPath: /d}]}]"),
			pod:  app + "\nvolumes: [{name: data, emptyDir: {}}]",
			want: `containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: data, mountPath: /d}]}]
volumes: [{name: data, emptyDir: {}}]`,
		},
		{
			name: "shared mounts", reason: "own first, equal paths skipped, no cleaning of paths, injected containers left out, " +
				"subPathExpr's variables come along",
			sets: setText("s",
				`containers: [{name: c, shareVolumePolicy: {type: enabled}, env: [{name: P, value: own}], volumeMounts: [{name: mine, mountPath: /log}]}]
volumes: [{name: mine, emptyDir: {}}]`),
			pod: `containers:
- name: app
  env: [{name: P, value: app}, {name: Q, value: q}, {name: R, value: r}]
  volumeMounts: [{name: v, mountPath: /log}, {name: v, mountPath: /log/}, {name: v, mountPath: /sub, subPathExpr: "$(P)/$(Q)-$(NONE)"}]
- name: done
  env: [{name: IS_INJECTED, value: "true"}]
  volumeMounts: [{name: v, mountPath: /other}]
- name: app2
  env: [{name: Q, value: q2}]
  volumeMounts: [{name: v, mountPath: /sub, subPathExpr: $(Q)}, {name: v, mountPath: /two}]
volumes: [{name: v, emptyDir: {}}]`,
			want: `containers:
- name: app
  env: [{name: P, value: app}, {name: Q, value: q}, {name: R, value: r}]
  volumeMounts: [{name: v, mountPath: /log}, {name: v, mountPath: /log/}, {name: v, mountPath: /sub, subPathExpr: "$(P)/$(Q)-$(NONE)"}]
- name: done
  env: [{name: IS_INJECTED, value: "true"}]
  volumeMounts: [{name: v, mountPath: /other}]
- name: app2
  env: [{name: Q, value: q2}]
  volumeMounts: [{name: v, mountPath: /sub, subPathExpr: $(Q)}, {name: v, mountPath: /two}]
- name: c
  env: [{name: P, value: own}, {name: IS_INJECTED, value: "true"}, {name: Q, value: q}]
  volumeMounts: [{name: mine, mountPath: /log}, {name: v, mountPath: /log/}, {name: v, mountPath: /sub, subPathExpr: "$(P)/$(Q)-$(NONE)"}, {name: v, mountPath: /two}]
volumes: [{name: v, emptyDir: {}}, {name: mine, emptyDir: {}}]`,
		},
		{
			name: "shared with init containers", reason: "init sidecars share the mounts of the app's containers, not of its init " +
				"containers",
			sets: setText("s", "initContainers: [{name: i, shareVolumePolicy: {type: enabled}}]"),
			pod: `initContainers: [{name: own, volumeMounts: [{name: v, mountPath: /init}]}]
containers: [{name: app, volumeMounts: [{name: v, mountPath: /app}]}]
volumes: [{name: v, emptyDir: {}}]`,
			want: `initContainers: [{name: own, volumeMounts: [{name: v, mountPath: /init}]}, {name: i, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: v, mountPath: /app}]}]
containers: [{name: app, volumeMounts: [{name: v, mountPath: /app}]}]
volumes: [{name: v, emptyDir: {}}]`,
		},
		{
			name: "mounts against devices", reason: "a path is taken whether a mount or a device has it",
			sets: setText("s", `containers:
- {name: c, shareVolumePolicy: {type: enabled}, shareVolumeDevicePolicy: {type: enabled}, volumeDevices: [{name: d, devicePath: /x}], volumeMounts: [{name: m, mountPath: /y}]}
volumes: [{name: d, persistentVolumeClaim: {claimName: d}}, {name: m, emptyDir: {}}]`),
			pod: `containers: [{name: app, volumeMounts: [{name: m, mountPath: /x}, {name: m, mountPath: /z}], volumeDevices: [{name: ` +
				`d, devicePath: /y}, {name: d, devicePath: /z}, {name: d, devicePath: /w}]}]`,
			want: `containers:
- {name: app, volumeMounts: [{name: m, mountPath: /x}, {name: m, mountPath: /z}], volumeDevices: [{name: d, devicePath: /y}, {name: d, devicePath: /z}, {name: d, devicePath: /w}]}
- {name: c, env: [{name: IS_INJECTED, value: "true"}], volumeDevices: [{name: d, devicePath: /x}, {name: d, devicePath: /w}], volumeMounts: [{name: m, mountPath: /y}, {name: m, mountPath: /z}]}
volumes: [{name: m, emptyDir: {}}, {name: d, persistentVolumeClaim: {claimName: d}}]`,
		},
		{
			name: "transferEnv", reason: "whole entries of app containers before injection; sorted names; the last of a repeated " +
				"variable; the sidecar's own prevail",
			sets: setText("s", `containers:
- {name: before, podInjectPolicy: BeforeAppContainer, env: [{name: X, value: sidecar}]}
- name: c
  env: [{name: OWN, value: own}]
  transferEnv: [{sourceContainerName: app, envName: Z, envNames: [B, OWN, A, B]}, {sourceContainerName: before, envName: X}, {sourceContainerName: init, envName: I}, {sourceContainerName: two, envName: A}]`),
			pod: `initContainers: [{name: init, env: [{name: I, value: i}]}]
containers:
- {name: app, env: [{name: B, value: old}, {name: B, value: new}, {name: OWN, value: app}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}
- {name: two, env: [{name: A, value: two}]}`,
			want: `initContainers: [{name: init, env: [{name: I, value: i}]}]
containers:
- {name: before, env: [{name: X, value: sidecar}, {name: IS_INJECTED, value: "true"}]}
- {name: app, env: [{name: B, value: old}, {name: B, value: new}, {name: OWN, value: app}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}
- {name: two, env: [{name: A, value: two}]}
- {name: c, env: [{name: OWN, value: own}, {name: IS_INJECTED, value: "true"}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: B, value: new}]}`,
			findings: []string{"info env-not-found", "info env-not-found", "info env-not-found"},
		},
		{
			name: "env precedence", reason: "own, IS_INJECTED added even where it is, transferred, then those of subPathExpr",
			sets: setText("s", `containers: [{name: c, env: [{name: IS_INJECTED, value: "no"}, {name: A, value: own}, {name: A, value: `+
				`twice}], shareVolumePolicy: {type: enabled}, transferEnv: [{sourceContainerName: two, envNames: [S, IS_INJECTED]}]}]`),
			pod: `containers:
- {name: app, env: [{name: S, value: share}, {name: A, value: app}], volumeMounts: [{name: v, mountPath: /s, subPathExpr: $(S)$(A)}]}
- {name: two, env: [{name: S, value: transfer}, {name: IS_INJECTED, value: odd}]}`,
			want: `containers:
- {name: app, env: [{name: S, value: share}, {name: A, value: app}], volumeMounts: [{name: v, mountPath: /s, subPathExpr: $(S)$(A)}]}
- {name: two, env: [{name: S, value: transfer}, {name: IS_INJECTED, value: odd}]}
- {name: c, env: [{name: IS_INJECTED, value: "no"}, {name: A, value: own}, {name: A, value: twice}, {name: IS_INJECTED, value: "true"}, {name: S, value: transfer}], volumeMounts: [{name: v, mountPath: /s, subPathExpr: $(S)$(A)}]}`,
		},
		{
			name: "source container from patched metadata", reason: "patchPodMetadata of every set comes before any container is built",
			sets: setText("a", "containers: [{name: c, transferEnv: [{sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: "+
				"\"metadata.annotations['main']\"}}, envName: A}, {sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: "+
				"\"metadata.labels['app']\"}}, envName: B}]}]") +
				setText("b", "containers: [{name: d}]\npatchPodMetadata: [{annotations: {main: two}}]"),
			pod: "containers: [{name: web, env: [{name: A, value: web}, {name: B, value: b}]}, {name: two, env: [{name: A, value: " +
				"two}]}]",
			want: `containers: [{name: web, env: [{name: A, value: web}, {name: B, value: b}]}, {name: two, env: [{name: A, value: two}]},
  {name: c, env: [{name: IS_INJECTED, value: "true"}, {name: A, value: two}, {name: B, value: b}]}, {name: d, env: [{name: IS_INJECTED, value: "true"}]}]`,
			annotations: map[string]string{"main": "two"},
		},
		{
			name: "source container from a name", reason: "metadata.name is in the API's documentation, and the webhook cannot read it",
			sets: setText("s", "containers: [{name: c, transferEnv: [{sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: "+
				"metadata.name}}, envName: A}]}]"),
			pod: app, findings: []string{"error bad-transfer-env"},
		},
		{
			name: "pull secrets", reason: "the pod's then the sets', without duplicates",
			sets: setText("s", "containers: [{name: c}]\nimagePullSecrets: [{name: b}, {name: a}, {name: b}]") +
				setText("t", "containers: [{name: d}]\nimagePullSecrets: [{name: c}, {name: b}]"),
			pod: app + "\nimagePullSecrets: [{name: a}, {name: x}, {name: a}]",
			want: `containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}]}, {name: d, env: [{name: IS_INJECTED, value: "true"}]}]
imagePullSecrets: [{name: a}, {name: x}, {name: b}, {name: c}]`,
		},
		{
			name: "metadata policies across sets", reason: "each set sees what the ones before it set; keys of one policy are " +
				"independent",
			kruise: true, findings: []string{"warning annotation-conflict metadata.annotations[over]"},
			sets: setText("a", `containers: [{name: c}]
patchPodMetadata:
- {annotations: {keep: a, new: a}}
- {annotations: {over: a}, patchPolicy: Overwrite}
- {annotations: {json: '{"a":1,"drop":null}', jnew: '{"a":1}', jempty: '{"a":1}'}, patchPolicy: MergePatchJson}`) +
				setText("b", `containers: [{name: d}]
patchPodMetadata:
- {annotations: {new: b, late: b}, patchPolicy: Retain}
- {annotations: {over: b}, patchPolicy: Overwrite}
- {annotations: {json: '{"b":{"c":2}}'}, patchPolicy: MergePatchJson}
- {annotations: {keep: odd, never: odd}, patchPolicy: Unknown}`),
			pod: "!annotations {keep: app, over: app, json: '{\"drop\":1,\"x\":0}', jempty: ''}\n" + app,
			want: `containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}]}, {name: d, env: [{name: ` +
				`IS_INJECTED, value: "true"}]}]`,
			annotations: map[string]string{
				"keep": "app", "new": "a", "over": "b", "json": `{"a":1,"b":{"c":2},"x":0}`, "jnew": `{"a":1}`,
				"jempty": `{"a":1}`, "late": "b",
			},
		},
		{
			name: "merge patch of what is not JSON", reason: "the webhook refuses the pod",
			sets: setText("s", "containers: [{name: c}]\npatchPodMetadata: [{annotations: {k: '{\"a\":1}'}, patchPolicy: "+
				"MergePatchJson}]"),
			pod: "!annotations {k: text}\n" + app, findings: []string{"error bad-merge-patch metadata.annotations[k]"},
		},
		{
			name: "hot upgrade", reason: "a pair side by side, version env last, both in one working annotation; only native init " +
				"containers",
			sets: setText("s", `containers:
- {name: m, image: mesh, env: [{name: A, value: a}], upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: empty}}
initContainers:
- {name: 'n', image: native, restartPolicy: Always, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: none}}
- {name: i, image: init, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: none}}`),
			pod: app,
			want: `initContainers:
- {name: i, image: init, env: [{name: IS_INJECTED, value: "true"}]}
- {name: n-1, image: native, restartPolicy: Always, env: [{name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/n-1']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/n-1']"}}}]}
- {name: n-2, image: none, restartPolicy: Always, env: [{name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/n-2']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/n-2']"}}}]}
containers:
- {name: app}
- {name: m-1, image: mesh, env: [{name: A, value: a}, {name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/m-1']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/m-1']"}}}]}
- {name: m-2, image: empty, env: [{name: A, value: a}, {name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/m-2']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/m-2']"}}}]}`,
			annotations: map[string]string{
				"kruise.io/sidecarset-working-hotupgrade-container": `{"m":"m-1","n":"n-1"}`,
				"version.sidecarset.kruise.io/m-1":                  "1", "versionalt.sidecarset.kruise.io/m-1": "0",
				"version.sidecarset.kruise.io/m-2": "0", "versionalt.sidecarset.kruise.io/m-2": "1",
				"version.sidecarset.kruise.io/n-1": "1", "versionalt.sidecarset.kruise.io/n-1": "0", "version.sidecarset.kruise.io/n-2": "0",
				"versionalt.sidecarset.kruise.io/n-2": "1",
			},
		},
		{
			name: "one of a hot pair replaced", reason: "each of the pair has its own place", kruise: true,
			sets: setText("s", "containers: [{name: m, upgradeStrategy: {upgradeType: HotUpgrade}}]"),
			pod:  "containers: [{name: m-1, image: old}, {name: app}]",
			want: `containers:
- {name: m-1, env: [{name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/m-1']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/m-1']"}}}]}
- {name: app}
- {name: m-2, image: "", env: [{name: IS_INJECTED, value: "true"}, {name: SIDECARSET_VERSION, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['version.sidecarset.kruise.io/m-2']"}}}, {name: SIDECARSET_VERSION_ALT, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['versionalt.sidecarset.kruise.io/m-2']"}}}]}`,
			annotations: map[string]string{
				"kruise.io/sidecarset-working-hotupgrade-container": `{"m":"m-1"}`,
				"version.sidecarset.kruise.io/m-1":                  "1", "versionalt.sidecarset.kruise.io/m-1": "0",
				"version.sidecarset.kruise.io/m-2": "0", "versionalt.sidecarset.kruise.io/m-2": "1",
			},
			findings: []string{"warning name-conflict spec.containers[0]"},
		},
		{
			name: "same names replaced", reason: "in place, containers and init containers, nothing of the app's survives", kruise: true,
			sets: setText("s", "containers: [{name: b, image: new}, {name: x}]\ninitContainers: [{name: i, image: new}]"),
			pod: "initContainers: [{name: h}, {name: i, image: old, args: [x]}]\ncontainers: [{name: a}, {name: b, image: old, env: " +
				"[{name: E, value: e}]}, {name: c}]",
			want: `initContainers: [{name: h}, {name: i, image: new, env: [{name: IS_INJECTED, value: "true"}]}]
containers: [{name: a}, {name: b, image: new, env: [{name: IS_INJECTED, value: "true"}]}, {name: c}, {name: x, env: [{name: IS_INJECTED, value: "true"}]}]`,
			findings: []string{"warning name-conflict spec.initContainers[1]", "warning name-conflict spec.containers[1]"},
		},
		{
			name: "same name fails", reason: "Safe never drops a container of the app in silence",
			sets: setText("s", "containers: [{name: app}]"), pod: app, findings: []string{"error name-conflict spec.containers[0]"},
		},
		{
			name: "same name kept", reason: "Keep leaves the app's container, and brings neither volumes nor secrets for the other",
			sets: setText("s", "containers: [{name: app, volumeMounts: [{name: v, mountPath: /v}]}]\nvolumes: [{name: v, emptyDir: "+
				"{}}]\nimagePullSecrets: [{name: p}]") + setText("t", "containers: [{name: c}]"),
			options: inject.Options{OnNameConflict: inject.Keep}, pod: app,
			want:     `containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}]}]`,
			findings: []string{"warning name-conflict spec.containers[0]"},
		},
		{
			name: "name in the other list", reason: "names are unique over both lists of containers",
			sets: setText("s", "initContainers: [{name: app}]"), pod: app, findings: []string{"error name-conflict spec.containers[0]"},
		},
		{
			name: "two sets, one name", reason: "the API server would refuse the pod",
			sets: setText("s", "containers: [{name: c}]") + setText("t", "containers: [{name: c}]"), pod: app,
			findings: []string{"error duplicate-container"},
		},
		{
			name: "two sets, one name, as the webhook", reason: "it injects both", kruise: true,
			sets: setText("s", "containers: [{name: c, image: s}]") + setText("t", "containers: [{name: c, image: t}]"), pod: app,
			want: `containers: [{name: app}, {name: c, image: s, env: [{name: IS_INJECTED, value: "true"}]}, {name: c, image: t, ` +
				`env: [{name: IS_INJECTED, value: "true"}]}]`,
			findings: []string{"warning duplicate-container"},
		},
		{
			name: "two sets replace one container", reason: "the last one stands", kruise: true,
			sets: setText("s", "containers: [{name: app, image: s}]") + setText("t", "containers: [{name: app, image: t}]"), pod: app,
			want: `containers: [{name: app, image: t, env: [{name: IS_INJECTED, value: "true"}]}]`,
			findings: []string{
				"warning name-conflict spec.containers[0]", "warning name-conflict spec.containers[0]",
				"warning duplicate-container",
			},
		},
		{
			name: "empty lists", reason: "null and empty lists are filled",
			sets: setText("s", "containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}]\ninitContainers: [{name: "+
				"i}]\nvolumes: [{name: v, emptyDir: {}}]"),
			pod: "initContainers: []\nvolumes: null\n" + app,
			want: `initContainers: [{name: i, env: [{name: IS_INJECTED, value: "true"}]}]
containers: [{name: app}, {name: c, env: [{name: IS_INJECTED, value: "true"}], volumeMounts: [{name: v, mountPath: /v}]}]
volumes: [{name: v, emptyDir: {}}]`,
		},
		{
			name: "list element is null", reason: "a field of the wrong type is never passed over",
			sets: setText("s", "containers: [{name: c}]"),
			pod:  "containers: [{name: app}, null]", findings: []string{"error wrong-type spec.containers[1]"},
		},
		{
			name: "list of the wrong type", reason: "same", sets: setText("s", "containers: [{name: c}]"),
			pod: app + "\nvolumes: {a: b}", findings: []string{"error wrong-type spec.volumes"},
		},
	}
}

func TestSemantics(t *testing.T) {
	for _, c := range semanticsCases() {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func (c semanticsCase) run(t *testing.T) {
	if c.kruise {
		c.options.Compatibility = inject.Kruise
	}
	w := readWorld(t, c.options, c.sets+podWith(c.pod))
	if len(w.findings) > 0 {
		t.Fatal(w.findings)
	}
	pod := w.objects[0]
	before := treeOf(t, pod)
	result := w.run(pod)
	if diff := cmp.Diff(c.findings, say(result.Findings)); diff != "" {
		t.Errorf("%s: findings, -want +got:\n%s", c.reason, diff)
	}
	want, got := before, treeOf(t, result.Object)
	if c.want != "" {
		want = treeOf(t, mustParse(t, podWith(c.want)))
	}
	if diff := cmp.Diff(valueAt(want, "spec"), valueAt(got, "spec")); diff != "" {
		t.Errorf("%s: spec, -want +got:\n%s", c.reason, diff)
	}
	if c.want != "" {
		annotations := map[string]string{}
		for k, v := range valueAt(got, "metadata", "annotations").(map[string]any) {
			if k != inject.InjectedAnnotation {
				annotations[k] = v.(string)
			}
		}
		if diff := cmp.Diff(c.annotations, annotations); diff != "" && len(c.annotations)+len(annotations) > 0 {
			t.Errorf("%s: annotations, -want +got:\n%s", c.reason, diff)
		}
	}
	checkRoundTrip(t, w, pod, result)
}

// checkRoundTrip holds an injection against the laws of every injection: twice is once, and eject undoes it.
func checkRoundTrip(t *testing.T, w world, object *yamlNode, result inject.Result) {
	t.Helper()
	again := w.run(result.Object)
	if diff := cmp.Diff(treeOf(t, result.Object), treeOf(t, again.Object)); diff != "" {
		t.Errorf("injected twice is not once:\n%s", diff)
	}
	back := w.injector.Eject(result.Object, manifest.Source{})
	if diff := cmp.Diff(treeOf(t, object), treeOf(t, back.Object)); diff != "" || manifest.HasErrors(back.Findings) {
		t.Errorf("eject does not restore the object (%v):\n%s", back.Findings, diff)
	}
}
