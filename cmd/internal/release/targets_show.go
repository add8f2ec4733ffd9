// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
	"github.com/slipway-dev/slipway/rollout/tables"
)

// targetsStatus shows how every target of a plan stands, once.
func (f *statusFlags) targetsStatus(ctx context.Context, s command.Streams, whole plan.BatchPlan) error {
	var all tables.StatusTargets
	code := 0
	for i, single := range whole.Single() {
		release, err := f.open(&single, nil)
		if err != nil {
			return err
		}
		standing, err := release.Status(ctx)
		var status tables.Status
		switch {
		case errors.Is(err, steer.ErrNothing): // its wave may not have begun, and the others are shown all the same
			status = tables.Status{
				Target: release.Target(), State: plan.NotStarted,
				Message: "it does not exist: apply it before its release", ExitCode: ExitHeld,
			}
		case err != nil:
			return readError(ctx, err)
		default:
			status = describe(release, standing)
		}
		all.Targets = append(all.Targets, tables.StatusTarget{Wave: whole.Waves.Targets[i].Wave, Status: status})
		if code == 0 || code == ExitHeld && status.ExitCode != 0 {
			code = status.ExitCode
		}
	}
	write := all.Table
	if f.output == "json" {
		write = all.JSON
	}
	if err := write(s.Out); err != nil {
		return err
	}
	if code != 0 {
		return &command.ExitError{Code: code}
	}
	return nil
}

// planTargets shows what the release of every target will do, in the order of the waves.
func planTargets(ctx context.Context, s command.Streams, flags releaseFlags, file string, plan plan.BatchPlan,
	all []release,
) error {
	var out bytes.Buffer
	for i, r := range all {
		if i > 0 {
			out.WriteString("\n")
		}
		t := plan.Waves.Targets[i]
		fmt.Fprintf(&out, "wave        %d, target %d of %d: %s, %d at a time in a wave\n", t.Wave, i+1, len(all), t.Named(),
			plan.Waves.Parallel)
		if err := planOf(ctx, &out, flags, file, r); err != nil {
			return err
		}
	}
	if _, err := s.Out.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	return nil
}
