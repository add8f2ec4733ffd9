// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// conflicts reports what two sets that can meet in one pod dispute. The finding is at the later of the two in the
// order of injection, so that it does not depend on the order of files.
func (in *Injector) conflicts() []manifest.Finding {
	var out []manifest.Finding
	r := newRivals(inDispute)
	for i, later := range in.sets {
		l := &linter{reporter: &reporter{set: later}, in: in, told: toldCounts{}}
		wanted, has := later.wanted(), later.disputable()
		maps.Copy(has, later.containerNames())
		for _, j := range r.of(wanted, has, func(j int) bool {
			return !replaces(later, in.sets[j]) && !replaces(in.sets[j], later) && in.opts.overlap(in.sets[j], in.sets[i])
		}) {
			l.containerConflicts(in.sets[j])
			l.volumeConflicts(in.sets[j])
			l.annotationConflicts(in.sets[j])
		}
		r.add(wanted, has)
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
	other.eachPodName(func(field string, i int, _ *Sidecar, name string) { taken[name] = indexed("spec."+field, i) })
	l.set.eachPodName(func(list string, i int, s *Sidecar, name string) {
		field, dup := taken[name]
		if !dup || s.Name == "" {
			return
		}
		at := l.spec().key(list).index(i).key(nameField)
		if message, ok := l.told.next(at.field, fmt.Sprintf("SidecarSet %s injects a container %s too (%s), and both sets can match "+
			"one pod",
			other.Metadata.Name, name, field)); ok {
			l.report(manifest.SeverityError, at, "container-conflict", message, "rename one of the two, or narrow a selector")
		}
	})
}

func (l *linter) volumeConflicts(other *SidecarSet) {
	disputed := map[string]bool{}
	for _, name := range volumeDisputes(other, l.set) {
		disputed[name] = true
	}
	for i, v := range l.set.Spec.Volumes {
		if disputed[v.Name] {
			at := l.spec().key(volumesField).index(i)
			if message, ok := l.told.next(at.field, fmt.Sprintf("SidecarSet %s has another volume %s, and both sets can match one pod",
				other.Metadata.Name, v.Name)); ok {
				l.report(manifest.SeverityError, at, "volume-conflict", message,
					"rename one of the two, give both the same content, or narrow a selector")
			}
		}
	}
}

func (l *linter) annotationConflicts(other *SidecarSet) {
	for _, d := range annotationDisputes(other, l.set) {
		at := l.spec().key(patchesField).index(d.patch).key(annotationsField).entry(d.key)
		if message, ok := l.told.next(at.field, fmt.Sprintf("SidecarSet %s sets this annotation too, %s, and both can match one pod",
			other.Metadata.Name, d.how)); ok {
			l.report(manifest.SeverityError, at, "annotation-conflict", message, d.hint)
		}
	}
}

func (p PodMetadataPatch) disputes(o PodMetadataPatch) bool {
	retain := orWord(p.PatchPolicy, patchRetain) == patchRetain || orWord(o.PatchPolicy, patchRetain) == patchRetain
	return !retain && (p.PatchPolicy == patchOverwrite || o.PatchPolicy == patchOverwrite)
}
