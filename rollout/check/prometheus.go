// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// prometheusSource asks a query of a Prometheus, or of what speaks like one.
type prometheusSource struct {
	spec    plan.Prometheus
	secrets access.Secrets
	now     func() time.Time
}

func (p prometheusSource) try(ctx context.Context, s snapshot) answer { return p.ask(ctx, s) }

func (p prometheusSource) ask(ctx context.Context, _ snapshot) answer {
	client, err := newClient(p.spec.Access, p.secrets)
	if err != nil {
		return answer{err: err}
	}
	server, err := api.NewClient(api.Config{Address: p.spec.Address, Client: client})
	if err != nil {
		return inconclusive("%w: %w", ErrWrong, err)
	}
	value, warnings, err := promv1.NewAPI(server).Query(ctx, p.spec.Query, p.now())
	switch {
	case err != nil:
		return refusal(ctx, err)
	case len(warnings) > 0:
		return inconclusive("Prometheus warns that the result may not be whole: %s", warnings[0])
	}
	number, err := single(value)
	if err != nil {
		return answer{err: err}
	}
	return judge(number, p.spec.Range)
}

// refusal tells a query that can never be answered from one that may be later.
func refusal(ctx context.Context, err error) answer {
	var said *promv1.Error
	var sent *url.Error
	switch {
	case errors.As(err, &said):
	case ctx.Err() != nil || errors.As(err, &sent):
		return unreachable(ctx, err)
	default:
		return inconclusive("what Prometheus answers is no number: %w", err)
	}
	switch said.Type {
	case promv1.ErrBadData:
		return inconclusive("%w: Prometheus does not understand the query: %s", ErrWrong, said.Msg)
	case promv1.ErrExec:
		return inconclusive("Prometheus cannot work the query out: %s", said.Msg)
	case promv1.ErrClient:
		return inconclusive("%w: Prometheus refuses the request: %s", ErrUnreachable, said.Msg)
	default:
		return inconclusive("%w: Prometheus says %s: %s", ErrUnreachable, said.Type, said.Msg)
	}
}

// single is the one number of a result.
func single(value model.Value) (float64, error) {
	switch v := value.(type) {
	case *model.Scalar:
		return float64(v.Value), nil
	case model.Vector:
		switch {
		case len(v) == 0:
			return 0, errors.New("the query finds no series: nothing is scraped that matches it, or nothing has happened yet; \"or " +
				"vector(0)\" gives 0 then")
		case len(v) > 1:
			return 0, fmt.Errorf("the query finds %d series, such as %s and %s: aggregate them to one, with sum() or max()", len(v),
				v[0].Metric, v[1].Metric)
		case v[0].Histogram != nil:
			return 0, errors.New("the query gives a histogram: take one number out of it, with histogram_quantile() or histogram_avg()")
		}
		return float64(v[0].Value), nil
	case model.Matrix:
		return 0, fmt.Errorf("%w: the query gives values over a range of time: take one number out of them, with rate() or "+
			"avg_over_time()", ErrWrong)
	default:
		return 0, fmt.Errorf("%w: the query gives no number", ErrWrong)
	}
}

// judge holds a number against its limits.
func judge(number float64, limits plan.Range) answer {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return inconclusive("the value is %g, which is not a number to judge by: a division by zero gives it where nothing has "+
			"happened", number)
	}
	a := answer{passed: limits.Holds(number), value: fmt.Sprintf("%g", number)}
	a.message = fmt.Sprintf("%g, %s", number, limits)
	if !a.passed {
		a.message = fmt.Sprintf("%g is not %s", number, limits)
	}
	return a
}
