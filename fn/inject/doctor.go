// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Live is what somebody saw of a cluster. What was refused is left empty and marked.
type Live struct {
	Sets      []*SidecarSet
	Workloads []*yaml.Node // objects with pod templates
	Pods      []LivePod    // those that have not ended
	Webhooks  []*yaml.Node // MutatingWebhookConfigurations
	// Owners tells which object controls another, such as the Deployment of a ReplicaSet.
	Owners map[manifest.ObjectRef]manifest.ObjectRef

	SetsUnseen, WebhooksUnseen, PodsUnseen bool
}

// LivePod is what of a pod tells where its sidecars come from.
type LivePod struct {
	Object      manifest.ObjectRef
	Owner       manifest.ObjectRef // its controller, the zero value where there is none
	Annotations map[string]string
}

// Diagnose holds a cluster against the SidecarSets of Git. Without any in git, the two are not compared.
func Diagnose(git Context, live Live, opts Options) []manifest.Finding {
	opts.SystemNamespaces = Inject // the webhook's own configuration, which was read, says where it looks
	in, _ := newInjector(Context{Sets: live.Sets, Revisions: git.Revisions}, opts)
	d := &diagnosis{
		in: in, live: live, git: map[string]*SidecarSet{}, differs: map[string]bool{}, hooks: kruiseWebhooks(live.Webhooks),
		owners: map[manifest.ObjectRef]manifest.ObjectRef{}, fitted: map[manifest.ObjectRef]bool{},
		undecided: map[string]*undecidedSet{},
	}
	for object, owner := range live.Owners {
		d.owners[unversioned(object)] = owner
	}
	for _, set := range git.Sets {
		d.git[set.Metadata.Name] = set
	}
	d.compareSets()
	for _, w := range live.Workloads {
		if d.managed(manifest.RefOf(w)) || ended(w) {
			continue // the template that counts is its owner's, or no pod follows
		}
		d.workloads++
		for t := range in.opts.templates(w, &manifest.Decoder{}) {
			d.template(t)
		}
	}
	d.reportUndecided()
	d.pods()
	d.summary()
	return d.findings
}

// diagnosis is one run of Diagnose.
type diagnosis struct {
	in       *Injector // with the cluster's sets
	live     Live
	git      map[string]*SidecarSet
	hooks    []liveWebhook
	owners   map[manifest.ObjectRef]manifest.ObjectRef // live.Owners by unversioned objects
	differs  map[string]bool                           // sets that Git has otherwise, or not at all
	fitted   map[manifest.ObjectRef]bool               // workloads whose template carries an injection of slipway's
	findings []manifest.Finding

	undecided map[string]*undecidedSet
	workloads int
}

// undecidedSet is a set of which it cannot be told whether it matches some templates.
type undecidedSet struct {
	reason, hint string
	count        int
}

func (d *diagnosis) report(s manifest.Severity, object manifest.ObjectRef, code, message, hint string) {
	d.findings = append(d.findings, manifest.Finding{Severity: s, Code: code, Object: object, Message: message, Hint: hint})
}

// template asks what the webhook would do to the next pod of a template.
func (d *diagnosis) template(t podTemplate) {
	meta := manifest.Lookup(t.node, metadataField)
	rec := newProvenance()
	if mark := manifest.At(meta, annotationsField, InjectedAnnotation); mark != nil {
		d.fitted[unversioned(t.object)] = true
		var err error
		if rec, err = decodeProvenance(manifest.Text(mark)); err != nil {
			d.report(manifest.SeverityError, t.object, "damaged-provenance",
				"its annotation "+InjectedAnnotation+" cannot be read: "+err.Error(),
				"render the manifest and release it again")
			return
		}
	}
	p := pod{kind: t.kind, namespace: t.namespace(&d.in.opts), labels: manifest.StringMap(manifest.Lookup(meta, labelsField))}
	for _, set := range d.matched(p) {
		d.meet(t, rec, set)
	}
}

// matched lists the sets that the webhook would inject into a pod.
func (d *diagnosis) matched(p pod) []*SidecarSet {
	reach := d.reach(p)
	if reach.verdict == Unmatched {
		return nil
	}
	var sets []*SidecarSet
	var matches []Match
	for _, set := range d.in.sets {
		m := d.in.match(set, p)
		if m.Verdict == Matched && reach.verdict == Undecided {
			m.Verdict, m.Reason = Undecided, reach.reason
		}
		hint := "grant the permissions of slipway doctor --permissions"
		if m.Verdict == Matched {
			if pinned := d.in.pin(set, p, &m); m.Verdict == Matched {
				sets = append(sets, pinned)
			}
			hint = m.Add
		}
		if m.Verdict == Undecided {
			d.noteUndecided(set, m.Reason, hint)
		}
		matches = append(matches, m)
	}
	return dropReplaced(sets, matches)
}

