// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// conflicts reports what two sets that can meet in one pod dispute. The finding is at the later of the two in the
// order of injection, so that it does not depend on the order of files.
func (in *Injector) conflicts() []manifest.Finding {
	var out []manifest.Finding
	for i, later := range in.sets {
		l := &linter{reporter: &reporter{set: later}, in: in}
		for _, earlier := range in.sets[:i] {
			if !replaces(later, earlier) && !replaces(earlier, later) && in.overlap(earlier, later) {
				l.containerConflicts(earlier)
				l.volumeConflicts(earlier)
				l.annotationConflicts(earlier)
			}
		}
		out = append(out, l.findings...)
	}
	return out
}

// replaces says whether one set is the canary of the other: where both match, only the canary is injected.
func replaces(canary, base *SidecarSet) bool {
	name, ok := canary.canaryOf()
	return ok && name == base.Metadata.Name
}

func (l *linter) containerConflicts(other *SidecarSet) {
	taken := map[string]string{}
	for _, list := range other.sidecarLists() {
		for i := range list.sidecars {
			for _, name := range list.sidecars[i].podNames() {
				taken[name] = indexed("spec."+list.field, i)
			}
		}
	}
	for _, list := range l.set.sidecarLists() {
		for i := range list.sidecars {
			for _, name := range list.sidecars[i].podNames() {
				if field, dup := taken[name]; dup && list.sidecars[i].Name != "" {
					l.report(manifest.SeverityError, l.spec().key(list.field).index(i).key(nameField), "container-conflict",
						fmt.Sprintf("SidecarSet %s injects a container %s too (%s), and both sets can match one pod",
							other.Metadata.Name, name, field), "rename one of the two, or narrow a selector")
				}
			}
		}
	}
}

func (l *linter) volumeConflicts(other *SidecarSet) {
	disputed := volumeDisputes(other, l.set)
	for i, v := range l.set.Spec.Volumes {
		if slices.Contains(disputed, v.Name) {
			l.report(manifest.SeverityError, l.spec().key(volumesField).index(i), "volume-conflict", fmt.Sprintf(
				"SidecarSet %s has another volume %s, and both sets can match one pod", other.Metadata.Name, v.Name),
				"rename one of the two, give both the same content, or narrow a selector")
		}
	}
}

func (l *linter) annotationConflicts(other *SidecarSet) {
	for _, d := range annotationDisputes(other, l.set) {
		at := l.spec().key(patchesField).index(d.patch).key(annotationsField).entry(d.key)
		l.report(manifest.SeverityError, at, "annotation-conflict", fmt.Sprintf(
			"SidecarSet %s sets this annotation too, %s, and both can match one pod", other.Metadata.Name, d.how), d.hint)
	}
}

func (p PodMetadataPatch) disputes(o PodMetadataPatch) bool {
	retain := orWord(p.PatchPolicy, patchRetain) == patchRetain || orWord(o.PatchPolicy, patchRetain) == patchRetain
	return !retain && (p.PatchPolicy == patchOverwrite || o.PatchPolicy == patchOverwrite)
}
