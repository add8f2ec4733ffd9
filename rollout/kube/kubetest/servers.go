// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// module is the nested module that pins and builds the servers, from the root of the repository.
const module = "testdata/controlplane"

// servers returns the folder of the servers' programs. It builds them if they are not there yet, and says so on stderr.
func servers() (string, error) {
	dir, err := moduleDir()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	var log bytes.Buffer
	cmd.Stderr = io.MultiWriter(os.Stderr, &log)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go run in %s: %w\n%s", module, err, log.Bytes())
	}
	return string(bytes.TrimSpace(out)), nil
}

// moduleDir looks for the nested module from the working directory upwards: go test runs a package's tests in its folder.
func moduleDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		candidate := filepath.Join(dir, filepath.FromSlash(module))
		if _, err := os.Stat(filepath.Join(candidate, "go.mod")); err == nil {
			return candidate, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no " + module + " in this folder or above it")
		}
		dir = parent
	}
}
