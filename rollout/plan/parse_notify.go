// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"
)

func readNotifications(v value) []Notification {
	var all []Notification
	for i, item := range v.items() {
		item.mapping("name", "webhook", "slack", "on")
		n := Notification{Name: item.get("name").Text(), On: readReasons(item.get("on"))}
		if n.Name == "" {
			n.Name = fmt.Sprintf("number %d", i+1)
		}
		if slices.ContainsFunc(all, func(o Notification) bool { return o.Name == n.Name }) {
			item.get("name").fail("%q is the name of a notification above", n.Name)
		}
		webhook, slack := item.get("webhook"), item.get("slack")
		switch {
		case webhook.Present() && slack.Present():
			slack.fail("stands beside webhook: write two notifications")
		case webhook.Present():
			n.Webhook = readWebhook(webhook)
		case slack.Present():
			n.Slack = readSlack(slack)
		default:
			item.fail("says whom to tell neither with webhook nor with slack")
		}
		all = append(all, n)
	}
	return all
}

func readWebhook(v value) *Webhook {
	if !v.mapping("url", "urlFrom", "headers", "bearerToken", "ca") {
		return nil
	}
	url, from := v.get("url"), v.get("urlFrom")
	w := &Webhook{Access: readAccess(v), URLFrom: readSecretHolder(from)}
	switch {
	case url.Present() && from.Present():
		from.fail("stands beside url: take one out")
	case url.Present():
		w.URL = url.webAddress("https://hooks.example.com/releases")
	case !from.Present():
		v.fail("has neither url nor urlFrom: write urlFrom: {secretRef: {name: SECRET, key: KEY}} where who knows the URL may write")
	}
	return w
}

func readSlack(v value) *Slack {
	if v.get("url").Present() {
		v.get("url").fail("must not stand in a plan, because who knows it may write: write urlFrom: {secretRef: {name: SECRET, " +
			"key: KEY}}")
		return nil
	}
	if !v.mapping("urlFrom") {
		return nil
	}
	from := v.get("urlFrom")
	if !from.Present() {
		from.fail("is missing: write {secretRef: {name: SECRET, key: KEY}}")
		return nil
	}
	ref := readSecretHolder(from)
	if ref == nil {
		return nil
	}
	return &Slack{URLFrom: *ref}
}

// readReasons reads what a notification is about; where it does not say, it is what somebody has to know.
func readReasons(v value) []Reason {
	if !v.Present() {
		return usual()
	}
	var words []string
	for _, r := range Notable() {
		words = append(words, string(r))
	}
	var reasons []Reason
	for _, item := range v.items() {
		word := item.Text()
		if !slices.Contains(words, word) {
			item.fail("%q cannot be notified of%s: it is one of %s", word, suggestion(word, words), strings.Join(words, ", "))
			continue
		}
		reasons = append(reasons, Reason(word))
	}
	if len(v.items()) == 0 {
		v.fail("is empty: leave it out for what people have to know, or name reasons")
	}
	return reasons
}
