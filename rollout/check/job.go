// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// jobPoll is how often a Job is looked at while it runs.
const jobPoll = time.Second

// jobSource runs a Job for each measurement. Kubernetes itself ends it after the check's timeout and deletes it later.
type jobSource struct {
	cluster kube.Client
	spec    plan.JobCheck
	name    string
	timeout time.Duration
	kind    string // of what is released
}

func newJobSource(o Options, c plan.Check) (source, error) {
	cluster, err := newCluster(o.Config)
	return jobSource{cluster, *c.Job, c.Name, c.Timeout, cmp.Or(o.Plan.Target.Kind, "CloneSet")}, err
}

// try shows the Job to the API server, which refuses one that could never run.
func (j jobSource) try(ctx context.Context, s snapshot) answer {
	job := j.object(s)
	job.SetName(job.GetName() + "-try")
	if err := j.cluster.TryCreateStrictly(ctx, kube.Jobs(s.set.Namespace).Path, job); err != nil {
		return serverAnswer("creating a Job", err)
	}
	return answer{passed: true, message: "the API server takes the Job; whether it succeeds is seen in the release"}
}

func (j jobSource) ask(ctx context.Context, s snapshot) answer {
	in, job := kube.Jobs(s.set.Namespace), j.object(s)
	what := fmt.Sprintf("Job %s/%s", s.set.Namespace, job.GetName())
	if err := j.cluster.CreateStrictly(ctx, in.Path, job); err != nil && !apierrors.IsAlreadyExists(err) {
		return serverAnswer("creating "+what, err)
	}
	for {
		var found jobState
		err := j.cluster.Get(ctx, in.Object(job.GetName()), &found)
		if err == nil {
			if a, ended := found.judge(what, fmt.Sprintf("job/%s -n %s", job.GetName(), s.set.Namespace)); ended {
				return a
			}
		} else if ctx.Err() == nil {
			return serverAnswer("reading "+what, err)
		}
		if kube.Pause(ctx, jobPoll); ctx.Err() != nil {
			return inconclusive("%s did not end within %v", what, j.timeout)
		}
	}
}

// jobState is what is read of a Job.
type jobState struct {
	Status struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// judge says how a Job has ended, if it has. logs is what kubectl logs takes.
func (j *jobState) judge(what, logs string) (answer, bool) {
	for _, c := range j.Status.Conditions {
		switch {
		case c.Status != metav1.ConditionTrue:
		case c.Type == "Complete":
			return answer{passed: true, value: "Complete", message: what + " succeeded"}, true
		case c.Type == "Failed" && c.Reason == "DeadlineExceeded":
			return inconclusive("%s did not end in time: %s", what, c.Message), true
		case c.Type == "Failed":
			return answer{value: c.Reason, message: fmt.Sprintf("%s failed: %s: %s: kubectl logs %s says why", what, c.Reason, c.Message,
				logs)}, true
		}
	}
	return answer{}, false
}

// object is the Job of one measurement. It belongs to what is released, so it goes with that at the latest.
func (j jobSource) object(s snapshot) *unstructured.Unstructured {
	template := (&unstructured.Unstructured{Object: j.spec.Template}).DeepCopy().Object
	spec, _ := template["spec"].(map[string]any)
	for field, value := range map[string]any{
		"activeDeadlineSeconds": max(int64(j.timeout.Seconds()), 1), "ttlSecondsAfterFinished": int64(j.spec.Keep.Seconds()),
		"backoffLimit": int64(0),
	} {
		if _, given := spec[field]; !given {
			spec[field] = value
		}
	}
	job := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": spec}}
	if meta, ok := template["metadata"].(map[string]any); ok {
		job.Object["metadata"] = meta
	}
	job.SetName(j.jobName(s))
	job.SetNamespace(s.set.Namespace)
	labels := job.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["slipway.dev/check"] = j.name
	job.SetLabels(labels)
	if s.set.UID != "" {
		job.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: s.set.APIVersion, Kind: j.kind, Name: s.set.Name,
			UID: types.UID(s.set.UID),
		}})
	}
	return job
}

// jobName follows from what the Job is for, so that an agent that starts again finds it. A batch that got ready a second
// time is measured by another Job.
func (j jobSource) jobName(s snapshot) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %s %d %d", s.set.UID, s.revision, s.batch, j.name, s.ready.UnixNano(),
		s.number))
	hash := hex.EncodeToString(sum[:5])
	const most = 63 - 11
	name := "slipway-" + s.set.Name + "-" + j.name
	if len(name) > most {
		name = name[:most]
	}
	return strings.TrimRight(name, "-.") + "-" + hash
}
