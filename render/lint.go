// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// Lint reads the SidecarSets and BatchPlans of a request and checks them.
func Lint(ctx context.Context, req Request, policies inject.Policies) (*Outcome, error) {
	known, outcome, err := ReadContext(ctx, &req)
	if err != nil {
		return nil, err
	}
	outcome.Sets = len(known.Sets)
	if err := checkPlans(ctx, &req, outcome); err != nil {
		return nil, err
	}
	if outcome.Sets == 0 && outcome.Released == 0 && !outcome.Failed() {
		outcome.Findings = append(outcome.Findings, manifest.Finding{
			Severity: manifest.SeverityError, Code: "no-sidecarset", Message: "the input holds no SidecarSet and no BatchPlan",
			Hint: "name the files or folders that hold them",
		})
		return outcome, nil
	}
	outcome.Findings = append(outcome.Findings, inject.Lint(known, req.Options, policies)...)
	return outcome, nil
}
