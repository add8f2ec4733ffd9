// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"testing"

	"github.com/slipway-dev/slipway/rollout"
)

// TestArticle releases as the article does: with partition 3 to two pods, and then to all.
func TestArticle(t *testing.T) {
	for _, kind := range []string{"ReCreate", "InPlaceIfPossible"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, set(5, `{type: `+kind+`, maxSurge: 20%, maxUnavailable: 0}`))
			w.release(rollout.Plan{}, rollout.Completed)
			t.Log(w.row())
			w.patchStrategy(map[string]any{"partition": 3})
			w.image("v2")
			w.release(rollout.Plan{}, rollout.Completed)
			t.Log(w.row())
			w.patchStrategy(map[string]any{"partition": 0})
			w.release(rollout.Plan{}, rollout.Completed)
			t.Log(w.row())
		})
	}
}
