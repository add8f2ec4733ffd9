// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Secrets are the keys of Secrets that the plan's checks and notifications read, each once.
func (p BatchPlan) Secrets() []SecretRef {
	var all, refs []SecretRef
	for _, c := range p.Checks {
		all = append(all, c.Secrets()...)
	}
	for _, n := range p.Notifications {
		all = append(all, n.Secrets()...)
	}
	for _, ref := range all {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}
