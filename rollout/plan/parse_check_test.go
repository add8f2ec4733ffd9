// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// checksPlan has every field of every kind of check.
const checksPlan = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata:
  name: demo
spec:
  target:
    apiVersion: apps.kruise.io/v1alpha1
    kind: CloneSet
    name: demo
  batches:
  - replicas: 100%
    checks:
    - errors
    - answer
    - smoke
    - calm
  checks:
  - name: errors
    prometheus:
      address: https://prometheus:9090
      query: rate
      max: 0.5
      headers:
      - name: X-Scope-OrgID
        value: shop
      - name: Authorization
        secretRef:
          name: prometheus
          key: header
      bearerToken:
        secretRef:
          name: prometheus
          key: token
      ca:
        secretRef:
          name: prometheus
          key: ca.crt
    interval: 30s
    count: 5
    failureLimit: 1
    inconclusiveLimit: 2
    initialDelay: 1m
    timeout: 3s
    dryRun: true
    during: true
  - name: answer
    http:
      url: http://shop/state
      method: POST
      status:
      - 200
      - 201
      jsonPath: "{.state}"
      equals: open
  - name: smoke
    job:
      keep: 1h
      template:
        metadata:
          labels:
            app: smoke
        spec:
          template:
            spec:
              restartPolicy: Never
              containers:
              - name: smoke
                image: smoke:v1
  - name: calm
    pods:
      maxRestarts: 2
      maxNotReady: 0
      events:
      - BackOff
