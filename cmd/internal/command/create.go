// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/slipway-dev/slipway/render"
)

// Create opens a file that somebody names for what is written, with flags such as [os.O_APPEND], and makes it where there is
// none. Opening a named pipe waits for a reader, beyond the reach of a signal, and a disk would be written over: neither is
// opened.
func Create(path string, flags int, perm fs.FileMode) (*os.File, error) {
	if err := writable(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, flags|os.O_CREATE|os.O_WRONLY, perm)
	if err != nil {
		return nil, render.Cause(err)
	}
	return file, nil
}

// WriteFile writes a whole file in place of what it holds, as Create opens it.
func WriteFile(path string, data []byte) error {
	file, err := Create(path, os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return render.Cause(err)
	}
	return nil
}

// writable refuses what is no file, no stream that the process has got, and no device such as a terminal or /dev/null.
func writable(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() || info.Mode()&fs.ModeCharDevice != 0 ||
		streamName().MatchString(filepath.Clean(path)) {
		return nil //nolint:nilerr // opening it tells what is wrong
	}
	return fmt.Errorf("%s is there: name a file", render.Special(info.Mode()))
}

var streamName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/dev/(stdout|stderr|fd/\d+)$|^/proc/(self|\d+)/fd/\d+$`)
})
