// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"os"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// CheckFindings say what the answer to a check would mean for the release; wrong is that it can never pass. A check that
// passes is no finding.
func CheckFindings(c plan.Check, m plan.Measurement, err error, wrong bool) []Finding {
	of := manifest.ObjectRef{Kind: "Check", Name: c.Name}
	then := "the release stops after the first batch that it is measured in (exit code 11)"
	if c.DryRun {
		then = "it decides nothing, because it is a dry run"
	}
	switch {
	case wrong:
		return []Finding{newFinding(CodeCheckFailed, of, fmt.Sprintf("it can never pass, and %s: %s", then, m.Message),
			"correct the check in the plan, or give its secrets with --secrets")}
	case err != nil || m.Verdict == plan.CheckInconclusive:
		return []Finding{newFinding(CodeCheckUnsure, of, fmt.Sprintf("asked now, it gives no answer that decides; where that "+
			"lasts, %s: %s", then, m.Message),
			"see that it can be asked from where the release runs, and that it has something to measure")}
	case m.Verdict == plan.CheckFailed:
		return []Finding{newFinding(CodeCheckFailing, of, fmt.Sprintf("it fails already, before anything is released; where that "+
			"lasts, %s: %s", then, m.Message),
			"wait until it passes, or correct its limits")}
	}
	return nil
}

// SecretsElsewhere tells that the secrets of a check are not where verify runs, which says nothing of where the release runs.
func SecretsElsewhere(c plan.Check, folder string) []Finding {
	if len(c.Secrets()) == 0 {
		return nil
	}
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	return []Finding{newFinding(CodeCheckUnsure, manifest.ObjectRef{Kind: "Check", Name: c.Name},
		fmt.Sprintf("it was not asked, because there is no folder %s with its secrets here", folder),
		"name a folder that has them with --secrets")}
}
