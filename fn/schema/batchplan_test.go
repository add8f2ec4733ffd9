// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"maps"
	"reflect"
	"slices"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// The types below are a BatchPlan as people write it. Package plan reads it field by field, to say the line of each mistake;
// TestSchemaAndReaderAgree holds the two against each other.

type (
	quantity  struct{} // 3 or "20%"
	duration  struct{} // 10m
	timeOfDay struct{} // "09:00"
	anyScalar struct{} // text, a number, true or false
)

type planSpec struct {
	// What is released.
	Target *planTarget `json:"target"`
	// Several targets, in place of target.
	Targets []waveTarget `json:"targets" minItems:"1"`
	// How many targets are released side by side.
	Parallel int `json:"parallel" minimum:"1" maximum:"1000"`
	// Who replaces pods: slipway (Direct), a controller (Partition), or a controller what slipway deletes (Delete). Without it the
	// target's kind decides, and for a StatefulSet of apps/v1 its updateStrategy.
	Mode string `json:"mode" enum:"Direct,Partition,Delete"`
	// How many pods may be unavailable in mode Delete, where the target has no field for it; 1 without it.
	MaxUnavailable quantity `json:"maxUnavailable"`
	// How far the release goes in each batch, cumulative.
	Batches []planBatch `json:"batches" need:"true" minItems:"1"`
	// What is measured after a batch, before the next one begins. Batches name them.
	Checks []planCheck `json:"checks"`
	// How many updated pods may be unavailable when a batch counts as ready.
	FailureThreshold quantity `json:"failureThreshold"`
	// How long one batch may take to become ready.
	ProgressDeadline duration `json:"progressDeadline"`
	// When a batch is given up before its deadline; without it never.
	FailFast *planFailFast `json:"failFast"`
	// What happens when a batch fails its checks, its deadline or its failure threshold.
	OnFailure string `json:"onFailure" enum:"Stop,Rollback,RollbackInBatches"`
	// Whether a pod of a StatefulSet's old revision that is not ready, and that its controller waits for, may be deleted.
	Unblock bool `json:"unblock"`
	// Who is told, and of what.
	Notifications []planNotification `json:"notifications"`
}

type planFailFast struct {
	// Reasons of kubelet and scheduler for which updated pods are not ready.
	Reasons []string `json:"reasons" need:"true" minItems:"1"`
	// How long a pod may have one of them, as the agent sees it.
	After duration `json:"after" need:"true"`
}

type planTarget struct {
	APIVersion string `json:"apiVersion" need:"true"`
	Kind       string `json:"kind" need:"true"`
	// Its name, in the namespace of the plan.
	Name string `json:"name" need:"true"`
}

type waveTarget struct {
	APIVersion string `json:"apiVersion" need:"true"`
	Kind       string `json:"kind" need:"true"`
	// Its name, in the namespace of the plan.
	Name string `json:"name" need:"true"`
	// Targets of a wave begin when those of all lower waves are done.
	Wave int `json:"wave" minimum:"0" maximum:"1000"`
}

type planBatch struct {
	// How many pods are updated after this batch, of all: a number or a percentage.
	Replicas quantity `json:"replicas"`
	// In place of replicas, for a DaemonSet of apps/v1: all pods on these nodes are updated after this batch.
	Nodes *nodeSelector `json:"nodes"`
	// What the release waits for when the batch is ready.
	Pause *planPause `json:"pause"`
	// The names of checks that must pass before the next batch.
	Checks []string `json:"checks"`
}

type nodeSelector struct {
	// Labels that a node has.
	MatchLabels map[string]string `json:"matchLabels"`
	// What holds of its labels besides.
	MatchExpressions []nodeRequirement `json:"matchExpressions"`
}

type nodeRequirement struct {
	// The label that is meant.
	Key string `json:"key" need:"true"`
	// How its value is to be.
	Operator string `json:"operator" need:"true" enum:"In,NotIn,Exists,DoesNotExist"`
	// The values of In and NotIn.
	Values []string `json:"values" minItems:"1"`
}

type planPause struct {
	// For so long.
	Duration duration `json:"duration"`
	// Until a person has approved, with slipway rollout approve.
	UntilApproved bool `json:"untilApproved"`
	// Until the clock is inside this span of the day.
	Window *planWindow `json:"window"`
}

type planWindow struct {
	// The days on which the window opens. Without it every day.
	Days []string `json:"days" enum:"Mon,Tue,Wed,Thu,Fri,Sat,Sun" minItems:"1"`
	// When it opens, such as "09:00".
	From timeOfDay `json:"from"`
	// When it closes, at most "24:00".
	To timeOfDay `json:"to"`
	// A name such as Europe/Berlin. Without it UTC.
	TimeZone string `json:"timeZone"`
}

type planCheck struct {
	// How batches name it.
	Name string `json:"name" need:"true"`
	// Ask a Prometheus server.
	Prometheus *planPrometheus `json:"prometheus"`
	// Ask a web server.
	HTTP *planHTTP `json:"http"`
	// Run a Job.
	Job *planJob `json:"job"`
	// Look at the updated pods.
	Pods *planPods `json:"pods"`
	// From one measurement to the next; without it 1m.
	Interval duration `json:"interval"`
	// How many measurements have to pass; without it 1.
	Count int `json:"count" minimum:"1" maximum:"10000"`
	// How many may fail.
	FailureLimit int `json:"failureLimit" minimum:"0" maximum:"10000"`
	// How many in a row may end without an answer; without it 3.
	InconclusiveLimit int `json:"inconclusiveLimit" minimum:"0" maximum:"10000"`
	// How long after the batch is ready the first one is made.
	InitialDelay duration `json:"initialDelay"`
	// How long one measurement may take.
	Timeout duration `json:"timeout"`
	// Measure, tell, and stop nothing.
	DryRun bool `json:"dryRun"`
	// Measure while the batch is under way too.
	During bool `json:"during"`
}

