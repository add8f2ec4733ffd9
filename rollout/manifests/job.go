// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Job says what a release needs to run in the cluster.
type Job struct {
	CloneSet   plan.Workload // what is released, of any kind
	Mode       plan.Mode
	Targets    *Targets // several targets, in place of CloneSet and Mode
	Plan       []byte   // the BatchPlan's YAML; nil follows the CloneSet's own strategy
	Image      string
	Flags      []string // more arguments of slipway rollout run
	Patch      Patch    // what the cluster asks of the Job beyond that
	Stay       bool     // a Deployment that stays, in place of a Job
	DeleteMode string   // delete or evict
	For        GitOps   // what applies the manifests
	Wave       string   // the target's sync wave, with Argo CD
	Owner      string   // kind/name of what the manifests are generated from, for the annotation GeneratedBy
	// Await makes the agent wait until the target carries the release's ID, so that a Job that is applied before its target
	// does not find the last release done and end.
	Await bool
}

// GeneratedBy is the annotation by which a generated object is found again. Its value is the kind and name of what it was
// generated from.
const GeneratedBy = "slipway.dev/generated-by"

// containerName is that of the one container in the Job's pods.
const containerName = "slipway"

// object is a manifest.
type object = map[string]any

// Where a Job finds its plan, and the secrets that the plan refers to. Neither lies in the other: a mount cannot be put
// into one that is read-only.
const (
	planPath    = "/etc/slipway/plan"
	secretsPath = string(access.DefaultSecrets)
)

// Manifests are the objects that run a release in the cluster, in the order in which they are applied: ServiceAccount,
// Role, RoleBinding, ConfigMap where there is a plan, and the Job, whose name follows from what it releases. So a new
// release is a new Job, and an unchanged one is not run again.
func (o Job) Manifests() ([]map[string]any, error) {
	plan, err := readPlan(o.Plan)
	if err != nil {
		return nil, err
	}
	id, err := o.id(plan)
	if err != nil {
		return nil, err
	}
	name := o.name()
	rules := o.Rules()
	if o.Targets != nil { // each index looks at the others
		rules = append(rules, rule("batch", "jobs", []string{"list", "watch"}, name+"-"+id))
	}
	account := cmp.Or(o.Patch.account, name)
	role := object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": o.meta(name), "rules": rules}
	binding := object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": o.meta(name),
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
		"subjects": []any{o.subject(account)},
	}
	out := []map[string]any{role, binding}
	reading, err := rights{o}.nodeReading(name, account)
	if err != nil {
		return nil, err
	}
	out = append(out, reading...)
	if account == name { // who names another account has it
		out = slices.Insert(out, 0, object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": o.meta(name)})
	}
	if plan.text != "" {
		out = append(out, object{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": o.meta(name + "-" + id), "immutable": true,
			"data": object{"plan.yaml": plan.text},
		})
	}
	if o.Stay {
		stays, err := o.Patch.apply(o.deployment(name, id, plan))
		return append(out, stays), err
	}
	job := object{"apiVersion": "batch/v1", "kind": "Job", "metadata": o.meta(name + "-" + id), "spec": o.job(name, id, plan)}
	for _, m := range append(out, job) {
		o.annotate(m)
	}
	job, err = o.Patch.apply(job)
	return append(out, job), err
}

// ID names the release: eight characters that follow from what is released and how.
func (o Job) ID() (string, error) {
	plan, err := readPlan(o.Plan)
	if err != nil {
		return "", err
	}
	return o.id(plan)
}

// id is a hash of the pod template, the plan and the Job itself. A Job cannot change, so that one that would read
// otherwise, because another slipway writes it, needs another name. How the plan is written does not count; without a
// plan the partition is one.
func (o Job) id(plan planFile) (string, error) {
	content := []any{o.CloneSet.Spec.Template, plan.text, o.job(o.name(), "", plan)}
	if o.Patch.text != nil {
		content = append(content, string(o.Patch.text))
	}
	if o.Targets != nil {
		content[0] = o.Targets.templates()
	} else if plan.text == "" {
		content = append(content, fmt.Sprint(o.CloneSet.Spec.Partition))
	}
	data, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("hashing the release of %s: %w", o.name(), err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:4]), nil
}

// name is that of everything but the Job. It leaves room for a hash in the 63 characters of a label. No two targets share one:
// the word before the suffix tells the kinds apart, and a name without such a word is a CloneSet's.
func (o Job) name() string {
	if o.Targets != nil {
		return o.Targets.name()
	}
	set := o.CloneSet.Name
	word := wordOf(o.CloneSet.KindOf())
	if !o.CloneSet.KindOf().Direct || endsLikeAnother(set) {
		set += "-" + word
	}
	const suffix = "-rollout"
	if most := 63 - len(suffix) - 9; len(set) > most {
		set = shortened(set, set, most)
	}
	return set + suffix
}

// wordOf is a kind in one word. Kruise has kinds of the same names as Kubernetes.
func wordOf(k plan.Kind) string {
	word := strings.ToLower(k.Name)
	if k.Group() == kube.KruiseGroup && !k.Direct {
		return "advanced" + word
	}
	return word
}

