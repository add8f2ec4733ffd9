// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// A change of a pod that the log left out would make every later decision of a replay another one.
func TestAuditNoticesAChangeOfEveryField(t *testing.T) {
	pod := rollout.Pod{Name: "cart-0", UID: "u", Labels: map[string]string{"a": "b"}}
	fields := reflect.TypeOf(pod)
	for i := range fields.NumField() {
		if fields.Field(i).Name == "Name" {
			continue
		}
		var log bytes.Buffer
		audit := report.NewAudit(&log, plan.BatchPlan{})
		audit.Record(rollout.Observed{Pods: []rollout.Pod{pod}}, rollout.Decision{})
		log.Reset()
		other := pod
		switch f := reflect.ValueOf(&other).Elem().Field(i); v := f.Addr().Interface().(type) {
		case *time.Time:
			*v = time.Unix(1, 0)
		case *map[string]string:
			*v = map[string]string{"a": "c"}
		case *[]string:
			*v = []string{"finalizer"}
		case **waiting.Why:
			*v = &waiting.Why{Reason: "ImagePullBackOff"}
		case *int:
			*v = 7
		case *bool:
			*v = true
		default:
			f.SetString(fmt.Sprint(f.String(), "other"))
		}
		audit.Record(rollout.Observed{Pods: []rollout.Pod{other}}, rollout.Decision{})
		if !strings.Contains(log.String(), `"pods":[`) {
			t.Errorf("a change of %s is not in the log: %s", fields.Field(i).Name, log.String())
		}
	}
}
