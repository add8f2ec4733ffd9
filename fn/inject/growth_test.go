// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// repeat writes a line for each number below n.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i)) + "\n")
	}
	return b.String()
}

// TestWorkGrowsLinearly counts allocations: twice the input takes at most 2.2 times as many.
func TestWorkGrowsLinearly(t *testing.T) {
	const set, app = "containers:\n- name: sc\n  image: a\n", "containers:\n- name: app\n  image: a\n"
	for _, tt := range []struct {
		name      string
		set, pod  string // with a # in what is repeated
		head, aft string
	}{
		{name: "variables of a sidecar", head: set + "  env:\n", set: "  - {name: V#, value: x}"},
		{name: "arguments of a sidecar", head: set + "  args:\n", set: "  - a#"},
		{name: "ports of a sidecar", head: set + "  ports:\n", set: "  - {name: p#, containerPort: #}"},
		{
			name: "mounts of a sidecar", head: set + "  volumeMounts:\n", set: "  - {name: v, mountPath: /p#}",
			aft: "volumes: [{name: v, emptyDir: {}}]",
		},
		{name: "transfers of a sidecar", head: set + "  transferEnv:\n", set: "  - {sourceContainerName: app, envName: V#}"},
		{name: "sidecars", head: set, set: "- {name: c#, image: a}"},
		{name: "init containers", head: set + "initContainers:\n", set: "- {name: c#, image: a}"},
		{name: "volumes of a set", head: set + "volumes:\n", set: "- {name: v#, emptyDir: {}}"},
		{name: "pull secrets", head: set + "imagePullSecrets:\n", set: "- {name: x#}"},
		{name: "patches", head: set + "patchPodMetadata:\n", set: "- {annotations: {k#: v}}"},
		{name: "variables of an app", head: set, pod: "  env:\n;  - {name: V#, value: x}"},
		{name: "containers of an app", head: set, pod: ";- {name: c#, image: a}"},
		{name: "volumes of an app", head: set, pod: "volumes:\n;- {name: v#, emptyDir: {}}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			work := func(n int) float64 {
				spec, pod := tt.head, app
				if tt.set != "" {
					spec += repeat(n, tt.set) + tt.aft
				}
				if intro, lines, some := strings.Cut(tt.pod, ";"); some {
					pod += intro + repeat(n, lines)
				}
				docs := parseStream(t, setText("s", spec)+podText(pod))
				return testing.AllocsPerRun(1, func() {
					w := newWorld(inject.Options{Compatibility: inject.Kruise, Terse: true}, docs)
					for _, o := range w.objects {
						w.run(w.run(o).Object)
					}
				})
			}
			checkGrowth(t, 1000, work) // the steps in which maps grow count for little
		})
	}
}

// TestWorkOfManySetsGrowsLinearly is about sets that never meet: of one name each for what they bring, and all of one name.
func TestWorkOfManySetsGrowsLinearly(t *testing.T) {
	for name, spec := range map[string]string{
		"own names":     "  containers: [{name: c#, image: a}]\n  volumes: [{name: v#, emptyDir: {}}]",
		"one name":      "  containers: [{name: c, image: 'a:#'}]\n  volumes: [{name: v, emptyDir: {sizeLimit: #Mi}}]",
		"one namespace": "  namespace: n#\n  containers: [{name: c, image: a}]",
		"one annotation": "  containers: [{name: c#, image: a}]\n  patchPodMetadata: [{patchPolicy: Overwrite, annotations: " +
			"{k: v#}}]",
		"equal volumes":   "  containers: [{name: c#, image: a}]\n  volumes: [{name: v, emptyDir: {}}]",
		"equal selectors": "  containers: [{name: c#, image: a}]\n  volumes: [{name: v#, emptyDir: {}}]",
	} {
		t.Run(name, func(t *testing.T) {
			label := "g#"
			if strings.HasSuffix(name, "selectors") || strings.HasSuffix(name, "volumes") {
				label = "g"
			}
			checkGrowth(t, 300, func(n int) float64 {
				docs := parseStream(t, repeat(n, "---\napiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s#}\nspec:\n"+
					"  selector: {matchLabels: {app: "+label+", tier: web}}\n"+spec))
				return testing.AllocsPerRun(1, func() {
					var c inject.Context
					for _, d := range docs {
						c.Read(d, manifest.Source{}, &inject.Options{})
					}
					inject.Lint(c, inject.Options{}, inject.Policies{})
				})
			})
		})
	}
}

func checkGrowth(t *testing.T, n int, work func(n int) float64) {
	t.Helper()
	once, twice := work(n), work(2*n)
	if twice > 2.2*once {
		t.Errorf("%d take %.0f allocations, %d take %.0f: %.2f times as many", n, once, 2*n, twice, twice/once)
	}
}