// endsLikeAnother says whether a CloneSet's name reads as that of another kind's objects.
func endsLikeAnother(name string) bool {
	last := name[strings.LastIndexByte(name, '-')+1:]
	return last == targetsWord || slices.ContainsFunc(plan.Kinds(), func(k plan.Kind) bool { return last == wordOf(k) })
}

// shortened is the beginning of a name that is too long, and a hash of what it stands for.
func shortened(name, of string, most int) string {
	sum := sha256.Sum256([]byte(of))
	return strings.TrimRight(name[:min(len(name), most-9)], "-.") + "-" + hex.EncodeToString(sum[:4])
}

func (o Job) meta(name string) object {
	m := object{"name": name, "labels": o.labels()}
	if namespace := o.namespace(); namespace != "" {
		m["namespace"] = namespace
	}
	return m
}

func (o Job) namespace() string {
	if o.Targets != nil {
		return o.Targets.Namespace
	}
	return o.CloneSet.Namespace
}

func (o Job) labels() object {
	return object{
		"app.kubernetes.io/name": "slipway", "app.kubernetes.io/component": "rollout",
		"app.kubernetes.io/instance": o.name(),
	}
}

func (o Job) subject(name string) object {
	s := object{"kind": "ServiceAccount", "name": name}
	if namespace := o.namespace(); namespace != "" {
		s["namespace"] = namespace
	}
	return s
}

// The ways to delete pods.
const (
	DeleteModeDelete = "delete"
	DeleteModeEvict  = "evict"
)

// which are the arguments of rollout run that say what is released, and in which mode.
func (o Job) which(job string) []string {
	if o.Targets != nil {
		return o.Targets.which(job)
	}
	return []string{o.target(), modeFlag(o.Mode)}
}

func (o Job) target() string {
	if k := o.CloneSet.KindOf(); !k.Direct {
		return strings.ToLower(k.Name) + "." + k.Group() + "/" + o.CloneSet.Name
	}
	return o.CloneSet.Name
}

// modeFlag is auto for direct mode: direct, as long as no controller turns up.
func modeFlag(mode plan.Mode) string {
	if mode.Controlled() {
		return "--mode=" + strings.ToLower(string(mode))
	}
	return "--mode=auto"
}

// job is the spec of one that runs the release once. Exit codes that another try would not change end it; an eviction of
// its pod does not count, and a second pod starts only when the first has ended. It has no ttlSecondsAfterFinished: what
// has applied the Job would see it missing, and run it again. A service mesh is told to leave its pod alone: its sidecar would
// keep the Job from ending.
func (o Job) job(name, id string, plan planFile) object {
	more := []string{"--release-id=" + id}
	if o.Await {
		more = append(more, "--await-target")
	}
	spec := object{
		"backoffLimit":         20,
		"podReplacementPolicy": "Failed",
		"podFailurePolicy": object{"rules": []any{
			object{"action": "FailJob", "onExitCodes": object{
				"containerName": containerName, "operator": "In",
				"values": []int{2, 10, 11, 12, 13},
			}},
			object{"action": "Ignore", "onPodConditions": []any{object{"type": "DisruptionTarget", "status": "True"}}},
		}},
		"template": object{"metadata": o.meshless(), "spec": o.podSpec(name, id, plan, "Never", more...)},
	}
	if seconds, _ := o.activeDeadline(); seconds > 0 {
		spec["activeDeadlineSeconds"] = seconds
	}
	if o.Targets != nil {
		o.Targets.index(spec)
	}
	return spec
}

// meshless is the metadata of a pod into which neither Istio nor Linkerd puts a sidecar.
func (o Job) meshless() object {
	labels := o.labels()
	labels["sidecar.istio.io/inject"] = "false"
	return object{"labels": labels, "annotations": object{"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}}
}

// deployment stays after a release, heals pods and begins the next release when the CloneSet changes.
func (o Job) deployment(name, id string, plan planFile) object {
	return object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": o.meta(name), "spec": object{
		"replicas": 1,
		"strategy": object{"type": "Recreate"},
		"selector": object{"matchLabels": o.labels()},
		"template": object{"metadata": object{"labels": o.labels()}, "spec": o.podSpec(name, id, plan, "Always", "--stay")},
	}}
}

func (o Job) podSpec(name, id string, plan planFile, restart string, more ...string) object {
	args := append([]string{"rollout", "run"}, o.which(name+"-"+id)...)
	args = append(args, "--delete-mode="+o.DeleteMode)
	c := object{
		"name": containerName, "image": o.Image,
		"resources": object{"requests": object{"cpu": "100m", "memory": "64Mi"}, "limits": object{"memory": "256Mi"}},
		"securityContext": object{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
			"capabilities": object{"drop": []string{"ALL"}},
		},
	}
	spec := object{
		"restartPolicy": restart, "serviceAccountName": name, "terminationGracePeriodSeconds": 30,
		"securityContext": object{
			"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
			"seccompProfile": object{"type": "RuntimeDefault"},
		},
	}
	if plan.text != "" {
		args = append(args, "--plan="+planPath+"/plan.yaml")
		c["volumeMounts"], spec["volumes"] = plan.volumes(name + "-" + id)
	}
	c["args"] = append(append(args, more...), o.Flags...)
	spec["containers"] = []any{c}
	return spec
}
