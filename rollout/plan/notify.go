// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Notification says whom to tell what happens in a release. Exactly one of Webhook and Slack is set.
type Notification struct {
	Name    string   `json:"name,omitempty"`
	Webhook *Webhook `json:"webhook,omitempty"`
	Slack   *Slack   `json:"slack,omitempty"`
	On      []Reason `json:"on,omitempty"` // what is told
}

// Webhook takes a JSON document for each event. Exactly one of URL and URLFrom is set.
type Webhook struct {
	URL     string     `json:"url,omitempty"`
	URLFrom *SecretRef `json:"urlFrom,omitempty"`
	Access
}

// Slack takes messages in Slack's format, which other chats understand, too. Its URL lets anybody write, so it is a secret.
type Slack struct {
	URLFrom SecretRef `json:"urlFrom,omitzero"`
}

// AgentFailed is the reason of a notification about an agent that ended without a decision: by an error or a signal.
const AgentFailed Reason = "AgentFailed"

// Secrets are the keys of Secrets that the notification needs.
func (n Notification) Secrets() []SecretRef {
	switch {
	case n.Slack != nil:
		return []SecretRef{n.Slack.URLFrom}
	case n.Webhook != nil && n.Webhook.URLFrom != nil:
		return append(n.Webhook.secrets(), *n.Webhook.URLFrom)
	case n.Webhook != nil:
		return n.Webhook.secrets()
	default:
		return nil
	}
}

// Wants tells whether a reason is told.
func (n Notification) Wants(r Reason) bool { return slices.Contains(n.On, r) }

// Notable are the reasons that a notification can be asked for. The others come with every pod.
func Notable() []Reason {
	return append([]Reason{
		BatchStarted, BatchReady, Soaking, ChecksRunning, OutsideWindow, PausedBySpec, HeldByPerson, Resumed,
	}, usual()...)
}

// usual is what is told where a notification does not say: what somebody has to act on, and how it ended.
func usual() []Reason {
	return []Reason{
		AwaitingApproval, RollingBack, Completed, Invalid, ChecksFailed, DeadlineExceeded, ThresholdExceeded, PodRefused,
		AbortedByPerson,
		UndoneByPerson, RolledBack, Superseded, ForeignChange, AgentFailed,
	}
}
