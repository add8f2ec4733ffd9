// SPDX-License-Identifier: Apache-2.0

package render

import "github.com/slipway-dev/slipway/fn/manifest"

// adviseWhereNothingHappened warns of a run that injected nothing: it may be what its user wants, and it may be a wrong
// path or a label that no one has.
func (o *Outcome) adviseWhereNothingHappened(req *Request) {
	if req.Action == Eject || o.Failed() || o.Released > 0 {
		return
	}
	advice := manifest.Finding{Severity: manifest.SeverityWarning, Code: "nothing-injected"}
	switch {
	case o.Documents == 0:
		advice.Message = "the input is empty"
	case o.Sets == 0:
		advice.Message = "nothing is injected: there is no SidecarSet"
		advice.Hint = "name a file or folder with -s"
		if req.Action != Explain {
			advice.Hint += "; slipway explain lists the workloads that it could match"
		}
	case o.Injected == 0 && !o.answered:
		advice.Message = "nothing is injected: no SidecarSet matches a workload of the input"
		if req.Action != Explain {
			advice.Hint = "slipway explain tells why not"
		}
	default:
		return
	}
	o.Findings = append(o.Findings, advice)
}
