// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

const podTemplateText = "{metadata: {labels: {app: web}}, spec: {containers: [{name: app}]}}"

// workloadText is an object of a kind with a pod template at each of paths; "x[*]" is a list of one.
func workloadText(apiVersion, kind string, paths ...string) string {
	object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "w"}}
	for _, path := range paths {
		m := object
		steps := strings.Split(path, ".")
		for i, step := range steps {
			key, isList := strings.CutSuffix(step, "[*]")
			next, _ := m[key].(map[string]any)
			if next == nil {
				next = map[string]any{}
			}
			switch {
			case i == len(steps)-1 && !isList:
				m[key] = "TEMPLATE"
			case i == len(steps)-1:
				m[key] = []any{"TEMPLATE"}
			case isList:
				m[key] = []any{next}
			default:
				m[key] = next
			}
			m = next
		}
	}
	return object2text(object)
}

func TestKinds(t *testing.T) {
	user := []manifest.Kind{
		{Group: "ray.io", Kind: "RayCluster", PodTemplatePaths: []string{"spec.head.template", "spec.workers[*].template"}},
		{Group: "example.com", Kind: "Many", PodTemplatePaths: []string{"spec.templates[*]"}},
		{Group: "apps", Kind: "Deployment", PodTemplatePaths: []string{"spec.other"}},
	}
	for _, c := range []struct {
		apiVersion, kind string
		user             bool
		paths            []string
	}{
		{"v1", "PodTemplate", false, []string{"template"}},
		{"v1", "ReplicationController", false, []string{"spec.template"}},
		{"apps/v1", "Deployment", false, []string{"spec.template"}},
		{"extensions/v1beta1", "Deployment", false, []string{"spec.template"}},
		{"apps/v1", "ReplicaSet", false, []string{"spec.template"}},
		{"apps/v1", "StatefulSet", false, []string{"spec.template"}},
		{"apps/v1", "DaemonSet", false, []string{"spec.template"}},
		{"batch/v1", "Job", false, []string{"spec.template"}},
		{"batch/v1", "CronJob", false, []string{"spec.jobTemplate.spec.template"}},
		{"batch/v1beta1", "CronJob", false, []string{"spec.jobTemplate.spec.template"}},
		{"apps.kruise.io/v1alpha1", "CloneSet", false, []string{"spec.template"}},
		{"apps.kruise.io/v1beta1", "StatefulSet", false, []string{"spec.template"}},
		{"apps.kruise.io/v1alpha1", "DaemonSet", false, []string{"spec.template"}},
		{"apps.kruise.io/v1alpha1", "BroadcastJob", false, []string{"spec.template"}},
		{"apps.kruise.io/v1alpha1", "AdvancedCronJob", false, []string{"spec.template.jobTemplate.spec.template"}},
		{"apps.kruise.io/v1alpha1", "AdvancedCronJob", false, []string{"spec.template.broadcastJobTemplate.spec.template"}},
		{"apps.kruise.io/v1alpha1", "UnitedDeployment", false, []string{
			"spec.template.statefulSetTemplate.spec.template", "spec.template.advancedStatefulSetTemplate.spec.template",
			"spec.template.cloneSetTemplate.spec.template", "spec.template.deploymentTemplate.spec.template",
		}},
		{"argoproj.io/v1alpha1", "Rollout", false, []string{"spec.template"}},
		{"serving.knative.dev/v1", "Service", false, []string{"spec.template"}},
		{"serving.knative.dev/v1", "Configuration", false, []string{"spec.template"}},
		{"apps.openshift.io/v1", "DeploymentConfig", false, []string{"spec.template"}},
		{"v1", "DeploymentConfig", false, []string{"spec.template"}},
		{"keda.sh/v1alpha1", "ScaledJob", false, []string{"spec.jobTargetRef.template"}},
		{"jobset.x-k8s.io/v1alpha2", "JobSet", false, []string{"spec.replicatedJobs[*].template.spec.template"}},
		{"ray.io/v1", "RayCluster", true, []string{"spec.head.template", "spec.workers[*].template"}},
		{"example.com/v1", "Many", true, []string{"spec.templates[*]"}},
		{"apps/v1", "Deployment", true, []string{"spec.other"}},
	} {
		t.Run(c.apiVersion+" "+c.kind+" "+c.paths[0], func(t *testing.T) {
			opts := inject.Options{Jobs: inject.Inject}
			if c.user {
				opts.Workloads = user
			}
			text := workloadText(c.apiVersion, c.kind, c.paths...)
			w := readWorld(t, opts, setText("s", "containers: [{name: c}]")+"---\n"+text)
			result := w.run(w.objects[0])
			if len(result.Findings) > 0 {
				t.Fatal(result.Findings)
			}
			var fields []string
			for _, tmpl := range result.Templates {
				fields = append(fields, strings.ReplaceAll(tmpl.Field, "[0]", "[*]"))
			}
			if diff := cmp.Diff(c.paths, fields); diff != "" {
				t.Errorf("templates, -want +got\n%s", diff)
			}
			injected := strings.Count(inject.FlowText(result.Object), "IS_INJECTED")
			if injected != len(c.paths) {
				t.Errorf("%d sidecars in\n%s", injected, inject.FlowText(result.Object))
			}
			checkRoundTrip(t, w, w.objects[0], result)
		})
	}
}

