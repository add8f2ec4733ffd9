// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says how much a finding matters.
type Severity string

// An error would stop the release, or break what the cluster was promised. A warning is a risk or a price. Info is what
// one may want to know, and what could not be looked at.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

func (s Severity) rank() int {
	return slices.Index([]Severity{SeverityError, SeverityWarning, SeverityInfo}, s)
}

// ObjectRef names the object that a finding is about. Namespace is empty for what is in none.
type ObjectRef struct {
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

func (o ObjectRef) String() string {
	switch {
	case o.Namespace != "" && o.Name != "":
		return o.Kind + " " + o.Namespace + "/" + o.Name
	case o.Namespace != "":
		return o.Kind + " in " + o.Namespace
	}
	return strings.TrimSpace(o.Kind + " " + o.Name)
}

// Finding is one thing that a release would meet.
type Finding struct {
	Severity Severity  `json:"severity"`
	Code     string    `json:"code"` // stable: for filters
	Object   ObjectRef `json:"object"`
	File     string    `json:"file,omitempty"` // where a mistake was written
	Line     int       `json:"line,omitempty"`
	Field    string    `json:"field,omitempty"`
	Effect   string    `json:"effect"`           // what it would do to the release
	Remedy   string    `json:"remedy,omitempty"` // what to change; empty where there is nothing to do
}

// String is the finding on one line, without the remedy: where, which object, what.
func (f Finding) String() string {
	var b strings.Builder
	switch {
	case f.File != "" && f.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	case f.File != "":
		b.WriteString(f.File + ": ")
	}
	if o := f.Object.String(); o != "" {
		b.WriteString(o + ": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	return b.String() + f.Effect
}

// Code is a kind of finding.
type Code struct {
	Code     string
	Severity Severity
	Meaning  string
}

// Codes of findings. Each has one severity, which VerifyCodes tells.
const (
	codeInvalid          = "invalid"
	codeSelector         = "selector-mismatch"
	codeTargetMissing    = "target-missing"
	codeTemplate         = "template-invalid"
	codeNothing          = "nothing-to-do"
	codeInPlace          = "in-place"
	codeRecreated        = "recreated"
	codeInPlaceRefused   = "in-place-refused"
	codePartitionPassed  = "partition-passed"
	codeUnknown          = "field-unknown"
	codeClaims           = "claims-change"
	codeSameImage        = "same-image"
	codeDeadline         = "deadline-short"
	codePaused           = "paused"
	codeControllerAlive  = "controller-alive"
	codeControllerAbsent = "controller-missing"
	codeLockHeld         = "lock-held"
	codeLockLeft         = "lock-left"
	codeStopped          = "release-stopped"
	codeRunning          = "release-unfinished"
	codePartitionOwned   = "partition-owned"
	codeUnarmed          = "partition-unarmed"
	codeBudgetStalls     = "budget-stalls"
	codeBudgetSeveral    = "budget-several"
	codeBudgetPaces      = "budget-paces"
	codeBudgetIgnored    = "budget-ignored"
	codeBudgetKept       = "budget-kept"
	codeLimitRange       = "limit-range"
	codeQuotaDemands     = "quota-demands"
	codeQuotaShort       = "quota-short"
	codeQuotaTight       = "quota-tight"
	codeScalerBatch      = "autoscaler-batch"
	codeScalerReplicas   = "autoscaler-replicas"
	codeScaler           = "autoscaler"
	codeNodesUnfit       = "nodes-unfit"
	codeNodesFull        = "nodes-full"
	codeMissing          = "reference-missing"
	codePullSecret       = "pull-secret-missing"
	codeForeignPods      = "foreign-pods"
	codeRightMissing     = "right-missing"
	codeClearSecret      = "secret-in-clear"
	codeMetadata         = "metadata-address"
	codeImageTag         = "image-without-digest"
	codeOwnRightMissing  = "own-right-missing"
	codePodRefused       = "pod-refused"
	codeMutated          = "pod-mutated"
	codeUnread           = "not-readable"

	// CodeCheckFailed is for VerifyOptions.Checks: a check of the plan that can never pass, such as one with a wrong query.
	CodeCheckFailed = "check-failed"
	// CodeCheckFailing is for VerifyOptions.Checks: a check of the plan that fails at this moment.
	CodeCheckFailing = "check-failing"
	// CodeCheckUnsure is for VerifyOptions.Checks: a check of the plan that could not be tried.
	CodeCheckUnsure = "check-unsure"
)

// Codes are the kinds of findings that Verify has, errors first.
func Codes() []Code {
	return []Code{
		{codeInvalid, SeverityError, "the plan or the CloneSet is wrong, such as a batch that shrinks, or maxSurge and maxUnavailable both 0"},
		{codeSelector, SeverityError, "the selector does not match the labels of the pod template"},
		{codeTargetMissing, SeverityError, "there is no such CloneSet"},
		{codeTemplate, SeverityError, "no pod can be made of the pod template, such as one with a request above its limit"},
		{codeInPlaceRefused, SeverityError, "`InPlaceOnly`, but the change needs new pods"},
		{codeDeadline, SeverityError, "a batch cannot be ready before its deadline, because of minReadySeconds"},
		{codeControllerAlive, SeverityError, "direct mode, but a controller replaces the pods"},
		{codeControllerAbsent, SeverityError, "partition mode, but no controller follows the CloneSet"},
		{codeUnarmed, SeverityError, "partition mode, but the partition lets the controller begin before the release does"},
		{codeBudgetStalls, SeverityError, "a disruption budget never lets a pod go"},
		{codeBudgetSeveral, SeverityError, "pods are evicted and two PodDisruptionBudgets select them, which the API server refuses"},
		{codeLimitRange, SeverityError, "a LimitRange refuses the pods or claims"},
		{codeQuotaDemands, SeverityError, "a ResourceQuota demands requests or limits that a container does not have"},
		{codeQuotaShort, SeverityError, "a ResourceQuota has no room for the release at its height"},
		{codeMissing, SeverityError, "the pod template needs an object that does not exist"},
		{codePodRefused, SeverityError, "the API server refuses a new pod, or a change in place: a policy, a webhook, Pod Security, an invalid name or label"},
		{codeRightMissing, SeverityError, "the service account lacks a right"},
		{CodeCheckFailed, SeverityError, "a check can never pass, such as one with a wrong query"},
		{codeSameImage, SeverityWarning, "another name for the image that runs already: pods restart for nothing"},
		{codePartitionPassed, SeverityWarning, "the plan updates pods that the CloneSet's own partition keeps"},
		{codeUnknown, SeverityWarning, "the CloneSet has a field that this slipway does not know"},
		{codeClaims, SeverityWarning, "volumeClaimTemplates change, which changes no claim that is there"},
		{codePaused, SeverityWarning, "the CloneSet is paused"},
		{codeLockHeld, SeverityWarning, "an agent works on the CloneSet at this moment"},
		{codeStopped, SeverityWarning, "this release has stopped before and does not begin again by itself"},
		{codePartitionOwned, SeverityWarning, "partition mode, and somebody else writes the partition"},
		{codeBudgetPaces, SeverityWarning, "a disruption budget makes the release slower than maxSurge and maxUnavailable permit"},
		{codeBudgetIgnored, SeverityWarning, "fewer pods stay available than a disruption budget demands, and nothing enforces it"},
		{codeQuotaTight, SeverityWarning, "a ResourceQuota has room only once replaced pods are gone"},
		{codeScalerBatch, SeverityWarning, "a HorizontalPodAutoscaler may scale below a batch"},
		{codeScalerReplicas, SeverityWarning, "the manifest sets replicas that a HorizontalPodAutoscaler sets too"},
		{codeNodesUnfit, SeverityWarning, "no node admits the pods: node selector, affinity, taints"},
		{codeNodesFull, SeverityWarning, "nodes have no room for all pods of the release's height"},
		{codePullSecret, SeverityWarning, "an image pull secret does not exist"},
		{codeForeignPods, SeverityWarning, "the selector also selects pods of somebody else"},
		{codeMutated, SeverityWarning, "admission changes new pods, and pods that are updated in place do not go through it"},
		{codeOwnRightMissing, SeverityWarning, "whoever asks lacks a right of the agent"},
		{codeClearSecret, SeverityWarning, "a check or a notification sends a secret over http://"},
		{codeMetadata, SeverityWarning, "a check or a notification goes to a link-local address, or where clouds hand out credentials"},
		{codeImageTag, SeverityWarning, "the agent's image has a tag that can be moved, and no digest"},
		{CodeCheckFailing, SeverityWarning, "a check fails already, before anything is released"},
		{CodeCheckUnsure, SeverityWarning, "a check could not be tried"},
		{codeNothing, SeverityInfo, "all pods are as the release would leave them"},
		{codeInPlace, SeverityInfo, "pods are updated in place"},
		{codeRecreated, SeverityInfo, "pods are replaced, and why"},
		{codeLockLeft, SeverityInfo, "an agent has died or given up without returning the lock"},
		{codeRunning, SeverityInfo, "a release has begun and will be continued"},
		{codeBudgetKept, SeverityInfo, "a disruption budget that the release keeps"},
		{codeScaler, SeverityInfo, "a HorizontalPodAutoscaler may scale in the middle of the release"},
		{codeUnread, SeverityInfo, "something could not be read or tried, so it was not checked"},
	}
}

// NewFinding makes a finding of one of VerifyCodes, which gives it its severity.
func NewFinding(code string, object ObjectRef, effect, remedy string) Finding {
	f := Finding{Severity: SeverityError, Code: code, Object: object, Effect: effect, Remedy: remedy}
	for _, known := range Codes() {
		if known.Code == code {
			f.Severity = known.Severity
		}
	}
	return f
}

// one is the findings of a probe that has a single one.
func one(code string, object ObjectRef, effect, remedy string) []Finding {
	return []Finding{NewFinding(code, object, effect, remedy)}
}
