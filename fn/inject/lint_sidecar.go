// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// sidecarLinter checks the sidecars of a set: what SidecarSet adds to a container, and what they share in a pod.
type sidecarLinter struct {
	typeReader
	policies  policies
	volumes   map[string]volumeKind
	names     map[string]writtenName // container names, with where they are written
	hostPorts map[string]string      // fields by host port, protocol and address
}

// check checks every container of a set: Kruise's own fields first, then the container that it becomes.
func (l *sidecarLinter) check() {
	for _, list := range l.set.sidecarLists() {
		for i := range list.sidecars {
			s := &list.sidecars[i]
			at := l.spec().key(list.field).index(i)
			init := list.field == initsField
			if s.Node == nil || manifest.Resolve(s.Node).Kind != yaml.MappingNode {
				continue // the parser has said that it is no container
			}
			l.checkWords(s, at, init)
			l.checkSidecarName(s, at)
			l.checkHotUpgrade(s, at)
			l.checkTransferEnv(s, at)
			l.checkResourcesPolicy(s, at, init)
			l.checkContainer(s, at, init)
		}
	}
	l.checkUnused()
}

// checkWords checks the policies that are words. Admission does not look at those of init containers, and injection
// takes an unknown one for the default there; it is a mistake all the same.
func (l *sidecarLinter) checkWords(s *Sidecar, at spot, init bool) {
	severity := manifest.SeverityError
	if init {
		severity = manifest.SeverityWarning
	}
	l.oneOf(severity, at.key("podInjectPolicy"), s.PodInjectPolicy, BeforeAppContainer, AfterAppContainer)
	l.oneOf(severity, at.key("shareVolumePolicy").key(shareTypeField), s.ShareVolumePolicy.Type, enabled, disabled)
	if p := s.ShareVolumeDevicePolicy; p != nil {
		l.oneOf(severity, at.key("shareVolumeDevicePolicy").key(shareTypeField), p.Type, enabled, disabled)
	}
	l.oneOf(manifest.SeverityError, at.key("upgradeStrategy").key("upgradeType"), s.UpgradeStrategy.UpgradeType, coldUpgrade,
		hotUpgrade)
	if p := s.ResourcesPolicy; p != nil {
		l.oneOf(manifest.SeverityError, at.key("resourcesPolicy").key("targetContainersMode"), p.TargetContainersMode, targetSum,
			targetMax)
	}
}

// checkSidecarName checks the names that a sidecar has in the pod. That a name is missing, or stands twice as written,
// is the parser's to report.
func (l *sidecarLinter) checkSidecarName(s *Sidecar, at spot) {
	at = at.key(nameField)
	for _, name := range s.podNames() {
		if s.Name == "" {
			return
		}
		if bad := validation.IsDNS1123Label(name); len(bad) > 0 {
			l.report(manifest.SeverityError, at, "bad-name", fmt.Sprintf("%q is not a container name: %s", name, bad[0]), "")
			return
		}
		other, dup := l.names[name]
		if dup && other.name != s.Name {
			l.report(manifest.SeverityError, at, "duplicate-container", fmt.Sprintf(
				"a hot upgrade makes containers x-1 and x-2 of a container x, and %s comes from %s too", name, other.field),
				"rename one of the two")
			return
		}
		l.names[name] = writtenName{s.Name, at.field}
	}
}

// writtenName is the name of a sidecar as it stands in the set, and where.
type writtenName struct{ name, field string }

func (l *sidecarLinter) checkHotUpgrade(s *Sidecar, at spot) {
	at = at.key("upgradeStrategy").key("hotUpgradeEmptyImage")
	u := s.UpgradeStrategy
	if u.UpgradeType == hotUpgrade && u.HotUpgradeEmptyImage == "" {
		l.report(manifest.SeverityError, at, "no-empty-image", "HotUpgrade needs the image that the idle container of the pair runs",
			"set hotUpgradeEmptyImage")
	}
}

// checkTransferEnv asks of a fieldRef what admission does, and warns of a transfer that can transfer nothing.
func (l *sidecarLinter) checkTransferEnv(s *Sidecar, at spot) {
	for i, t := range s.TransferEnv {
		transfer := at.key("transferEnv").index(i)
		from := t.SourceContainerNameFrom
		switch {
		case from != nil && from.FieldRef != nil:
			ref := transfer.key("sourceContainerNameFrom").key("fieldRef")
			if problem, field := fieldRefProblem(from.FieldRef.APIVersion, from.FieldRef.FieldPath); problem != "" {
				l.report(manifest.SeverityError, ref.key(field), "bad-transfer-env", problem, "")
			}
		case t.SourceContainerName == "":
			l.report(manifest.SeverityWarning, transfer, "empty-transfer-env", "names no container to take variables from",
				"set sourceContainerName")
		case len(t.names()) == 0:
			l.report(manifest.SeverityWarning, transfer, "empty-transfer-env", "names no variable", "set envName or envNames")
		}
	}
}

