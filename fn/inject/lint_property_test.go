// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// selectorGen makes selectors over two keys and two values.
func selectorGen() *rapid.Generator[*metav1.LabelSelector] {
	return rapid.Custom(func(t *rapid.T) *metav1.LabelSelector {
		s := &metav1.LabelSelector{}
		key, value := rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"x", "y"})
		if rapid.Bool().Draw(t, "labels") {
			s.MatchLabels = rapid.MapOfN(key, value, 1, 2).Draw(t, "matchLabels")
		}
		for range rapid.IntRange(0, 3).Draw(t, "expressions") {
			operator := rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"})
			r := metav1.LabelSelectorRequirement{Key: key.Draw(t, "key"), Operator: operator.Draw(t, "operator")}
			if r.Operator == "In" || r.Operator == "NotIn" {
				r.Values = rapid.SliceOfNDistinct(value, 1, 2, rapid.ID[string]).Draw(t, "values")
			}
			s.MatchExpressions = append(s.MatchExpressions, r)
		}
		if len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
			s.MatchLabels = map[string]string{"a": "x"}
		}
		return s
	})
}

// meet says by trial whether an object can carry labels that both selectors match. Two keys, each missing or with one
// of two named values or another one, are all that the selectors can tell apart.
func meet(t *rapid.T, a, b *metav1.LabelSelector) bool {
	x, errX := metav1.LabelSelectorAsSelector(a)
	y, errY := metav1.LabelSelectorAsSelector(b)
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	values := []string{"", "x", "y", "z"}
	for _, va := range values {
		for _, vb := range values {
			set := labels.Set{}
			if va != "" {
				set["a"] = va
			}
			if vb != "" {
				set["b"] = vb
			}
			if x.Matches(set) && y.Matches(set) {
				return true
			}
		}
	}
	return false
}

func selectingSet(t *rapid.T, name string, pods, spaces *metav1.LabelSelector) string {
	p, errP := json.Marshal(pods)
	n, errN := json.Marshal(spaces)
	if errP != nil || errN != nil {
		t.Fatal(errP, errN)
	}
	return fmt.Sprintf("apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: %s}\nspec:\n  selector: %s\n  "+
		"namespaceSelector: %s\n  containers: [{name: c, image: i}]\n", name, p, n)
}

// TestOverlapIsExact holds the decision whether two sets can meet in a pod against trying all labels: it must never
// miss a conflict, and for selectors over the same few keys it need not report one that cannot be.
func TestOverlapIsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := selectorGen()
		podA, podB := g.Draw(rt, "pods of a"), g.Draw(rt, "pods of b")
		spaceA, spaceB := g.Draw(rt, "namespaces of a"), g.Draw(rt, "namespaces of b")
		text := selectingSet(rt, "a", podA, spaceA) + "---\n" + selectingSet(rt, "b", podB, spaceB)
		got := lintText(t, text, inject.DefaultOptions(), inject.Policies{})
		conflict := slices.ContainsFunc(got, func(f manifest.Finding) bool { return f.Code == "container-conflict" })
		if want := meet(rt, podA, podB) && meet(rt, spaceA, spaceB); conflict != want {
			rt.Fatalf("conflict: %v, by trial: %v\n%s", conflict, want, text)
		}
	})
}

// plainPod is a pod that the generated sets match.
const plainPod = `apiVersion: v1
kind: Pod
metadata:
  name: pod
  namespace: space
  labels: {app: web}
spec:
  containers:
  - name: plain
    image: i
    resources: {requests: {cpu: 2, memory: 4Gi}, limits: {cpu: 2, memory: 4Gi}}
`

func injectInto(tb testing.TB, podText string, c inject.Context, opts inject.Options) []manifest.Finding {
	tb.Helper()
	in, findings := inject.New(c, opts)
	pod := mustParse(tb, podText)
	result := in.Inject(pod, manifest.Source{}, func(*yaml.Node) string { return " x" })
	return append(findings, result.Findings...)
}