// object2text writes an object with its pod templates.
func object2text(o map[string]any) string {
	return strings.ReplaceAll(inject.FlowText(nodeOf(o)), "TEMPLATE", podTemplateText)
}

func TestOtherKindsStay(t *testing.T) {
	for _, text := range []string{
		"{apiVersion: v1, kind: ConfigMap, metadata: {labels: {app: web}}, spec: {template: " + podTemplateText + "}}",
		"{apiVersion: v1, kind: Deployment, spec: {template: " + podTemplateText + "}}",
		"{apiVersion: apps.kruise.io/v1alpha1, kind: EphemeralJob, spec: {template: " + podTemplateText + "}}",
		"{apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {workloadRef: {name: x}}}",
		"{apiVersion: v1, kind: Pod, metadata: {labels: {app: web}}, spec: {containers: [{name: app}]}, status: {phase: Succeeded}}",
		"{apiVersion: v1, kind: Pod, metadata: {labels: {app: web}, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: {containers: " +
			"[{name: app}]}}",
		"{apiVersion: v1, kind: List, items: null}", "{apiVersion: v1, kind: List}", "[]", "text",
	} {
		w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c}]")+"---\n"+text)
		if result := w.run(w.objects[0]); result.Changed(w.objects[0]) || len(result.Findings) > 0 {
			t.Errorf("%s: %v", text, result.Findings)
		}
	}
}

func TestLists(t *testing.T) {
	item := "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: " + podTemplateText + "}}"
	bare := "{metadata: {name: d}, spec: {template: " + podTemplateText + "}}"
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"a List", "{apiVersion: v1, kind: List, items: [" + item + ", {apiVersion: v1, kind: Service}, " + item + "]}", 2},
		{"a List in a List", "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [" + item + "]}, " + item +
			"]}", 2},
		{"a typed list", "{apiVersion: apps/v1, kind: DeploymentList, items: [" + item + "]}", 1},
		{"a typed list whose items do not say their kind", "{apiVersion: apps/v1, kind: DeploymentList, items: [" + bare + ", " +
			bare + "]}", 2},
		{"a list of pods", "{apiVersion: v1, kind: PodList, items: [{metadata: {labels: {app: web}}, spec: {containers: [{name: " +
			"app}]}}]}", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c}]")+"---\n"+c.text)
			result := w.run(w.objects[0])
			if got := strings.Count(inject.FlowText(result.Object), "IS_INJECTED"); got != c.want || len(result.Findings) > 0 {
				t.Errorf("%d sidecars, want %d (%v)", got, c.want, result.Findings)
			}
			for _, tmpl := range result.Templates {
				if strings.Contains(tmpl.Field, "items") || tmpl.Object.Kind == "" {
					t.Errorf("a template is told by its own object, not by the list: %+v", tmpl)
				}
			}
			checkRoundTrip(t, w, w.objects[0], result)
		})
	}
}

