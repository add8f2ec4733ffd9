// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// checkResources checks the quantities of a container: what the node can give, and no request above its limit.
func (l *containerLinter) checkResources() {
	r := l.Resources
	for _, part := range []struct {
		field string
		list  corev1.ResourceList
	}{{limitsField, r.Limits}, {requestsField, r.Requests}} {
		for _, name := range slices.Sorted(maps.Keys(part.list)) {
			entry := l.at.key(resourcesField).key(part.field).entry(string(name))
			q, limit := part.list[name], r.Limits[name]
			_, limited := r.Limits[name]
			switch {
			case !knownResource(string(name)):
				l.report(manifest.SeverityError, entry, "bad-resources", fmt.Sprintf("%q is not a resource of containers", name),
					"cpu, memory, ephemeral-storage, hugepages-SIZE or a name with a domain")
			case q.Sign() < 0:
				l.report(manifest.SeverityError, entry, "bad-quantity", "is negative", "")
			case strings.Contains(string(name), "/") && !whole(q):
				l.report(manifest.SeverityError, entry, "bad-quantity", fmt.Sprintf("is %s, must be a whole number", q.String()), "")
			case part.field == requestsField && limited && q.Cmp(limit) > 0:
				l.report(manifest.SeverityError, entry, "bad-resources",
					fmt.Sprintf("requests %s, above the limit of %s", q.String(), limit.String()), "")
			case part.field == requestsField && !overcommits(string(name)) && (!limited || q.Cmp(limit) != 0):
				l.report(manifest.SeverityError, entry, "bad-resources", fmt.Sprintf("of %s, request and limit must be equal", name), "")
			}
		}
	}
}

func whole(q resource.Quantity) bool { return q.CmpInt64(q.Value()) == 0 }

func knownResource(name string) bool {
	if strings.Contains(name, "/") {
		return len(validation.IsQualifiedName(name)) == 0
	}
	return overcommits(name) || strings.HasPrefix(name, "hugepages-")
}

// overcommits says whether a resource can be requested without a limit.
func overcommits(name string) bool {
	return name == "cpu" || name == "memory" || name == "ephemeral-storage"
}

// checkInit checks what depends on where a container runs.
func (l *containerLinter) checkInit() {
	if !l.init {
		if l.RestartPolicy != nil {
			l.report(manifest.SeverityWarning, l.at.key("restartPolicy"), "restart-policy",
				"makes no native sidecar of a container outside initContainers, and Kubernetes before 1.35 refuses it",
				"move the container to spec.initContainers")
		}
		return
	}
	if l.native {
		return
	}
	for _, f := range []struct {
		field string
		set   bool
	}{
		{"lifecycle", l.Lifecycle != nil},
		{"livenessProbe", l.LivenessProbe != nil},
		{"readinessProbe", l.ReadinessProbe != nil},
		{"startupProbe", l.StartupProbe != nil},
	} {
		if f.set {
			l.report(manifest.SeverityError, l.at.key(f.field), "probe-on-init", "an init container that runs to its end cannot have it",
				"remove it, or add restartPolicy: Always to make it a native sidecar")
		}
	}
}

func (l *containerLinter) checkProbes() {
	for _, p := range []struct {
		field string
		probe *corev1.Probe
	}{{"livenessProbe", l.LivenessProbe}, {"readinessProbe", l.ReadinessProbe}, {"startupProbe", l.StartupProbe}} {
		if p.probe != nil {
			l.checkProbe(l.at.key(p.field), p.probe, p.field != "readinessProbe")
		}
	}
	if l.Lifecycle == nil {
		return
	}
	for _, h := range []struct {
		field   string
		handler *corev1.LifecycleHandler
	}{{"postStart", l.Lifecycle.PostStart}, {"preStop", l.Lifecycle.PreStop}} {
		if h.handler != nil {
			at := l.at.key("lifecycle").key(h.field)
			l.checkHandler(at, *h.handler, "exec, httpGet, tcpSocket and sleep")
			l.checkHandlerPorts(at, h.handler.Exec, h.handler.HTTPGet, h.handler.TCPSocket)
		}
	}
}

