// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// requestTimeout is how long a request is tried against others that write the same record.
const requestTimeout = 30 * time.Second

// Request asks something of a release in the name of the person that the server knows, and stores it for the agent. Who writes
// at the same time, the agent or another person, neither loses this request nor has his own lost: it is worked out anew on
// what is stored by then. The error is a *request.RefusedError where the request makes no sense now; then nothing was stored.
func (v *Release) Request(ctx context.Context, r rollout.Request) (request.Answer, error) {
	r.By, r.Claimed = v.whoAmI(ctx)
	r.At = v.now().UTC().Round(0)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	try := attempt{release: v, request: r}
	for {
		err := try.once(ctx)
		if err == nil || !errors.Is(err, rollout.ErrConflict) {
			return try.answer, err
		}
		kube.Pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return try.answer, fmt.Errorf("%w: it is not known whether it was stored: see slipway rollout status", err)
		}
	}
}

// attempt is one request until it is stored.
type attempt struct {
	release *Release
	request rollout.Request
	tried   bool           // to write: it may be stored although nobody was told so
	undoes  bool           // and to write a template: it may be there although nobody was told so
	answer  request.Answer // of the last try
}

// once is one try. The first one settles which batch is meant: a later one must not approve the next batch.
func (a *attempt) once(ctx context.Context) error {
	v := a.release
	record, err := v.read(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return &request.RefusedError{Why: fmt.Sprintf("no release of %s is recorded (there is no %s): it has not begun",
			v.target.String(), v.recordWords())}
	case err != nil && a.tried && !kube.Refused(err):
		return kube.Conflict("reading "+v.recordWords(), err)
	case err != nil:
		return explain("reading "+v.recordWords(), err)
	case !v.meant(record):
		return &request.RefusedError{Why: v.otherRelease(record)}
	}
	plan, progress, err := v.remembered(record)
	if err != nil {
		return err
	}
	if a.tried && slices.ContainsFunc(progress.Requests, a.request.Equal) {
		a.answer.Progress = progress // the try before was stored, and its answer got lost
		return nil
	}
	if a.answer, err = request.Apply(plan, progress, a.request); err != nil || !a.answer.Changed {
		return err
	}
	a.request, a.tried = a.answer.Progress.Requests[len(a.answer.Progress.Requests)-1], true
	if a.answer.Restore != "" {
		there, err := v.restore(ctx, progress, a.answer.Restore)
		if there && !a.undoes {
			return &request.RefusedError{Why: fmt.Sprintf("the template is that of revision %s already: a controller, or slipway "+
				"rollout run, has to act on it", a.answer.Restore)}
		}
		a.undoes = true
		if err != nil {
			return err
		}
	}
	return v.store(ctx, record, a.answer, a.request)
}

// store writes the request, or for an older agent the progress, over exactly the record that it was worked out on, and tells of
// it as an Event, where the person may do that.
func (v *Release) store(ctx context.Context, record kube.Record, answer request.Answer, r rollout.Request) error {
	key, manager := kube.KeyProgress, kube.FieldManager
	data, err := answer.Progress.Store()
	if record.Data[kube.KeyEntries] != "" { // whoever keeps the progress reads requests for himself
		key, manager = kube.RequestKey(r), kube.PersonManager(r.By)
		data, err = json.Marshal(r)
	}
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	patch := map[string]any{
		"metadata": map[string]any{"uid": record.UID, "resourceVersion": record.ResourceVersion},
		"data":     map[string]string{key: string(data)},
	}
	err = v.client.MergePatchAs(ctx, manager, kube.ConfigMaps(v.target.Namespace).Object(record.Name), patch)
	switch {
	case err == nil:
	case kube.Refused(err):
		return explain("writing "+v.recordWords(), err)
	default:
		return kube.Conflict("writing "+v.recordWords(), err)
	}
	if o := record.Owner(); o.UID != "" {
		about := corev1.ObjectReference{
			APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, UID: o.UID,
			Namespace: v.target.Namespace,
		}
		_ = v.client.Create(ctx, kube.Events(v.target.Namespace).Path,
			kube.NewEvent(about, "Normal", string(r.Kind), answer.Message, r.By, v.now()), nil)
	}
	return nil
}

// whoAmI asks the server for the person's user name. A server that does not tell leaves what the person says.
func (v *Release) whoAmI(ctx context.Context) (name string, claimed bool) {
	var review struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	body := map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
	err := v.client.Create(ctx, "/apis/authentication.k8s.io/v1/selfsubjectreviews", body, &review)
	if name := review.Status.UserInfo.Username; err == nil && name != "" {
		return name, false
	}
	return cmp.Or(v.options.Config.Impersonate.UserName, v.options.Identity, "somebody"), true
}

