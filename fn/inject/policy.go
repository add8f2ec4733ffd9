// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Policies are rules of the user's own that Lint holds SidecarSets to. The zero value asks for nothing.
// What they find is an error, with a code that starts with policy-.
type Policies struct {
	// ImagesByDigest asks for images that name their content (image@sha256:...), not a tag that can move.
	ImagesByDigest bool `json:"imagesByDigest"`
	// Registries are where images may come from: hosts (registry.example.com) or host and path
	// (registry.example.com/team). An image without a host comes from docker.io. Empty allows all.
	Registries []string `json:"registries"`
	// NoPrivileged refuses what gives a container the node: privileged, allowPrivilegeEscalation: true, the
	// capabilities SYS_ADMIN and ALL, and Windows host processes. It does not look at hostPath volumes, which log and
	// metrics agents are made for, nor at host namespaces, which belong to the pod and not to a sidecar.
	NoPrivileged bool `json:"noPrivileged"`
	// ResourcesSet asks every container for requests and limits of cpu and memory, or for a resourcesPolicy.
	// A limit stands for its request too, as in Kubernetes.
	ResourcesSet bool `json:"resourcesSet"`
}

// Validate says what is wrong with the policies as they were written, or "".
func (p Policies) Validate() string {
	for _, r := range p.Registries {
		host, path, _ := strings.Cut(r, "/")
		switch {
		case strings.Contains(r, "://"):
			return fmt.Sprintf("registries: %q has a scheme, and image names have none: remove it", r)
		case host == "" || strings.ContainsAny(r, " \t@*") || strings.Contains(path, ":") || strings.HasSuffix(r, "/"):
			return fmt.Sprintf("registries: %q is neither a host nor a host and a path", r)
		case !isRegistryHost(host):
			return fmt.Sprintf("registries: %q does not start with a host: write docker.io/%s for Docker Hub", r, r)
		}
	}
	return ""
}

// policies hold the containers of a set to those of the user.
type policies struct {
	*reporter
	Policies
}

// check holds one container to the policies.
func (l *policies) check(s *Sidecar, at spot, c *corev1.Container) {
	images := []struct {
		at    spot
		image string
	}{{at.key("image"), c.Image}}
	if s.UpgradeStrategy.UpgradeType == hotUpgrade {
		images = append(images, struct {
			at    spot
			image string
		}{at.key("upgradeStrategy").key("hotUpgradeEmptyImage"), s.UpgradeStrategy.HotUpgradeEmptyImage})
	}
	for _, i := range images {
		if i.image != "" {
			l.checkImagePolicies(i.at, i.image)
		}
	}
	if l.NoPrivileged && c.SecurityContext != nil {
		l.checkPrivileged(at.key("securityContext"), c.SecurityContext)
	}
	if missing := missingResources(c.Resources); l.ResourcesSet && s.ResourcesPolicy == nil && len(missing) > 0 {
		l.report(manifest.SeverityError, at.key(resourcesField), "policy-resources", "lacks "+strings.Join(missing, ", "),
			"set them, or a resourcesPolicy")
	}
}

func (l *policies) checkImagePolicies(at spot, image string) {
	if l.ImagesByDigest && !byDigest(image) {
		l.report(manifest.SeverityError, at, "policy-digest", fmt.Sprintf("%q is not pinned by its digest", image),
			"write NAME@sha256:DIGEST; a tag may stand before the @")
	}
	name := repository(image)
	allowed := slices.ContainsFunc(l.Registries, func(r string) bool {
		host, path, _ := strings.Cut(r, "/")
		prefix := registryHost(host) + "/" + path
		return name == prefix || strings.HasPrefix(name, strings.TrimSuffix(prefix, "/")+"/")
	})
	if len(l.Registries) > 0 && !allowed {
		l.report(manifest.SeverityError, at, "policy-registry", fmt.Sprintf("%q comes from %s", image, name),
			"allowed: "+strings.Join(l.Registries, ", "))
	}
}

func byDigest(image string) bool {
	return regexp.MustCompile(`.@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$`).MatchString(image)
}

// repository is the full name of an image: host and path, without tag and digest. docker.io and library are filled in
// as container runtimes do.
func repository(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if slash, colon := strings.LastIndex(name, "/"), strings.LastIndex(name, ":"); colon > slash {
		name = name[:colon]
	}
	host, path, found := strings.Cut(name, "/")
	switch {
	case !found:
		return dockerHub + "/library/" + name
	case !isRegistryHost(host):
		return dockerHub + "/" + name
	case registryHost(host) == dockerHub && !strings.Contains(path, "/"):
		path = "library/" + path
	}
	return registryHost(host) + "/" + path
}

const dockerHub = "docker.io"

// registryHost is a host in the one form that it is compared in.
func registryHost(host string) string {
	if host = strings.ToLower(host); host == "index."+dockerHub {
		return dockerHub
	}
	return host
}

// isRegistryHost tells the host of an image's name from the first part of a path, as container runtimes do.
func isRegistryHost(part string) bool {
	return part == "localhost" || strings.ContainsAny(part, ".:") || part != strings.ToLower(part)
}

func (l *policies) checkPrivileged(at spot, s *corev1.SecurityContext) {
	if s.Privileged != nil && *s.Privileged {
		l.report(manifest.SeverityError, at.key("privileged"), "policy-privileged", "the container is privileged", "")
	}
	if s.AllowPrivilegeEscalation != nil && *s.AllowPrivilegeEscalation {
		l.report(manifest.SeverityError, at.key("allowPrivilegeEscalation"), "policy-privileged", "the container may gain privileges",
			"set it to false")
	}
	if w := s.WindowsOptions; w != nil && w.HostProcess != nil && *w.HostProcess {
		l.report(manifest.SeverityError, at.key("windowsOptions").key("hostProcess"), "policy-privileged",
			"the container runs on the host", "")
	}
	if s.Capabilities == nil {
		return
	}
	for i, c := range s.Capabilities.Add {
		if name := strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_"); name == "SYS_ADMIN" || name == "ALL" {
			l.report(manifest.SeverityError, at.key("capabilities").key("add").index(i), "policy-privileged",
				"the capability "+name+" is as good as privileged", "")
		}
	}
}

// missingResources lists what a container does not say about cpu and memory.
func missingResources(r corev1.ResourceRequirements) []string {
	var out []string
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		_, limit := r.Limits[name]
		_, request := r.Requests[name]
		if !limit {
			out = append(out, limitsField+"."+string(name))
		}
		if !limit && !request {
			out = append(out, requestsField+"."+string(name))
		}
	}
	return out
}
