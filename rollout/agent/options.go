// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Options say which target is released, how, and by whom.
type Options struct {
	Config    *rest.Config
	Namespace string
	Kind      string // of the target; "" is CloneSet
	Name      string
	Version   string        // API version of the target; "" is the first that rollout.Kinds has for the kind
	Mode      plan.Mode     // the plan's; "" is that of the target
	Release   string        // names the release, so that a restart goes on with it; "" follows from template, plan and partition
	Await     time.Duration // how long to wait for the target to carry Release in its annotation ReleaseAnnotation; 0: not at all
	Restart   bool          // begin again what has stopped
	Identity  string        // who holds the lock
	Evict     bool          // delete pods through the Eviction API, which respects PodDisruptionBudgets
	Force     bool          // use direct mode even where a controller seems to be alive
	Stay      bool          // after a release, heal pods and wait for the next one until the context ends
	Parallel  int           // writes at a time; 0 is DefaultParallel
	Lease     time.Duration // how long the lock outlives an agent that died; 0 is DefaultLease
	Reaction  time.Duration // how long a controller may take to see a change, in partition mode; 0 is defaultReaction
	Stop      <-chan string // ends the release as a person's abort does, and says why; may be nil
	Metrics   *Metrics      // counts what is done; may be nil
	Checks    Checks        // measures the plan's checks; may be nil where it has none
	Warn      func(error)   // gets what does not stop a release; may be nil
	Now       func() time.Time

	plan plan.BatchPlan // what Run carries out
}

// The defaults of Options.
const (
	DefaultParallel = 16
	defaultReaction = 30 * time.Second
)
