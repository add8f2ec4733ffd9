// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/plan/filltest"
)

// sameQuantities lets go-cmp compare quantities, whose fields are their own business.
var sameQuantities = cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })

// stored is the file of a document in testdata.
func stored(name string) string { return filepath.Join("testdata", "stored", name+".json") }

// TestStoredProgress pins the names under which progress is stored: a field that is renamed changes the golden file of the
// present version or is not found in one of the versions before, which nobody rewrites.
func TestStoredProgress(t *testing.T) {
	var full rollout.Progress
	filltest.Fill(t, &full)
	document, err := full.Store()
	if err != nil {
		t.Fatal(err)
	}
	filltest.Golden(t, stored("progress.v1"), document, *update)
	// What progress has that a version did not know. Who adds a field names it here, and thinks of a release that goes on
	// without.
	for version, clear := range map[string]func(*rollout.Progress){"v0": unknownToV0, "v1": func(*rollout.Progress) {}} {
		want := full
		clear(&want)
		document, err := os.ReadFile(stored("progress." + version))
		if err != nil {
			t.Fatal(err)
		}
		read, err := rollout.ReadProgress(document)
		if err != nil {
			t.Errorf("%s: %v", version, err)
		}
		if diff := cmp.Diff(want, read, sameQuantities); diff != "" {
			t.Errorf("%s is read as another progress (-want +got):\n%s", version, diff)
		}
	}
}

// unknownToV0 clears what the first version did not store. A release that goes on without these treats a batch that was ready
// as one whose pods all count, and no release as the first.
func unknownToV0(p *rollout.Progress) {
	p.First, p.Newest, p.Healthy, p.Kept, p.Left, p.Original = false, time.Time{}, 0, 0, 0, nil
}

// TestStoredDecision pins the names of a decision and its actions in an audit log.
func TestStoredDecision(t *testing.T) {
	var full rollout.Decision
	filltest.Fill(t, &full)
	document, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	filltest.Golden(t, stored("decision.v1"), document, *update)
	for _, version := range []string{"v0", "v1"} {
		document, err := os.ReadFile(stored("decision." + version))
		if err != nil {
			t.Fatal(err)
		}
		var read rollout.Decision
		if err := json.Unmarshal(document, &read); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		want := full
		if want.Actions = slices.Clone(full.Actions); version == "v0" {
			want.Actions[0].Guest, want.Actions[0].Fields = false, nil // not known then
			progress := *full.Actions[0].Progress
			unknownToV0(&progress)
			want.Actions[0].Progress = &progress
		}
		if diff := cmp.Diff(want, read, sameQuantities); diff != "" {
			t.Errorf("%s is read as another decision (-want +got):\n%s", version, diff)
		}
	}
}

func TestZeroProgressIsStoredAndReadAgain(t *testing.T) {
	document, err := rollout.Progress{}.Store()
	if err != nil || string(document) != `{"version":1,"batch":0}` {
		t.Fatalf("%s, %v", document, err)
	}
	read, err := rollout.ReadProgress(document)
	if diff := cmp.Diff(rollout.Progress{}, read, sameQuantities); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

func TestProgressOfANewerSlipwayIsNotRead(t *testing.T) {
	read, err := rollout.ReadProgress([]byte(`{"version":2,"revision":"demo-new","batch":"second"}`))
	const want = "written by a newer slipway: its version is 2, and this slipway reads up to version 1: run the newer slipway"
	if !errors.Is(err, plan.ErrNewer) || !strings.Contains(err.Error(), want) || read.Revision != "" {
		t.Errorf("%+v, %v; want %s", read, err, want)
	}
}
