// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

const planText = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}
  progressDeadline: 10m
  batches: [{replicas: 1}, {replicas: 100%}]
`

// workload is one with a pod template, whose other fields are what its kind asks for.
func workload(t *testing.T, version, kind, name string) plan.Workload {
	t.Helper()
	strategy := map[string]string{
		"CloneSet": "{type: ReCreate}", "Deployment": "{}", "StatefulSet": "{type: RollingUpdate}",
		"DaemonSet": "{type: RollingUpdate}",
	}[kind]
	text := fmt.Sprintf(`apiVersion: %s
kind: %s
metadata: {name: %q}
spec:
  replicas: 3
  selector: {matchLabels: {app: demo}}
  updateStrategy: %s
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: app}]}
`, version, kind, name, strategy)
	switch kind {
	case "DaemonSet":
		text = strings.Replace(text, "  replicas: 3\n", "", 1)
	case "Deployment":
		text = strings.Replace(text, "  updateStrategy: {}\n", "", 1)
	}
	w, err := plan.ParseWorkload("workload.yaml", []byte(text), plan.Target{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func job(t *testing.T) manifests.Job {
	t.Helper()
	return manifests.Job{
		CloneSet: workload(t, "apps.kruise.io/v1alpha1", "CloneSet", "demo"), Mode: plan.Direct,
		Plan: []byte(planText), Image: "example.com/slipway:v1", DeleteMode: manifests.DeleteModeDelete,
	}
}

func identity(t *testing.T, o manifests.Job) string {
	t.Helper()
	id, err := o.ID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestIDFollowsFromWhatIsReleased holds that a release is run again when what it does has changed, and for nothing else.
func TestIDFollowsFromWhatIsReleased(t *testing.T) {
	container := func(o *manifests.Job) map[string]any {
		return o.CloneSet.Spec.Template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	}
	patch, findings := manifests.ReadPatch("patch.yaml", []byte("spec: {template: {spec: {priorityClassName: high}}}"), false)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	for name, c := range map[string]struct {
		change func(o *manifests.Job)
		same   bool
	}{
		"the plan in another form": {func(o *manifests.Job) {
			o.Plan = []byte("# a comment\n" + strings.Replace(planText, "{name: demo}", "{labels: {team: a}, name: demo}", 1))
		}, true},
		"replicas, which an autoscaler changes":   {func(o *manifests.Job) { o.CloneSet.Spec.Replicas = 9 }, true},
		"the partition, which the plan overrides": {func(o *manifests.Job) { o.CloneSet.Spec.Partition = plan.Pods(2) }, true},
		"the image of the app":                    {func(o *manifests.Job) { container(o)["image"] = "app:v2" }, false},
		"a batch": {func(o *manifests.Job) {
			o.Plan = []byte(strings.Replace(planText, "replicas: 1}", "replicas: 2}", 1))
		}, false},
		"the image of slipway": {func(o *manifests.Job) { o.Image = "example.com/slipway:v2" }, false},
		"a flag":               {func(o *manifests.Job) { o.Flags = []string{"-v"} }, false},
		"the mode":             {func(o *manifests.Job) { o.Mode = plan.Partition }, false},
		"how pods are deleted": {func(o *manifests.Job) { o.DeleteMode = manifests.DeleteModeEvict }, false},
		"a patch":              {func(o *manifests.Job) { o.Patch = patch }, false},
	} {
		before, after := job(t), job(t)
		c.change(&after)
		if same := identity(t, before) == identity(t, after); same != c.same {
			t.Errorf("%s: the release keeps its name: %v, want %v", name, same, c.same)
		}
	}
	before, after := job(t), job(t)
	before.Plan, after.Plan = nil, nil
	if after.CloneSet.Spec.Partition = plan.Pods(2); identity(t, before) == identity(t, after) {
		t.Error("without a plan the partition is one, and another one is another release")
	}
}

// kinds are those of which a release can be made, with a mode of each.
var kinds = []struct {
	version, kind string
	mode          plan.Mode
}{
	{"apps.kruise.io/v1alpha1", "CloneSet", plan.Direct},
	{"apps.kruise.io/v1alpha1", "CloneSet", plan.Partition},
	{"apps.kruise.io/v1beta1", "StatefulSet", plan.Partition},
	{"apps.kruise.io/v1alpha1", "DaemonSet", plan.Partition},
	{"apps/v1", "StatefulSet", plan.Partition},
	{"apps/v1", "Deployment", plan.Partition},
}

// TestNamesAreValidAndTheirOwn makes the release of targets with names of every length, and of names that differ in their last
// character or in their kind alone.
func TestNamesAreValidAndTheirOwn(t *testing.T) {
	owner := map[string]string{} // of a name
	for _, k := range kinds {
		if k.mode == plan.Direct { // the names of the same CloneSet in another mode
			continue
		}
		for _, target := range []string{
			"a", "db", "db.statefulset", "db-statefulset", "7", strings.Repeat("x", 46), strings.Repeat("x", 47),
			strings.Repeat("x", 252) + "a", strings.Repeat("x", 252) + "b", strings.Repeat("a.", 40) + "b",
		} {
			o := job(t)
			o.CloneSet, o.Mode, o.Plan = workload(t, k.version, k.kind, target), k.mode, nil
			objects, err := o.Manifests()
			if err != nil {
				t.Fatalf("%s %s: %v", k.kind, target, err)
			}
			for _, object := range objects {
				meta := object["metadata"].(map[string]any)
				name := meta["name"].(string)
				if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
					t.Errorf("%s %s: the %s is called %q: %v", k.kind, target, object["kind"], name, wrong)
				}
				if wrong := validation.IsValidLabelValue(name); len(wrong) > 0 { // a Job's name is a label of its pods
					t.Errorf("%s %s: the %s is called %q: %v", k.kind, target, object["kind"], name, wrong)
				}
				of := k.version + "/" + k.kind + "/" + target
				key := fmt.Sprint(object["kind"], "/", name)
				if other, taken := owner[key]; taken && other != of {
					t.Errorf("%s and %s both have a %s", of, other, key)
				}
				owner[key] = of
			}
		}
	}
}

// byName are the rights that the API cannot bound to names: what is created, and lists of what nobody can name beforehand.
var byName = []string{
	"configmaps create", "leases create", "events create", "events list", "pods get", "pods list", "pods watch",
	"pods create", "pods patch", "pods delete", "pods/status patch", "controllerrevisions list",
	"controllerrevisions create", "controllerrevisions patch", "controllerrevisions delete", "replicasets list",
	"replicasets watch",
}

// TestRightsHaveNames holds that an agent may touch no other object than its own where the API can tell them apart, and that no
// rule is for everything. That each right is needed is tried on a server, one by one.
func TestRightsHaveNames(t *testing.T) {
	for _, k := range kinds {
		o := job(t)
		o.CloneSet, o.Mode = workload(t, k.version, k.kind, "demo"), k.mode
		rights := 0
		for _, rule := range o.Rules() {
			words := func(key string) []string { out, _ := rule[key].([]string); return out }
			for _, resource := range words("resources") {
				for _, verb := range words("verbs") {
					rights++
					right := resource + " " + verb
					if strings.Contains(right, "*") || slices.Contains(words("apiGroups"), "*") {
						t.Errorf("%s in %s mode: a rule is for everything: %v", k.kind, k.mode, rule)
					}
					if len(words("resourceNames")) == 0 && !slices.Contains(byName, right) {
						t.Errorf("%s in %s mode: may %s of any name", k.kind, k.mode, right)
					}
				}
			}
		}
		if rights < 10 {
			t.Errorf("%s in %s mode: only %d rights were looked at", k.kind, k.mode, rights)
		}
	}
}

// TestDeadline holds that a Job ends only what no release that keeps to its plan can take.
func TestDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		spec string
		want time.Duration
		why  string
	}{
		"two batches": {"progressDeadline: 10m, batches: [{replicas: 1}, {replicas: 100%}]", 100 * time.Minute, ""},
		"with a pause": {
			"progressDeadline: 10m, batches: [{replicas: 1, pause: {duration: 30m}}, {replicas: 100%}]",
			160 * time.Minute, "",
		},
		"with the way back": {
			"progressDeadline: 10m, onFailure: Rollback, batches: [{replicas: 1}, {replicas: 100%}]",
			140 * time.Minute, "",
		},
		"with an approval": {
			"progressDeadline: 10m, batches: [{replicas: 1, pause: {untilApproved: true}}, {replicas: 100%}]", 0,
			"batch 1 waits for an approval",
		},
		"from the replicas": {"batches: [{replicas: 1}, {replicas: 100%}]", 0, "the plan has no progressDeadline"},
		"longer than an int": {
			"progressDeadline: 1000000h, batches: [{replicas: 1}, {replicas: 100%}]", 0,
			"the plan takes longer than any deadline",
		},
	} {
		o := job(t)
		o.Plan = []byte("apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec: {target: {apiVersion: " +
			"apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, " + c.spec + "}\n")
		all, err := o.Manifests()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made := all[len(all)-1]
		seconds, _ := made["spec"].(map[string]any)["activeDeadlineSeconds"].(int)
		annotations, _ := made["metadata"].(map[string]any)["annotations"].(map[string]any)
		why, _ := annotations["slipway.dev/no-deadline"].(string)
		if got := time.Duration(seconds) * time.Second; got != c.want || why != c.why {
			t.Errorf("%s: %v %q, want %v %q", name, got, why, c.want, c.why)
		}
	}
}

// TestSnippetsAreYAML reads what is printed for GitOps tools as they would.
func TestSnippetsAreYAML(t *testing.T) {
	for _, tool := range []manifests.GitOps{manifests.ArgoCD, manifests.Flux} {
		text, err := manifests.Snippets(tool)
		if err != nil {
			t.Fatal(err)
		}
		for i, doc := range strings.Split(text, "\n---\n") {
			var object struct {
				APIVersion, Kind string
			}
			if err := yaml.Unmarshal([]byte(doc), &object); err != nil || object.Kind == "" || object.APIVersion == "" {
				t.Errorf("%s: document %d is %+v, %v", tool, i+1, object, err)
			}
		}
	}
	if _, err := manifests.Snippets("jenkins"); err == nil {
		t.Error("there is a snippet for a tool that nobody here knows")
	}
}

// TestInputsStay holds that a Job can be written down twice: what is given to it is changed by neither.
func TestInputsStay(t *testing.T) {
	o := job(t)
	o.For, o.Wave = manifests.ArgoCD, "3"
	first, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	second, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("written twice (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(job(t).CloneSet, o.CloneSet, cmpopts.EquateComparable(plan.Quantity{})); diff != "" {
		t.Errorf("the target has changed (-want +got):\n%s", diff)
	}
}
