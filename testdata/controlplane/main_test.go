// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestServersRun(t *testing.T) {
	dir, err := build(".", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range servers() {
		args := []string{"--version"}
		if name == "kubectl" {
			args = []string{"version", "--client"}
		}
		out, err := exec.Command(filepath.Join(dir, name), args...).CombinedOutput()
		if err != nil || !strings.ContainsAny(string(out), "0123456789") {
			t.Errorf("%s %v: %v\n%s", name, args, err, out)
		}
	}
}

func TestAnotherPinIsAnotherFolder(t *testing.T) {
	t.Setenv("SLIPWAY_CACHE", t.TempDir())
	module := t.TempDir()
	var dirs []string
	for _, sum := range []string{"one", "one", "two"} {
		for _, name := range []string{"go.mod", "go.sum"} {
			if err := os.WriteFile(filepath.Join(module, name), []byte(sum), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		dir, err := cached(module)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	if dirs[0] != dirs[1] || dirs[1] == dirs[2] {
		t.Errorf("folders %q: the same for the same pins and only for those", dirs)
	}
}

func TestFailedBuildLeavesNoFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("SLIPWAY_CACHE", cache)
	module := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := os.WriteFile(filepath.Join(module, name), []byte("not a module\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if dir, err := build(module, io.Discard); err == nil {
		t.Fatalf("built %s from nothing", dir)
	}
	left, err := filepath.Glob(filepath.Join(cache, "slipway", "*"))
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], ".lock") {
		t.Errorf("left behind %q, %v; want the lock alone", left, err)
	}
}
