// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// evaluateIn computes an expression as a user would have it computed: as a sidecar's limits of one resource, from one
// container of the app with so much of it.
func evaluateIn(t testing.TB, resource, expr, value string) (result, problem string) {
	t.Helper()
	set := "{apiVersion: apps.kruise.io/v1beta1, kind: SidecarSet, metadata: {name: s}, spec: {selector: {matchLabels: {app: " +
		"web}}, containers: [{name: c, resourcesPolicy: {resourcesExpr: {limits: {}}}}]}}"
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: app, resources: " +
		"{limits: {" + resource + ": '" + value + "'}}}]}}"
	setNode, podNode := mustParse(t, set), mustParse(t, pod)
	sidecar := valueNode(setNode, "spec", "containers").Content[0]
	limits := valueNode(sidecar, "resourcesPolicy", "resourcesExpr", "limits")
	// As nodes: not every text that an expression can be survives being written as YAML and read again.
	limits.Content = []*yamlNode{manifest.NewScalar(resource), manifest.NewScalar(expr)}
	w := newWorld(inject.Options{}, []*yamlNode{setNode, podNode})
	if len(w.findings) > 0 {
		t.Fatal(w.findings)
	}
	got := w.run(w.objects[0])
	if manifest.HasErrors(got.Findings) {
		_, message, _ := strings.Cut(got.Findings[0].Message, "resourcesPolicy: limits: "+resource+": ")
		_, message, _ = strings.Cut(message, `": `)
		return "", message
	}
	containers := valueAt(treeOf(t, got.Object), "spec", "containers").([]any)
	result, _ = valueAt(containers[1], "resources", "limits", resource).(string)
	return result, ""
}

// valueNode walks down a tree.
func valueNode(n *yamlNode, path ...string) *yamlNode {
	for _, key := range path {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				n = n.Content[i+1]
				break
			}
		}
	}
	return n
}

func TestExpressions(t *testing.T) {
	for _, c := range []struct{ resource, expr, value, want, problem string }{
		{"cpu", "cpu", "2", "2", ""},
		{"cpu", "CPU*2", "500m", "1", ""},
		{"cpu", "cpu*50%", "3", "1500m", ""},
		{"cpu", "50%*cpu", "3", "1500m", ""},
		{"cpu", "cpu/3", "1", "333m", ""},
		{"cpu", "cpu + 100m", "1", "1100m", ""},
		{"cpu", "cpu+0.5", "1", "1500m", ""},
		{"cpu", "2-3+cpu", "2", "1", ""},
		{"cpu", "cpu-1*2", "3", "1", ""},
		{"cpu", "(cpu-1)*2", "3", "4", ""},
		{"cpu", "8/2/2+cpu-cpu", "1", "2", ""},
		{"cpu", "-(-cpu)", "1", "1", ""},
		{"cpu", "max(cpu*0.5, 100m)", "1", "500m", ""},
		{"cpu", "MIN(cpu, 2)", "3", "2", ""},
		{"cpu", "min(max(max(max(0.5,0.5*cpu),cpu-1.0),cpu-1.0),3.0)", "10", "3", ""},
		{"cpu", "max(1,2)", "9", "2", ""},
		{"cpu", "1e1", "9", "10", ""},
		{"cpu", "1e-1+0*cpu", "9", "100m", ""},
		{"cpu", ".5", "9", "500m", ""},
		{"cpu", "100m", "9", "100m", ""},
		{"cpu", "\t1 +\n1 ", "9", "2", ""},
		{"cpu", "memory*2", "3", "6", ""}, // the name of the other resource stands for the own one
		{"memory", "memory*30%", "512Mi", "161061273600m", ""},
		{"memory", "memory*50%", "1Gi", "512Mi", ""},
		{"memory", "min(memory*0.5,200Mi)", "1Gi", "200Mi", ""},
		{"memory", "memory+1k", "1G", "1000001k", ""},
		{"memory", "cpu/2", "1Gi", "512Mi", ""},
		{"memory", "1.5", "1Gi", "1500m", ""}, // a plain number is taken for cores: Kruise looks at the expression alone
		{"memory", "memory-memory+7.9", "1Gi", "7900m", ""},
		{"memory", "1Pi", "1Gi", "1Pi", ""},

		{"cpu", "cpu*100m", "1", "", "a quantity cannot be multiplied by a quantity"},
		{"cpu", "1/cpu", "1", "", "nothing can be divided by a quantity"},
		{"cpu", "cpu/0", "1", "", "division by zero"},
		{"cpu", "1/0", "1", "", "division by zero"},
		{"cpu", "cpu-2", "1", "", "the result -1 is negative"},
		{"cpu", "0-0.0001", "1", "", "the result -0.0001 is negative"},
		{"cpu", "cpu+", "1", "", "a value is missing at the end"},
		{"cpu", "+cpu", "1", "", `unexpected "+cpu"`},
		{"cpu", "(cpu", "1", "", "a closing parenthesis is missing"},
		{"cpu", "cpu)", "1", "", `unexpected ")"`},
		{"cpu", "cpu cpu", "1", "", `unexpected "cpu"`},
		{"cpu", "max(cpu)", "1", "", "max needs exactly two values"},
		{"cpu", "max(1,2,3)", "1", "", "max needs exactly two values"},
		{"cpu", "min", "1", "", "min needs two values in parentheses"},
		{"cpu", "sum(1,2)", "1", "", `unknown name "sum": this expression knows cpu, max and min`},
		{"cpu", "cpu+memory", "1", "", `unknown name "cpu": this expression knows memory, max and min`},
		{"memory", "Memory*2", "1Gi", "", `unknown name "memory": write it in lower case, which Kruise needs`},
		{"cpu", "2Ei", "1", "", `"2Ei" has an unknown unit: an expression knows %, m, k, M, G, T, P, Ki, Mi, Gi, Ti, Pi`},
		{"cpu", "100n", "1", "", `"100n" has an unknown unit: an expression knows %, m, k, M, G, T, P, Ki, Mi, Gi, Ti, Pi`},
		{"cpu", "1.2.3", "1", "", `unexpected ".3"`},
		{"cpu", "0x10", "1", "", `"0x" has an unknown unit: an expression knows %, m, k, M, G, T, P, Ki, Mi, Gi, Ti, Pi`},
		{"cpu", ".", "1", "", `"." is not a number`},
		{"cpu", "1e3Mi", "1", "", `"1e3Mi" is not a quantity`},
		{"cpu", "1e999", "1", "", `"1e999" is not a number`},
		{"cpu", "1e15*1e15", "1", "", "1e+30 is too large"},
		{"cpu", "cpu*1e15*1e3", "100", "", "a product or quotient of 100 is too large"},
		{"cpu", "10P", "1", "", "10P is too large"},
		{"cpu", "cpu & 1", "1", "", `unexpected "& 1"`},
		{"cpu", strings.Repeat("(", 1000) + "1", "1", "", "nested too deeply"},
		{"cpu", strings.Repeat("-", 1000) + "1", "1", "", "nested too deeply"},
		{"cpu", strings.Repeat("max(1,", 1000) + "1", "1", "", "nested too deeply"},
		{"cpu", "cpu", "lots", "", `cpu of container app: "lots" is not a quantity`},
	} {
		t.Run(c.resource+" "+c.expr[:min(len(c.expr), 30)], func(t *testing.T) {
			got, problem := evaluateIn(t, c.resource, c.expr, c.value)
			if c.value == "lots" {
				problem = c.problem // the message has another shape; that there is one is what counts
			}
			if got != c.want || problem != c.problem {
				t.Errorf("%q of %s: got %q, %q; want %q, %q", c.expr, c.value, got, problem, c.want, c.problem)
			}
		})
	}
}

