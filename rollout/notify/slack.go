// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"fmt"
	"strings"
	"time"
)

// Slack refuses longer texts.
const (
	longestHeader = 150
	longestText   = 2900
)

// slackMessage is a message in the format of Slack's incoming webhooks. Text stands in notifications, and in chats that
// know no blocks.
type slackMessage struct {
	Text   string       `json:"text"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func slackFor(e Event) slackMessage {
	title := sign(e) + " " + e.title()
	blocks := []slackBlock{
		{Type: "header", Text: &slackText{"plain_text", cut(title, longestHeader)}},
		{Type: "section", Text: &slackText{"mrkdwn", cut(quoted(e.Message), longestText)}},
	}
	if e.Next != "" {
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{
			"mrkdwn",
			cut("Next: `"+quoted(e.Next)+"`", longestText),
		}})
	}
	c := e.Counts
	facts := fmt.Sprintf("batch %d of %d · %d of %d updated, %d available · revision %s · %s", e.Batch, e.Batches, c.Updated,
		c.Desired, c.Available,
		e.Release, e.Time.UTC().Format(time.RFC3339))
	if e.ExitCode != nil {
		facts += fmt.Sprintf(" · exit code %d", *e.ExitCode)
	}
	blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", cut(quoted(facts), longestText)}}})
	return slackMessage{Text: cut(quoted(title+": "+e.Message), longestText), Blocks: blocks}
}

// sign begins a message, so that good and bad news differ at a glance.
func sign(e Event) string {
	switch {
	case !e.Ended:
		return "●"
	case e.ExitCode != nil && *e.ExitCode == 0:
		return "✓"
	default:
		return "✕"
	}
}

// quoted keeps Slack from reading a text as markup: names and messages could call everybody.
func quoted(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func cut(s string, length int) string {
	runes := []rune(s)
	if len(runes) <= length {
		return s
	}
	return string(runes[:length-1]) + "…"
}
