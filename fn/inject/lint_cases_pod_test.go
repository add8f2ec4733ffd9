// SPDX-License-Identifier: Apache-2.0

package inject_test

func sidecarCases() []lintCase {
	container := func(name, reason, ok, bad string, want ...string) lintCase {
		return lintCase{name: name, reason: reason, list: "containers", ok: "image: i\n" + ok, bad: "image: i\n" + bad, want: want}
	}
	init := func(name, reason, ok, bad string, want ...string) lintCase {
		c := container(name, reason, ok, bad, want...)
		c.list = "initContainers"
		return c
	}
	at := "spec.containers[0]."
	return []lintCase{
		container("podInjectPolicy", "Kruise refuses unknown words", "podInjectPolicy: AfterAppContainer", "podInjectPolicy: After",
			"error unknown-value "+at+"podInjectPolicy:9"),
		init("podInjectPolicy of an init container", "admission does not look at it", "podInjectPolicy: AfterAppContainer", "podInjectPolicy: After",
			"warning unknown-value spec.initContainers[0].podInjectPolicy:9"),
		container("shareVolumePolicy", "Kruise refuses unknown words", "shareVolumePolicy: {type: enabled}", "shareVolumePolicy: {type: Enabled}",
			"error unknown-value "+at+"shareVolumePolicy.type:9"),
		container("shareVolumeDevicePolicy", "Kruise refuses unknown words", "shareVolumeDevicePolicy: {type: disabled}", "shareVolumeDevicePolicy:\n  type: all",
			"error unknown-value "+at+"shareVolumeDevicePolicy.type:10"),
		container("upgradeType", "a misspelt HotUpgrade would be a cold one", "upgradeStrategy: {upgradeType: ColdUpgrade}", "upgradeStrategy: {upgradeType: HotUpgarde}",
			"error unknown-value "+at+"upgradeStrategy.upgradeType:9"),
		container("HotUpgrade without its empty image", "the second of the pair would have no image",
			"upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}", "upgradeStrategy: {upgradeType: HotUpgrade}",
			"error no-empty-image "+at+"upgradeStrategy.hotUpgradeEmptyImage:9"),
		{
			name: "container name", reason: "a DNS label",
			ok: "  containers: [{name: c-1, image: i}]", bad: "  containers: [{name: c_1, image: i}]",
			want: []string{"error bad-name spec.containers[0].name:6"},
		},
		{
			name: "container name length", reason: "63 characters are the most, and a hot upgrade adds two",
			ok:   "  containers: [{name: a23456789012345678901234567890123456789012345678901234567890123, image: i}]",
			bad:  "  containers: [{name: a23456789012345678901234567890123456789012345678901234567890123, image: i, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]",
			want: []string{"error bad-name spec.containers[0].name:6"},
		},
		{
			name: "container name twice", reason: "the parser reports it, and Lint does not repeat it",
			ok:   "  containers: [{name: a, image: i}, {name: b, image: i}]",
			bad:  "  containers:\n  - {name: a, image: i}\n  - {name: a, image: i, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}",
			want: []string{"error duplicate-container spec.containers[1].name:8"},
		},
		{
			name: "name of a hot upgrade's pair", reason: "x-1 and x-2 are taken",
			ok:   "  containers: [{name: a-1, image: i}, {name: a, image: i}]",
			bad:  "  containers:\n  - {name: a-2, image: i}\n  - {name: a, image: i, upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}",
			want: []string{"error duplicate-container spec.containers[1].name:8"},
		},
		container("transferEnv fieldRef path", "labels and annotations only; metadata.name is documented and refused",
			"transferEnv: [{envName: A, sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: \"metadata.labels['main']\"}}}]",
			"transferEnv:\n- {envName: A, sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}",
			"error bad-transfer-env "+at+"transferEnv[0].sourceContainerNameFrom.fieldRef.fieldPath:10"),
		container("transferEnv fieldRef version", "Kruise asks for it",
			"transferEnv: [{envName: A, sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: \"metadata.annotations['X/Y']\"}}}]",
			"transferEnv:\n- {envName: A, sourceContainerNameFrom: {fieldRef: {fieldPath: \"metadata.annotations['X']\"}}}",
			"error bad-transfer-env "+at+"transferEnv[0].sourceContainerNameFrom.fieldRef.apiVersion:10"),
		container("transferEnv fieldRef key", "a label's key has rules",
			"transferEnv: [{envName: A, sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: \"metadata.labels['a/b']\"}}}]",
			"transferEnv:\n- {envName: A, sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: \"metadata.labels['a b']\"}}}",
			"error bad-transfer-env "+at+"transferEnv[0].sourceContainerNameFrom.fieldRef.fieldPath:10"),
		container("transferEnv of nothing", "neither a container nor a variable",
			"transferEnv: [{sourceContainerName: a, envNames: [B]}]", "transferEnv:\n- {sourceContainerName: a}\n- {envName: B}",
			"warning empty-transfer-env "+at+"transferEnv[0]:10", "warning empty-transfer-env "+at+"transferEnv[1]:11"),
		container("resourcesPolicy beside resources", "Kruise refuses them together",
			"resources: {}\nresourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}", "resources: {limits: {cpu: 1}}\nresourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}",
			"error bad-resources-policy "+at+"resourcesPolicy:10"),
		container("resourcesPolicy's regex", "it must compile",
			"resourcesPolicy: {targetContainersNameRegex: ^app$, resourcesExpr: {limits: {cpu: cpu}}}", "resourcesPolicy: {targetContainersNameRegex: '(', resourcesExpr: {limits: {cpu: cpu}}}",
			"error bad-resources-policy "+at+"resourcesPolicy.targetContainersNameRegex:9"),
		container("resourcesPolicy's empty regex", "Kruise refuses it",
			"resourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}", "resourcesPolicy: {targetContainersNameRegex: '', resourcesExpr: {limits: {cpu: cpu}}}",
			"error bad-resources-policy "+at+"resourcesPolicy.targetContainersNameRegex:9"),
		container("resourcesPolicy without expressions", "limits or requests",
			"resourcesPolicy: {resourcesExpr: {requests: {cpu: cpu}}}", "resourcesPolicy: {targetContainersMode: sum}",
			"error bad-resources-policy "+at+"resourcesPolicy.resourcesExpr:9"),
		container("targetContainersMode", "sum or max",
			"resourcesPolicy: {targetContainersMode: max, resourcesExpr: {requests: {cpu: cpu}}}", "resourcesPolicy: {targetContainersMode: avg, resourcesExpr: {requests: {cpu: cpu}}}",
			"error unknown-value "+at+"resourcesPolicy.targetContainersMode:9"),
		{
			name: "resourcesPolicy of an init container", reason: "only native sidecars run beside the app",
			ok:   "  updateStrategy: {type: NotUpdate}\n  initContainers: [{name: a, image: i, restartPolicy: Always, resourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}}]",
			bad:  "  initContainers: [{name: a, image: i, resourcesPolicy: {resourcesExpr: {limits: {cpu: cpu}}}}]",
			want: []string{"error bad-resources-policy spec.initContainers[0].resourcesPolicy:6"},
		},
		container("expression of two quantities", "admission accepts it and then refuses every pod",
			"resourcesPolicy: {resourcesExpr: {limits: {cpu: 'max(cpu*50%, 100m)'}}}", "resourcesPolicy: {resourcesExpr: {limits: {cpu: cpu*100m}}}",
			"error bad-expression "+at+"resourcesPolicy.resourcesExpr.limits.cpu:9"),
		container("expression that does not parse", "a bracket is missing",
			"resourcesPolicy: {resourcesExpr: {requests: {memory: (memory)}}}", "resourcesPolicy: {resourcesExpr: {requests: {memory: (memory}}}",
			"error bad-expression "+at+"resourcesPolicy.resourcesExpr.requests.memory:9"),
		container("expression that is always negative", "no pod could have it",
			"resourcesPolicy: {resourcesExpr: {requests: {cpu: 100m + 0*cpu}}}", "resourcesPolicy: {resourcesExpr: {requests: {cpu: -100m - cpu}}}",
			"error bad-expression "+at+"resourcesPolicy.resourcesExpr.requests.cpu:9"),
		container("expression that is negative somewhere", "such pods would be refused",
			"resourcesPolicy: {resourcesExpr: {requests: {memory: 'max(memory-64Mi, 0)'}}}", "resourcesPolicy: {resourcesExpr: {requests: {memory: memory-64Mi}}}",
			"warning negative-expression "+at+"resourcesPolicy.resourcesExpr.requests.memory:9"),
	}
}

