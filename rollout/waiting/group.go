// SPDX-License-Identifier: Apache-2.0

package waiting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/duration"
)

// namesShown is how many pods a group names; groupsShown is how many groups words have, and messageShown is how much of a
// message. The others are counted.
const (
	namesShown   = 10
	groupsShown  = 3
	namesSaid    = 3
	messageShown = 240
)

// Group is pods that are not ready for the same reason. The JSON names are a contract with readers of progress lines, of a
// status and of notifications.
type Group struct {
	Count     int       `json:"count"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"` // of the first pod
	Pods      []string  `json:"pods"`              // names, of the first ten
	Container string    `json:"container,omitempty"`
	Restarts  int       `json:"restarts,omitempty"` // the most
	ExitCode  *int      `json:"exitCode,omitempty"`
	Exit      string    `json:"exit,omitempty"`
	Since     time.Time `json:"since,omitzero"` // the longest
}

// Groups puts pods together whose reasons are alike: in trouble first, then the largest.
func Groups(pods []Pod) []Group {
	sorted := slices.Clone(pods)
	slices.SortStableFunc(sorted, func(a, b Pod) int { return strings.Compare(a.Name, b.Name) })
	places := map[string]int{}
	var groups []Group
	for i := range sorted {
		p := &sorted[i]
		at, known := places[p.alike()]
		if !known {
			at = len(groups)
			places[p.alike()] = at
			groups = append(groups, Group{
				Reason: p.Reason, Message: p.Message, Container: p.Container, ExitCode: p.ExitCode, Exit: p.Exit,
			})
		}
		groups[at].add(p)
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		if underWay(a.Reason) != underWay(b.Reason) {
			if underWay(b.Reason) {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Count, a.Count)
	})
	return groups
}

// troubles are the reasons, each once, that are more than those of pods which start or end.
func troubles(groups []Group) []string {
	var reasons []string
	for _, g := range groups {
		if !underWay(g.Reason) && !slices.Contains(reasons, g.Reason) {
			reasons = append(reasons, g.Reason)
		}
	}
	return reasons
}

// Told remembers for which reasons the pods of a batch are known to be in trouble. The zero value is ready.
type Told struct {
	batch   int
	reasons map[string]bool
}

// News tells whether pods of a batch are in trouble for a reason that was not told yet. A pod that goes to and fro between two
// of them is no news.
func (t *Told) News(batch int, groups []Group) (news bool) {
	if t.batch != batch || t.reasons == nil {
		t.batch, t.reasons = batch, map[string]bool{}
	}
	for _, reason := range troubles(groups) {
		news = news || !t.reasons[reason]
		t.reasons[reason] = true
	}
	return news
}

// alike is equal for pods of one group. Numbers in a message, such as how many nodes do not fit, do not tell pods apart.
func (w *Why) alike() string {
	exit := ""
	if w.ExitCode != nil {
		exit = fmt.Sprint(*w.ExitCode)
	}
	words := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, w.Message)
	return strings.Join([]string{w.Reason, w.Container, exit, words}, "\x00")
}

func (g *Group) add(p *Pod) {
	g.Count++
	if len(g.Pods) < namesShown {
		g.Pods = append(g.Pods, p.Name)
	}
	g.Restarts = max(g.Restarts, p.Restarts)
	if g.Since.IsZero() || !p.Since.IsZero() && p.Since.Before(g.Since) {
		g.Since = p.Since
	}
}

// Words says why pods are not ready, in one line: "2 pods ImagePullBackOff: Back-off pulling image "x" (web-1, web-2)". With a
// time it says since when.
func Words(groups []Group, now time.Time) string {
	var said []string
	rest := 0
	for i, g := range groups {
		if i < groupsShown {
			said = append(said, g.words(now))
		} else {
			rest += g.Count
		}
	}
	if rest > 0 {
		said = append(said, Count(rest)+" for other reasons")
	}
	return strings.Join(said, "; ")
}

func (g *Group) words(now time.Time) string {
	s := Count(g.Count) + " " + g.Reason
	if more := details(g.Message, g.ExitCode, g.Exit, g.Restarts); more != "" {
		s += ": " + more
	}
	names := strings.Join(g.Pods[:min(len(g.Pods), namesSaid)], ", ")
	if more := g.Count - namesSaid; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	if !now.IsZero() && !g.Since.IsZero() {
		names += ", since " + Age(now.Sub(g.Since))
	}
	return s + " (" + names + ")"
}

// Details is the message of the pod, and how its container has ended last.
func (w *Why) Details() string { return details(w.Message, w.ExitCode, w.Exit, w.Restarts) }

func details(message string, code *int, exit string, restarts int) string {
	var parts []string
	if message != "" {
		parts = append(parts, cut(message, messageShown))
	}
	if code != nil {
		ended := fmt.Sprintf("exit code %d", *code)
		if exit != "" && exit != "Error" && exit != "Completed" {
			ended += " (" + exit + ")"
		}
		parts = append(parts, ended)
	}
	switch {
	case restarts == 1:
		parts = append(parts, "1 restart")
	case restarts > 1:
		parts = append(parts, fmt.Sprintf("%d restarts", restarts))
	}
	return strings.Join(parts, ", ")
}

// cut is a message on one line and of at most so many letters.
func cut(message string, most int) string {
	message = strings.Join(strings.Fields(message), " ")
	if letters := []rune(message); len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return message
}

// Age is a duration as kubectl writes the age of a pod: 45s, 3m, 2h30m, 5d.
func Age(d time.Duration) string { return duration.HumanDuration(max(d, 0)) }

// Count is a number of pods in words: "1 pod".
func Count(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}
