// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Access says how to reach a cluster.
type Access struct {
	Kubeconfig string  // file; "" is what kubectl would use, or the pod's own service account
	Context    string  // in the kubeconfig; "" is the current one
	QPS        float32 // requests a second on average
	Burst      int     // requests at once
	UserAgent  string
	Timeout    time.Duration // of one request that is not a watch; 0 is that of the client
	As         string        // user to act as; "" is the one of the kubeconfig
	AsGroups   []string
}

// Config reads how to reach the cluster, and the namespace that is meant where none is named.
func (a Access) Config() (*rest.Config, string, error) {
	if a.Timeout < 0 {
		return nil, "", fmt.Errorf("--request-timeout %v: it cannot be negative", a.Timeout)
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", a.unread(err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent = a.QPS, a.Burst, a.UserAgent
	if a.Timeout > 0 {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return timeoutTransport{next, a.Timeout} })
	}
	if a.As != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: a.As, Groups: a.AsGroups}
	}
	return config, namespace, nil
}

// unread says why a kubeconfig says nothing, and what could be written instead.
func (a Access) unread(err error) error {
	contexts := a.Contexts()
	known := strings.Join(contexts, ", ")
	switch {
	case clientcmd.IsEmptyConfig(err) && len(contexts) > 0 && a.Context == "":
		return fmt.Errorf("the kubeconfig has no current context: name one of %s with --context", known)
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no kubeconfig says how to reach a cluster: name one with --kubeconfig or the variable KUBECONFIG")
	case a.Context != "" && len(contexts) > 0 && !slices.Contains(contexts, a.Context):
		return fmt.Errorf("reading the kubeconfig: context %q does not exist: name one of %s with --context", a.Context, known)
	case strings.Contains(err.Error(), "is registered for version"): // it is a manifest: client-go's words name its own source
		return fmt.Errorf("reading the kubeconfig: %s is none: a kubeconfig is of apiVersion v1 and kind Config", a.Kubeconfig)
	default:
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
}

// Flags are the flags with which another command reaches the same cluster.
func (a Access) Flags() string {
	var flags []string
	for _, f := range []struct{ name, value string }{{"--kubeconfig", a.Kubeconfig}, {"--context", a.Context}} {
		if f.value != "" {
			flags = append(flags, f.name+" "+manifest.ShellWord(f.value))
		}
	}
	return strings.Join(flags, " ")
}

// Cluster says for people where a client goes, without what may be a secret in an address.
func (a Access) Cluster(config *rest.Config) string {
	host := config.Host
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return ""
	}
	words := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	if a.Context != "" {
		words += ", context " + a.Context
	}
	return words
}

// WithoutLimit is for requests that must not wait behind others: those that keep the lock.
func WithoutLimit(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.QPS, c.RateLimiter = -1, nil
	return c
}
