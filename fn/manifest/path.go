// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// NamesFile says whether a path ends as those of files with manifests do.
func NamesFile(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path))
}

// PathHint says of a path that does not exist what it is instead, and what to do; "" where it looks like a path.
func PathHint(path string) string {
	switch {
	case strings.HasPrefix(path, "http://"), strings.HasPrefix(path, "https://"):
		return fmt.Sprintf("a URL is not fetched: download it (curl -fsSLO %s) and name the file", ShellWord(Printable(path)))
	case strings.Contains(path, "://"), strings.HasPrefix(path, "git@"):
		return "a URL is not fetched: clone or pull what it names, and name the file or folder"
	case strings.HasPrefix(path, "~/"):
		return "no such file: a shell puts the home folder in the place of ~ only where it stands outside quotes"
	case strings.ContainsAny(path, "*?"):
		return "no such file: nothing is called so, and patterns are the shell's: name the folder to read all of it"
	case strings.Contains(path, ","):
		return "no such file: several files are named one by one, each after its own flag"
	default:
		return ""
	}
}
