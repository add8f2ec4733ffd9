// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// timeoutTransport ends each request that takes longer than a time, its answer included, but for watches, which have no end.
type timeoutTransport struct {
	http.RoundTripper
	limit time.Duration
}

func (t timeoutTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("watch") != "" {
		return t.RoundTripper.RoundTrip(r)
	}
	late := fmt.Errorf("no answer within %v (--request-timeout)", t.limit)
	ctx, cancel := context.WithTimeoutCause(r.Context(), t.limit, late)
	answer, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if context.Cause(ctx) == late { //nolint:errorlint // this very one
			err = late
		}
		cancel()
		return nil, err
	}
	answer.Body = body{ReadCloser: answer.Body, end: sync.OnceFunc(cancel)}
	return answer, nil
}

// body gives up the time of its request when it is closed.
type body struct {
	io.ReadCloser
	end func()
}

func (b body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// Contexts are the names of a kubeconfig's contexts; none where it cannot be read.
func (a Access) Contexts() []string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	config, err := rules.Load()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(config.Contexts))
}
