// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Finding is one thing that a release would meet: Message says what it would do to the release, Hint what to change. An error
// would stop the release, or break what the cluster was promised. A warning is a risk or a price. Info is what one may want to
// know, and what could not be looked at.
type Finding = manifest.Finding //nolint:errname // few findings are errors

func rank(s manifest.Severity) int {
	return slices.Index([]manifest.Severity{manifest.SeverityError, manifest.SeverityWarning, manifest.SeverityInfo}, s)
}

// inWords is an object as the report for a person names it. It has no namespace where it is in none.
func inWords(o manifest.ObjectRef) string {
	switch {
	case o.Namespace != "" && o.Name != "":
		return o.Kind + " " + o.Namespace + "/" + o.Name
	case o.Namespace != "":
		return o.Kind + " in " + o.Namespace
	}
	return strings.TrimSpace(o.Kind + " " + o.Name)
}

// Code is a kind of finding.
type Code struct {
	Code     string
	Severity manifest.Severity
	Meaning  string
}

// Codes of findings. Each has one severity, which Codes tells.
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
	codeLaunchPriority   = "launch-priority"
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
	codeBatchNodes       = "batch-nodes"
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
func Codes() []Code { return slices.Concat(errorCodes(), warningCodes(), infoCodes()) }

func errorCodes() []Code {
	return []Code{
		{codeInvalid, manifest.SeverityError, "the plan or the CloneSet is wrong, such as a batch that shrinks, or maxSurge and " +
			"maxUnavailable both 0"},
		{codeSelector, manifest.SeverityError, "the selector does not match the labels of the pod template"},
		{codeTargetMissing, manifest.SeverityError, "there is no such CloneSet"},
		{codeTemplate, manifest.SeverityError, "no pod can be made of the pod template, such as one with a request above its limit"},
		{codeInPlaceRefused, manifest.SeverityError, "`InPlaceOnly`, but the change needs new pods"},
		{codeDeadline, manifest.SeverityError, "a batch cannot be ready before its deadline, because of minReadySeconds"},
		{codeControllerAlive, manifest.SeverityError, "direct mode, but a controller replaces the pods"},
		{codeControllerAbsent, manifest.SeverityError, "partition mode, but no controller follows the CloneSet"},
		{codeUnarmed, manifest.SeverityError, "partition mode, but the partition lets the controller begin before the release does"},
		{codeBudgetStalls, manifest.SeverityError, "a disruption budget never lets a pod go"},
		{codeBudgetSeveral, manifest.SeverityError, "pods are evicted and two PodDisruptionBudgets select them, which the API " +
			"server refuses"},
		{codeLimitRange, manifest.SeverityError, "a LimitRange refuses the pods or claims"},
		{codeQuotaDemands, manifest.SeverityError, "a ResourceQuota demands requests or limits that a container does not have"},
		{codeQuotaShort, manifest.SeverityError, "a ResourceQuota has no room for the release at its height"},
		{codeMissing, manifest.SeverityError, "the pod template needs an object that does not exist"},
		{codePodRefused, manifest.SeverityError, "the API server refuses a new pod, or a change in place: a policy, a webhook, Pod " +
			"Security, an invalid name or label"},
		{codeRightMissing, manifest.SeverityError, "the service account lacks a right"},
		{CodeCheckFailed, manifest.SeverityError, "a check can never pass, such as one with a wrong query"},
	}
}

