// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
)

// clockSkew is how far the time of a request may be after the API server's own of the write: people go by the server's clock,
// which shows itself in whole seconds.
const clockSkew = time.Minute

// Asked is the progress with what people have asked for since it was stored, in the order in which they did, and why something
// that stands there is not believed.
func Asked(record kube.Record, p plan.BatchPlan, progress rollout.Progress) (rollout.Progress, []string) {
	var warnings []string
	for _, e := range record.Entries() {
		if slices.ContainsFunc(progress.Requests, e.Request.Equal) {
			continue
		}
		if why := mismatch(e); why != "" {
			warnings = append(warnings, fmt.Sprintf("ConfigMap %s/%s: %s: %s, so it is not believed: ask again with slipway rollout",
				record.Namespace, record.Name, e.Key, why))
			continue
		}
		// It made sense to whoever stored it, on exactly this progress; what does not was never stored by slipway.
		if answer, err := request.Apply(p, progress, e.Request); err == nil && answer.Changed {
			progress = answer.Progress
		}
	}
	return progress, warnings
}

// mismatch says why an entry is not what slipway stores for that person; "" where it is.
func mismatch(e kube.Entry) string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Writer.Manager != kube.PersonManager(e.Request.By):
		return fmt.Sprintf("it says that %s asked to %s, and %s has written it", e.Request.By, e.Request.Words(), e.Writer)
	case e.Request.At.After(e.Writer.At.Add(clockSkew)):
		return fmt.Sprintf("it says that it was asked at %s, and %s has written it", e.Request.At.UTC().Format(time.RFC3339), e.Writer)
	default:
		return ""
	}
}
