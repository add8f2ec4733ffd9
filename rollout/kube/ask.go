// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// askPatience is how long a request is tried against others that write the same memory.
const askPatience = 30 * time.Second

// Ask asks something of a release in the name of the person that the server knows, and stores it for the agent. Who writes
// at the same time, the agent or another person, neither loses this request nor has his own lost: it is worked out anew on
// what is stored by then. The error is a *rollout.RefusedError where the request makes no sense now; then nothing was stored.
func (v *Visit) Ask(ctx context.Context, r rollout.Request) (rollout.Answer, error) {
	r.By, r.Claimed = v.whoAmI(ctx)
	r.At = v.options.Now().UTC().Round(0)
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	try := asking{visit: v, request: r}
	for {
		err := try.once(ctx)
		if err == nil || !errors.Is(err, rollout.ErrConflict) {
			return try.answer, err
		}
		pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return try.answer, fmt.Errorf("%w: it is not known whether it was stored: see slipway rollout status", err)
		}
	}
}

// asking is one request until it is stored.
type asking struct {
	visit   *Visit
	request rollout.Request
	tried   bool           // to write: it may be stored although nobody was told so
	answer  rollout.Answer // of the last try
}

// once is one try. The first one settles which batch is meant: a later one must not approve the next batch.
func (a *asking) once(ctx context.Context) error {
	v := a.visit
	memory, err := v.read(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return &rollout.RefusedError{Why: fmt.Sprintf("no release of %s is recorded (there is no %s): it has not begun", v.Target(), v.memoryWords())}
	case err != nil && a.tried && !refused(err):
		return conflict("reading "+v.memoryWords(), err)
	case err != nil:
		return explainVisit("reading "+v.memoryWords(), err)
	case !v.meant(memory):
		return &rollout.RefusedError{Why: v.otherRelease(memory)}
	}
	plan, progress, err := v.remembered(memory)
	if err != nil {
		return err
	}
	if a.tried && slices.ContainsFunc(progress.Requests, a.request.Equal) {
		a.answer.Progress = progress // the try before was stored, and its answer got lost
		return nil
	}
	if a.answer, err = rollout.Answered(plan, progress, a.request); err != nil || !a.answer.Changed {
		return err
	}
	a.request, a.tried = a.answer.Progress.Requests[len(a.answer.Progress.Requests)-1], true
	if a.answer.Restore != "" {
		if err := v.restore(ctx, progress, a.answer.Restore); err != nil {
			return err
		}
	}
	return v.store(ctx, memory, a.answer, a.request)
}

// store writes the progress over exactly the memory that it was worked out on, and tells of it as an Event, where the
// person may do that.
func (v *Visit) store(ctx context.Context, memory configMap, answer rollout.Answer, r rollout.Request) error {
	data, err := answer.Progress.Store()
	if err != nil {
		return fmt.Errorf("encoding progress: %w", err)
	}
	patch := map[string]any{
		"metadata": map[string]any{"uid": memory.Metadata.UID, "resourceVersion": memory.Metadata.ResourceVersion},
		"data":     map[string]string{keyProgress: string(data)},
	}
	err = v.client.merge(ctx, configMaps(v.options.Namespace).object(memory.Metadata.Name), patch, nil)
	switch {
	case err == nil:
	case refused(err):
		return explainVisit("writing "+v.memoryWords(), err)
	default:
		return conflict("writing "+v.memoryWords(), err)
	}
	if o := memory.owner(); o.UID != "" {
		about := eventObject{APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, UID: o.UID, Namespace: v.options.Namespace}
		options := v.options
		options.Identity = r.By
		_ = v.client.create(ctx, events(v.options.Namespace).path, newEvent(about, "Normal", string(r.Ask), answer.Message, options), nil)
	}
	return nil
}

