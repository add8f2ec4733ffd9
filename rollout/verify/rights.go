// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// right is one thing that somebody may do.
type right struct {
	group, resource, subresource, verb, name string
}

// what is the resource, and the object where only one is meant.
func (r right) what() string {
	what := r.resource
	if r.subresource != "" {
		what += "/" + r.subresource
	}
	if r.group != "" {
		what += "." + r.group
	}
	return strings.TrimSpace(what + " " + r.name)
}

// wordsOf lists rights by what they are for.
func wordsOf(rights []right) string {
	verbs := map[string][]string{}
	for _, r := range rights {
		verbs[r.what()] = append(verbs[r.what()], r.verb)
	}
	var out []string
	for _, what := range slices.Sorted(maps.Keys(verbs)) {
		slices.Sort(verbs[what])
		out = append(out, strings.Join(slices.Compact(verbs[what]), ", ")+" "+what)
	}
	return strings.Join(out, "; ")
}

// rights are those of the Role that rollout job prints.
func (r *release) rights() []right {
	mode := manifests.DeleteModeDelete
	if r.options.Evict {
		mode = manifests.DeleteModeEvict
	}
	o := manifests.Job{CloneSet: r.set, Mode: r.options.Plan.Mode, DeleteMode: mode}
	var out []right
	for _, rule := range append(o.Rules(), manifests.NodeRules(r.options.Plan)...) {
		groups, _ := rule["apiGroups"].([]string)
		resources, _ := rule["resources"].([]string)
		verbs, _ := rule["verbs"].([]string)
		names, _ := rule["resourceNames"].([]string)
		if len(names) == 0 {
			names = []string{""}
		}
		for _, what := range resources {
			kind, sub, _ := strings.Cut(what, "/")
			for _, verb := range verbs {
				for _, name := range names {
					out = append(out, right{groups[0], kind, sub, verb, name})
				}
			}
		}
	}
	return out
}

// askRights asks the API server for each right. That is a request to create a review, which is stored nowhere.
func (s *snapshot) askRights(ctx context.Context, r *reader) {
	asker := r.client
	s.rightsOf = "whoever verifies"
	if s.options.Account != "" {
		s.rightsOf = "service account " + s.options.Account
		var err error
		if asker, err = impersonating(s.options.Config, s.options.Account); err != nil {
			r.denied(manifest.ObjectRef{Kind: "ServiceAccount", Name: s.options.Account}, "impersonate", err, "which rights it has")
			return
		}
	}
	all := s.rights()
	answers := make([]bool, len(all))
	var wait sync.WaitGroup
	for i, what := range all {
		wait.Go(func() {
			var err error
			if answers[i], err = allowed(ctx, asker, s.options.Namespace, what); err != nil {
				answers[i] = true // not known to be lacking
				r.denied(manifest.ObjectRef{Kind: "SelfSubjectAccessReview"}, s.askVerb(), err, "which rights "+s.rightsOf+" has")
			}
		})
	}
	wait.Wait()
	for i, ok := range answers {
		if !ok {
			s.lacking = append(s.lacking, all[i])
		}
	}
	r.saw("right", len(all))
}

func (q *request) askVerb() string {
	if q.options.Account != "" {
		return "impersonate the service account, or create"
	}
	return "create"
}

// impersonating is a client that asks in the name of a service account.
func impersonating(config *rest.Config, account string) (kube.Client, error) {
	namespace, name, _ := strings.Cut(account, "/")
	c := rest.CopyConfig(config)
	c.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + name,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return kube.NewClient(c)
}

func allowed(ctx context.Context, c kube.Client, namespace string, what right) (bool, error) {
	review := authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: what.verb, Group: what.group, Resource: what.resource, Subresource: what.subresource,
			Name: what.name,
		},
	}}
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "SelfSubjectAccessReview"
	err := c.Create(ctx, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, &review)
	return review.Status.Allowed, err
}

// probeRights tells which rights of the agent are not granted.
func probeRights(s *snapshot) []Finding {
	lacking, needed := s.lacking, len(s.rights())
	if len(s.change.Resized) == 0 {
		// It is in the Role for the day when it is.
		lacking = slices.DeleteFunc(slices.Clone(lacking), func(r right) bool { return r.subresource == "resize" })
		needed -= len(s.lacking) - len(lacking)
	}
	if len(lacking) == 0 {
		return nil
	}
	effect := fmt.Sprintf("lacks %d of the %d rights that the release needs, and the release ends where it needs the first of "+
		"them (exit code 1): %s", len(lacking), needed, wordsOf(lacking))
	if s.options.Account != "" {
		namespace, name, _ := strings.Cut(s.options.Account, "/")
		return one(codeRightMissing, manifest.ObjectRef{Kind: "ServiceAccount", Namespace: namespace, Name: name}, effect,
			"grant them: slipway rollout job prints a Role with all of them")
	}
	return one(codeOwnRightMissing, s.target(), "whoever verifies "+effect,
		"where somebody else runs the release, name the service account with --as-service-account; otherwise grant them: slipway "+
			"rollout job prints a Role with all of them")
}