func containerCases() []lintCase {
	container := func(name, reason, ok, bad string, want ...string) lintCase {
		return lintCase{name: name, reason: reason, list: "containers", ok: "image: i\n" + ok, bad: "image: i\n" + bad, want: want}
	}
	at := "spec.containers[0]."
	return []lintCase{
		{name: "image missing", reason: "nothing to run", list: "containers", ok: "image: i", bad: "tty: true", want: []string{"error no-image " + at + "image:7"}},
		{name: "image with a space", reason: "the API server refuses it", list: "containers", ok: "image: i", bad: "image: 'i '", want: []string{"error bad-image " + at + "image:8"}},
		{name: "image of a wrong type", reason: "one finding, not two", list: "containers", ok: "image: i", bad: "image: [i]", want: []string{"error wrong-type " + at + "image:8"}},
		container("mistyped field", "no Kubernetes will ever know it", "tty: true", "ttty: true", "error unknown-pod-field "+at+"ttty:9"),
		container("unknown field", "a newer Kubernetes may know it", "tty: true", "teleport: true", "warning unknown-pod-field "+at+"teleport:9"),
		container("unknown field deep down", "the whole tree is checked", "securityContext: {capabilities: {add: [A]}}", "securityContext:\n  capabilities: {ad: [A]}",
			"error unknown-pod-field "+at+"securityContext.capabilities.ad:10"),
		container("wrong types", "as the API server reads them", "tty: true\ncommand: [a]\nterminationMessagePath: /x", "tty: 1\ncommand: [1]\nterminationMessagePath: 5",
			"error wrong-type "+at+"tty:9", "error wrong-type "+at+"command[0]:10", "error wrong-type "+at+"terminationMessagePath:11"),
		container("a list of a wrong type", "the parser reports it, and Lint does not repeat it", "env: []", "env: {A: b}", "error wrong-type "+at+"env:9"),
		container("imagePullPolicy", "three words", "imagePullPolicy: IfNotPresent", "imagePullPolicy: ifNotPresent", "error unknown-value "+at+"imagePullPolicy:9"),
		container("terminationMessagePolicy", "two words", "terminationMessagePolicy: File", "terminationMessagePolicy: file", "error unknown-value "+at+"terminationMessagePolicy:9"),
		container("restartPolicy", "it belongs to init containers", "", "restartPolicy: Always", "warning restart-policy "+at+"restartPolicy:9"),
		{
			name: "restartPolicy's words", reason: "three words", list: "initContainers", ok: "image: i\nrestartPolicy: OnFailure", bad: "image: i\nrestartPolicy: always",
			want: []string{"error unknown-value spec.initContainers[0].restartPolicy:9"},
		},
		container("protocol", "three words", "ports: [{containerPort: 1, protocol: UDP}]", "ports: [{containerPort: 1, protocol: udp}]", "error unknown-value "+at+"ports[0].protocol:9"),
		container("port range", "1 to 65535", "ports: [{containerPort: 65535}]", "ports: [{containerPort: 65536}, {containerPort: 0}]",
			"error bad-port "+at+"ports[0].containerPort:9", "error bad-port "+at+"ports[1].containerPort:9"),
		container("port missing", "it is required", "ports: [{containerPort: 1}]", "ports: [{name: a}]", "error missing-field "+at+"ports[0].containerPort:9"),
		container("port of a wrong type", "one finding, not two", "ports: [{containerPort: 1}]", "ports: [{containerPort: '1'}]", "error wrong-type "+at+"ports[0].containerPort:9"),
		container("port name", "at most 15 characters", "ports: [{containerPort: 1, name: http}]", "ports: [{containerPort: 1, name: http_1}]", "error bad-name "+at+"ports[0].name:9"),
		container("port name twice", "unique in a container", "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: b}]", "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]",
			"error duplicate-port "+at+"ports[1].name:9"),
		container("port twice", "server-side apply refuses it", "ports: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]", "ports: [{containerPort: 1}, {containerPort: 1, protocol: TCP}]",
			"warning duplicate-port "+at+"ports[1]:9"),
		container("host port twice", "one host, one port", "ports: [{containerPort: 1, hostPort: 1}, {containerPort: 2, hostPort: 2}]", "ports: [{containerPort: 1, hostPort: 1}, {containerPort: 2, hostPort: 1}]",
			"error duplicate-port "+at+"ports[1].hostPort:9"),
		container("env without name", "it is required", "env: [{name: A}]", "env: [{value: b}]", "error missing-field "+at+"env[0].name:9"),
		container("env name", "no = in it", "env: [{name: a.b}]", "env: [{name: a=b}]", "error bad-name "+at+"env[0].name:9"),
		container("env twice", "the last one counts", "env: [{name: A}, {name: B}]", "env: [{name: A}, {name: A}]", "warning duplicate-env "+at+"env[1]:9"),
		container("env value of a wrong type", "a number needs quotes", "env: [{name: A, value: '1'}]", "env: [{name: A, value: 1}]", "error wrong-type "+at+"env[0].value:9"),
		container("value beside valueFrom", "one of the two", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", "env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
			"error bad-value-from "+at+"env[0]:9"),
		container("valueFrom nothing", "one source", "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]", "env: [{name: A, valueFrom: {}}]", "error bad-value-from "+at+"env[0].valueFrom:9"),
		container("valueFrom without its parts", "names and keys are required", "env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]", "env:\n- {name: A, valueFrom: {configMapKeyRef: {name: s}}}\n- {name: B, valueFrom: {secretKeyRef: {key: k}}}",
			"error missing-field "+at+"env[0].valueFrom.configMapKeyRef.key:10", "error missing-field "+at+"env[1].valueFrom.secretKeyRef.name:11"),
		container("fieldPath", "only some fields of a pod can be read", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['x']\"}}}]", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIp}}}]",
			"error unknown-value "+at+"env[0].valueFrom.fieldRef.fieldPath:9"),
		container("envFrom", "one source each", "envFrom: [{configMapRef: {name: a}}, {secretRef: {name: b}}]", "envFrom:\n- {}\n- {configMapRef: {}}",
			"error bad-value-from "+at+"envFrom[0]:10", "error missing-field "+at+"envFrom[1].configMapRef.name:11"),
		container("mount of a volume that is not there", "admission knows the set's volumes only", "volumeMounts: [{name: v, mountPath: /v}]", "volumeMounts: [{name: w, mountPath: /v}]",
			"error no-volume "+at+"volumeMounts[0].name:9"),
		container("mount without a path", "it is required", "volumeMounts: [{name: v, mountPath: /v}]", "volumeMounts: [{name: v}]", "error missing-field "+at+"volumeMounts[0].mountPath:9"),
		container("mounts at one path", "the API server refuses it", "volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /w}]", "volumeMounts:\n- {name: v, mountPath: /v}\n- {name: v, mountPath: /v}",
			"error duplicate-mount "+at+"volumeMounts[1].mountPath:11"),
		container("mount and device at one path", "the API server refuses it", "volumeMounts: [{name: v, mountPath: /v}]\nvolumeDevices: [{name: claim, devicePath: /d}]", "volumeMounts: [{name: v, mountPath: /v}]\nvolumeDevices: [{name: claim, devicePath: /v}]",
			"error duplicate-mount "+at+"volumeDevices[0].devicePath:10"),
		container("device of a volume that is none", "only claims are block devices", "volumeDevices: [{name: claim, devicePath: /d}]", "volumeDevices: [{name: v, devicePath: /d}]", "error bad-mount "+at+"volumeDevices[0].name:9"),
		container("subPath", "relative, and inside the volume", "volumeMounts: [{name: v, mountPath: /v, subPath: a/b}]", "volumeMounts: [{name: v, mountPath: /v, subPath: /a}, {name: v, mountPath: /w, subPath: a/../b}]",
			"error unsafe-path "+at+"volumeMounts[0].subPath:9", "error unsafe-path "+at+"volumeMounts[1].subPath:9"),
		container("subPath beside subPathExpr", "one of the two", "volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(A)}]", "volumeMounts: [{name: v, mountPath: /v, subPath: a, subPathExpr: $(A)}]",
			"error bad-mount "+at+"volumeMounts[0].subPathExpr:9"),
		container("mountPropagation", "Bidirectional is for privileged containers", "volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]\nsecurityContext: {privileged: true}", "volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]",
			"error bad-mount "+at+"volumeMounts[0].mountPropagation:9"),
	}
}

