// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// contact is a server that the plan makes the agent ask or tell.
type contact struct {
	of     manifest.ObjectRef
	field  string // of the plan, where the address is written
	url    string
	access plan.Access
}

// contacts are the servers whose addresses the plan holds. An address that stands in a Secret is not known here.
func contacts(p plan.BatchPlan) []contact {
	var out []contact
	for i, c := range p.Checks {
		of, at := manifest.ObjectRef{Kind: "Check", Name: c.Name}, fmt.Sprintf("spec.checks[%d].", i)
		switch {
		case c.Prometheus != nil:
			out = append(out, contact{of, at + "prometheus.address", c.Prometheus.Address, c.Prometheus.Access})
		case c.HTTP != nil:
			out = append(out, contact{of, at + "http.url", c.HTTP.URL, c.HTTP.Access})
		}
	}
	for i, n := range p.Notifications {
		if n.Webhook != nil && n.Webhook.URL != "" {
			of := manifest.ObjectRef{Kind: "Notification", Name: n.Name}
			out = append(out, contact{of, fmt.Sprintf("spec.notifications[%d].webhook.url", i), n.Webhook.URL, n.Webhook.Access})
		}
	}
	return out
}

// probeContacts looks at the addresses to which the agent connects with its own place in the network, and what it sends there.
func probeContacts(s *snapshot) []Finding {
	var out []Finding
	for _, c := range contacts(s.options.Plan) {
		u, err := url.Parse(c.url)
		if err != nil {
			continue // the plan was not accepted with it
		}
		if u.Scheme == "http" && secretive(c.access) && !loopback(u.Hostname()) {
			out = append(out, c.finding(s, newFinding(codeClearSecret, c.of,
				"a secret goes to "+u.Host+" without encryption: whoever sees the network between reads it, and may answer in the "+
					"server's place", "write an https address, with ca where its certificate is the cluster's own")))
		}
		if metadataHost(u.Hostname()) {
			out = append(out, c.finding(s, newFinding(codeMetadata, c.of,
				u.Host+" is an address of the node's own network, where clouds hand out a node's credentials: whoever may write the plan "+
					"reads or "+
					"asks there in the node's name",
				"ask a Service or a host name, and deny 169.254.0.0/16 and fe80::/10 to pods labelled app.kubernetes.io/name: slipway in "+
					"a NetworkPolicy")))
		}
	}
	return out
}

// finding is one with the place where the address is written.
func (c contact) finding(s *snapshot, f Finding) Finding {
	f.Field = c.field
	var at manifest.Finding
	if errors.As(plan.Locate(s.options.PlanFile, s.options.PlanText, manifest.Finding{Field: c.field}), &at) {
		f.Source = at.Source
	}
	return f
}

// secretive tells whether a request carries a value of a Secret.
func secretive(a plan.Access) bool {
	return a.BearerToken != nil || slices.ContainsFunc(a.Headers, func(h plan.Header) bool { return h.Secret != nil })
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// metadataHost tells whether a host is link-local, or one of the names and addresses under which clouds answer their nodes.
func metadataHost(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap().WithZone("")
		clouds := []string{"fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"}
		return address.IsLinkLocalUnicast() || slices.Contains(clouds, address.String())
	}
	return slices.Contains([]string{
		"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
		"metadata.tencentyun.com",
	}, strings.ToLower(strings.TrimSuffix(host, ".")))
}

// probeImage looks at the agents in the manifests that are about to be applied.
func probeImage(s *snapshot) []Finding {
	trees, err := s.trees()
	if err != nil {
		return nil // readSpec tells what is wrong, with its place
	}
	var out []Finding
	for _, tree := range trees {
		containers, _ := kube.Field(tree, "spec", "template", "spec", "containers").([]any)
		for _, c := range containers {
			if image := kube.Text(c, "image"); runsReleases(c) && !strings.Contains(image, "@sha256:") {
				of := s.ref(kube.Text(tree, "kind"), kube.Text(tree, "metadata", "name"))
				out = append(out, newFinding(codeImageTag, of,
					"the agent's image "+image+" has no digest: whoever can move its tag runs with the release's rights",
					"name it as NAME@sha256:DIGEST, which each release of slipway lists"))
			}
		}
	}
	return out
}

// runsReleases tells whether a container is an agent, as rollout job and render write it.
func runsReleases(container any) bool {
	args, _ := kube.Field(container, "args").([]any)
	return len(args) > 1 && args[0] == "rollout" && args[1] == "run"
}