// restore writes the template of a revision into the CloneSet after its release, as far as the template is still the one
// that was released. It tells whether it is there already.
func (v *Release) restore(ctx context.Context, p rollout.Progress, revisionName string) (there bool, err error) {
	at := v.target.Path()
	var set kube.Workload
	if err := v.client.Get(ctx, at, &set); err != nil {
		return false, explain("reading "+v.target.String(), err)
	}
	h, err := v.history(ctx, set)
	if err != nil {
		return false, err
	}
	update, err := v.present(set.Of(v.target.Kind), h)
	if err != nil {
		return false, err
	}
	older, ok := h.Find(revisionName)
	switch {
	case update == revisionName:
		return true, nil
	case update != p.Revision:
		return false, &request.RefusedError{Why: fmt.Sprintf("the template of %s is of revision %s by now, not of %s, which was "+
			"released: nothing was changed", v.target.String(), update, p.Revision)}
	case !ok:
		return false, &request.RefusedError{Why: fmt.Sprintf("there is no ControllerRevision %s any more: revert the change in Git "+
			"instead", revisionName)}
	}
	template, err := older.Template()
	if err != nil {
		return false, err
	}
	// A replaced resourceVersion is a precondition; a test that fails would look like a mistake in the patch.
	err = v.client.JSONPatch(ctx, at, []map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": set.ResourceVersion},
		{"op": "replace", "path": "/spec/template", "value": template},
	}, nil)
	if err != nil && kube.Refused(err) {
		return false, explain("writing the template of "+v.target.String(), err)
	}
	return false, kube.Conflict("writing the template of "+v.target.String(), err)
}

// history is the revisions that a template can be taken from.
func (v *Release) history(ctx context.Context, set kube.Workload) (kube.History, error) {
	selected := url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(set.Tree, "spec", "selector"))}}
	if v.target.Kind.BySurge {
		sets, err := listed[kube.ReplicaSet](ctx, v.client, kube.ReplicaSets(v.target.Namespace), selected, set)
		if err != nil {
			return kube.History{}, err
		}
		record, err := v.read(ctx)
		if err != nil {
			return kube.History{}, explain("reading "+v.recordWords(), err)
		}
		kept, err := trust.Kept(record, set)
		if err != nil {
			return kube.History{}, err
		}
		h, _, err := kube.NewSetHistory(set, sets, kept)
		return h, err
	}
	list, err := listed[kube.Revision](ctx, v.client, kube.ControllerRevisions(v.target.Namespace), selected, set)
	if err != nil {
		return kube.History{}, err
	}
	return kube.NewHistory(set, list)
}

// listed are the objects of a kind that the target owns.
func listed[T kube.Object](ctx context.Context, c kube.Client, of kube.Resource, selected url.Values,
	set kube.Workload,
) ([]T, error) {
	all := kube.NewCache[T](c, of, selected, make(chan struct{}, 1))
	if err := all.List(ctx); err != nil {
		return nil, explain(fmt.Sprintf("listing the %ss of %s/%s", of.Kind, set.Namespace, set.Name), err)
	}
	var list []T
	all.Each(func(o T) {
		if kube.ControlledBy(o.Meta(), set.UID) {
			list = append(list, o)
		}
	})
	return list, nil
}

// present is the revision of the template that is there now. Where a controller makes the revisions only it knows the name,
// and tells it once it has seen the template.
func (v *Release) present(set kube.Workload, h kube.History) (string, error) {
	if v.options.Mode != plan.Partition || v.target.Kind.BySurge {
		return h.Update, nil
	}
	read, err := set.Read()
	if err != nil {
		return "", err
	}
	s := read.Status
	if s.ObservedGeneration < read.Generation {
		return "", &request.RefusedError{Why: fmt.Sprintf("%s, which reconciles %ss, has seen generation %d of %d of %s: nothing "+
			"was changed; try again when it has seen the present one",
			v.target.Kind.Controller, v.target.Kind.Name, s.ObservedGeneration, read.Generation, v.target.String())}
	}
	if s.UpdateRevision == "" { // that of a DaemonSet of apps/v1 has none
		return h.Newest(), nil
	}
	if name, ok := h.NameOf(s.UpdateRevision); ok {
		return name, nil
	}
	return s.UpdateRevision, nil
}