func (l *containerLinter) checkProbe(at spot, p *corev1.Probe, once bool) {
	l.checkHandler(at, p.ProbeHandler, "exec, httpGet, tcpSocket and grpc")
	l.checkHandlerPorts(at, p.Exec, p.HTTPGet, p.TCPSocket)
	if p.GRPC != nil && p.GRPC.Port != 0 {
		l.checkPortOf(at.key("grpc").key("port"), intstr.FromInt32(p.GRPC.Port))
	}
	for _, n := range []struct {
		field string
		value int32
	}{
		{"initialDelaySeconds", p.InitialDelaySeconds},
		{"timeoutSeconds", p.TimeoutSeconds},
		{"periodSeconds", p.PeriodSeconds},
		{"successThreshold", p.SuccessThreshold},
		{"failureThreshold", p.FailureThreshold},
	} {
		if n.value < 0 {
			l.report(manifest.SeverityError, at.key(n.field), "bad-probe", "is negative", "")
		}
	}
	switch grace, field := p.TerminationGracePeriodSeconds, at.key("terminationGracePeriodSeconds"); {
	case grace == nil:
	case !once:
		l.report(manifest.SeverityError, field, "bad-probe", "has no place in a readinessProbe, which ends no container", "")
	case *grace < 1:
		l.report(manifest.SeverityError, field, "bad-probe", fmt.Sprintf("is %d, must be more than 0", *grace), "")
	}
	if once && p.SuccessThreshold > 1 {
		l.report(manifest.SeverityError, at.key("successThreshold"), "bad-probe", "must be 1 except in a readinessProbe", "")
	}
}

// checkHandler asks for one thing to do. One that slipway does not know, which has a finding of its own, may be it.
func (l *containerLinter) checkHandler(at spot, handler any, words string) {
	n := setPointers(handler)
	unknown := slices.ContainsFunc(l.findings[l.before:], func(f manifest.Finding) bool {
		return f.Code == "unknown-pod-field" && strings.HasPrefix(f.Field, at.field+".")
	})
	if n > 1 || n == 0 && !unknown {
		l.report(manifest.SeverityError, at, "bad-probe", fmt.Sprintf("needs one of %s, has %d", words, n), "")
	}
}

func (l *containerLinter) checkHandlerPorts(at spot, exec *corev1.ExecAction, get *corev1.HTTPGetAction,
	tcp *corev1.TCPSocketAction,
) {
	if exec != nil && len(exec.Command) == 0 {
		l.report(manifest.SeverityError, at.key("exec").key("command"), "missing-field", "is required", "")
	}
	if get != nil {
		l.checkPortOf(at.key("httpGet").key("port"), get.Port)
	}
	if tcp != nil {
		l.checkPortOf(at.key("tcpSocket").key("port"), tcp.Port)
	}
}

// checkPortOf checks a port given by number or by name; a missing one is reported as such.
func (l *containerLinter) checkPortOf(at spot, p intstr.IntOrString) {
	if manifest.IsNull(at.node) {
		return
	}
	bad := validation.IsValidPortNum(p.IntValue())
	if p.Type == intstr.String {
		bad = validation.IsValidPortName(p.StrVal)
	}
	if len(bad) > 0 {
		l.report(manifest.SeverityError, at, "bad-port", fmt.Sprintf("is %s: %s", p.String(), bad[0]), "")
	}
}

func (l *containerLinter) checkSecurity() {
	at, s := l.at.key("securityContext"), l.SecurityContext
	if s == nil {
		return
	}
	if s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation {
		adds := s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, func(c corev1.Capability) bool {
			return c == "CAP_SYS_ADMIN" // SYS_ADMIN is the same to a node, and an API server does not look at it
		})
		if adds || s.Privileged != nil && *s.Privileged {
			l.report(manifest.SeverityError, at.key("allowPrivilegeEscalation"), "bad-security-context",
				"is false, and privileged or CAP_SYS_ADMIN gives the container more than that", "remove one of the two")
		}
	}
	for _, id := range []struct {
		field string
		value *int64
	}{{"runAsUser", s.RunAsUser}, {"runAsGroup", s.RunAsGroup}} {
		if id.value != nil && len(validation.IsValidUserID(*id.value)) > 0 {
			l.report(manifest.SeverityError, at.key(id.field), "bad-security-context",
				fmt.Sprintf("is %d, must be 0 to 2147483647", *id.value), "")
		}
	}
	if p := s.SeccompProfile; p != nil {
		l.checkProfile(at.key("seccompProfile"), string(p.Type), p.LocalhostProfile)
	}
	if p := s.AppArmorProfile; p != nil {
		l.checkProfile(at.key("appArmorProfile"), string(p.Type), p.LocalhostProfile)
	}
}

func (l *containerLinter) checkProfile(at spot, kind string, local *string) {
	if kind != "" && (kind == "Localhost") != (local != nil) {
		l.report(manifest.SeverityError, at.key("localhostProfile"), "bad-security-context",
			"goes with type: Localhost, and only with it", "")
	}
}