`

func TestParseChecks(t *testing.T) {
	got, err := plan.ParsePlan("plan.yaml", []byte(checksPlan))
	if err != nil {
		t.Fatal(err)
	}
	limit, restarts, unready, open := 0.5, 2, 0, "open"
	secret := func(key string) *plan.SecretRef { return &plan.SecretRef{Name: "prometheus", Key: key} }
	want := []plan.Check{
		{
			Name: "errors", Interval: 30 * time.Second, Count: 5, FailureLimit: 1, InconclusiveLimit: 2, InitialDelay: time.Minute,
			Timeout: 3 * time.Second, DryRun: true, During: true,
			Prometheus: &plan.Prometheus{
				Address: "https://prometheus:9090", Query: "rate", Range: plan.Range{Max: &limit},
				Access: plan.Access{
					Headers:     []plan.Header{{Name: "X-Scope-OrgID", Value: "shop"}, {Name: "Authorization", Secret: secret("header")}},
					BearerToken: secret("token"), CA: secret("ca.crt"),
				},
			},
		},
		{
			Name: "answer", Interval: time.Minute, Count: 1, InconclusiveLimit: 3, Timeout: 10 * time.Second,
			HTTP: &plan.HTTP{URL: "http://shop/state", Method: "POST", Status: []int{200, 201}, JSONPath: "{.state}", Equals: &open},
		},
		{
			Name: "smoke", Interval: time.Minute, Count: 1, InconclusiveLimit: 3, Timeout: 10 * time.Minute,
			Job: &plan.JobCheck{Keep: time.Hour, Template: map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "smoke"}},
				"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
					"restartPolicy": "Never", "containers": []any{map[string]any{"name": "smoke", "image": "smoke:v1"}},
				}}},
			}},
		},
		{
			Name: "calm", Interval: time.Minute, Count: 1, InconclusiveLimit: 3, Timeout: 10 * time.Second,
			Pods: &plan.PodsCheck{MaxRestarts: &restarts, MaxNotReady: &unready, Events: []string{"BackOff"}},
		},
	}
	if diff := cmp.Diff(want, got.Checks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]plan.SecretRef{*secret("header"), *secret("token"), *secret("ca.crt")}, got.Secrets()); diff != "" {
		t.Error(diff)
	}
}

// TestSenselessChecksAreRefused has what is well formed and yet could only do harm.
func TestSenselessChecksAreRefused(t *testing.T) {
	for _, c := range []struct{ name, check, want string }{
		{"nothing to ask", `{name: a}`, `plan.yaml:7: spec.checks[0]: asks nothing`},
		{
			"two things to ask", `{name: a, pods: {maxRestarts: 0}, http: {url: "http://a"}}`,
			`spec.checks[0].pods: a check asks one thing, and this one has http already`,
		},
		{"a name for no Job", `{name: A_b, pods: {maxRestarts: 0}}`, `spec.checks[0].name: "A_b" is not a name`},
		{"never measured", `{name: b, pods: {maxRestarts: 0}}`, `spec.checks[0].name: "b" is named by no batch`},
		{
			"a range of nothing", `{name: a, prometheus: {address: "http://p", query: up, min: 2, max: 1}}`,
			`spec.checks[0].prometheus: min 2 is above max 1`,
		},
		{
			"not a number", `{name: a, prometheus: {address: "http://p", query: up, max: .nan}}`,
			`spec.checks[0].prometheus.max: is the float .nan, must be a finite number`,
		},
		{
			"a password in the URL", `{name: a, http: {url: "https://me:secret@shop"}}`,
			`spec.checks[0].http.url: has a user or password in it`,
		},
		{"not the web", `{name: a, http: {url: "file:///etc/passwd"}}`, `spec.checks[0].http.url: "file:///etc/passwd" is not a URL`},
		{
			"a token in the plan", `{name: a, http: {url: "http://a", headers: [{name: authorization, value: Bearer x}]}}`,
			`spec.checks[0].http.headers[0]: authorization must not stand in a plan`,
		},
		{
			"a token twice", `{name: a, http: {url: "http://a", headers: [{name: X, value: x, secretRef: {name: s, key: k}}]}}`,
			`headers[0].value: the header has a secretRef too`,
		},
		{
			"a header without a value", `{name: a, http: {url: "http://a", headers: [{name: X}]}}`,
			`headers[0]: has neither value nor secretRef`,
		},
		{
			"a secret out of its folder", `{name: a, http: {url: "http://a", ca: {secretRef: {name: s, key: ../k}}}}`,
			`ca.secretRef.key: "../k" is not a key`,
		},
		{
			"a secret above its folder", `{name: a, http: {url: "http://a", ca: {secretRef: {name: .., key: k}}}}`,
			`ca.secretRef.name: ".." is not the name`,
		},
		{"no right status", `{name: a, http: {url: "http://a", status: []}}`, `spec.checks[0].http.status: is empty`},
		{
			"a limit of nothing", `{name: a, http: {url: "http://a", max: 1}}`,
			`spec.checks[0].http: has equals, min or max but no jsonPath`,
		},
		{
			"a value without a limit", `{name: a, http: {url: "http://a", jsonPath: "{.a}"}}`,
			`spec.checks[0].http.jsonPath: finds a value that nothing is expected of`,
		},
		{
			"no body", `{name: a, http: {url: "http://a", method: HEAD, jsonPath: "{.a}", equals: 1}}`,
			`spec.checks[0].http.method: HEAD has no answer`,
		},
		{
			"two limits", `{name: a, http: {url: "http://a", jsonPath: "{.a}", equals: 1, max: 1}}`,
			`spec.checks[0].http.equals: a value is either`,
		},
		{
			"no container", `{name: a, job: {template: {spec: {template: {spec: {restartPolicy: Never}}}}}}`,
			`job.template.spec.template.spec.containers: is missing`,
		},
		{"a Job for ever", `{name: a, job: {template: {spec: {template: {spec: {restartPolicy: Always, containers: [{name: a, ` +
			`image: a}]}}}}}}`, `restartPolicy: must be Never or OnFailure`},
		{"a Job over and over", `{name: a, during: true, job: {template: {spec: {template: {spec: {restartPolicy: Never, ` +
			`containers: [{name: a, image: a}]}}}}}}`, `spec.checks[0].during: a Job runs when the batch is ready`},
		{"nothing to look at", `{name: a, pods: {}}`, `spec.checks[0].pods: looks at nothing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := plan.ParsePlan("plan.yaml", []byte("apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: "+
				"demo}\nspec:\n"+
				"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n  batches: [{replicas: 1, checks: [a]}]\n  "+
				"checks: ["+c.check+"]\n"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestAJobOfACheckIsNotTheCloneSets holds that the labels of a check's pods are not those that the CloneSet selects by.
func TestAJobOfACheckIsNotTheCloneSets(t *testing.T) {
	p, err := plan.ParsePlan("plan.yaml", []byte(strings.ReplaceAll(checksPlan, "          template:\n            spec:",
		"          template:\n            metadata: {labels: {app: demo}}\n            spec:")))
	if err != nil {
		t.Fatal(err)
	}
	set := plan.Workload{Name: "demo", Spec: plan.WorkloadSpec{
		Replicas: 1, MaxUnavailable: plan.Pods(1), Selector: plan.Selector{Labels: map[string]string{"app": "demo"}},
	}}
	if err := p.Validate(set); err == nil || !strings.Contains(err.Error(), "spec.checks[2].job.template") {
		t.Errorf("got %v", err)
	}
	set.Spec.Selector.Labels["app"] = "other"
	if err := p.Validate(set); err != nil {
		t.Error(err)
	}
}
