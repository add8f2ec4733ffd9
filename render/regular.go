// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Open opens a file that somebody has named. A pipe without a writer would keep slipway waiting for ever, and a device may
// have no end: they are refused, but for the streams of the process, such as a shell's <(command).
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	if err := regular(info); err != nil && !isStream(path) && !info.IsDir() {
		return nil, fmt.Errorf("reading %s: %w: name a file, or - and pipe it in", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	return f, nil
}

// isStream says whether a path is a stream that the process has got, or the device that holds nothing.
func isStream(path string) bool {
	return path == os.DevNull || streamName().MatchString(filepath.Clean(path))
}

var streamName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/dev/(stdin|fd/\d+)$|^/proc/(self|\d+)/fd/\d+$`)
})

// readFile reads a file that is one.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// readRegular is readFile for a name in a folder.
func readRegular(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, err
	}
	return root.ReadFile(name)
}

// regularFiles is a file system for kustomize, from which it reads what is a file and, where within is set, stands there or in
// what kustomize itself has fetched.
type regularFiles struct {
	filesys.FileSystem
	within string
}

// ReadFile reads a file that is one.
func (s regularFiles) ReadFile(path string) ([]byte, error) {
	if err := s.check(path); err != nil {
		return nil, err
	}
	return readFile(path)
}

// CleanedAbs is how kustomize finds a base.
func (s regularFiles) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	if err := s.check(path); err != nil {
		return "", "", err
	}
	return s.FileSystem.CleanedAbs(path)
}

// check refuses what is outside.
func (s regularFiles) check(path string) error {
	if s.within == "" {
		return nil
	}
	real, err := filepath.Abs(path)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return err
	}
	if !IsInside(s.within, real) && !isFetched(real) {
		return fmt.Errorf("%s is outside the repository", path)
	}
	return nil
}

// isFetched says whether a file is part of a remote base, for which kustomize makes a folder of its own.
func isFetched(path string) bool {
	temp, err := filepath.EvalSymlinks(os.TempDir())
	return err == nil && strings.HasPrefix(path, filepath.Join(temp, "kustomize-"))
}

// IsInside says whether a path without links is a folder or below it.
func IsInside(dir, path string) bool {
	below, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(below)
}

// regular is an error for everything but a file.
func regular(info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%s is there", Special(info.Mode()))
}

// Special names what is no regular file.
func Special(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}
