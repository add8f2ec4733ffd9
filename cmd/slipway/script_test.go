// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run the real binary's main under all its names.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"slipway":         func() { os.Exit(slipway()) },
		"flux-slipway":    func() { os.Exit(slipway()) },
		"kubectl-slipway": func() { os.Exit(slipway()) },
	})
}

var update = flag.Bool("update", false, "rewrite the golden sections of the scripts")

// condition is root where the scripts run as root, whom no permission stops.
func condition(cond string) (bool, error) {
	if cond == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// TestScript runs the scripts of testdata/script: commands, and what they must print and exit with.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds:                scriptCommands(),
		Condition:           condition,
	})
}
