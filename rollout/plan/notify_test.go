// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// notifying is a plan with the given notifications, which begin in line 8.
func notifying(notifications string) string {
	return `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: cart}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: cart}
  batches: [{replicas: 100%}]
  notifications:
` + notifications
}

func TestParseNotifications(t *testing.T) {
	p, err := plan.ParsePlan("plan.yaml", []byte(notifying(`  - slack: {urlFrom: {secretRef: {name: chat, key: url}}}
    on: [AwaitingApproval, AgentFailed]
  - name: log
    webhook:
      url: https://hooks.example.com/releases
      headers: [{name: X-Team, value: shop}, {name: X-Key, secretRef: {name: hook, key: key}}]
      bearerToken: {secretRef: {name: hook, key: token}}
`)))
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Notification{
		{
			Name: "number 1", Slack: &plan.Slack{URLFrom: plan.SecretRef{Name: "chat", Key: "url"}},
			On: []plan.Reason{plan.AwaitingApproval, plan.AgentFailed},
		},
		{Name: "log", Webhook: &plan.Webhook{URL: "https://hooks.example.com/releases", Access: plan.Access{
			Headers: []plan.Header{
				{Name: "X-Team", Value: "shop"},
				{Name: "X-Key", Secret: &plan.SecretRef{Name: "hook", Key: "key"}},
			},
			BearerToken: &plan.SecretRef{Name: "hook", Key: "token"},
		}}, On: p.Notifications[1].On},
	}
	if diff := cmp.Diff(want, p.Notifications); diff != "" {
		t.Error(diff)
	}
	if log := p.Notifications[1]; !log.Wants(plan.AwaitingApproval) || !log.Wants(plan.Completed) || log.Wants(plan.BatchReady) {
		t.Errorf("without a word, it is about %v", log.On)
	}
	refs := []plan.SecretRef{{Name: "chat", Key: "url"}, {Name: "hook", Key: "key"}, {Name: "hook", Key: "token"}}
	if diff := cmp.Diff(refs, p.Secrets()); diff != "" {
		t.Errorf("the secrets of the plan: %s", diff)
	}
}

func TestNotificationMistakesAreNamed(t *testing.T) {
	for _, test := range []struct{ yaml, want string }{
		{"  - {name: a}", "plan.yaml:8: spec.notifications[0]: says whom to tell neither with webhook nor with slack"},
		{"  - {slack: {url: https://hooks.example.com/x}}", "plan.yaml:8: spec.notifications[0].slack.url: must not stand in a plan"},
		{"  - {slack: {}}", "plan.yaml:8: spec.notifications[0].slack.urlFrom: is missing: write {secretRef: {name: SECRET, " +
			"key: KEY}}"},
		{"  - {slack: {urlFrom: {name: chat, key: url}}}", `spec.notifications[0].slack.urlFrom.name: unknown field`},
		{
			"  - {slack: {urlFrom: {secretRef: {name: chat}}}}",
			`spec.notifications[0].slack.urlFrom.secretRef.key: "" is not a key of a Secret`,
		},
		{"  - {slack: {urlFrom: {secretRef: {name: chat, key: ../../etc}}}}", `is not a key of a Secret`},
		{"  - {webhook: {}}", "plan.yaml:8: spec.notifications[0].webhook: has neither url nor urlFrom"},
		{"  - {webhook: {url: hooks}}", `spec.notifications[0].webhook.url: "hooks" is not a URL such as ` +
			`https://hooks.example.com/releases`},
		{"  - {webhook: {url: 'https://a:b@example.com'}}", "has a user or password in it"},
		{
			"  - {webhook: {url: 'https://example.com', urlFrom: {secretRef: {name: a, key: b}}}}",
			"spec.notifications[0].webhook.urlFrom: stands beside url",
		},
		{"  - {webhook: {url: 'https://example.com', headers: [{name: Authorization, value: x}]}}", "must not stand in a plan"},
		{
			"  - {webhook: {url: 'https://example.com'}, slack: {urlFrom: {secretRef: {name: a, key: b}}}}",
			"spec.notifications[0].slack: stands beside webhook",
		},
		{
			"  - {webhook: {url: 'https://example.com'}, on: [Complete]}",
			`spec.notifications[0].on[0]: "Complete" cannot be notified of`,
		},
		{"  - {webhook: {url: 'https://example.com'}, on: [PodsUpdating]}", `"PodsUpdating" cannot be notified of`},
		{"  - {webhook: {url: 'https://example.com'}, on: []}", "spec.notifications[0].on: is empty"},
		{
			"  - {name: a, webhook: {url: 'https://example.com'}}\n  - {name: a, webhook: {url: 'https://example.com'}}",
			`plan.yaml:9: spec.notifications[1].name: "a" is the name of a notification above`,
		},
		{"  - {webhok: {url: 'https://example.com'}}", `spec.notifications[0].webhok: unknown field "webhok" (did you mean ` +
			`"webhook"?)`},
	} {
		_, err := plan.ParsePlan("plan.yaml", []byte(notifying(test.yaml)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n gives %v\n want %s", test.yaml, err, test.want)
		}
	}
}
