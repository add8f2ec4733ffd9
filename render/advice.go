// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// tellPassedOver says which objects carry pod templates that were not looked at. Explain says it of all, also of those that
// no set could match.
func (o *Outcome) tellPassedOver(req *Request) {
	told := inject.TellPassedOver(o.passed)
	for i := range told {
		if req.Action == Explain {
			told[i].Severity = manifest.SeverityWarning
		}
	}
	o.Findings = append(o.Findings, told...)
}

// howToName says how the user names SidecarSets.
func (r *Request) howToName() string {
	if r.NameSets != "" {
		return r.NameSets
	}
	return "name the file or folder of the SidecarSets with -s"
}

// howToGive says how the user gives manifests.
const howToGive = "name files or folders with manifests, or pipe them in"

// adviseWhereNothingHappened warns of a run that injected nothing: it may be what its user wants, and it may be a wrong
// path or a label that no one has.
func (o *Outcome) adviseWhereNothingHappened(req *Request) {
	if req.Action == Eject && o.Documents > 0 || o.Failed() || o.Released > 0 {
		return
	}
	advice := manifest.Finding{Severity: manifest.SeverityWarning, Code: "nothing-injected"}
	switch {
	case req.NeedsSets && o.Sets == 0 && !o.emptied:
		advice.Severity, advice.Code = manifest.SeverityError, "no-sidecarset"
		advice.Message = "no SidecarSet is known, so that nothing can be injected and nothing is checked"
		advice.Hint = req.howToName()
	case o.Documents == 0:
		advice.Message, advice.Hint = "the input is empty", howToGive
	case o.Sets == 0 && o.emptied && len(o.Changed) > 0: // the last set is gone, and its sidecars have gone with it
		advice.Message = "the folder of the SidecarSets holds none: what earlier runs injected is taken out"
	case o.Sets == 0 && o.emptied:
		advice.Message = "nothing is injected: the folder of the SidecarSets holds none"
	case o.Sets == 0:
		advice.Message = "nothing is injected: there is no SidecarSet"
		advice.Hint = req.howToName()
		if req.Action != Explain {
			advice.Hint += "; slipway explain lists the workloads that it could match"
		}
	case o.Injected == 0 && !o.answered && (o.open || !o.opted):
		advice.Message = "nothing is injected: no SidecarSet matches a workload of the input"
		if req.Action != Explain {
			advice.Hint = "slipway explain tells why not"
		}
	default:
		return
	}
	if req.MustInject {
		advice.Severity = manifest.SeverityError
	}
	o.Findings = append(o.Findings, advice)
}