// meet reports what a set of the cluster does to the pods of one template.
func (d *diagnosis) meet(t podTemplate, rec *provenance, set *SidecarSet) {
	spec := manifest.Lookup(t.node, specField)
	var same, other, apps, added []string
	for _, l := range set.sidecarLists() {
		ours, there := rec.recorded(l.field), manifest.Items(manifest.Lookup(spec, l.field))
		for i := range l.sidecars {
			for _, name := range l.sidecars[i].podNames() {
				container, _ := manifest.Named(there, name)
				switch {
				case container == nil:
					added = append(added, name)
				case !slices.Contains(ours, name):
					apps = append(apps, name)
				case d.differs[set.Metadata.Name] || !l.sidecars[i].hot() && imageOf(container) != imageOf(l.sidecars[i].Container):
					other = append(other, name)
				default:
					same = append(same, name)
				}
			}
		}
	}
	d.reportMeeting(t.object, set.Metadata.Name, [4][]string{same, other, apps, added})
}

// reportMeeting tells of containers that are replaced by equal ones, by others, that are the app's, and of new ones.
func (d *diagnosis) reportMeeting(object manifest.ObjectRef, set string, found [4][]string) {
	const released = "the manifests carry the sidecar: "
	same, other, apps, added := found[0], found[1], found[2], found[3]
	if len(other) > 0 {
		d.report(manifest.SeverityError, object, "webhook-replaces", fmt.Sprintf(
			"the webhook replaces %s from Git by another version, that of SidecarSet %s in the cluster", containers(other), set),
			released+pause(set))
	}
	if len(same) > 0 {
		d.report(manifest.SeverityWarning, object, "webhook-replaces", fmt.Sprintf(
			"the webhook replaces %s from Git by that of SidecarSet %s in the cluster, which is the same today", containers(same), set),
			released+pause(set))
	}
	if len(apps) > 0 {
		d.report(manifest.SeverityError, object, "webhook-replaces", fmt.Sprintf(
			"the webhook replaces the app's own %s by that of SidecarSet %s", containers(apps), set),
			"rename one of the two, or "+pause(set))
	}
	if len(added) > 0 {
		d.report(manifest.SeverityWarning, object, "webhook-injects", fmt.Sprintf(
			"new pods get %s from SidecarSet %s in the cluster, and not from Git", containers(added), set), d.adopt(set))
	}
}

// adopt says how a sidecar comes from Git in place of the cluster.
func (d *diagnosis) adopt(set string) string {
	if d.git[set] == nil {
		return "add the SidecarSet to Git, render and release the manifests, then " + pause(set)
	}
	return "render and release the manifests, then " + pause(set)
}

func pause(set string) string {
	return "pause the webhook's injection: kubectl patch sidecarset " + set +
		` --type merge -p '{"spec":{"injectionStrategy":{"paused":true}}}'`
}

func containers(names []string) string {
	if len(names) == 1 {
		return "container " + names[0]
	}
	return "containers " + strings.Join(names, ", ")
}

func (d *diagnosis) noteUndecided(set *SidecarSet, reason, hint string) {
	u := d.undecided[set.Metadata.Name]
	if u == nil {
		u = &undecidedSet{reason: reason, hint: hint}
		d.undecided[set.Metadata.Name] = u
	}
	u.count++
}

func (d *diagnosis) reportUndecided() {
	for _, name := range slices.Sorted(maps.Keys(d.undecided)) {
		u := d.undecided[name]
		d.report(manifest.SeverityWarning, manifest.ObjectRef{Kind: sidecarSetKind, Name: name}, "match-not-seen",
			fmt.Sprintf("whether, and at which revision, the webhook injects it into %s cannot be told: %s",
				manifest.Counted(u.count, "pod template"), u.reason), u.hint)
	}
}

// summary says what was looked at: no finding about it means something then.
func (d *diagnosis) summary() {
	hook, pods, sets := "is off", manifest.Counted(len(d.live.Pods), "pod"), manifest.Counted(len(d.live.Sets), sidecarSetKind)
	switch {
	case d.live.WebhooksUnseen:
		hook = "was not looked for"
	case len(d.hooks) > 0:
		hook = "is on"
	}
	if d.live.PodsUnseen {
		pods = "no pods"
	}
	if d.live.SetsUnseen {
		sets = "no SidecarSets"
	}
	d.report(manifest.SeverityInfo, manifest.ObjectRef{}, "cluster-seen",
		fmt.Sprintf("saw %s, %s and %s; Kruise's webhook for pods %s", manifest.Counted(d.workloads, "workload"), pods, sets, hook),
		"")
}

// imageOf is the image of a container.
func imageOf(container *yaml.Node) string {
	return manifest.Text(manifest.Lookup(container, imageField))
}
