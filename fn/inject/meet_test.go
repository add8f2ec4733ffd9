// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
)

// TestSetsMeet injects several sets into one pod that admission would not let be there together, or that dispute a port.
func TestSetsMeet(t *testing.T) {
	mounts := func(name, container, volume string) string {
		return setText(name, "containers: [{name: "+container+", volumeMounts: [{name: conf, mountPath: /"+container+
			"}]}]\nvolumes: ["+volume+"]")
	}
	ports := func(name, container, list string) string {
		return setText(name, "containers: [{name: "+container+", ports: ["+list+"]}]")
	}
	patch := func(name, policy, value string) string {
		return setText(name, "containers: [{name: "+name+"}]\npatchPodMetadata: [{patchPolicy: "+policy+", annotations: {team: '"+
			value+"'}}]")
	}
	const conf = "spec.volumes[conf]"
	const team = "metadata.annotations[team]"
	for _, c := range []struct {
		name, sets, pod string
		want            []string // under Safe; what is an error there is a warning under Kruise
	}{
		{"different volumes", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
			mounts("b", "b", "{name: conf, configMap: {name: b}}"), app, []string{"error volume-conflict " + conf}},
		{"volumes of different kinds", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
			mounts("b", "b", "{name: conf, emptyDir: {}}"), app, []string{"error volume-conflict " + conf}},
		{
			"a volume that nothing mounts", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
				setText("b", "containers: [{name: b}]\nvolumes: [{name: conf, emptyDir: {}}]"), app,
			[]string{"error volume-conflict " + conf},
		},
		{"the same volume", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
			mounts("b", "b", "{configMap: {name: a}, name: conf}"), app, nil},
		{"the same volume, defaulted by a cluster", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
			mounts("b", "b", "{name: conf, configMap: {name: a, defaultMode: 420, items: null}}"), app, nil},
		{"an emptyDir in three spellings", mounts("a", "a", "{name: conf, emptyDir: {}}") + mounts("b", "b", "{name: conf}") +
			mounts("c", "c", "{name: conf, emptyDir: }"), app, nil},
		{
			"the pod's own volume is another", mounts("a", "a", "{name: conf, configMap: {name: a}}"),
			app + "\nvolumes: [{name: conf, secret: {secretName: app}}]",
			[]string{"warning volume-conflict " + conf},
		},
		{
			"the pod's own volume is another, of two sets", mounts("a", "a", "{name: conf, configMap: {name: a}}") +
				mounts("b", "b", "{name: conf, configMap: {name: a}}"), app + "\nvolumes: [{name: conf, secret: {secretName: app}}]",
			[]string{"warning volume-conflict " + conf, "warning volume-conflict " + conf},
		},
		{
			"a set's emptyDir is there for the pod's own volume to prevail", mounts("a", "a", "{name: conf, emptyDir: {medium: Memory}}"),
			app + "\nvolumes: [{name: conf, secret: {secretName: app}}]", nil,
		},
		{
			"the pod's own volume is the same", mounts("a", "a", "{name: conf, emptyDir: {}}"),
			app + "\nvolumes: [{name: conf, emptyDir: }]", nil,
		},
		{
			"told once", setText("a", "containers: [{name: a, volumeMounts: [{name: conf, mountPath: /a}, {name: conf, mountPath: "+
				"/b}]}, {name: b, volumeMounts: [{name: conf, mountPath: /a}]}]\nvolumes: [{name: conf, configMap: {name: a}}]"),
			app + "\nvolumes: [{name: conf, secret: {secretName: app}}]",
			[]string{"warning volume-conflict " + conf},
		},

		{
			"annotations overwritten twice", patch("a", "Overwrite", "one") + patch("b", "Overwrite", "two"), app,
			[]string{"error annotation-conflict " + team},
		},
		{
			"overwritten and merged", patch("a", "MergePatchJson", "{}") + patch("b", "Overwrite", "two"), app,
			[]string{"error annotation-conflict " + team},
		},
		{"merged by both", patch("a", "MergePatchJson", `{"a":1}`) + patch("b", "MergePatchJson", `{"b":1}`), app, nil},
		{"retained gives way", patch("a", "Retain", "one") + patch("b", "Overwrite", "two"), app, nil},

		{
			"host ports of set and app", ports("a", "a", "{containerPort: 9090, hostPort: 9090}"),
			"containers: [{name: app, ports: [{containerPort: 9090, hostPort: 9090}]}]",
			[]string{"error duplicate-port"},
		},
		{"host ports of two sets", ports("a", "a", "{containerPort: 1, hostPort: 9090}") +
			ports("b", "b", "{containerPort: 2, hostPort: 9090, protocol: TCP}"), app, []string{"error duplicate-port"}},
		{"host ports of a hot upgrade's pair", setText("a", "containers: [{name: a, ports: [{containerPort: 1, hostPort: 1}], "+
			"upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]"), app, []string{"error duplicate-port"}},
		{"other protocol, address or number", ports("a", "a",
			"{containerPort: 1, hostPort: 9090, protocol: UDP}, {containerPort: 2, hostPort: 9090, hostIP: 127.0.0.1}, {containerPort: "+
				"3, hostPort: 9091}"), "containers: [{name: app, ports: [{containerPort: 4, hostPort: 9090}]}]", nil},
		{
			"on the host's network every port is the host's", ports("a", "a", "{containerPort: 9090}"),
			"hostNetwork: true\ncontainers: [{name: app, ports: [{containerPort: 9090}]}]",
			[]string{"error duplicate-port"},
		},
		{
			"ports of set and app", ports("a", "a", "{containerPort: 9090}"), "containers: [{name: app, ports: [{containerPort: 9090}]}]",
			[]string{"warning duplicate-port"},
		},
		{
			"ports of two sets", ports("a", "a", "{containerPort: 9090}") + ports("b", "b", "{containerPort: 9090}"), app,
			[]string{"warning duplicate-port"},
		},
		{"ports of a hot upgrade's pair", setText("a", "containers: [{name: a, ports: [{containerPort: 1}], upgradeStrategy: "+
			"{upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}}]"), app, nil},
		{
			"the app's own affair", ports("a", "a", "{containerPort: 1}"),
			"containers: [{name: app, ports: [{containerPort: 2, hostPort: 2}, {containerPort: 3, hostPort: 2}]}]", nil,
		},
		{"init containers run one by one", setText("a", "initContainers: [{name: a, restartPolicy: Always, ports: [{containerPort: "+
			"1, hostPort: 1}]}]"), "containers: [{name: app, ports: [{containerPort: 1, hostPort: 1}]}]", nil},

		{
			"container names", setText("a", "containers: [{name: x}]") + setText("b", "containers: [{name: x}]"), app,
			[]string{"error duplicate-container"},
		},
		{
			"init and ordinary", setText("a", "initContainers: [{name: x}]") + setText("b", "containers: [{name: x}]"), app,
			[]string{"error duplicate-container"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, compatibility := range []inject.Compatibility{inject.Safe, inject.Kruise} {
				w := readWorld(t, inject.Options{Compatibility: compatibility}, c.sets+podText(c.pod))
				want := append([]string(nil), c.want...)
				for i, line := range want {
					if rest, ok := strings.CutPrefix(line, "error "); ok && compatibility == inject.Kruise {
						want[i] = "warning " + rest
					}
				}
				if diff := cmp.Diff(want, say(w.run(w.objects[0]).Findings)); diff != "" {
					t.Errorf("%s: -want +got:\n%s%v", compatibility, diff, w.run(w.objects[0]).Findings)
				}
			}
		})
	}
}
