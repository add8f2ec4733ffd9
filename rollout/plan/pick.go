// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
)

// Pick is the plan of the one target that a person names, as NAME or KIND/NAME. A plan with one target is its own.
func (p BatchPlan) Pick(named string) (BatchPlan, error) {
	if len(p.Waves.Targets) == 0 {
		return p, nil
	}
	word, name, slash := strings.Cut(named, "/")
	if !slash {
		word, name = "", named
	}
	var found []BatchPlan
	for _, single := range p.Single() {
		kind, err := KindNamed(word)
		if single.Target.Name == name && (word == "" || err == nil && kind.Name == single.Target.Kind) {
			found = append(found, single)
		}
	}
	switch len(found) {
	case 0:
		return p, fmt.Errorf("%s is not among the plan's targets: name one of %s", named, p.TargetNames())
	case 1:
		return found[0], nil
	default:
		return p, fmt.Errorf("%s is the name of %d of the plan's targets: write KIND/%s", named, len(found), name)
	}
}

// TargetNames are the targets of a plan as Pick takes them.
func (p BatchPlan) TargetNames() string {
	var names []string
	for _, t := range p.targets() {
		names = append(names, t.Named())
	}
	return strings.Join(names, ", ")
}

// Named is how a person names a target: cloneset/demo.
func (t Target) Named() string {
	kind, _ := KindOf(t.APIVersion, t.Kind)
	words := kind.Words
	if len(words) == 0 {
		return t.Name
	}
	for _, w := range words {
		if named, err := KindNamed(w); err == nil && named.Group() == kind.Group() && w == strings.ToLower(t.Kind) {
			return w + "/" + t.Name
		}
	}
	return words[len(words)-1] + "/" + t.Name
}
