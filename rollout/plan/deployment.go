// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// What a release writes into a Deployment for as long as it holds it. With SentinelReady no new pod ever becomes available to
// the deployment controller, so it makes no more than maxSurge and maxUnavailable allow. SentinelDeadline has to be greater,
// and stands for none.
const (
	SentinelReady    = math.MaxInt32 - 1
	SentinelDeadline = math.MaxInt32
)

// OriginalAnnotation holds, on a Deployment that is being released, what its fields were before: an Original as JSON.
const OriginalAnnotation = "slipway.dev/original"

// Rolling is what a Deployment's own fields are at a moment.
type Rolling struct {
	Paused         bool      `json:"paused,omitempty"`
	MinReady       int       `json:"minReady,omitempty"` // seconds
	Deadline       int       `json:"deadline,omitempty"` // seconds
	MaxSurge       Quantity  `json:"maxSurge,omitzero"`
	MaxUnavailable Quantity  `json:"maxUnavailable,omitzero"`
	Annotated      bool      `json:"annotated,omitempty"` // the annotation with the originals is there
	Marked         string    `json:"marked,omitempty"`    // revision that the annotation says is sealed
	Owned          bool      `json:"owned,omitempty"`     // managedFields has an entry of slipway
	Available      int       `json:"available,omitempty"` // pods that the controller counts as available
	Original       *Original `json:"original,omitempty"`  // what the fields were before the release; nil: none holds them
}

// Held tells whether a release holds the Deployment.
func (r *Rolling) Held() bool { return r.MinReady == SentinelReady }

// Original is what a Deployment's fields were before a release took them over. It is kept in an annotation and in the progress
// of the release, so that it outlives either.
type Original struct {
	// of the Deployment: an annotation that was copied from another one counts for nothing
	UID    string `json:"uid"`
	Stable string `json:"stable,omitempty"` // revision that the release started from
	// digest of the pod template of Stable, by which what a record keeps of it is believed
	Template       string   `json:"template,omitempty"`
	Revision       string   `json:"revision,omitempty"` // revision that is released
	Sealed         bool     `json:"sealed,omitempty"`   // no pod of the newest ReplicaSet is available by its own status
	Native         bool     `json:"native,omitempty"`   // its fields are back already, and the controller rolls by itself
	Paused         bool     `json:"paused,omitempty"`
	MinReady       int      `json:"minReadySeconds,omitempty"`
	Deadline       int      `json:"progressDeadlineSeconds,omitempty"`
	MaxSurge       Quantity `json:"maxSurge"`
	MaxUnavailable Quantity `json:"maxUnavailable"`
}

// Originals are what the fields of a Deployment that nobody holds are.
func (c Workload) Originals() Original {
	r := c.Rolling
	return Original{
		UID: c.UID, Paused: r.Paused, MinReady: r.MinReady, Deadline: r.Deadline, MaxSurge: r.MaxSurge,
		MaxUnavailable: r.MaxUnavailable,
	}
}

// ParseOriginal reads the annotation of a Deployment.
func ParseOriginal(text string) (Original, error) {
	var o Original
	if err := Decode([]byte(text), &o); err != nil {
		return o, fmt.Errorf("reading the annotation %s: %w", OriginalAnnotation, err)
	}
	return o, nil
}

// Text is the value of the annotation.
func (o Original) Text() string {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // words, numbers and quantities all have JSON
	}
	return string(data)
}

// WithOriginal gives a Deployment that a release holds the spec that it has without: bounds and times are the user's. What
// was noted of another object, or where nothing holds the fields any more, is left out.
func (c Workload) WithOriginal(o *Original) Workload {
	if c.Rolling == nil || o == nil || o.UID != c.UID {
		return c
	}
	if rolls := c.Rolling.Annotated && o.Native; !rolls && !c.Rolling.Held() {
		return c
	}
	rolling := *c.Rolling
	rolling.Original = o
	c.Rolling = &rolling
	c.Spec.MaxSurge, c.Spec.MaxUnavailable = o.MaxSurge, o.MaxUnavailable
	c.Spec.MinReady, c.Spec.ProgressDeadline = time.Duration(o.MinReady)*time.Second, deadlineOf(o.Deadline)
	return c
}

// deadlineOf is a progressDeadlineSeconds as a release takes it. Nothing ends after 68 years.
func deadlineOf(seconds int) time.Duration {
	if seconds > secondsLimit {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
