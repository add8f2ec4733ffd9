// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/render"
)

// impactOf is what a run over a workload says that the change means: was is what an earlier run with the set was has made.
func impactOf(t *testing.T, workload, was, is string) []render.Impact {
	t.Helper()
	if was != "" {
		workload = rendered(t, map[string]string{"a": workload, "b": was})
	}
	req := request(t, map[string]string{"a": workload, "b": is})
	req.Detailed = true
	outcome, err := render.Run(t.Context(), req, render.Discard{})
	if err != nil || outcome.Failed() {
		t.Fatalf("%v, %v", err, outcome)
	}
	return outcome.Impact
}

// rendered is the stream that a run over files writes.
func rendered(t *testing.T, files map[string]string) string {
	t.Helper()
	var out strings.Builder
	if outcome, err := render.Run(t.Context(), request(t, files), render.NewStream(&out)); err != nil || outcome.Failed() {
		t.Fatalf("%v, %v", err, outcome)
	}
	return out.String()
}

// workload is an object with a pod template that set matches.
func workload(apiVersion, kind, spec string) string {
	return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: web}\nspec:\n" + spec +
		"  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: app, image: app:v1}]}\n"
}

// TestImpact says of each kind what becomes of its pods, when a sidecar is new and when only its image is another one. What the
// controllers do with such a change is in their documents: of Kubernetes, and of Kruise under In-place Update.
func TestImpact(t *testing.T) {
	const kruise = "apps.kruise.io/v1alpha1"
	newer := strings.Replace(set, "tail:v1", "tail:v2", 1)
	for name, c := range map[string]struct {
		workload          string
		added, image      render.Effect
		why, whyWithImage string
	}{
		"Deployment": {
			workload: workload("apps/v1", "Deployment", ""),
			added:    render.Restart, why: "its controller replaces the pods",
			image: render.Restart, whyWithImage: "only images change, but a Deployment replaces its pods",
		},
		"CloneSet": {
			workload: workload(kruise, "CloneSet", ""),
			added:    render.Restart, why: "its controller replaces the pods",
			image:        render.Restart,
			whyWithImage: "only images change; with the update strategy InPlaceIfPossible pods would stay",
		},
		"CloneSet in place": {
			workload: workload(kruise, "CloneSet", "  updateStrategy: {type: InPlaceIfPossible}\n"),
			added:    render.Restart, why: "its controller replaces the pods",
			image: render.InPlaceUpdate, whyWithImage: "only images change, and the update strategy is InPlaceIfPossible",
		},
		"CloneSet in place only": {
			workload: workload(kruise, "CloneSet", "  updateStrategy: {type: InPlaceOnly}\n"),
			added:    render.Restart, why: "its controller replaces the pods",
			image: render.InPlaceUpdate, whyWithImage: "only images change, and the update strategy is InPlaceOnly",
		},
		"Advanced StatefulSet in place": {
			workload: workload("apps.kruise.io/v1beta1", "StatefulSet",
				"  updateStrategy: {rollingUpdate: {podUpdatePolicy: InPlaceIfPossible}}\n"),
			added: render.Restart, why: "its controller replaces the pods",
			image: render.InPlaceUpdate, whyWithImage: "only images change, and the update strategy is InPlaceIfPossible",
		},
		"Advanced DaemonSet in place": {
			workload: workload(kruise, "DaemonSet", "  updateStrategy: {rollingUpdate: {rollingUpdateType: InPlaceIfPossible}}\n"),
			added:    render.Restart, why: "its controller replaces the pods",
			image: render.InPlaceUpdate, whyWithImage: "only images change, and the update strategy is InPlaceIfPossible",
		},
		"StatefulSet whose pods somebody deletes": {
			workload: workload("apps/v1", "StatefulSet", "  updateStrategy: {type: OnDelete}\n"),
			added:    render.NewPods, why: "updateStrategy.type is OnDelete",
			image: render.NewPods, whyWithImage: "updateStrategy.type is OnDelete",
		},
		"ReplicaSet": {
			workload: workload("apps/v1", "ReplicaSet", ""),
			added:    render.NewPods, why: "its controller leaves running pods alone",
			image: render.NewPods, whyWithImage: "its controller leaves running pods alone",
		},
		"Pod": {
			workload: web,
			added:    render.Replace, why: "containers of a pod cannot be added, taken out or changed but for their images",
			image: render.InPlaceUpdate, whyWithImage: "only images change, and a pod takes new ones",
		},
	} {
		t.Run(name, func(t *testing.T) {
			changes := []string{"adds container tail (SidecarSet logs)"}
			want := []render.Impact{{Effect: c.added, Reason: c.why, Changes: changes}}
			told := cmpopts.IgnoreFields(render.Impact{}, "Object", "Source", "Field")
			if diff := cmp.Diff(want, impactOf(t, c.workload, "", set), told); diff != "" {
				t.Errorf("a new sidecar (-want +got):\n%s", diff)
			}
			changes = []string{"image of container tail: tail:v1 -> tail:v2 (SidecarSet logs)"}
			want = []render.Impact{{Effect: c.image, Reason: c.whyWithImage, Changes: changes}}
			if diff := cmp.Diff(want, impactOf(t, c.workload, set, newer), told); diff != "" {
				t.Errorf("another image (-want +got):\n%s", diff)
			}
			if got := impactOf(t, c.workload, set, set); got != nil {
				t.Errorf("the same again: %v", got)
			}
		})
	}
}

