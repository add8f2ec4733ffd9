// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"maps"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// observation is what was read last, and what decisions, writes and reports are about.
type observation struct {
	workload kube.Workload
	history  kube.History
	sets     map[types.UID]string // revisions of a Deployment's ReplicaSets, by UID
	record   kube.Record          // the progress record; without a name: there was none
	release  string               // the name of the release; "": not known yet
	own      ownRecord            // what this agent has written there
	observed rollout.Observed
	seen     versions
}

// shared is what all parts of an agent work on.
type shared struct {
	*session
	*caches
	*feedback
	last *observation
}

// versions are those of the caches and of the checks.
type versions struct{ workloads, pods, sets, nodes, claims, records, checks uint64 }

// feedback is what writes find out and the next observation takes in.
type feedback struct {
	admission  admission      // what the API server has refused
	hindrances hindrances     // what PodDisruptionBudgets, and a server that fails, hold back
	wrote      *plan.Quantity // the partition that was written last

	mu     sync.Mutex      // guards what follows: writes run side by side
	unsure bool            // the history may not be what the server has
	taken  map[string]bool // instance ids of pods and claims that are there but not the target's

	collisions int // how often the name of a new revision has been found taken
}

// forgetHistory makes the next observation read the revisions again.
func (f *feedback) forgetHistory() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsure = true
}

func (f *feedback) takeUnsure() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	unsure := f.unsure
	f.unsure = false
	return unsure
}

// take notes that an instance id belongs to something that is not the CloneSet's.
func (f *feedback) take(instance string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken[instance] = true
}

// blocked are instance ids that no new pod of the target may have: of pods and claims that are not its own, and of names that
// are asked to be deleted, because a new pod of such a name would be deleted again.
func (f *feedback) blocked(target string, podsToDelete []string) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := maps.Clone(f.taken)
	for _, name := range podsToDelete {
		if id, ok := strings.CutPrefix(name, target+"-"); ok {
			ids[id] = true
		}
	}
	return ids
}
