// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Check is a question that a release asks about a batch, again and again, until the answers let it go on or stop it. It
// is defined here and asked elsewhere; exactly one of Prometheus, HTTP, Job and Pods is set.
type Check struct {
	Name       string      `json:"name,omitempty"`
	Prometheus *Prometheus `json:"prometheus,omitempty"`
	HTTP       *HTTP       `json:"http,omitempty"`
	Job        *JobCheck   `json:"job,omitempty"`
	Pods       *PodsCheck  `json:"pods,omitempty"`

	// from the beginning of one measurement to that of the next
	Interval          time.Duration `json:"interval,omitzero"`
	Count             int           `json:"count,omitempty"`             // measurements that must pass
	FailureLimit      int           `json:"failureLimit,omitempty"`      // measurements of a batch that may fail
	InconclusiveLimit int           `json:"inconclusiveLimit,omitempty"` // measurements in a row that may be inconclusive
	InitialDelay      time.Duration `json:"initialDelay,omitzero"`       // before the first measurement of a batch
	Timeout           time.Duration `json:"timeout,omitzero"`            // how long one measurement may take
	// measured and reported, but whatever comes out the release goes on
	DryRun bool `json:"dryRun,omitempty"`
	During bool `json:"during,omitempty"` // measured from the beginning of the batch, not only once it is ready
}

// Prometheus asks one query; the value must lie within the limits, of which at least one is set.
type Prometheus struct {
	Address string `json:"address,omitempty"`
	Query   string `json:"query,omitempty"`
	Range
	Access
}

// HTTP asks a web server. Without JSONPath the status is the answer; with it, the one value that the path finds in the
// answer's body.
type HTTP struct {
	URL      string  `json:"url,omitempty"`
	Method   string  `json:"method,omitempty"`
	Status   []int   `json:"status,omitempty"` // those that are right
	JSONPath string  `json:"jsonPath,omitempty"`
	Equals   *string `json:"equals,omitempty"` // what the value must be, as text
	Range
	Access
}

// JobCheck runs a Kubernetes Job for each measurement; the Job must succeed.
type JobCheck struct {
	Template map[string]any `json:"template,omitempty"` // metadata and spec of a Job, as in a CronJob's jobTemplate
	Keep     time.Duration  `json:"keep,omitzero"`      // how long the Job stays after it has ended
}

// PodsCheck looks at the updated pods and their Events. A nil limit is not looked at.
type PodsCheck struct {
	MaxRestarts *int     `json:"maxRestarts,omitempty"` // restarts of containers since the batch began, all pods together
	MaxNotReady *int     `json:"maxNotReady,omitempty"` // pods that are not ready, once the batch is
	Events      []string `json:"events,omitempty"`      // reasons of Events that no updated pod may have since the batch began
}

// Range holds the limits of a value. A nil limit is none.
type Range struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Holds tells whether a value lies within the limits.
func (r Range) Holds(value float64) bool {
	return (r.Min == nil || value >= *r.Min) && (r.Max == nil || value <= *r.Max)
}

// String is the limits in words, such as "at most 0.01".
func (r Range) String() string {
	switch {
	case r.Min != nil && r.Max != nil:
		return fmt.Sprintf("%g to %g", *r.Min, *r.Max)
	case r.Min != nil:
		return fmt.Sprintf("at least %g", *r.Min)
	case r.Max != nil:
		return fmt.Sprintf("at most %g", *r.Max)
	default:
		return "any value"
	}
}

// Access is what a server wants to know before it answers.
type Access struct {
	Headers     []Header   `json:"headers,omitempty"`
	BearerToken *SecretRef `json:"bearerToken,omitempty"`
	CA          *SecretRef `json:"ca,omitempty"` // certificates in PEM form that the server's is signed by; nil: the system's
}

// Header is one header of a request: with a value that anybody may read, or one from a Secret.
type Header struct {
	Name   string     `json:"name,omitempty"`
	Value  string     `json:"value,omitempty"`
	Secret *SecretRef `json:"secret,omitempty"`
}

// SecretRef names one key of a Secret. A plan never holds the value itself.
type SecretRef struct {
	Name string `json:"name,omitempty"`
	Key  string `json:"key,omitempty"`
}

// secrets are the references of a server's access.
func (a Access) secrets() []SecretRef {
	var refs []SecretRef
	for _, h := range a.Headers {
		if h.Secret != nil {
			refs = append(refs, *h.Secret)
		}
	}
	for _, ref := range []*SecretRef{a.BearerToken, a.CA} {
		if ref != nil {
			refs = append(refs, *ref)
		}
	}
	return refs
}

// Secrets are the keys of Secrets that the check reads.
func (c Check) Secrets() []SecretRef {
	switch {
	case c.Prometheus != nil:
		return c.Prometheus.secrets()
	case c.HTTP != nil:
		return c.HTTP.secrets()
	default:
		return nil
	}
}

// Least is how long the check takes when every measurement passes at once.
func (c Check) Least() time.Duration {
	return c.InitialDelay + time.Duration(max(c.Count-1, 0))*c.Interval
}

// podLabels are the labels of the Job's pods.
func (j JobCheck) podLabels() map[string]string {
	return manifest.Strings(j.Template, "spec", "template", "metadata", "labels")
}

// Check is the check of the given name, or one that asks nothing.
func (p *BatchPlan) Check(name string) Check {
	i := slices.IndexFunc(p.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{}
	}
	return p.Checks[i]
}

// CheckNames are the names of a batch's checks, for a person.
func (p *BatchPlan) CheckNames(b Batch) []string {
	var names []string
	for _, name := range b.Checks {
		c := p.Check(name)
		if c.During {
			name += " (from its beginning)"
		}
		if c.DryRun {
			name += " (dry run)"
		}
		names = append(names, name)
	}
	return names
}
