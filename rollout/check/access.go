// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"net/http"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// maxAnswer is how many bytes of an answer are read. A check needs one number.
const maxAnswer = 1 << 20

// newClient is a client for one measurement. What keeps it from being made would keep every other one.
func newClient(a plan.Access, secrets access.Secrets) (*http.Client, error) {
	client, err := secrets.Client(a, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	client.Transport = bounded{client.Transport}
	return client, nil
}

// bounded cuts answers off.
type bounded struct{ base http.RoundTripper }

// RoundTrip bounds the answer.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
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
