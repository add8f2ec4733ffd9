// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// reachCases are about where the agent of a release connects to, what it sends there, and what image it is.
func reachCases() []verifyCase {
	token := plan.Access{BearerToken: &plan.SecretRef{Name: "prometheus", Key: "token"}}
	header := plan.Access{Headers: []plan.Header{{Name: "X-Key", Secret: &plan.SecretRef{Name: "shop", Key: "key"}}}}
	asks := func(url string, a plan.Access) verify.Options {
		return verify.Options{Plan: plan.BatchPlan{Checks: []plan.Check{{Name: "web", HTTP: &plan.HTTP{URL: url, Access: a}}}}}
	}
	tells := func(url string) verify.Options {
		return verify.Options{Plan: plan.BatchPlan{Notifications: []plan.Notification{
			{Name: "hook", Webhook: &plan.Webhook{URL: url}},
		}}}
	}
	ours := []string{"secret-in-clear", "metadata-address", "image-without-digest"}
	both := []string{cluster(5, inPlace)}
	cases := []verifyCase{
		{
			name: "a token over http", want: "secret-in-clear", says: []string{
				"Check web: spec.checks[0].prometheus.address: a secret goes to prometheus:9090 without encryption",
			},
			options: verify.Options{Plan: plan.BatchPlan{Checks: []plan.Check{
				{Name: "web", Prometheus: &plan.Prometheus{Address: "http://prometheus:9090", Access: token}},
			}}},
		},
		{
			name: "a secret header over http", options: asks("http://shop/healthz", header), want: "secret-in-clear",
			not: []string{"metadata-address"},
		},
		{name: "a token over https", options: asks("https://shop/healthz", token), want: "in-place", not: ours},
		{name: "a token to this pod", options: asks("http://127.0.0.1:9090", token), want: "in-place", not: ours},
		{name: "no secret over http", options: asks("http://shop/healthz", plan.Access{}), want: "in-place", not: ours},
		{
			name: "a hook to a metadata server", options: tells("http://169.254.169.254/latest/api/token"), want: "metadata-address",
			says: []string{"Notification hook: spec.notifications[0].webhook.url: 169.254.169.254 is an address"},
		},
		{name: "a hook elsewhere", options: tells("https://hooks.example.com"), want: "in-place", not: ours},
		agentCase("a tag", "registry.example.com/slipway:v1", "image-without-digest"),
		agentCase("a digest", "registry.example.com/slipway:v1@sha256:"+strings.Repeat("0", 64), "in-place"),
	}
	for _, host := range []string{
		"169.254.0.1:80", "[fe80::1]", "[fe80::1%25eth0]", "[::ffff:169.254.169.254]",
		"METADATA.google.internal.", "[fd00:ec2::254]", "100.100.100.200",
	} {
		cases = append(cases, verifyCase{
			name: "asks " + host, options: asks("http://"+host+"/", plan.Access{}),
			want: "metadata-address",
		})
	}
	for i := range cases {
		if cases[i].objects == nil {
			cases[i].objects = both
		}
	}
	planText := []byte("apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nspec:\n  checks:\n  - name: web\n    http:\n      " +
		"url: http://shop\n")
	located := asks("http://shop", token)
	located.PlanFile, located.PlanText = "plan.yaml", planText
	return append(cases, verifyCase{
		name: "where it is written", objects: both, options: located, want: "secret-in-clear",
		says: []string{"plan.yaml:7: Check web: spec.checks[0].http.url: "},
	})
}

// agentCase verifies a manifest that brings the Job of its release along.
func agentCase(name, image, want string) verifyCase {
	c := verifyCase{name: "an agent's image with " + name, want: want, objects: []string{cluster(5, inPlace)}}
	job := namespaced("Job", "batch/v1", "demo-rollout-1",
		"spec: {template: {spec: {containers: [{name: slipway, image: '"+image+
			"', args: [rollout, run, demo]}, {name: other, image: 'app:v1'}]}}}")
	c.options.Manifest = []byte(strings.SplitN(c.objects[0], "---", 2)[0] + "---\n" + job)
	if want == "image-without-digest" {
		c.says = []string{"Job shop/demo-rollout-1: the agent's image " + image + " has no digest"}
	} else {
		c.not = []string{"image-without-digest"}
	}
	return c
}
