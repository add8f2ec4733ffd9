// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

const sidecarSetKind = "SidecarSet"

// liveWebhook is a webhook of Kruise's that sees pods as they are created.
type liveWebhook struct {
	namespaces, objects *Selector
}

// kruiseWebhooks finds them. Kruise's are known by the name of their configuration or of their service.
func kruiseWebhooks(configurations []*yaml.Node) []liveWebhook {
	var out []liveWebhook
	for _, c := range configurations {
		for _, w := range manifest.Items(manifest.Lookup(c, "webhooks")) {
			service := manifest.Text(manifest.At(w, "clientConfig", "service", nameField))
			if !strings.Contains(manifest.RefOf(c).Name, "kruise") && !strings.Contains(service, "kruise") || !seesPods(w) {
				continue
			}
			d := &manifest.Decoder{}
			hook := liveWebhook{namespaces: &Selector{}, objects: &Selector{}}
			d.Decode(manifest.Lookup(w, "namespaceSelector"), hook.namespaces, "")
			d.Decode(manifest.Lookup(w, "objectSelector"), hook.objects, "")
			out = append(out, hook)
		}
	}
	return out
}

// seesPods says whether a webhook is called when a pod is created.
func seesPods(webhook *yaml.Node) bool {
	has := func(rule *yaml.Node, field string, words ...string) bool {
		return slices.ContainsFunc(manifest.Items(manifest.Lookup(rule, field)),
			func(n *yaml.Node) bool { return slices.Contains(words, manifest.Text(n)) })
	}
	return slices.ContainsFunc(manifest.Items(manifest.Lookup(webhook, "rules")), func(rule *yaml.Node) bool {
		return has(rule, "operations", "CREATE", "*") && has(rule, "apiGroups", "", "*") && has(rule, "resources", "pods", "*", "*/*")
	})
}

// reach says whether Kruise's webhook sees a pod.
func (d *diagnosis) reach(p pod) answer {
	if d.live.WebhooksUnseen {
		return answer{verdict: Undecided, reason: "whether Kruise's webhook is on was not seen"}
	}
	best := answer{verdict: Unmatched}
	for _, hook := range d.hooks {
		a := answer{verdict: Matched}
		if !hook.objects.empty() { // here, an empty selector matches everything
			a = selectLabels(hook.objects, p.labels, p.kind.Adds)
		}
		if a.verdict != Unmatched && !hook.namespaces.empty() {
			if n := d.in.selectNamespace(hook.namespaces, p.namespace); n.verdict != Matched {
				a = n
			}
		}
		if a.verdict == Matched {
			return a
		}
		if a.verdict == Undecided {
			best = a
		}
	}
	return best
}