func podCases() []lintCase {
	container := func(name, reason, ok, bad string, want ...string) lintCase {
		return lintCase{name: name, reason: reason, list: "containers", ok: "image: i\n" + ok, bad: "image: i\n" + bad, want: want}
	}
	at := "spec.containers[0]."
	return []lintCase{
		container("quantity", "cpu: 100x is none", "resources: {limits: {cpu: 100m, memory: 1.5Gi}}", "resources: {limits: {cpu: 100x, memory: []}}",
			"error bad-quantity "+at+"resources.limits[cpu]:9", "error wrong-type "+at+"resources.limits[memory]:9"),
		container("negative quantity", "no node can give it", "resources: {limits: {cpu: 0}}", "resources: {limits: {cpu: -1}}", "error bad-quantity "+at+"resources.limits[cpu]:9"),
		container("request above its limit", "the API server refuses it", "resources: {limits: {cpu: 1}, requests: {cpu: 1000m}}", "resources:\n  limits: {cpu: 1}\n  requests: {cpu: 1001m}",
			"error bad-resources "+at+"resources.requests[cpu]:11"),
		container("unknown resource", "a name without a domain is one of few", "resources: {limits: {example.com/gpu: 1}}", "resources: {limits: {mem: 1}}", "error bad-resources "+at+"resources.limits[mem]:9"),
		container("device without a limit", "devices cannot be overcommitted", "resources: {limits: {example.com/gpu: 1}, requests: {example.com/gpu: 1}}", "resources: {requests: {example.com/gpu: 1}}",
			"error bad-resources "+at+"resources.requests[example.com/gpu]:9"),
		{
			name: "probe on an init container", reason: "it runs to its end", list: "initContainers",
			ok: "image: i", bad: "image: i\nlivenessProbe: {exec: {command: [a]}}\nlifecycle: {preStop: {exec: {command: [a]}}}",
			want: []string{"error probe-on-init spec.initContainers[0].livenessProbe:9", "error probe-on-init spec.initContainers[0].lifecycle:10"},
		},
		{
			name: "probe on a native sidecar", reason: "it runs on",
			ok:   "  updateStrategy: {type: NotUpdate}\n  initContainers: [{name: a, image: i, restartPolicy: Always, startupProbe: {tcpSocket: {port: 80}}}]",
			bad:  "  updateStrategy: {type: NotUpdate}\n  initContainers: [{name: a, image: i, startupProbe: {tcpSocket: {port: 80}}}]",
			want: []string{"error probe-on-init spec.initContainers[0].startupProbe:7"},
		},
		container("probe without a handler", "one thing to do", "livenessProbe: {httpGet: {port: 80}}", "livenessProbe: {periodSeconds: 5}", "error bad-probe "+at+"livenessProbe:9"),
		container("probe with two handlers", "one thing to do", "readinessProbe: {grpc: {port: 80}, successThreshold: 2}", "readinessProbe: {grpc: {port: 80}, tcpSocket: {port: 80}}", "error bad-probe "+at+"readinessProbe:9"),
		container("probe with a handler of a newer Kubernetes", "it may be the one", "startupProbe: {exec: {command: [a]}}", "startupProbe: {teleport: {}}", "warning unknown-pod-field "+at+"startupProbe.teleport:9"),
		container("probe numbers", "not negative, and once is enough to be alive", "livenessProbe: {exec: {command: [a]}, periodSeconds: 1}", "livenessProbe: {exec: {command: [a]}, periodSeconds: -1, successThreshold: 2}",
			"error bad-probe "+at+"livenessProbe.periodSeconds:9", "error bad-probe "+at+"livenessProbe.successThreshold:9"),
		container("probe port", "a number in range or a name", "livenessProbe: {httpGet: {port: http}}\nreadinessProbe: {tcpSocket: {port: 8080}}", "livenessProbe: {httpGet: {port: 0}}\nreadinessProbe: {tcpSocket: {port: Not-A-Name}}\nstartupProbe: {httpGet: {path: /}}",
			"error bad-port "+at+"livenessProbe.httpGet.port:9", "error bad-port "+at+"readinessProbe.tcpSocket.port:10", "error missing-field "+at+"startupProbe.httpGet.port:11"),
		container("lifecycle handler", "one thing to do", "lifecycle: {preStop: {sleep: {seconds: 5}}}", "lifecycle: {postStart: {exec: {}}, preStop: {}}",
			"error missing-field "+at+"lifecycle.postStart.exec.command:9", "error bad-probe "+at+"lifecycle.preStop:9"),
		container("privileges denied and given", "the API server refuses it", "securityContext: {privileged: true, allowPrivilegeEscalation: true}", "securityContext: {privileged: true, allowPrivilegeEscalation: false}",
			"error bad-security-context "+at+"securityContext.allowPrivilegeEscalation:9"),
		container("user", "not negative", "securityContext: {runAsUser: 0}", "securityContext: {runAsUser: -1}", "error bad-security-context "+at+"securityContext.runAsUser:9"),
		container("localhost profile", "goes with Localhost", "securityContext: {seccompProfile: {type: Localhost, localhostProfile: p}, appArmorProfile: {type: RuntimeDefault}}", "securityContext: {seccompProfile: {type: Localhost}, appArmorProfile: {type: Unconfined, localhostProfile: p}}",
			"error bad-security-context "+at+"securityContext.seccompProfile.localhostProfile:9", "error bad-security-context "+at+"securityContext.appArmorProfile.localhostProfile:9"),
	}
}

