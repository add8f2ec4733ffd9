// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/plan/filltest"
)

var update = flag.Bool("update", false, "rewrite the golden files of the present version")

// sameQuantities lets go-cmp compare quantities, whose fields are their own business.
var sameQuantities = cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })

// TestStoredPlan pins the names under which a plan is stored: a field that is renamed changes the golden file of the present
// version or is not found in one of the versions before, which nobody rewrites.
func TestStoredPlan(t *testing.T) {
	var full plan.BatchPlan
	filltest.Fill(t, &full)
	document, err := full.Store()
	if err != nil {
		t.Fatal(err)
	}
	filltest.Golden(t, filepath.Join("testdata", "stored", "plan.v1.json"), document, *update)
	// What a plan has that a version did not know. Who adds a field names it here, and thinks of a release that goes on without.
	for version, clear := range map[string]func(*plan.BatchPlan){
		"v0": func(p *plan.BatchPlan) {
			p.FailFast, p.Unblock, p.MaxUnavailable = plan.FailFast{}, false, plan.Quantity{}
			p.Batches = slices.Clone(p.Batches)
			p.Batches[0].Nodes = nil
		}, "v1": func(*plan.BatchPlan) {},
	} {
		want := full
		clear(&want)
		stored, err := os.ReadFile(filepath.Join("testdata", "stored", "plan."+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		read, err := plan.ReadStored(stored)
		if err != nil {
			t.Errorf("%s: %v", version, err)
		}
		if diff := cmp.Diff(want, read, sameQuantities); diff != "" {
			t.Errorf("%s is read as another plan (-want +got):\n%s", version, diff)
		}
	}
}

func TestZeroPlanIsStoredAndReadAgain(t *testing.T) {
	document, err := plan.BatchPlan{}.Store()
	if err != nil || string(document) != `{"version":1}` {
		t.Fatalf("%s, %v", document, err)
	}
	read, err := plan.ReadStored(document)
	if diff := cmp.Diff(plan.BatchPlan{}, read, sameQuantities); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

func TestStoredPlanIsRefusedWhereItCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		newer    bool
		want     string
	}{
		"of a newer slipway": {
			`{"version":2,"name":"demo"}`, true,
			"written by a newer slipway: its version is 2, and this slipway reads up to version 1: run the newer slipway",
		},
		"of a newer slipway, in a form unknown": {`{"batches":{"a":1},"version":3}`, true, "its version is 3"},
		"of no version":                         {`{"version":"new"}`, false, "version is a string, must be a whole number"},
		"half":                                  {`{"version":1,"na`, false, "it ends in the middle of its JSON"},
		"no text":                               {" ", false, "it is empty, must be a JSON object"},
		"null":                                  {"null", false, "it is null, must be a JSON object"},
		"a number":                              {"5", false, "it is a number, must be a JSON object"},
		"a list":                                {"[]", false, "it is a list, must be a JSON object"},
		"a string":                              {`"demo"`, false, "it is a string, must be a JSON object"},
		"true":                                  {"true", false, "it is true or false, must be a JSON object"},
		"YAML":                                  {"version: 1", false, "it is not JSON (character 1)"},
		"two documents":                         {"{} {}", false, "it is not JSON (character 4)"},
		"a list for a name":                     {`{"name":["demo"]}`, false, "name is a list, must be a string"},
		"an object for batches":                 {`{"batches":{}}`, false, "batches is an object, must be a list"},
		"part of a number":                      {`{"waves":{"parallel":1.5}}`, false, "the number 1.5, must be a whole number"},
		"a duration without a unit":             {`{"progressDeadline":"10"}`, false, `missing unit in duration "10"`},
		"a time of day": {
			`{"batches":[{"pause":{"window":{"from":"9am","to":"17:00"}}}]}`, false,
			`"9am" is not a time of day`,
		},
		"a time of day in minutes": {`{"batches":[{"pause":{"window":{"from":-1}}}]}`, false, "is not a time of day"},
		"a day": {
			`{"batches":[{"pause":{"window":{"days":["Caturday"]}}}]}`, false,
			"Caturday is not a day of the week",
		},
		"a day by number": {`{"batches":[{"pause":{"window":{"days":[7]}}}]}`, false, "7 is not a day of the week"},
		"a quantity":      {`{"failureThreshold":"some"}`, false, `"some" is not a number of pods`},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := plan.ReadStored([]byte(c.document))
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, plan.ErrNewer) != c.newer {
				t.Errorf("%v, want %s", err, c.want)
			}
			if c.newer && read.Name != "" {
				t.Errorf("it was half read: %+v", read)
			}
		})
	}
}

// TestStoredForPeople shows that what a person looks at in a ConfigMap is what a person writes into a plan.
func TestStoredForPeople(t *testing.T) {
	p := plan.BatchPlan{ProgressDeadline: 10 * time.Minute, Batches: []plan.Batch{{
		Replicas: plan.Percent(20),
		Pause: plan.Pause{Window: &plan.Window{
			Days: []time.Weekday{time.Monday, time.Sunday}, From: 9 * 60, To: 24 * 60,
			TimeZone: "Europe/Berlin",
		}},
	}}}
	document, err := p.Store()
	want := `{"version":1,"batches":[{"replicas":"20%","pause":{"window":{"from":"09:00","to":"24:00","timeZone":"Europe/Berlin",` +
		`"days":["Mon","Sun"]}}}],"progressDeadline":"10m0s"}`
	if err != nil || string(document) != want {
		t.Errorf("%v: %s\nwant %s", err, document, want)
	}
}
