// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// errBusy says that another process holds a folder.
var errBusy = errors.New("another run of slipway writes there: wait for its end and run this one again")

// mutex is a name of the system that ends with the last process that has it open.
type mutex windows.Handle

// Close gives the name back.
func (m mutex) Close() error { return windows.CloseHandle(windows.Handle(m)) }

// lockFolder holds a folder against other runs, and leaves nothing behind. A folder cannot be locked here; a name that is made
// of its path can.
func lockFolder(path string) (io.Closer, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(strings.ToLower(full)))
	name, err := windows.UTF16PtrFromString(`Local\slipway-` + hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateMutex(nil, false, name)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return nil, errors.Join(errBusy, windows.CloseHandle(handle))
	}
	if err != nil {
		return nil, err
	}
	return mutex(handle), nil
}

// syncFolder does nothing: NTFS keeps its own journal of names.
func syncFolder(*os.File) error { return nil }

// keepOwner does nothing: a new file has the rights of its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// linkCount is 1: the number is not part of what the system tells of a file.
func linkCount(fs.FileInfo) uint64 { return 1 }