func warningCodes() []Code {
	return []Code{
		{codeSameImage, manifest.SeverityWarning, "another name for the image that runs already: pods restart for nothing"},
		{codeLaunchPriority, manifest.SeverityWarning, "containers have launch priorities, which direct mode does not obey"},
		{codePartitionPassed, manifest.SeverityWarning, "the plan updates pods that the CloneSet's own partition keeps"},
		{codeUnknown, manifest.SeverityWarning, "the CloneSet has a field that this slipway does not know"},
		{codeClaims, manifest.SeverityWarning, "volumeClaimTemplates change, which changes no claim that is there"},
		{codePaused, manifest.SeverityWarning, "the CloneSet is paused"},
		{codeLockHeld, manifest.SeverityWarning, "an agent works on the CloneSet at this moment"},
		{codeStopped, manifest.SeverityWarning, "this release has stopped before and does not begin again by itself"},
		{codePartitionOwned, manifest.SeverityWarning, "partition mode, and somebody else writes the partition"},
		{codeBudgetPaces, manifest.SeverityWarning, "a disruption budget makes the release slower than maxSurge and " +
			"maxUnavailable permit"},
		{codeBudgetIgnored, manifest.SeverityWarning, "fewer pods stay available than a disruption budget demands, and nothing " +
			"enforces it"},
		{codeQuotaTight, manifest.SeverityWarning, "a ResourceQuota has room only once replaced pods are gone"},
		{codeScalerBatch, manifest.SeverityWarning, "a HorizontalPodAutoscaler may scale below a batch"},
		{codeScalerReplicas, manifest.SeverityWarning, "the manifest sets replicas that a HorizontalPodAutoscaler sets too"},
		{codeNodesUnfit, manifest.SeverityWarning, "no node admits the pods: node selector, affinity, taints"},
		{codeNodesFull, manifest.SeverityWarning, "nodes have no room for all pods of the release's height"},
		{codePullSecret, manifest.SeverityWarning, "an image pull secret does not exist"},
		{codeForeignPods, manifest.SeverityWarning, "the selector also selects pods of somebody else"},
		{codeMutated, manifest.SeverityWarning, "admission changes new pods, and pods that are updated in place do not go through it"},
		{codeOwnRightMissing, manifest.SeverityWarning, "whoever asks lacks a right of the agent"},
		{codeClearSecret, manifest.SeverityWarning, "a check or a notification sends a secret over http://"},
		{codeMetadata, manifest.SeverityWarning, "a check or a notification goes to a link-local address, or where clouds hand out " +
			"credentials"},
		{codeImageTag, manifest.SeverityWarning, "the agent's image has a tag that can be moved, and no digest"},
		{CodeCheckFailing, manifest.SeverityWarning, "a check fails already, before anything is released"},
		{CodeCheckUnsure, manifest.SeverityWarning, "a check could not be tried"},
	}
}

func infoCodes() []Code {
	return []Code{
		{codeNothing, manifest.SeverityInfo, "all pods are as the release would leave them"},
		{codeInPlace, manifest.SeverityInfo, "pods are updated in place"},
		{codeRecreated, manifest.SeverityInfo, "pods are replaced, and why"},
		{codeLockLeft, manifest.SeverityInfo, "an agent has died or given up without returning the lock"},
		{codeRunning, manifest.SeverityInfo, "a release has begun and will be continued"},
		{codeBatchNodes, manifest.SeverityInfo, "how many pods the batches have that select nodes"},
		{codeBudgetKept, manifest.SeverityInfo, "a disruption budget that the release keeps"},
		{codeScaler, manifest.SeverityInfo, "a HorizontalPodAutoscaler may scale in the middle of the release"},
		{codeUnread, manifest.SeverityInfo, "something could not be read or tried, so it was not checked"},
	}
}

// newFinding makes a finding of one of Codes, which gives it its severity.
func newFinding(code string, object manifest.ObjectRef, effect, remedy string) Finding {
	f := Finding{Severity: manifest.SeverityError, Code: code, Object: object, Message: effect, Hint: remedy}
	for _, known := range Codes() {
		if known.Code == code {
			f.Severity = known.Severity
		}
	}
	return f
}

// one is the findings of a probe that has a single one.
func one(code string, object manifest.ObjectRef, effect, remedy string) []Finding {
	return []Finding{newFinding(code, object, effect, remedy)}
}
