// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"strings"
)

// Pick is the plan of the one target that a person names, as NAME or KIND/NAME. A plan that says what it is for is not used
// for anything else: its batches and checks were written for that.
func (p BatchPlan) Pick(named string) (BatchPlan, error) {
	if len(p.Waves.Targets) == 0 && p.Target.Name == "" {
		return p, nil
	}
	word, name, slash := strings.Cut(named, "/")
	if !slash {
		word, name = "", named
	}
	var found []BatchPlan
	for _, single := range p.Single() {
		if single.Target.Name == name && (word == "" || single.Target.isKind(word)) {
			found = append(found, single)
		}
	}
	switch {
	case len(found) == 0 && len(p.Waves.Targets) == 0:
		return p, fmt.Errorf("%s is not what the plan releases, which is %s: name that or nothing, or give another plan", named,
			p.TargetNames())
	case len(found) == 0:
		return p, fmt.Errorf("%s is not among the plan's targets: name one of %s", named, p.TargetNames())
	case len(found) == 1:
		return found[0], nil
	default:
		return p, fmt.Errorf("%s is the name of %d of the plan's targets: write KIND/%s", named, len(found), name)
	}
}

// isKind tells whether a target is of the kind that a word such as sts names. A word that names none is refused elsewhere.
func (t Target) isKind(word string) bool {
	kind, err := KindNamed(word)
	of, ok := KindOf(t.APIVersion, cmp.Or(t.Kind, "CloneSet"))
	return err != nil || ok && kind.Name == of.Name && kind.Group() == of.Group()
}

// TargetNames are the targets of a plan as Pick takes them.
func (p BatchPlan) TargetNames() string {
	var names []string
	for _, t := range targets(p) {
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