// TestImpactNamesWhatChanges goes from one SidecarSet to another.
func TestImpactNamesWhatChanges(t *testing.T) {
	sidecars := func(spec string) string {
		return "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: logs}\nspec:\n" +
			"  selector: {matchLabels: {app: web}}\n" + spec
	}
	const tail, head = "  - {name: tail, image: tail:v1}\n", "  - {name: head, image: head:v1}\n"
	pod := workload("apps/v1", "Deployment", "")
	for name, c := range map[string]struct {
		was, is string
		changes []string
	}{
		"a container is new": {
			"  containers:\n" + tail, "  containers:\n" + tail + head, []string{"adds container head (SidecarSet logs)"},
		},
		"a container is gone": {
			"  containers:\n" + tail + head, "  containers:\n" + head, []string{"takes out container tail (SidecarSet logs)"},
		},
		"a container has a variable": {
			"  containers:\n" + tail, "  containers: [{name: tail, image: tail:v1, env: [{name: A, value: b}]}]\n",
			[]string{"changes container tail (SidecarSet logs)"},
		},
		"a container has a variable and another image": {
			"  containers:\n" + tail, "  containers: [{name: tail, image: tail:v2, env: [{name: A, value: b}]}]\n",
			[]string{"changes container tail (SidecarSet logs)"},
		},
		"the order is another one": {
			"  containers:\n" + tail + head, "  containers:\n" + head + tail, []string{"changes the order of containers"},
		},
		"an init container has another image": {
			"  initContainers:\n" + tail, "  initContainers: [{name: tail, image: tail:v2}]\n",
			[]string{"changes init container tail (SidecarSet logs)"},
		},
		"a volume, a pull secret, a label and an annotation are new": {
			"  containers:\n" + tail,
			"  containers: [{name: tail, image: tail:v1, volumeMounts: [{name: logs, mountPath: /logs}]}]\n" +
				"  volumes: [{name: logs, emptyDir: {}}]\n  imagePullSecrets: [{name: key}]\n" +
				"  patchPodMetadata: [{patchPolicy: Retain, annotations: {example.com/a: b}}]\n",
			[]string{
				"changes container tail (SidecarSet logs)", "adds volume logs (SidecarSet logs)",
				"adds pull secret key (SidecarSet logs)", "adds annotation example.com/a",
			},
		},
		"an annotation is another one": {
			"  containers:\n" + tail + "  patchPodMetadata: [{patchPolicy: Overwrite, annotations: {example.com/a: b}}]\n",
			"  containers:\n" + tail + "  patchPodMetadata: [{patchPolicy: Overwrite, annotations: {example.com/a: c}}]\n",
			[]string{"changes annotation example.com/a"},
		},
		"an annotation is gone": {
			"  containers:\n" + tail + "  patchPodMetadata: [{patchPolicy: Overwrite, annotations: {example.com/a: b}}]\n",
			"  containers:\n" + tail,
			[]string{"takes out annotation example.com/a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			impact := impactOf(t, pod, sidecars(c.was), sidecars(c.is))
			if len(impact) != 1 {
				t.Fatalf("it says %v", impact)
			}
			if diff := cmp.Diff(c.changes, impact[0].Changes); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestImpactNamesThePlace: each template is named by its object, its field and the line that it begins on.
func TestImpactNamesThePlace(t *testing.T) {
	const jobSet = `apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: learn}
spec:
  replicatedJobs:
  - name: plain
    template: {spec: {template: {metadata: {labels: {app: other}}, spec: {containers: [{name: app, image: app:v1}]}}}}
  - name: logged
    template:
      spec:
        template:
          metadata: {labels: {app: web}}
          spec: {restartPolicy: Never, containers: [{name: app, image: app:v1}]}
`
	forJobs := strings.Replace(set, "metadata: {name: logs}", "metadata: {name: logs, annotations: {slipway.dev/jobs: Inject}}", 1)
	list := "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(web), "\n", "\n  ") + "\n"
	req := request(t, map[string]string{"a": plain + "---\n" + jobSet + "---\n" + list, "b": forJobs})
	req.Detailed = true
	outcome, err := render.Run(t.Context(), req, render.Discard{})
	if err != nil || outcome.Failed() {
		t.Fatalf("%v, %v", err, outcome)
	}
	type where struct {
		object, field string
		line          int
		effect        render.Effect
	}
	var got []where
	for _, i := range outcome.Impact {
		got = append(got, where{i.Object.String(), i.Field, i.Source.Line, i.Effect})
	}
	want := []where{
		{"JobSet/learn", "spec.replicatedJobs[1].template.spec.template", 17, render.Replace},
		{"Pod/web", "", 23, render.Replace},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(where{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
