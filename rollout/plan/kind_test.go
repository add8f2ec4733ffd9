// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestEveryKindIsRead reads an object of every row of Kinds, with each field where that kind has it.
func TestEveryKindIsRead(t *testing.T) {
	for _, k := range plan.Kinds() {
		t.Run(k.APIVersion+" "+k.Name, func(t *testing.T) {
			partition, keeps := "70%", plan.Percent(70)
			if k.Numbers {
				partition, keeps = "7", plan.Pods(7)
			}
			strategy := fmt.Sprintf("{partition: %s, maxUnavailable: 3}", partition)
			minReady := "minReadySeconds: 5"
			if len(k.MinReady) > 1 {
				strategy, minReady = strings.Replace(strategy, "}", ", minReadySeconds: 5}", 1), ""
			}
			if len(k.Strategy) > 1 {
				strategy = "{rollingUpdate: " + strategy + "}"
			}
			if k.BySurge {
				strategy, keeps = "{rollingUpdate: {maxUnavailable: 3}}", plan.Pods(0)
			}
			unavailable := 3
			if k.Stepless {
				strategy, keeps, unavailable = "{type: OnDelete}", plan.Pods(0), 1 // more the plan says
			}
			text := fmt.Sprintf(`
apiVersion: %s
kind: %s
metadata: {name: demo, namespace: shop}
spec:
  replicas: 10
  %s
  selector: {matchLabels: {app: demo}}
  %s: %s
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "app:v1"}]}
`, k.APIVersion, k.Name, minReady, k.Strategy[0], strategy)
			set, err := plan.ParseWorkload("demo.yaml", []byte(text), plan.Target{Kind: k.Name})
			if err != nil {
				t.Fatal(err)
			}
			replicas := 10
			if k.Nodes {
				replicas = 0 // the status says how many
			}
			got := fmt.Sprintln(set, set.Spec.Replicas, set.Spec.Partition, set.Spec.MaxUnavailable, set.Spec.MinReady, set.Spec.Ordinal)
			want := fmt.Sprintln(k.Name+" shop/demo", replicas, keeps, unavailable, "5s", k.Ordinal)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if set.KindOf().APIVersion != k.APIVersion || set.KindOf().Name != k.Name {
				t.Errorf("it is a %s of %s", set.KindOf().Name, set.KindOf().APIVersion)
			}
			for _, word := range k.Words {
				if named, err := plan.KindNamed(word); err != nil || named.Name != k.Name || named.Group() != k.Group() {
					t.Errorf("%s is %s %s, %v", word, named.APIVersion, named.Name, err)
				}
			}
		})
	}
}

// TestOrdinals tells an ordinal from a number of pods.
func TestOrdinals(t *testing.T) {
	set, err := plan.ParseWorkload("demo.yaml", []byte(`
apiVersion: apps.kruise.io/v1beta1
kind: StatefulSet
metadata: {name: demo}
spec:
  selector: {matchLabels: {app: demo}}
  updateStrategy: {rollingUpdate: {unorderedUpdate: {}, paused: true, podUpdatePolicy: InPlaceIfPossible}}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "app:v1"}]}
`), plan.Target{})
	if err != nil || set.Spec.Ordinal || !set.Spec.Paused || set.Spec.UpdateType != plan.InPlaceIfPossible {
		t.Errorf("%+v, %v", set.Spec, err)
	}
}
