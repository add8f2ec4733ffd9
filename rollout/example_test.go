// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// A release of two pods in the simulator, as a table.
func ExampleRun() {
	set, err := plan.ParseCloneSet("demo.yaml", []byte(`
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "demo:v2"}]}
  updateStrategy: {maxSurge: 1, maxUnavailable: 0, partition: 1}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	recorder := report.Recorder{Emit: report.Table(os.Stdout)}
	cluster := sim.New(set, nil, sim.Options{Ready: sim.Ready{Least: 5 * time.Second, Most: 5 * time.Second}})
	end, err := rollout.Run(context.Background(), plan.BatchPlan{}, cluster, cluster, recorder.Record)
	fmt.Println(end.Message, err)
	// Output:
	// TIME     DESIRED UPDATED UPDATED_READY READY TOTAL  BATCH  ACTION
	// 0s             2       0             0     2     2      1  begin - BatchStarted: begins, 1 of 2 pods to be updated
	// 0s             2       0             0     2     2      1  create 1 pod (new) - PodsUpdating: 0 of 1 pods updated, 0 ready
	// 0s             2       1             0     2     3      1  wait - PodsNotReady: 0 of 1 updated pods ready; 1 old to go, but of 2 available at least 2 must stay
	// 5s             2       1             1     3     3      1  delete 1 pod (old) - PodsUpdating: 1 of 1 updated pods ready
	// 5s             2       1             1     2     2      1  done - Completed: 1 of 1 updated pods ready
	// batch 1 of 1: 1 of 1 updated pods ready <nil>
}