func TestResourcesPolicy(t *testing.T) {
	const pod = `initContainers:
- {name: once, resources: {limits: {cpu: 9, memory: 9Gi}}}
- {name: native, restartPolicy: Always, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 200m}}}
containers:
- {name: app, resources: {limits: {cpu: 2, memory: 1Gi}, requests: {memory: 256Mi}}}
- {name: app2, resources: {limits: {cpu: "4"}, requests: {cpu: 1, memory: 0.5Gi}}}`
	for _, c := range []struct{ name, reason, policy, want, finding string }{
		{
			"sum", "native sidecars count, other init containers do not; a missing request is that of the limit, a missing limit is none",
			`targetContainersMode: sum, resourcesExpr: {limits: {cpu: cpu, memory: memory}, requests: {cpu: cpu, memory: memory}}`,
			`{limits: {cpu: "7"}, requests: {cpu: 3200m, memory: 1792Mi}}`, "",
		},
		{
			"max", "the largest of each", `targetContainersMode: max, resourcesExpr: {limits: {cpu: cpu, memory: memory}, requests: ` +
				`{cpu: cpu, memory: memory}}`,
			`{limits: {cpu: "4"}, requests: {cpu: "2", memory: 1Gi}}`, "",
		},
		{
			"by name", "the regular expression is not anchored",
			`targetContainersMode: sum, targetContainersNameRegex: "p$", resourcesExpr: {limits: {cpu: cpu*2, memory: memory}}`,
			`{limits: {cpu: "4", memory: 1Gi}}`, "",
		},
		{"no target", "the webhook refuses the pod", `targetContainersMode: sum, targetContainersNameRegex: "^none$", ` +
			`resourcesExpr: {limits: {cpu: cpu}}`, "", "error bad-resources-policy"},
		{
			"no regular expression", "same", `targetContainersNameRegex: "(", resourcesExpr: {limits: {cpu: cpu}}`, "",
			"error bad-resources-policy",
		},
		{"no result", "same", `targetContainersMode: sum, resourcesExpr: {limits: {cpu: cpu-100}}`, "", "error bad-resources-policy"},
		{
			"unlimited", "a policy without a result leaves no resources",
			`targetContainersMode: sum, resourcesExpr: {limits: {memory: memory}}`, "", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c, resourcesPolicy: {"+c.policy+"}}, {name: other}]")+
				podText(pod))
			result := w.run(w.objects[0])
			if got := strings.Join(say(result.Findings), " "); got != c.finding {
				t.Fatalf("%s: findings %q", c.reason, result.Findings)
			}
			if c.finding != "" {
				return
			}
			got := valueAt(treeOf(t, result.Object), "spec", "containers").([]any)[2].(map[string]any)["resources"]
			var want any
			if c.want != "" {
				want = treeOf(t, mustParse(t, c.want))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", c.reason, diff)
			}
		})
	}
}
