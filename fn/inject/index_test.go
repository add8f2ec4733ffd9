// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// crowd is some dozens of sets, enough for every index, whose selectors share labels and values in all the ways there are.
type crowd struct{ *rand.Rand }

func (c crowd) one(choices ...string) string { return choices[c.IntN(len(choices))] }

func (c crowd) term() string {
	key := c.one("app", "tier", "team", "pod-template-hash", "none")
	operator := c.one("In", "In", "In", "NotIn", "Exists", "DoesNotExist")
	if operator == "In" || operator == "NotIn" {
		return fmt.Sprintf("{key: %s, operator: %s, values: [%s, %s]}", key, operator, c.value(), c.value())
	}
	return fmt.Sprintf("{key: %s, operator: %s}", key, operator)
}

func (c crowd) value() string { return c.one("web", "api", "db-1", "db", `""`, "x_y.z") }

func (c crowd) set(i int) string {
	spec := fmt.Sprintf("selector: {matchLabels: {%s: %s}, matchExpressions: [%s]}", c.one("app", "tier", "team"), c.value(),
		c.term())
	if c.IntN(3) == 0 {
		spec = fmt.Sprintf("selector: {matchExpressions: [%s, %s]}", c.term(), c.term())
	}
	switch c.IntN(6) {
	case 0:
		spec += "\nnamespace: " + c.one("shop", "kube-system")
	case 1:
		spec += "\nnamespaceSelector: {matchLabels: {kubernetes.io/metadata.name: " + c.one("shop", "bank") + "}}"
	case 2:
		spec += "\nnamespaceSelector: {matchLabels: {env: prod}}"
	case 3:
		spec += "\ninjectionStrategy: {paused: true}"
	}
	spec += fmt.Sprintf("\ncontainers: [{name: c%d, image: a}]\nvolumes: [{name: v%d, emptyDir: {sizeLimit: %dMi}}]", i%30,
		c.IntN(8), c.IntN(3))
	spec += fmt.Sprintf("\npatchPodMetadata: [{patchPolicy: %s, annotations: {k%d: %s}}]",
		c.one("Retain", "Overwrite", "MergePatchJson"), c.IntN(5), c.one("'{}'", "text"))
	return fmt.Sprintf("---\napiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s-%03d}\nspec:\n%s\n", i,
		indent(spec))
}

func (c crowd) workload() string {
	labels := fmt.Sprintf("app: %s, tier: %s", c.value(), c.one("web", "gold", "'${TIER}'"))
	namespace := c.one("", "namespace: shop, ", "namespace: bank, ", "namespace: '${NS}', ", "namespace: kube-system, ")
	if c.IntN(4) == 0 {
		return fmt.Sprintf("---\napiVersion: apps.kruise.io/v1alpha1\nkind: UnitedDeployment\nmetadata: {%sname: u}\nspec:\n  "+
			"template: {deploymentTemplate: "+
			"{metadata: {labels: {%s}}, spec: {template: {metadata: {labels: {%s}}, spec: {containers: [{name: app, image: a}]}}}}}\n"+
			"  topology: {subsets: [{name: a}, {name: b, patch: {metadata: {labels: {team: %s}}}}]}\n", namespace, labels, labels,
			c.value())
	}
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: %s\nmetadata: {%sname: d}\nspec: {template: {metadata: {labels: {%s}}, "+
		"spec: {containers: [{name: app, image: a}]}}}\n", c.one("Deployment", "StatefulSet"), namespace, labels)
}

// FuzzIndex holds what injection finds by its indexes against all sets, asked one by one in their order.
func FuzzIndex(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := crowd{rand.New(rand.NewPCG(seed, 3))}
		stream := ""
		for i := range 10 + c.IntN(40) {
			stream += c.set(i)
		}
		var docs []string
		for range 8 {
			docs = append(docs, c.workload())
		}
		stream += strings.Join(docs, "")
		opts := inject.Options{OnUndecided: inject.Skip, Namespaces: map[string]map[string]string{"bank": {"env": "prod"}}}
		all := readWorld(t, opts, stream)
		opts.Terse = true
		found := readWorld(t, opts, stream)
		for i, object := range all.objects {
			want, got := all.run(object), found.run(found.objects[i])
			if diff := cmp.Diff(want.Findings, got.Findings); diff != "" {
				t.Fatalf("-all sets +index:\n%s", diff)
			}
			if diff := cmp.Diff(treeOf(t, want.Object), treeOf(t, got.Object)); diff != "" {
				t.Fatalf("-all sets +index:\n%s", diff)
			}
			unmatched := func(m inject.Match) bool { return m.Verdict == inject.Unmatched }
			for j := range want.Templates {
				w := slices.DeleteFunc(want.Templates[j].Matches, unmatched)
				g := slices.DeleteFunc(got.Templates[j].Matches, unmatched)
				if diff := cmp.Diff(w, g, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("-all sets +index:\n%s", diff)
				}
				if len(w) > 0 && !found.injector.MayMatch([]byte(docs[i])) {
					t.Fatalf("the text is passed over, and %v:\n%s", w, docs[i])
				}
			}
		}
	})
}

// FuzzConflicts holds the conflicts of many sets against those of each pair of them.
func FuzzConflicts(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := crowd{rand.New(rand.NewPCG(seed, 4))}
		var sets []*inject.SidecarSet
		for i := range 6 + c.IntN(6) { // no more of them than are named
			set, _ := inject.ParseSidecarSet(mustParse(t, c.set(i)), manifest.Source{})
			sets = append(sets, set)
		}
		conflicts := func(sets ...*inject.SidecarSet) (out []string) {
			for _, f := range inject.Lint(inject.Context{Sets: sets}, inject.Options{}, inject.Policies{}) {
				if strings.HasSuffix(f.Code, "-conflict") {
					out = append(out, fmt.Sprint(f))
				}
			}
			return out
		}
		var pairs []string
		for i := range sets {
			for j := range i {
				pairs = append(pairs, conflicts(sets[j], sets[i])...)
			}
		}
		got := conflicts(sets...)
		slices.Sort(pairs)
		slices.Sort(got)
		if diff := cmp.Diff(pairs, got); diff != "" {
			t.Fatalf("-pairs +all:\n%s", diff)
		}
	})
}

// TestManyRivals names the first sets of a dispute with thousands.
func TestManyRivals(t *testing.T) {
	var sets []*inject.SidecarSet
	for i := range 40 {
		set, _ := inject.ParseSidecarSet(mustParse(t, setText(fmt.Sprintf("s-%02d", i), "containers: [{name: sc, image: a}]")),
			manifest.Source{})
		sets = append(sets, set)
	}
	last, more := 0, 0
	for _, f := range inject.Lint(inject.Context{Sets: sets}, inject.Options{}, inject.Policies{}) {
		if f.Object.Name == "s-39" && f.Code == "container-conflict" {
			last++
			if strings.HasPrefix(f.Message, "more SidecarSets than the 10 that are named") {
				more++
			}
		}
	}
	if last != 11 || more != 1 {
		t.Errorf("%d conflicts of the last set, %d of them for all others; want 11 and 1", last, more)
	}
}