func TestContextInLists(t *testing.T) {
	list := "---\napiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSetList\nitems:\n- metadata: {name: s}\n  spec: {selector: " +
		"{matchLabels: {app: web}}, containers: [{name: c}], namespaceSelector: {matchLabels: {env: prod}}}\n"
	spaces := "---\n{apiVersion: v1, kind: NamespaceList, items: [{metadata: {name: shop, labels: {env: prod}}}]}\n"
	opts := inject.Options{}
	var c inject.Context
	for _, n := range parseStream(t, list+spaces) {
		if findings := c.Read(n, manifest.Source{}, &opts); len(findings) > 0 {
			t.Fatal(findings)
		}
	}
	if len(c.Sets) != 1 || opts.Namespaces["shop"]["env"] != "prod" {
		t.Errorf("%d sets, namespaces %v", len(c.Sets), opts.Namespaces)
	}
}

func TestJobs(t *testing.T) {
	job := "---\n{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: " + podTemplateText + "}}"
	for _, c := range []struct {
		name, spec string
		jobs       inject.Policy
		want       string // names of init containers | containers
		findings   []string
	}{
		{"skipped by default", "containers: [{name: c}]\ninitContainers: [{name: i}]", "", "|app", []string{"warning job-skipped"}},
		{"init containers alone end", "initContainers: [{name: i}]", "", "i|app", nil},
		{"native", "containers: [{name: c}]\ninitContainers: [{name: i}]", inject.Native, "c i|app", nil},
		{"as they are", "containers: [{name: c}]", inject.Inject, "|app c", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{Jobs: c.jobs}, setText("s", c.spec)+job)
			result := w.run(w.objects[0])
			spec := valueAt(treeOf(t, result.Object), "spec", "template", "spec")
			got := namesOf(valueAt(spec, "initContainers")) + "|" + namesOf(valueAt(spec, "containers"))
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if diff := cmp.Diff(c.findings, say(result.Findings)); diff != "" {
				t.Error(diff)
			}
			if c.jobs == inject.Native {
				if first := valueAt(spec, "initContainers").([]any)[0].(map[string]any); first["restartPolicy"] != "Always" {
					t.Errorf("not native: %v", first)
				}
			}
			checkRoundTrip(t, w, w.objects[0], result)
		})
	}
}

// namesOf joins the names of a list's elements.
func namesOf(list any) string {
	var names []string
	elements, _ := list.([]any)
	for _, e := range elements {
		name, _ := valueAt(e, "name").(string)
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestVolumeClaimTemplatesPrevail(t *testing.T) {
	set := setText("s", "containers: [{name: c, volumeMounts: [{name: data, mountPath: /d}]}]\nvolumes: [{name: data, "+
		"emptyDir: {}}]")
	for _, c := range []struct{ apiVersion, kind, holder string }{
		{"apps/v1", "StatefulSet", "spec"},
		{"apps.kruise.io/v1alpha1", "CloneSet", "spec"},
		{"apps.kruise.io/v1alpha1", "UnitedDeployment", "spec.template.statefulSetTemplate.spec"},
	} {
		text := strings.Replace(workloadText(c.apiVersion, c.kind, c.holder+".template"), podTemplateText,
			podTemplateText+", volumeClaimTemplates: [{metadata: {name: data}}]", 1)
		for _, text := range []string{text, "{apiVersion: v1, kind: List, items: [" + text + "]}"} {
			w := readWorld(t, inject.Options{}, set+"---\n"+text)
			result := w.run(w.objects[0])
			if got := inject.FlowText(result.Object); strings.Contains(got, "emptyDir") || !strings.Contains(got, "/d") {
				t.Errorf("%s: %v\n%s", c.kind, result.Findings, got)
			}
		}
	}
}
