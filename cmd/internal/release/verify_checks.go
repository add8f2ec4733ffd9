// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"sync"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// tryChecks asks every check of the plan once, side by side, and tells what it would mean for the release.
func tryChecks(o verify.Options, secrets string) func(context.Context, plan.Workload) []manifest.Finding {
	options := check.Options{Plan: o.Plan, Secrets: secrets, Config: o.Config, Now: o.Now}
	return func(ctx context.Context, set plan.Workload) []manifest.Finding {
		answers := make([][]manifest.Finding, len(o.Plan.Checks))
		var wait sync.WaitGroup
		for i, c := range o.Plan.Checks {
			wait.Go(func() {
				if missing := verify.SecretsElsewhere(c, secrets); missing != nil {
					answers[i] = missing
					return
				}
				m, err := check.Try(ctx, options, c, set)
				answers[i] = verify.CheckFindings(c, m, err, errors.Is(err, check.ErrWrong))
			})
		}
		wait.Wait()
		var out []manifest.Finding
		for _, findings := range answers {
			out = append(out, findings...)
		}
		return out
	}
}
