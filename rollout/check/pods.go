// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// podsSource looks at the updated pods.
type podsSource struct {
	cluster kube.Client
	spec    plan.PodsCheck

	mu       sync.Mutex
	place    string         // release and batch that the restarts are counted in
	restarts map[string]int // by the pod's UID: restarts that happened before
}

func newPodsSource(config *rest.Config, spec plan.PodsCheck) (source, error) {
	cluster, err := newCluster(config)
	return &podsSource{cluster: cluster, spec: spec}, err
}

// pod is what is read of a pod.
type pod struct {
	Metadata struct {
		Name              string                  `json:"name"`
		UID               string                  `json:"uid"`
		CreationTimestamp metav1.Time             `json:"creationTimestamp"`
		DeletionTimestamp *metav1.Time            `json:"deletionTimestamp"`
		OwnerReferences   []metav1.OwnerReference `json:"ownerReferences"`
		Annotations       map[string]string       `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		Phase             string             `json:"phase"`
		Conditions        []metav1.Condition `json:"conditions"`
		ContainerStatuses []struct {
			RestartCount int `json:"restartCount"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

func (p *pod) ready() bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == "Ready" &&
			c.Status == metav1.ConditionTrue
	})
}

func (p *pod) restarts() int {
	n := 0
	for _, c := range p.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

// createdSince tells whether the pod was created at that time or later. The API has whole seconds, in which a pod may also
// have been created before and updated in place since: an annotation tells that.
func (p *pod) createdSince(start time.Time) bool {
	_, inPlace := p.Metadata.Annotations["apps.kruise.io/inplace-update-state"]
	return !inPlace && !p.Metadata.CreationTimestamp.Time.Before(start.Truncate(time.Second))
}

func (p *podsSource) try(ctx context.Context, s snapshot) answer { return p.ask(ctx, s) }

func (p *podsSource) ask(ctx context.Context, s snapshot) answer {
	pods, err := p.updated(ctx, s)
	if err != nil {
		return serverAnswer("listing pods in namespace "+s.set.Namespace, err)
	}
	if len(pods) == 0 && s.target > 0 && !s.ready.IsZero() {
		return inconclusive("no updated pod is found, although the batch has %d", s.target)
	}
	var wrong, right []string
	hold := func(n int, most *int, words string) {
		if most == nil {
			return
		}
		text := fmt.Sprintf("%d %s", n, words)
		if n > *most {
			wrong = append(wrong, fmt.Sprintf("%s, at most %d", text, *most))
		} else {
			right = append(right, text)
		}
	}
	hold(p.count(pods, s), p.spec.MaxRestarts, "restarts")
	if !s.ready.IsZero() {
		hold(len(slices.DeleteFunc(slices.Clone(pods), func(p pod) bool { return p.ready() })), p.spec.MaxNotReady, "pods not ready")
	}
	if len(p.spec.Events) > 0 {
		found, err := p.events(ctx, s, pods)
		if err != nil {
			return serverAnswer("listing Events in namespace "+s.set.Namespace, err)
		}
		if len(found) > 0 {
			wrong = append(wrong, found...)
		} else {
			right = append(right, "no Event of "+strings.Join(p.spec.Events, ", "))
		}
	}
	if len(wrong) > 0 {
		return answer{value: strings.Join(wrong, ", "), message: fmt.Sprintf("%d updated pods: %s", len(pods),
			strings.Join(wrong, ", "))}
	}
	return answer{
		passed: true, value: strings.Join(right, ", "),
		message: fmt.Sprintf("%d updated pods: %s", len(pods), strings.Join(right, ", ")),
	}
}

// updated are the pods of the revision that is released. Controllers label a pod with the revision's name or its hash.
func (p *podsSource) updated(ctx context.Context, s snapshot) ([]pod, error) {
	var terms []string
	if s.revision != "" {
		terms = append(terms, fmt.Sprintf("controller-revision-hash in (%s,%s)", s.revision,
			s.revision[strings.LastIndex(s.revision, "-")+1:]))
	}
	for key, value := range s.set.Spec.Selector.Labels {
		terms = append(terms, key+"="+value)
	}
	var pods []pod
	query := url.Values{"labelSelector": {strings.Join(terms, ",")}}
	err := kube.ListPages(ctx, p.cluster, kube.Pods(s.set.Namespace).Path, query, func(found pod) {
		mine := slices.ContainsFunc(found.Metadata.OwnerReferences,
			func(r metav1.OwnerReference) bool { return string(r.UID) == s.set.UID })
		ended := found.Status.Phase == string(rollout.PodFailed) || found.Status.Phase == string(rollout.PodSucceeded)
		if mine && !ended && found.Metadata.DeletionTimestamp == nil {
			pods = append(pods, found)
		}
	})
	return pods, err
}

// count is how often containers have restarted since the batch began. A pod that was there before, because it is updated in
// place, restarts on purpose: its restarts count from the first look at which it is ready.
func (p *podsSource) count(pods []pod, s snapshot) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if place := fmt.Sprintf("%s/%d", s.revision, s.batch); p.restarts == nil || p.place != place {
		p.place, p.restarts = place, map[string]int{}
	}
	n := 0
	for i := range pods {
		pod := &pods[i]
		before, known := p.restarts[pod.Metadata.UID]
		if !known {
			if !pod.createdSince(s.started) {
				if before = pod.restarts(); !pod.ready() {
					continue
				}
			}
			p.restarts[pod.Metadata.UID] = before
		}
		n += max(pod.restarts()-before, 0)
	}
	return n
}

// event is what is read of an Event.
type event struct {
	Metadata struct {
		CreationTimestamp metav1.Time `json:"creationTimestamp"`
	} `json:"metadata"`
	InvolvedObject struct {
		UID  string `json:"uid"`
		Name string `json:"name"`
	} `json:"involvedObject"`
	Reason        string           `json:"reason"`
	Message       string           `json:"message"`
	LastTimestamp metav1.Time      `json:"lastTimestamp"`
	EventTime     metav1.MicroTime `json:"eventTime"`
	Series        *struct {
		LastObservedTime metav1.MicroTime `json:"lastObservedTime"`
	} `json:"series"`
}

// last is when the Event happened the last time.
func (e *event) last() time.Time {
	times := []time.Time{e.Metadata.CreationTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time}
	if e.Series != nil {
		times = append(times, e.Series.LastObservedTime.Time)
	}
	return slices.MaxFunc(times, time.Time.Compare)
}

// events says which Events of the given reasons updated pods have had since the batch began, one for each reason.
func (p *podsSource) events(ctx context.Context, s snapshot, pods []pod) ([]string, error) {
	known := map[string]bool{}
	for i := range pods {
		known[pods[i].Metadata.UID] = true
	}
	var found []string
	for _, reason := range p.spec.Events {
		first := ""
		hit := map[string]bool{}
		query := url.Values{"fieldSelector": {"involvedObject.kind=Pod,reason=" + reason}}
		err := kube.ListPages(ctx, p.cluster, kube.Events(s.set.Namespace).Path, query, func(e event) {
			if !known[e.InvolvedObject.UID] || e.last().Before(s.started.Truncate(time.Second)) {
				return
			}
			if first == "" {
				first = fmt.Sprintf("%s: %s", e.InvolvedObject.Name, e.Message)
			}
			hit[e.InvolvedObject.UID] = true
		})
		if err != nil {
			return nil, err
		}
		if first != "" {
			found = append(found, fmt.Sprintf("%d with Event %s (%s)", len(hit), reason, first))
		}
	}
	return found, nil
}