// whoAmI asks the server for the person's user name. A server that does not tell leaves what the person says.
func (v *Visit) whoAmI(ctx context.Context) (name string, claimed bool) {
	var review struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	body := map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
	err := v.client.create(ctx, "/apis/authentication.k8s.io/v1/selfsubjectreviews", body, &review)
	if name := review.Status.UserInfo.Username; err == nil && name != "" {
		return name, false
	}
	return cmp.Or(v.options.Config.Impersonate.UserName, v.options.Identity, "somebody"), true
}

// restore writes the template of a revision into the CloneSet after its release, as far as the template is still the one
// that was released.
func (v *Visit) restore(ctx context.Context, p rollout.Progress, revisionName string) error {
	at := targets(v.kind, v.options.Namespace)
	var set cloneSet
	if err := v.client.get(ctx, at.object(v.options.Name), &set); err != nil {
		return explainVisit("reading "+v.Target(), err)
	}
	all := newMirror[revision](v.client, controllerRevisions(v.options.Namespace),
		url.Values{"labelSelector": {selectorText(field(set.tree, "spec", "selector"))}}, make(chan struct{}, 1))
	if err := all.list(ctx); err != nil {
		return explainVisit("listing the ControllerRevisions of "+v.Target(), err)
	}
	var list []revision
	all.each(func(r revision) {
		if r.Metadata.controlledBy(set.Metadata.UID) {
			list = append(list, r)
		}
	})
	h, err := newHistory(set, list)
	if err != nil {
		return err
	}
	update, err := v.present(set.of(v.kind), h)
	if err != nil {
		return err
	}
	there, ok := h.find(revisionName)
	switch {
	case update == revisionName:
		return nil
	case update != p.Revision:
		return &rollout.RefusedError{Why: fmt.Sprintf("the template of %s is of revision %s by now, not of %s, which was released: nothing was changed", v.Target(), update, p.Revision)}
	case !ok:
		return &rollout.RefusedError{Why: fmt.Sprintf("there is no ControllerRevision %s any more: revert the change in Git instead", revisionName)}
	}
	template, err := there.template()
	if err != nil {
		return err
	}
	// A replaced resourceVersion is a precondition; a test that fails would look like a mistake in the patch.
	err = v.client.jsonPatch(ctx, at.object(v.options.Name), []map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": set.Metadata.ResourceVersion},
		{"op": "replace", "path": "/spec/template", "value": template},
	}, nil)
	if err != nil && refused(err) {
		return explainVisit("writing the template of "+v.Target(), err)
	}
	return conflict("writing the template of "+v.Target(), err)
}

// present is the revision of the template that is there now. Where a controller makes the revisions only it knows the name,
// and tells it once it has seen the template.
func (v *Visit) present(set cloneSet, h history) (string, error) {
	if v.options.Mode != plan.Partition {
		return h.update, nil
	}
	read, err := set.read()
	if err != nil {
		return "", err
	}
	s := read.Status
	if s.ObservedGeneration < read.Generation {
		return "", &rollout.RefusedError{Why: fmt.Sprintf("%s, which reconciles %ss, has seen generation %d of %d of %s: nothing was changed; try again when it has seen the present one",
			v.kind.Controller, v.kind.Name, s.ObservedGeneration, read.Generation, v.Target())}
	}
	if name, ok := h.names[hashOf(s.UpdateRevision)]; ok && s.UpdateRevision != "" {
		return name, nil
	}
	return s.UpdateRevision, nil
}

// PeopleRules are the rights of somebody who looks at the release of a target in a mode (read), or also asks things of it.
// An undo after the release needs two more: to patch the target and to list its ControllerRevisions.
func PeopleRules(kind plan.Kind, name string, mode plan.Mode, read bool) []map[string]any {
	memory, verbs := MemoryName(ReleaseName(kind.Name, name, mode)), []string{"get", "list", "watch"}
	rules := []map[string]any{
		rule(kind.Group(), kind.Resource, verbs, name),
		rule("coordination.k8s.io", "leases", []string{"get"}),
	}
	if read {
		return append(rules, rule("", "configmaps", verbs, memory))
	}
	return append(rules, rule("", "configmaps", append(verbs, "patch"), memory), rule("", "events", []string{"create"}))
}