// draw picks one of several texts.
func draw(t *rapid.T, label string, texts ...string) string {
	return rapid.SampledFrom(texts).Draw(t, label)
}

// rarely is a mistake: now and then the text, mostly nothing. Most of the sets that are made pass Lint.
func rarely(t *rapid.T, label, usual, mistake string) string {
	if rapid.IntRange(0, 99).Draw(t, label) == 61 {
		return mistake
	}
	return usual
}

// containerText is a container in flow style, with Kruise's fields.
func containerText(t *rapid.T, name string, native bool) string {
	parts := []string{
		"name: " + rarely(t, "name", name, "Bad"),
		rarely(t, "image", "image: i", "tty: true"),
		draw(t, "env", "", "env: [{name: A, value: b}]", "env: [{name: IS_INJECTED}]"),
		rarely(t, "more env", "", "env: [{value: b}]"),
		rarely(t, "mounts", draw(t, "mount", "", "volumeMounts: [{name: v, mountPath: /v}]",
			"volumeMounts: [{name: w, mountPath: /v, subPath: a}]"),
			"volumeMounts: [{name: u, mountPath: /u}]"),
		draw(t, "hot", "", "upgradeStrategy: {upgradeType: HotUpgrade, hotUpgradeEmptyImage: e}",
			rarely(t, "half hot", "", "upgradeStrategy: {upgradeType: HotUpgrade}")),
		draw(t, "place", "", "podInjectPolicy: AfterAppContainer", "podInjectPolicy: BeforeAppContainer"),
		draw(t, "share", "", "shareVolumePolicy: {type: enabled}"),
		rarely(t, "transfers", draw(t, "transfer", "", "transferEnv: [{sourceContainerName: plain, envName: X}]",
			"transferEnv: [{envNames: [X], sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: "+
				"\"metadata.labels['app']\"}}}]"),
			"transferEnv: [{envNames: [X], sourceContainerNameFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}]"),
	}
	if native {
		parts = append(parts, "restartPolicy: Always")
	}
	switch rapid.IntRange(0, 2).Draw(t, "resources") {
	case 1:
		parts = append(parts, "resources: {limits: {cpu: 1}}")
	case 2:
		parts = append(parts, "resourcesPolicy: {resourcesExpr: {limits: {cpu: '"+expressionText(t)+"'}, requests: {memory: '"+
			expressionText(t)+"'}}}")
	}
	return "{" + strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ") + "}"
}

// expressionText is an expression that is more often right than wrong.
func expressionText(t *rapid.T) string {
	return draw(t, "left", "cpu", "memory", "max(memory, 1)", "100m", "cpu", "2") +
		draw(t, "operator", "*", "/", "+", "-", "*", "+") +
		draw(t, "right", "50%", "2", "3", "(1+1)", "50%", draw(t, "odd", "100m", "64Mi", "cpu", "0"))
}

func generatedSet(t *rapid.T, name string) string {
	native := rapid.Bool().Draw(t, "native")
	update := rarely(t, "update", "  updateStrategy: {type: NotUpdate}\n", "")
	list := func(field string, names ...string) string {
		var out []string
		for _, c := range names[:rapid.IntRange(0, len(names)).Draw(t, field)] {
			out = append(out, containerText(t, rarely(t, "one name", name+"-"+c, "c"), native && field == "initContainers"))
		}
		return "  " + field + ": [" + strings.Join(out, ", ") + "]\n"
	}
	return "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: " + name +
		"}\nspec:\n  selector: {matchLabels: {app: web}}\n" +
		update +
		rarely(t, "volumes", "  volumes: [{name: v, emptyDir: {}}, {name: w, hostPath: {path: /w}}]\n",
			"  volumes: [{name: v, emptyDir: {}}]\n") +
		draw(t, "patch", "", "  patchPodMetadata: [{annotations: {k: text}}]\n",
			"  patchPodMetadata: [{annotations: {k: '{}'}, patchPolicy: MergePatchJson}]\n",
			"  patchPodMetadata: [{annotations: {k: v}, patchPolicy: Overwrite}]\n",
			rarely(t, "bad patch", "", "  patchPodMetadata: [{annotations: {k: '1'}, patchPolicy: MergePatchJson}]\n")) +
		rarely(t, "revision", "", "  injectionStrategy: {revision: {revisionName: r}}\n") +
		draw(t, "space", "", "  namespace: space\n", "  namespaceSelector: {matchLabels: {team: t}}\n") +
		list("initContainers", "a") + list("containers", "b", "b-1")
}

