// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// runs is a look at a target with OnDelete whose template is of revision new, after older, old and failed. Each pod has a node
// of its own; revisions that end in ! are of pods on nodes that are closed.
func runs(revisions ...string) *rollout.Observed {
	o := &rollout.Observed{UpdateRevision: "new", Nodes: []ondelete.Node{}}
	o.Workload.Spec = plan.WorkloadSpec{Replicas: len(revisions), OnDelete: true}
	for _, name := range []string{"older", "old", "failed", "new"} {
		o.Revisions = append(o.Revisions, rollout.Revision{Name: name})
	}
	for i, text := range revisions {
		revision, closed := strings.CutSuffix(text, "!")
		node := fmt.Sprint(i)
		o.Nodes = append(o.Nodes, ondelete.Node{Name: node, Closed: closed})
		o.Pods = append(o.Pods, rollout.Pod{Revision: revision, Phase: rollout.PodRunning, Node: node})
	}
	return o
}

// TestRan: where a target with OnDelete goes back to is a revision of its own, and while its pods show what ran before, one of
// those.
func TestRan(t *testing.T) {
	const older, old, failed, now = "older", "old", "failed", "new"
	for _, c := range []struct {
		name     string
		look     *rollout.Observed
		claim    string
		left     string // the revision of another release, which left the claim; "": it is of this one
		want     string
		warnings string
	}{
		{"what pods run", runs(old, now), old, "", old, ""},
		{"what fewer pods run", runs(old, old, older), older, "", older, ""},
		{"what no pod runs", runs(old, now), older, "", old, "it says that the release goes back to older, and no pod runs that, " +
			"but older ones run old"},
		{
			"a revision of nobody", runs(old, now), "evil", "", old,
			"it says that the release goes back to evil, and no pod runs that, but older ones run old",
		},
		{"nothing older is left", runs(now, now), older, "", older, ""},
		{
			"nothing older is left, a revision of nobody", runs(now, now), "evil", "", now,
			"it says that the release goes back to evil, of which there is no ControllerRevision",
		},
		{"only on closed nodes", runs(now, now, older+"!"), old, "", old, ""},
		{"pods of a revision that is gone", runs(now, "lost"), old, "", old, ""},
		{"back already, by the template", runs(failed, now), now, "", now, ""},
		{"none", runs(old, now), "", "", "", ""},

		{"of a release that failed", runs(old, failed), old, failed, old, ""},
		{"of one that failed with all pods", runs(failed, failed), old, failed, old, ""},
		{
			"of one that failed, what no pod runs", runs(old, failed), older, failed, old,
			"goes back to older, and no pod runs that, but older ones run old",
		},
		{
			"of one that failed, a revision of nobody", runs(failed, failed), "evil", failed, "",
			"evil, of which there is no ControllerRevision",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, read := rollout.Progress{Revision: now, Stable: c.claim}, trust.Origin
			want := rollout.Progress{Revision: now, Stable: c.want}
			if c.left != "" {
				found.Revision, found.Outcome, read = c.left, plan.ChecksFailed, trust.Inherited
				want.Revision = ""
			}
			got, warnings := read(found, c.look)
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warnings) || (said != "") != (c.warnings != "") {
				t.Errorf("warnings %q, want %q", said, c.warnings)
			}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := trust.Ran(runs(older, old, older, old, failed+"!", failed+"!", failed+"!", now)); got != old {
		t.Errorf("most pods ran %s before", got)
	}
	if got := trust.Ran(runs(now, now)); got != now {
		t.Errorf("where nothing older is left it was %s", got)
	}
}
