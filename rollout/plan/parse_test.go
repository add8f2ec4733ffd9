// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	stdcmp "cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	yaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

const fullPlan = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata:
  name: demo
  namespace: shop
spec:
  target:
    apiVersion: apps.kruise.io/v1alpha1
    kind: CloneSet
    name: demo
  batches:
  - replicas: 1
    pause:
      untilApproved: true
  - replicas: 20%
    pause:
      duration: 10m
    checks:
    - errors
  - replicas: 100%
  checks:
  - name: errors
    prometheus:
      address: http://prometheus:9090
      query: rate
      min: 0
      max: 0.5
    interval: 30s
    count: 5
  failureThreshold: 1
  progressDeadline: 10m
  failFast:
    reasons:
    - ImagePullBackOff
    - CrashLoopBackOff
    after: 30s
  onFailure: Stop
`

const fullSet = `apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata:
  name: demo
  namespace: shop
spec:
  replicas: 5
  minReadySeconds: 3
  revisionHistoryLimit: 7
  progressDeadlineSeconds: 60
  selector:
    matchLabels:
      app: demo
    matchExpressions:
    - key: app
      operator: In
      values:
      - demo
  scaleStrategy:
    podsToDelete:
    - demo-x
    maxUnavailable: 2
    disablePVCReuse: true
  lifecycle:
    preDelete:
      labelsHandler:
        hook: "on"
      finalizersHandler:
      - example.com/hook
      markPodNotReady: true
  updateStrategy:
    type: InPlaceIfPossible
    partition: 40%
    maxSurge: 20%
    maxUnavailable: 1
    paused: false
    priorityStrategy:
      weightPriority:
      - weight: 50
        matchSelector:
          matchLabels:
            zone: a
    scatterStrategy:
    - key: zone
      value: a
    inPlaceUpdateStrategy:
      gracePeriodSeconds: 5
  template:
    metadata:
      labels:
        app: demo
    spec:
      containers:
      - name: app
        image: app:v2
