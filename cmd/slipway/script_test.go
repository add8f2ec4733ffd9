// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
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

// TestScript runs the scripts of testdata/script: commands, and what they must print and exit with.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds:                scriptCommands(),
	})
}
