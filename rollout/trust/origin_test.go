// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// original are the fields of a Deployment before its release, which took them over.
func original() *plan.Original {
	return &plan.Original{UID: "u", Stable: "old", Revision: "new", MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(0)}
}

// held is a look at a Deployment that a release holds.
func held() *rollout.Observed {
	o := sets(4, 1, "")
	o.Workload.Rolling = &plan.Rolling{MinReady: plan.SentinelReady, Annotated: true, Original: original()}
	return o
}

// free is a look at one that no release holds.
func free() *rollout.Observed {
	o := sets(4, 1, "")
	o.Workload.Rolling = &plan.Rolling{MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(0)}
	return o
}

// TestOrigin: where a release came from, and what fields it gives back, is what the Deployment says.
func TestOrigin(t *testing.T) {
	fast := func(p *rollout.Progress) { p.Original.MaxUnavailable = plan.Percent(100) }
	for _, c := range []struct {
		name    string
		look    *rollout.Observed
		claim   func(*rollout.Progress)
		want    func(*rollout.Progress) // nil: what is claimed
		warning string
	}{
		{"what the annotation says", held(), func(*rollout.Progress) {}, nil, ""},
		{
			"another revision", held(), func(p *rollout.Progress) { p.Stable = "bad" }, func(p *rollout.Progress) { p.Stable = "old" },
			"it says that the release goes back to bad, and the Deployment says old",
		},
		{
			"other fields", held(), fast, func(p *rollout.Progress) { p.Original = original() },
			"and maxUnavailable 100%, and the Deployment says that",
		},
		{"no annotation, and held", without(held()), fast, fast, ""},
		{
			"no annotation, held, a revision that no ReplicaSet has", without(held()), func(p *rollout.Progress) { p.Stable = "bad" },
			func(p *rollout.Progress) { *p = rollout.Progress{Original: original()} }, "bad, of which there is no ReplicaSet",
		},
		{"free", free(), func(*rollout.Progress) {}, nil, ""},
		{
			"free, other fields", free(), fast, func(p *rollout.Progress) { p.Original = &plan.Original{MaxSurge: plan.Pods(1)} },
			"and maxUnavailable 100%",
		},
		{
			"free, a revision that no ReplicaSet has", free(), func(p *rollout.Progress) { p.Stable = "bad" },
			func(p *rollout.Progress) { *p = rollout.Progress{Original: original()} }, "bad, of which there is no ReplicaSet",
		},
		{
			"no Deployment", observed(4), func(p *rollout.Progress) { p.Stable = "bad" }, func(p *rollout.Progress) { p.Stable = "bad" },
			"",
		},
		{
			"over", free(), func(p *rollout.Progress) { p.Stable, p.Outcome = "bad", plan.Completed },
			func(p *rollout.Progress) { p.Stable, p.Outcome = "bad", plan.Completed }, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found := waiting()
			_, want := waiting()
			found.Original, want.Original = original(), original()
			c.claim(&found)
			if c.want != nil {
				c.want(&want)
			}
			got, warnings := trust.Origin(found, c.look)
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warning) || (said != "") != (c.warning != "") {
				t.Errorf("warnings %q, want %q", said, c.warning)
			}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// without takes the annotation away, as kubectl rollout undo does.
func without(o *rollout.Observed) *rollout.Observed {
	o.Workload.Rolling.Annotated, o.Workload.Rolling.Original = false, nil
	return o
}

// TestKept: a pod template that a record holds is written into the Deployment only where that says so.
func TestKept(t *testing.T) {
	template := func(image string) map[string]any {
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}}}
	}
	mine, err := kube.SetRevision("demo", template("app:v1"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := kube.SetRevision("demo", template("evil:v1"))
	if err != nil {
		t.Fatal(err)
	}
	renamed := forged
	renamed.Name = mine.Name
	for _, c := range []struct {
		name    string
		kept    kube.Revision
		manager string
		stable  string // in the annotation, with the digest of mine; "": there is none
		known   bool
	}{
		{"as the annotation says", mine, kube.FieldManager, mine.Name, true},
		{"moved by hand, and the same", mine, "kubectl-edit", mine.Name, true},
		{"another template under its name", renamed, kube.FieldManager, mine.Name, false},
		{"no annotation", mine, kube.FieldManager, "", false},
		{"no annotation, another template in slipway's name", forged, kube.FieldManager, "", false},
		{"no annotation, by hand", mine, "kubectl-edit", "", false},
		{"another revision than the annotation's, by hand", forged, "kubectl-edit", mine.Name, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal(c.kept)
			if err != nil {
				t.Fatal(err)
			}
			var record kube.Record
			record.Data = map[string]string{kube.KeyStable: string(text)}
			record.ManagedFields = []metav1.ManagedFieldsEntry{{
				Manager:  c.manager,
				FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:` + kube.KeyStable + `":{}}}`),
			}}
			var set kube.Workload
			set.Name, set.UID = "demo", "u"
			if c.stable != "" {
				set.Annotations = map[string]string{plan.OriginalAnnotation: plan.Original{
					UID: "u", Stable: c.stable,
					Template: trust.Digest(mine),
				}.Text()}
			}
			kept, err := trust.Kept(record, set)
			if err != nil || (len(kept) == 1) != c.known {
				t.Errorf("kept %v, %v, want it known: %t", kept, err, c.known)
			}
		})
	}
}
