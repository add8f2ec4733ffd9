// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const folderPrefix = "slipway-kubetest-"

// newFolder makes a temporary folder that carries the id of this process in its name, and removes those of processes that
// were killed before they could do it themselves. A young folder stays: its process may be in a container that shares the
// folder of temporary files with this one.
func newFolder() (string, error) {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		text, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folderPrefix), "-")
		pid, err := strconv.Atoi(text)
		info, statErr := os.Stat(dir)
		if err == nil && statErr == nil && !alive(pid) && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
}