type planPrometheus struct {
	// The URL of the server, such as http://prometheus:9090.
	Address string `json:"address" need:"true"`
	// A PromQL query.
	Query string `json:"query" need:"true"`
	// The least value that passes.
	Min float64 `json:"min"`
	// The largest value that passes.
	Max float64 `json:"max"`
	// Headers of the request.
	Headers []planHeader `json:"headers"`
	// The Secret that holds a bearer token.
	BearerToken *secretHolder `json:"bearerToken"`
	// The Secret that holds the certificates which the server's is checked with.
	CA *secretHolder `json:"ca"`
}

type planHTTP struct {
	// The address that is asked.
	URL string `json:"url" need:"true"`
	// How it is asked; without it GET.
	Method string `json:"method" enum:"GET,HEAD,POST"`
	// The status codes that pass; without it 200.
	Status []int `json:"status" minItems:"1"`
	// Where the value stands in the answer, such as "{.errors}".
	JSONPath string `json:"jsonPath"`
	// The one value that passes.
	Equals anyScalar `json:"equals"`
	// The least value that passes.
	Min float64 `json:"min"`
	// The largest value that passes.
	Max float64 `json:"max"`
	// Headers of the request.
	Headers []planHeader `json:"headers"`
	// The Secret that holds a bearer token.
	BearerToken *secretHolder `json:"bearerToken"`
	// The Secret that holds the certificates which the server's is checked with.
	CA *secretHolder `json:"ca"`
}

type planJob struct {
	// Metadata and spec of the Job, as in a CronJob's jobTemplate.
	Template *jobTemplate `json:"template" need:"true"`
	// How long it stays after it has ended; without it 24h.
	Keep duration `json:"keep"`
}

type jobTemplate struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec batchv1.JobSpec `json:"spec" need:"true"`
}

type planPods struct {
	// How often containers of updated pods may have restarted.
	MaxRestarts int `json:"maxRestarts" minimum:"0" maximum:"1000000"`
	// How many updated pods may be not ready.
	MaxNotReady int `json:"maxNotReady" minimum:"0" maximum:"1000000"`
	// Reasons of Events that must not occur, such as BackOff.
	Events []string `json:"events"`
}

type planHeader struct {
	Name string `json:"name" need:"true"`
	// What it says, where everybody may read it.
	Value string `json:"value"`
	// The Secret that holds what it says.
	SecretRef *secretRef `json:"secretRef"`
}

type secretHolder struct {
	SecretRef secretRef `json:"secretRef" need:"true"`
}

type secretRef struct {
	// The name of a Secret in the plan's namespace.
	Name string `json:"name" need:"true"`
	// The key in the Secret.
	Key string `json:"key" need:"true"`
}

type planNotification struct {
	// How messages name it.
	Name string `json:"name"`
	// A web server that gets each message as JSON.
	Webhook *planWebhook `json:"webhook"`
	// A channel of Slack, or of what understands its messages.
	Slack *planSlack `json:"slack"`
	// What it is told of; without it what somebody has to act on, and how the release ended.
	On []string `json:"on" minItems:"1"`
}

type planWebhook struct {
	// Where messages go.
	URL string `json:"url"`
	// The Secret that holds the URL, where who knows it may write.
	URLFrom *secretHolder `json:"urlFrom"`
	// Headers of the request.
	Headers []planHeader `json:"headers"`
	// The Secret that holds a bearer token.
	BearerToken *secretHolder `json:"bearerToken"`
	// The Secret that holds the certificates which the server's is checked with.
	CA *secretHolder `json:"ca"`
}

type planSlack struct {
	// The Secret that holds the webhook's URL.
	URLFrom secretHolder `json:"urlFrom" need:"true"`
}

func planSchema(b *builder) node {
	spec := b.of(reflect.TypeFor[planSpec](), nil)
	spec["oneOf"] = []node{{"required": []string{"target"}}, {"required": []string{"targets"}}}
	for _, target := range []node{
		at(spec, "properties", "target", "properties"),
		at(spec, "properties", "targets", "items", "properties"),
	} {
		target["apiVersion"].(node)["enum"], target["kind"].(node)["enum"] = targetWords()
	}
	batch := at(spec, "properties", "batches", "items")
	batch["oneOf"] = []node{{"required": []string{"replicas"}}, {"required": []string{"nodes"}}}
	at(spec, "properties", "failFast", "properties", "reasons", "items")["enum"] = plan.FailReasons()
	on := []string{}
	for _, r := range plan.Notable() {
		on = append(on, string(r))
	}
	notification := at(spec, "properties", "notifications", "items", "properties")
	at(notification, "on", "items")["enum"] = on
	notification["true"] = maps.Clone(notification["on"].(node)) // what readers of YAML 1.1, as kubeconform, make of the key on
	described(notification["true"].(node), "on, as readers of YAML 1.1 hand it over.")
	meta := metadata("name")
	meta["additionalProperties"] = false
	return object("How far a release goes in each batch, what has to hold before the next one, and when it stops.",
		[]string{"slipway.dev/v1alpha1"}, "BatchPlan", meta, spec, "metadata", "spec")
}

// targetWords are the API versions and kinds of what can be released.
func targetWords() (versions, kinds []string) {
	for _, k := range plan.Kinds() {
		if !slices.Contains(versions, k.APIVersion) {
			versions = append(versions, k.APIVersion)
		}
		if !slices.Contains(kinds, k.Name) {
			kinds = append(kinds, k.Name)
		}
	}
	return versions, kinds
}
