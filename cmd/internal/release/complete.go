// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// completePlan completes a flag with words of the plan, which --plan or the argument names.
func (f *releaseFlags) completePlan(words func(plan.BatchPlan) []cobra.Completion) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		for _, file := range append([]string{f.plan}, args...) {
			if data, err := os.ReadFile(file); err == nil && plan.HasPlan(data) {
				p, _ := plan.ParsePlan(file, data) // what can be read of one that has a mistake
				return words(p), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// failing are the checks of a plan as --check lets them fail, and targets its targets as --target names one.
func failing(p plan.BatchPlan) (out []cobra.Completion) {
	for _, c := range p.Checks {
		out = append(out, c.Name+"=fail")
	}
	return out
}

func targets(p plan.BatchPlan) (out []cobra.Completion) {
	for _, t := range p.Waves.Targets {
		out = append(out, t.Kind+"/"+t.Name)
	}
	return out
}
