// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// hide takes the values of secrets out of a text.
func hide(secrets access.Secrets, text string, refs []plan.SecretRef) string {
	for _, ref := range refs {
		value, err := secrets.Read(ref)
		if err != nil {
			continue
		}
		forms := []string{value, url.QueryEscape(value), url.PathEscape(value)}
		if u, err := url.Parse(value); err == nil {
			forms = append(forms, u.String(), u.RequestURI(), u.Path)
		}
		slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
		for _, form := range forms {
			if len(form) > 1 {
				text = strings.ReplaceAll(text, form, "***")
			}
		}
	}
	return text
}

// refusal is a delivery that was answered, but not taken.
type refusal struct {
	status string
	answer string
	again  bool // trying again may help
	after  time.Duration
}

// Error says what the receiver answered.
func (r *refusal) Error() string {
	s := "the receiver answers " + r.status
	if r.answer != "" {
		s += ": " + r.answer
	}
	return s
}

// address is where the receiver is.
func (r *receiver) address() (string, error) {
	ref := plan.SecretRef{}
	switch {
	case r.to.Slack != nil:
		ref = r.to.Slack.URLFrom
	case r.to.Webhook.URLFrom != nil:
		ref = *r.to.Webhook.URLFrom
	default:
		return r.to.Webhook.URL, nil
	}
	address, err := r.secrets.Read(ref)
	if err != nil {
		return "", err
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("secret %s, key %s: the value is no URL of a web server", ref.Name, ref.Key)
	}
	return address, nil
}

// try makes one delivery.
func (r *receiver) try(ctx context.Context, e Event) error {
	address, err := r.address()
	if err != nil {
		return err
	}
	var body any = e
	if r.to.Slack != nil {
		body = slackFor(e)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing the event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		return bare(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if r.options.UserAgent != "" {
		request.Header.Set("User-Agent", r.options.UserAgent)
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return bare(err)
	}
	defer response.Body.Close()
	return r.judge(response)
}

// client connects as the plan says.
func (r *receiver) client() (*http.Client, error) {
	var a plan.Access
	if r.to.Webhook != nil {
		a = r.to.Webhook.Access
	}
	return r.secrets.Client(a, r.options.Transport)
}

// judge tells from an answer whether the event is taken, and whether to try again where it is not.
func (r *receiver) judge(response *http.Response) error {
	said, _ := io.ReadAll(io.LimitReader(response.Body, 200))
	if response.StatusCode/100 == 2 {
		return nil
	}
	again := response.StatusCode/100 == 5 || response.StatusCode == http.StatusTooManyRequests ||
		response.StatusCode == http.StatusRequestTimeout
	return &refusal{
		status: response.Status, answer: strings.Join(strings.Fields(string(said)), " "), again: again,
		after: r.after(response.Header.Get("Retry-After")),
	}
}

// after reads how long a receiver asks to wait: a number of seconds or a moment.
func (r *receiver) after(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), longestWait)
	}
	at, err := http.ParseTime(header)
	if err != nil || r.options.Now == nil {
		return 0
	}
	return min(max(at.Sub(r.options.Now()), 0), longestWait)
}

// bare takes the URL out of an error, because it may be a secret.
func bare(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