func volumeCases() []lintCase {
	volume := func(name, reason, ok, bad string, want ...string) lintCase {
		return lintCase{name: name, reason: reason, list: "volumes", ok: ok, bad: bad, want: want}
	}
	at := "spec.volumes[0]"
	return []lintCase{
		volume("volume without a source", "it becomes an emptyDir, which is seldom meant", "emptyDir: {}", "", "warning no-volume-source "+at+":7"),
		volume("volume with two sources", "one source", "hostPath: {path: /v}", "hostPath: {path: /v}\nemptyDir: {}", "error many-volume-sources "+at+":7"),
		volume("volume of a newer Kubernetes", "the unknown field may be the source", "emptyDir: {}", "teleport: {}", "warning unknown-pod-field "+at+".teleport:8"),
		volume("volume with a misspelt source", "the field is named", "configMap: {name: a}", "configmap: {name: a}", "error unknown-pod-field "+at+".configmap:8"),
		volume("required fields of volumes", "as the types declare them", "persistentVolumeClaim: {claimName: a}", "persistentVolumeClaim: {}", "error missing-field "+at+".persistentVolumeClaim.claimName:8"),
		volume("configMap's name", "it is required", "configMap: {name: a, defaultMode: 0644}", "configMap: {}", "error missing-field "+at+".configMap.name:8"),
		volume("secret's name", "it is required", "secret: {secretName: a, defaultMode: 511}", "secret: {}", "error missing-field "+at+".secret.secretName:8"),
		volume("file modes", "0 to 0777", "configMap: {name: a, items: [{key: k, path: p, mode: 0o600}]}", "configMap: {name: a, defaultMode: 644, items: [{key: k, path: p, mode: -1}]}",
			"error bad-mode "+at+".configMap.defaultMode:8", "error bad-mode "+at+".configMap.items[0].mode:8"),
		volume("paths in volumes", "inside the volume", "configMap: {name: a, items: [{key: k, path: p/q}]}", "configMap: {name: a, items: [{key: k, path: ../q}, {key: l, path: /q}]}",
			"error unsafe-path "+at+".configMap.items[0].path:8", "error unsafe-path "+at+".configMap.items[1].path:8"),
		volume("hostPath with ..", "the API server refuses it", "hostPath: {path: /var/log, type: Directory}", "hostPath: {path: /var/../etc, type: Dir}",
			"error unknown-value "+at+".hostPath.type:8", "error unsafe-path "+at+".hostPath.path:8"),
		volume("emptyDir", "a medium and a limit that exist", "emptyDir: {medium: Memory, sizeLimit: 1Gi}", "emptyDir: {medium: memory, sizeLimit: -1}",
			"error bad-quantity "+at+".emptyDir.sizeLimit:8", "error unknown-value "+at+".emptyDir.medium:8"),
		volume("ephemeral volume", "a template is required", "ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}", "ephemeral: {}",
			"error missing-field "+at+".ephemeral.volumeClaimTemplate:8"),
		volume("projection", "one source each", "projected: {sources: [{secret: {name: a}}, {configMap: {name: b}}]}", "projected: {sources: [{secret: {name: a}, configMap: {name: b}}]}",
			"error many-volume-sources "+at+".projected.sources[0]:8"),
		{
			name: "volume name", reason: "a DNS label",
			ok:   "  volumes: [{name: v-1, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: v-1, mountPath: /v}]}]",
			bad:  "  volumes: [{name: v_1, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: v_1, mountPath: /v}]}]",
			want: []string{"error bad-name spec.volumes[0].name:6"},
		},
		{
			name: "volume name missing", reason: "it is required",
			bad: "  volumes: [{emptyDir: {}}]", want: []string{"error missing-field spec.volumes[0].name:6"},
		},
		{
			name: "volume name twice", reason: "unique in a pod",
			ok:   "  volumes: [{name: v, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}]",
			bad:  "  volumes:\n  - {name: v, emptyDir: {}}\n  - {name: v, emptyDir: {}}\n  containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}]",
			want: []string{"error duplicate-volume spec.volumes[1].name:8"},
		},
		{
			name: "null volume", reason: "a list of volumes has volumes",
			bad: "  volumes:\n  -\n", want: []string{"error missing-field spec.volumes[0]:7"},
		},
		{
			name: "unused volume", reason: "only mounted volumes are injected",
			ok:   "  volumes: [{name: spare, emptyDir: {}}]\n  containers: [{name: c, image: i, volumeMounts: [{name: spare, mountPath: /v}]}]",
			bad:  "  volumes: [{name: spare, emptyDir: {}}]\n  containers: [{name: c, image: i}]",
			want: []string{"info unused-volume spec.volumes[0]:6"},
		},
	}
}
