// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
)

// maxAnswer is how many bytes of an answer are read. A check needs one number.
const maxAnswer = 1 << 20

// transport sends requests with the headers of an access.
type transport struct {
	base    *http.Transport
	headers http.Header
}

// newClient is a client for one measurement: secrets are read each time, and no connection is kept. It follows no redirect,
// which could carry a secret to somebody else.
func newClient(a rollout.Access, secrets secretFolder) (*http.Client, error) {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableKeepAlives = true
	t := transport{base: base, headers: http.Header{}}
	for _, h := range a.Headers {
		value := h.Value
		if h.Secret != nil {
			var err error
			if value, err = headerValue(secrets, *h.Secret); err != nil {
				return nil, err
			}
		}
		t.headers.Add(h.Name, value)
	}
	if a.BearerToken != nil {
		token, err := headerValue(secrets, *a.BearerToken)
		if err != nil {
			return nil, err
		}
		t.headers.Set("Authorization", "Bearer "+token)
	}
	if a.CA != nil {
		text, err := secrets.read(*a.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(text)) {
			return nil, fmt.Errorf("%w: secret %s, key %s: has no certificate in PEM form", ErrWrong, a.CA.Name, a.CA.Key)
		}
		base.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func headerValue(secrets secretFolder, ref rollout.SecretRef) (string, error) {
	value, err := secrets.read(ref)
	if err == nil && strings.ContainsAny(value, "\r\n\x00") {
		return "", fmt.Errorf("%w: secret %s, key %s: has more than one line, which no header can", ErrWrong, ref.Name, ref.Key)
	}
	return value, err
}

// RoundTrip adds the headers and bounds the answer.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.headers {
		r.Header[name] = values
	}
	if host := t.headers.Get("Host"); host != "" {
		r.Host = host
	}
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// unreachable is the answer of a server that gave none.
func unreachable(ctx context.Context, err error) answer {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return inconclusive("%w: %w", ErrUnreachable, err)
}
