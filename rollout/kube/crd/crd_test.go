// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube/crd"
)

func parse(t *testing.T, manifest []byte) map[string]any {
	t.Helper()
	var definition map[string]any
	if err := yaml.UnmarshalStrict(manifest, &definition); err != nil {
		t.Fatal(err)
	}
	return definition
}

func TestOriginOf(t *testing.T) {
	labels := func(d map[string]any) map[string]any {
		return d["metadata"].(map[string]any)["labels"].(map[string]any)
	}
	version := func(description string) map[string]any {
		return map[string]any{"schema": map[string]any{"openAPIV3Schema": map[string]any{"description": description}}}
	}
	setVersions := func(d map[string]any, versions ...any) { d["spec"].(map[string]any)["versions"] = versions }
	tests := map[string]struct {
		reason string
		change func(map[string]any)
		want   crd.Origin
	}{
		"ours": {
			reason: "it is as we install it",
			change: func(map[string]any) {},
			want:   crd.Ours,
		},
		"no label": {
			reason: "nothing says that it is ours",
			change: func(d map[string]any) { delete(d["metadata"].(map[string]any), "labels") },
			want:   crd.Kruise,
		},
		"another manager": {
			reason: "Kruise's chart took it over",
			change: func(d map[string]any) { labels(d)["app.kubernetes.io/managed-by"] = "Helm" },
			want:   crd.Kruise,
		},
		"applied over ours": {
			reason: "kubectl apply leaves a label that it does not know, and replaces the versions",
			change: func(d map[string]any) { setVersions(d, version("CloneSet is the Schema for the clonesets API")) },
			want:   crd.Kruise,
		},
		"a version of somebody else": {
			reason: "one version with other fields is enough to lose data",
			change: func(d map[string]any) {
				setVersions(d, version("Pods. Defined by slipway: it runs."), version("something else"))
			},
			want: crd.Kruise,
		},
		"no versions": {
			reason: "a definition without versions is not ours",
			change: func(d map[string]any) { setVersions(d) },
			want:   crd.Kruise,
		},
		"odd": {
			reason: "what cannot be read is not ours",
			change: func(d map[string]any) { d["spec"] = "?" },
			want:   crd.Kruise,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, manifest := range [][]byte{crd.CloneSet(), crd.SidecarSet()} {
				definition := parse(t, manifest)
				test.change(definition)
				if got := crd.OriginOf(definition); got != test.want {
					t.Errorf("%s: got %s, want %s", test.reason, got, test.want)
				}
			}
		})
	}
	for _, none := range []map[string]any{nil, {}} {
		if got := crd.OriginOf(none); got != crd.Absent {
			t.Errorf("no definition: got %s, want %s", got, crd.Absent)
		}
	}
}

func TestNames(t *testing.T) {
	for want, manifest := range map[string][]byte{crd.CloneSetName: crd.CloneSet(), crd.SidecarSetName: crd.SidecarSet()} {
		if got := parse(t, manifest)["metadata"].(map[string]any)["name"]; got != want {
			t.Errorf("the manifest's name is %v, want %s", got, want)
		}
	}
}
