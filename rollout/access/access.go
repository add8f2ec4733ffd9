// SPDX-License-Identifier: Apache-2.0

// Package access reaches the servers that a plan names, with the headers, tokens and certificates that it asks for. What is
// secret stands in files.
package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// DefaultSecrets is where the values of Secrets are, where nobody says otherwise: a Job mounts them there.
const DefaultSecrets Secrets = "/etc/slipway/secrets"

// Secrets is a folder with the values of Secrets: a folder for each Secret, a file for each key.
type Secrets string

// Read is the value of a key, without the white space around it that files have and tokens do not.
func (s Secrets) Read(ref plan.SecretRef) (string, error) {
	file := filepath.Join(string(s), ref.Name, ref.Key)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("secret %s, key %s: there is no file %s: mount the Secret there, or say with --secrets where it is",
			ref.Name, ref.Key, file)
	}
	if err != nil {
		return "", fmt.Errorf("secret %s, key %s: %w", ref.Name, ref.Key, err)
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return "", fmt.Errorf("secret %s, key %s: the file %s is empty", ref.Name, ref.Key, file)
	}
	return value, nil
}

// Verify holds that every value is there.
func (s Secrets) Verify(refs []plan.SecretRef) error {
	var errs []error
	for _, ref := range refs {
		_, err := s.Read(ref)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Client is one for a few requests: secrets are read anew, and no connection is kept. base connects, except to a server whose
// certificates the plan names; nil is Go's own, with the proxies of the environment. Redirects are not followed, because
// they could carry a secret to somebody else.
func (s Secrets) Client(a plan.Access, base http.RoundTripper) (*http.Client, error) {
	t := transport{base: base, headers: http.Header{}}
	if base == nil || a.CA != nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.DisableKeepAlives = true
		if a.CA != nil {
			roots, err := s.roots(*a.CA)
			if err != nil {
				return nil, err
			}
			own.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		}
		t.base = own
	}
	for _, h := range a.Headers {
		value := h.Value
		if h.Secret != nil {
			var err error
			if value, err = s.header(*h.Secret); err != nil {
				return nil, err
			}
		}
		t.headers.Add(h.Name, value)
	}
	if a.BearerToken != nil {
		token, err := s.header(*a.BearerToken)
		if err != nil {
			return nil, err
		}
		t.headers.Set("Authorization", "Bearer "+token)
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		nil
}

// roots are the certificates of a secret, the only ones to trust.
func (s Secrets) roots(ref plan.SecretRef) (*x509.CertPool, error) {
	text, err := s.Read(ref)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, fmt.Errorf("secret %s, key %s: has no certificate in PEM form", ref.Name, ref.Key)
	}
	return pool, nil
}

func (s Secrets) header(ref plan.SecretRef) (string, error) {
	value, err := s.Read(ref)
	if err == nil && strings.ContainsAny(value, "\r\n\x00") {
		return "", fmt.Errorf("secret %s, key %s: has more than one line, which no header can", ref.Name, ref.Key)
	}
	return value, err
}

// transport sends requests with the headers of an access.
type transport struct {
	base    http.RoundTripper
	headers http.Header
}

// RoundTrip adds the headers.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.headers {
		r.Header[name] = values
	}
	if host := t.headers.Get("Host"); host != "" {
		r.Host = host
	}
	return t.base.RoundTrip(r)
}