`

func TestParsePlan(t *testing.T) {
	limit, least := 0.5, 0.0
	want := plan.BatchPlan{
		Namespace: "shop", Name: "demo",
		Target: plan.Target{APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet", Name: "demo"},
		Batches: []plan.Batch{
			{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}},
			{Replicas: plan.Percent(20), Pause: plan.Pause{Duration: 10 * time.Minute}, Checks: []string{"errors"}},
			{Replicas: plan.Percent(100)},
		},
		Checks: []plan.Check{{
			Name: "errors", Interval: 30 * time.Second, Count: 5,
			InconclusiveLimit: 3, Timeout: 10 * time.Second,
			Prometheus: &plan.Prometheus{Address: "http://prometheus:9090", Query: "rate", Range: plan.Range{Min: &least, Max: &limit}},
		}},
		FailureThreshold: plan.Pods(1), ProgressDeadline: 10 * time.Minute, OnFailure: plan.Stop,
		FailFast: plan.FailFast{Reasons: []string{"ImagePullBackOff", "CrashLoopBackOff"}, After: 30 * time.Second},
	}
	got, err := plan.ParsePlan("plan.yaml", []byte(fullPlan))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// betaSet is fullSet in v1beta1, where the strategy's fields are one level deeper.
func betaSet() string {
	head, rest, _ := strings.Cut(fullSet, "  updateStrategy:\n")
	strategy, tail, _ := strings.Cut(rest, "  template:\n")
	strategy = strings.ReplaceAll("    "+strings.TrimSpace(strategy), "\n", "\n  ")
	strategy = strings.Replace(strategy, "type: InPlace", "podUpdatePolicy: InPlace", 1)
	head = strings.Replace(head, "v1alpha1", "v1beta1", 1)
	head = strings.Replace(head, "disablePVCReuse: true", "enablePVCReuse: false", 1)
	return head + "  updateStrategy:\n    type: RollingUpdate\n    rollingUpdate:\n  " + strategy + "\n  template:\n" + tail
}

func TestBothVersionsOfACloneSetAreTheSameRelease(t *testing.T) {
	alpha, err := plan.ParseCloneSet("alpha.yaml", []byte(fullSet))
	if err != nil {
		t.Fatal(err)
	}
	beta, err := plan.ParseCloneSet("beta.yaml", []byte(betaSet()))
	if err != nil {
		t.Fatalf("%v\n%s", err, betaSet())
	}
	if diff := cmp.Diff(alpha.Spec, beta.Spec, cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// wrongValues are one value of every kind. A field that takes one of them by right is listed in rightful.
var wrongValues = []string{"{}", "[]", "nonsense", "-1", "1.5", "true", `"5"`, "101%", "10x"}

// rightful are the values of wrongValues that a field takes, by the field's last name.
var rightful = map[string]string{
	"name": `nonsense 101% 10x "5"`, "namespace": `nonsense 101% 10x "5"`, "query": `nonsense 101% 10x "5"`,
	"key":   `nonsense 101% 10x "5"`,
	"value": `nonsense 101% 10x "5"`, "podsToDelete": `nonsense 101% 10x "5" []`, "finalizersHandler": `nonsense 101% 10x "5" []`,
	"hook": `nonsense 101% 10x "5"`,
	"zone": `nonsense 101% 10x "5"`, "min": "-1", "max": "1.5 -1", "maxSurge": "101%",
	"untilApproved": "true", "paused": "true", "disablePVCReuse": "true", "enablePVCReuse": "true", "markPodNotReady": "true",
	"pause": "{}", "labelsHandler": "{}", "preDelete": "{}", "lifecycle": "{}", "scaleStrategy": "{}",
	"inPlaceUpdateStrategy": "{}", "priorityStrategy": "{}",
	"matchLabels": "{}", "matchSelector": "{}", "rollingUpdate": "{}", "updateStrategy": "{}", "weightPriority": "[]",
	"scatterStrategy": "[]",
	"headers":         "[]", "events": `[] nonsense 101% 10x "5"`, "dryRun": "true", "during": "true",
	"jsonPath": `nonsense 101% 10x "5"`,
	"equals":   `nonsense -1 1.5 true "5" 101% 10x`, "template": "{}",
	"matchExpressions": "[]", "values": "", "prometheus": "", "checks": "[]", "status": "{}",
}

// TestEveryFieldWrongInEveryWayIsNamed replaces every field of the documents by a value of every kind, and puts an
// unknown field into every mapping. Each must be refused with file, line and field; of a CloneSet, which a later Kruise may
// have more fields of, an unknown field is named, and refused only where direct mode cannot do without knowing it.
func TestEveryFieldWrongInEveryWayIsNamed(t *testing.T) {
	parsePlan := func(s string) error { _, err := plan.ParsePlan("in.yaml", []byte(s)); return err }
	parseSet := func(s string) error { _, err := plan.ParseCloneSet("in.yaml", []byte(s)); return err }
	tried := 0
	for _, c := range []struct {
		text  string
		parse func(string) error
		open  bool // for fields of a later version
	}{{fullPlan, parsePlan, false}, {checksPlan, parsePlan, false}, {fullSet, parseSet, true}, {betaSet(), parseSet, true}} {
		if err := c.parse(c.text); err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(c.text), &doc); err != nil {
			t.Fatal(err)
		}
		walk(doc.Content[0], "", func(path string, n *yaml.Node) {
			last := path[strings.LastIndex(path, ".")+1:]
			last, _, _ = strings.Cut(last, "[")
			for _, wrong := range wrongValues {
				if strings.Contains(" "+rightful[last]+" ", " "+wrong+" ") {
					continue
				}
				tried++
				refuses(t, c.parse, &doc, n, wrong, path)
			}
			if n.Kind == yaml.MappingNode && !strings.HasSuffix(path, "Labels") && !strings.HasSuffix(path, "labelsHandler") &&
				path != "metadata" {
				tried++
				unknown := *n
				unknown.Content = append([]*yaml.Node{
					{Kind: yaml.ScalarNode, Tag: "!!str", Value: "surprise"},
					{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"},
				}, n.Content...)
				at := strings.TrimPrefix(path+".surprise", ".")
				if c.open {
					swap(t, func(s string) error { return namesUnknown(s, at) }, &doc, n, unknown, at)
					return
				}
				swap(t, c.parse, &doc, n, unknown, at)
			}
		})
	}
	t.Logf("%d wrong documents", tried)
}

// namesUnknown parses a CloneSet and is an error in the form of a parser's where it names the field: as unknown, or as one that
// direct mode has to know.
func namesUnknown(text, field string) error {
	set, err := plan.ParseCloneSet("in.yaml", []byte(text))
	if err != nil {
		return nil //nolint:nilerr // it is taken for misspelt, which the caller says as it says that nothing was noted
	}
	if !slices.Contains(set.Spec.Unknown, field) {
		return nil
	}
	return manifest.Finding{Source: manifest.Source{File: "in.yaml", Line: 1}, Field: field, Message: "unknown"}
}

// TestFieldOfALaterKruise is a warning, and an error only where direct mode would break a promise without knowing it, or where
// somebody has misspelt a field that slipway knows.
func TestFieldOfALaterKruise(t *testing.T) {
	const set = "{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: demo}, spec: {selector: {matchLabels: " +
		"{app: demo}SELECTOR}, LIFECYCLEscaleStrategy: {SCALE}, updateStrategy: {STRATEGY}, template: {metadata: {labels: {app: " +
		"demo}}, spec: {containers: [{name: app, image: a}]}}}}"
	for _, c := range []struct {
		reason, place, text string
		mode                plan.Mode
		refused, warned     string
	}{
		{
			"a field of Kruise's master", "SCALE", "excludePreparingDelete: true", plan.Direct, "",
			"CloneSet demo: this slipway does not know spec.scaleStrategy.excludePreparingDelete, and in direct mode does nothing " +
				"about it",
		},
		{
			"image pre-download", "STRATEGY", "inPlaceUpdateStrategy: {imagePreDownloadTimeoutSeconds: 5}", plan.Partition, "",
			"spec.updateStrategy.inPlaceUpdateStrategy.imagePreDownloadTimeoutSeconds, and leaves it to kruise-manager",
		},
		{
			"a bound that is misspelt", "STRATEGY", "maxSruge: 1", plan.Partition,
			`spec.updateStrategy.maxSruge: unknown field "maxSruge" (did you mean "maxSurge"?)`, "",
		},
		{"a hook", "LIFECYCLE", "lifecycle: {preRestart: {labelsHandler: {a: b}}}, ", plan.Direct, "a hook that nobody waits for", ""},
		{
			"a hook that the controller knows", "LIFECYCLE", "lifecycle: {preRestart: {labelsHandler: {a: b}}}, ", plan.Partition, "",
			"spec.lifecycle.preRestart",
		},
		{"another way to select", "SELECTOR", ", matchFields: [a]", plan.Direct, "it decides which pods are the CloneSet's", ""},
		{"nothing", "", "", plan.Direct, "", ""},
	} {
		text := strings.NewReplacer("SELECTOR", "", "LIFECYCLE", "", "SCALE", "", "STRATEGY", "").Replace(
			strings.Replace(set, stdcmp.Or(c.place, "SCALE"), c.text, 1))
		read, err := plan.ParseCloneSet("in.yaml", []byte(text))
		p := plan.BatchPlan{Mode: c.mode}
		if err == nil {
			err = p.Validate(read)
		}
		switch {
		case c.refused == "" && err != nil, c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: refused with %v, want %q", c.reason, err, c.refused)
		case c.refused == "" && (!strings.Contains(p.UnknownWarning(read), c.warned) ||
			c.warned == "" && p.UnknownWarning(read) != ""):
			t.Errorf("%s: warned of %q, want %q", c.reason, p.UnknownWarning(read), c.warned)
		}
	}
}

// TestPlanIsReadAsEveryManifestIs is the reading that plans share with sets and configurations.
func TestPlanIsReadAsEveryManifestIs(t *testing.T) {
	const head = "apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n" +
		"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n"
	for _, c := range []struct{ reason, text, want string }{
		{"an alias is what it stands for", "  batches: [{replicas: &all 100%, pause: {}}, {replicas: *all}]", ""},
		{"so is a merge key", "  batches: [&b {replicas: 100%, pause: {untilApproved: True}}, {<<: *b}]", ""},
		{
			"a field that is merged is looked at", "  batches:\n  - &b {replicas: x}\n  - {<<: *b}",
			"in.yaml:7: spec.batches[1].replicas: is the string \"x\", must be a number",
		},
		{
			"one key twice", "  batches: [{replicas: 1}]\n  batches: [{replicas: 100%}]",
			`in.yaml:7: the key "batches" stands twice in one mapping (remove one of the two)`,
		},
		{"a value that holds itself", "  batches: &b [*b]", "in.yaml:6: the YAML alias *b stands for a value that holds itself"},
		{"a number is no word", "  batches: [{replicas: 1}]\n  mode: 5", "in.yaml:7: spec.mode: is the int 5, must be a string"},
		{
			"a tag without a value", "  batches: !!seq", "in.yaml:6: spec.batches: is an empty value with the tag !!seq, must be " +
				"a list (write the value, or take the tag out)",
		},
		{"null is nothing", "  batches: ~", "in.yaml:6: spec.batches: is missing"},
		{"no YAML", "  batches: [", "in.yaml:6: is not YAML: did not find expected node content"},
	} {
		p, err := plan.ParsePlan("in.yaml", []byte(head+c.text+"\n"))
		switch {
		case c.want == "" && (err != nil || len(p.Batches) != 2 || p.Batches[1].Replicas != plan.Percent(100)):
			t.Errorf("%s: %v, %v", c.reason, p.Batches, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v\nwant %s", c.reason, err, c.want)
		}
		if strings.Contains(c.text, "True") && (err != nil || !p.Batches[0].Pause.UntilApproved || !p.Batches[1].Pause.UntilApproved) {
			t.Errorf("%s: True is true: %v", c.reason, p.Batches)
		}
	}
}

// walk visits every node below root but pod templates, which are opaque.
func walk(n *yaml.Node, path string, visit func(string, *yaml.Node)) {
	if path == "spec.template" || strings.HasSuffix(path, "job.template") || strings.HasPrefix(path, "apiVersion") ||
		path == "kind" {
		return
	}
	if path != "" {
		visit(path, n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			walk(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."), visit)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			walk(item, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	}
}

func refuses(t *testing.T, parse func(string) error, doc, n *yaml.Node, wrong, path string) {
	t.Helper()
	var replacement yaml.Node
	if err := yaml.Unmarshal([]byte(wrong), &replacement); err != nil {
		t.Fatal(err)
	}
	swap(t, parse, doc, n, *replacement.Content[0], path)
}

// swap puts another node into the document, expects it to be refused, and puts the old one back.
func swap(t *testing.T, parse func(string) error, doc, n *yaml.Node, by yaml.Node, path string) {
	t.Helper()
	old := *n
	*n = by
	text, err := yaml.Marshal(doc)
	*n = old
	if err != nil {
		t.Fatal(err)
	}
	err = parse(string(text))
	wrong, _ := yaml.Marshal(&by)
	if err == nil {
		t.Errorf("%s: %s is taken", path, strings.TrimSpace(string(wrong)))
		return
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasPrefix(line, "in.yaml:") {
			t.Errorf("%s: %s: message without file and line: %s", path, wrong, line)
		}
	}
	// A value that only does not fit the ones beside it is named by what holds them all.
	above := path[:max(strings.LastIndex(path, "."), 0)]
	if !strings.Contains(err.Error(), ": "+path) && !strings.Contains(err.Error(), ": "+above+": ") &&
		!strings.Contains(err.Error(), ": spec.selector: does not match") {
		t.Errorf("%s: %s: the field is not named: %v", path, strings.TrimSpace(string(wrong)), err)
	}
}