// TestWhatPassesLintInjects generates pairs of sets, and injects those that Lint has no error for into a plain pod that
// both match. A resource expression that Lint warns of may be negative for this pod.
func TestWhatPassesLintInjects(t *testing.T) {
	opts := inject.Options{Namespaces: map[string]map[string]string{"space": {"team": "t"}}}
	injected := map[int]int{}
	rapid.Check(t, func(rt *rapid.T) {
		var sets []*inject.SidecarSet
		var findings []manifest.Finding
		text := ""
		for _, name := range []string{"one", "two"} {
			doc := generatedSet(rt, name)
			set, f := inject.ParseSidecarSet(mustParse(t, doc), manifest.Source{})
			sets, findings, text = append(sets, set), append(findings, f...), text+"---\n"+doc
		}
		findings = append(findings, inject.Lint(inject.Context{Sets: sets}, opts, inject.Policies{})...)
		for _, kept := range [][]*inject.SidecarSet{sets[:1], sets[1:], sets} {
			refused := slices.ContainsFunc(findings, func(f manifest.Finding) bool {
				ours := slices.ContainsFunc(kept, func(s *inject.SidecarSet) bool { return s.Metadata.Name == f.Object.Name })
				return ours && (f.Severity == manifest.SeverityError && !strings.HasSuffix(f.Code, "-conflict") ||
					f.Code == "negative-expression") ||
					len(kept) == 2 && f.Severity == manifest.SeverityError
			})
			if refused {
				continue
			}
			injected[len(kept)]++
			if got := injectInto(t, plainPod, inject.Context{Sets: kept}, opts); manifest.HasErrors(got) {
				rt.Fatalf("passes Lint and does not inject: %v\n%s", got, text)
			}
		}
	})
	// A short run draws a fifth of the sets, too few to ask for some of each.
	if !testing.Short() && (injected[1] < 20 || injected[2] < 5) {
		t.Errorf("only %d single sets and %d pairs passed Lint", injected[1], injected[2])
	}
}

// TestLintedConformanceSetsInject takes the sets of the conformance cases that Lint has no error for, and injects them.
func TestLintedConformanceSetsInject(t *testing.T) {
	passed := 0
	for _, c := range readConformance(t, featureCases) {
		opts := inject.Options{}
		context, findings := c.context(t, &opts)
		findings = append(findings, inject.Lint(context, opts, inject.Policies{})...)
		if manifest.HasErrors(findings) {
			continue
		}
		passed++
		var pod struct {
			Metadata struct {
				Namespace string
				Labels    map[string]string
			}
		}
		if err := json.Unmarshal(c.Pod, &pod); err != nil {
			t.Fatal(err)
		}
		opts.Namespace = "default"
		for ns := range opts.Namespaces {
			opts.Namespace = ns
		}
		text, err := json.Marshal(pod.Metadata.Labels)
		if err != nil {
			t.Fatal(err)
		}
		matching := strings.Replace(plainPod, "{app: web}", string(text), 1)
		matching = strings.Replace(matching, "  namespace: space\n", "", 1)
		matching = strings.Replace(matching, "name: plain", "name: app", 1)
		opts.OnUndecided = inject.Skip // one case is about a namespace whose labels nobody knows
		if got := injectInto(t, matching, context, opts); manifest.HasErrors(got) {
			t.Errorf("%s passes Lint and does not inject: %v", c.Name, got)
		}
	}
	if passed < 30 {
		t.Errorf("only %d cases pass Lint", passed)
	}
}