// fieldRefProblem says what is wrong with a reference to a label or an annotation of the pod, and in which field.
func fieldRefProblem(version, path string) (problem, field string) {
	if version != "v1" {
		return "must be v1, and Kruise fills in no default", "apiVersion"
	}
	list, key, err := parseFieldPath(path)
	if err != nil {
		return err.Error(), "fieldPath"
	}
	if list == annotationsField {
		key = strings.ToLower(key)
	}
	if bad := validation.IsQualifiedName(key); len(bad) > 0 {
		return fmt.Sprintf("%q is not a key: %s", key, bad[0]), "fieldPath"
	}
	return "", ""
}

// checkResourcesPolicy checks the policy's form; its expressions are evaluated.
func (l *sidecarLinter) checkResourcesPolicy(s *Sidecar, at spot, init bool) {
	p := s.ResourcesPolicy
	if p == nil {
		return
	}
	fail := func(at spot, message, hint string) {
		l.report(manifest.SeverityError, at, "bad-resources-policy", message, hint)
	}
	policy := at.key("resourcesPolicy")
	if init && !s.native() {
		fail(policy, "an init container that ends before the app starts has no use for the app's resources",
			"give it resources, or restartPolicy: Always to make it a native sidecar")
		return
	}
	for _, field := range []string{limitsField, requestsField} {
		if n := at.key(resourcesField).key(field).node; !manifest.IsNull(n) && len(n.Content) > 0 {
			fail(policy, "stands beside resources, and a container has only one of the two", "remove one")
			return
		}
	}
	if r := p.TargetContainersNameRegex; r != nil {
		if problem := regexProblem(*r); problem != "" {
			fail(policy.key("targetContainersNameRegex"), problem, `".*" is every container`)
		}
	}
	expr := policy.key("resourcesExpr")
	if p.ResourcesExpr.Limits == nil && p.ResourcesExpr.Requests == nil {
		fail(expr, "computes nothing: neither limits nor requests is there", "")
	}
	l.checkExpressions(expr.key(limitsField), p.ResourcesExpr.Limits)
	l.checkExpressions(expr.key(requestsField), p.ResourcesExpr.Requests)
}

func regexProblem(expr string) string {
	if expr == "" {
		return "is empty, and must be a regular expression"
	}
	_, err := regexp.Compile(expr)
	if err == nil {
		return ""
	}
	return "is not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
}

func (l *sidecarLinter) checkExpressions(at spot, exprs *ResourceExprs) {
	if exprs == nil {
		return
	}
	for _, e := range []struct{ resource, expr string }{{"cpu", exprs.CPU}, {"memory", exprs.Memory}} {
		if e.expr == "" {
			continue
		}
		name := exprVariable(e.expr, e.resource)
		below, err := tryExpression(e.expr, name)
		var negative negativeError
		switch {
		case errors.As(err, &negative):
			l.report(manifest.SeverityError, at.key(e.resource), "bad-expression",
				fmt.Sprintf("%q is negative whatever %s is", e.expr, name), "")
		case err != nil:
			l.report(manifest.SeverityError, at.key(e.resource), "bad-expression", fmt.Sprintf("%q: %v", e.expr, err), "")
		case len(below) > 0:
			l.report(manifest.SeverityWarning, at.key(e.resource), "negative-expression", fmt.Sprintf(
				"%q is negative where %s is %s, and such pods are refused", e.expr, name, strings.Join(below, " or ")),
				"bound it: max("+e.expr+", 0)")
		}
	}
}

// checkUnused tells of volumes that no container mounts, which are therefore never injected.
func (l *sidecarLinter) checkUnused() {
	used := map[string]bool{}
	for _, list := range l.set.sidecarLists() {
		for _, s := range list.sidecars {
			for _, field := range []string{volumeMountsField, devicesField} {
				for _, m := range manifest.Items(manifest.Lookup(s.Container, field)) {
					used[manifest.Text(manifest.Lookup(m, nameField))] = true
				}
			}
		}
	}
	for i, v := range l.set.Spec.Volumes {
		if _, known := l.volumes[v.Name]; known && !used[v.Name] {
			l.report(manifest.SeverityInfo, l.spec().key(volumesField).index(i), "unused-volume",
				"no container mounts the volume "+v.Name+", so it is never injected", "")
		}
	}
}
