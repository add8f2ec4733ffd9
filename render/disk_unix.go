// SPDX-License-Identifier: Apache-2.0

//go:build unix

package render

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// errBusy says that another process holds a folder.
var errBusy = errors.New("another run of slipway writes there: wait for its end and run this one again")

// lockFolder holds a folder against other runs, and leaves nothing behind: the lock is on the folder itself, and ends with the
// process that holds it. It is nil where the file system knows no such locks.
func lockFolder(path string) (io.Closer, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, Cause(err)
	}
	switch err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case err == nil:
		return d, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(errBusy, d.Close())
	default:
		return nil, d.Close()
	}
}

// syncFolder brings the names in a folder to the disk, where the file system can.
func syncFolder(d *os.File) error {
	err := d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return Cause(err)
}

// keepOwner gives a new file the owner and group of the one whose place it takes.
func keepOwner(f *os.File, was fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	now, ok := info.Sys().(*syscall.Stat_t)
	then, known := was.Sys().(*syscall.Stat_t)
	if !ok || !known || now.Uid == then.Uid && now.Gid == then.Gid {
		return nil
	}
	if err := f.Chown(int(then.Uid), int(then.Gid)); err != nil {
		return errors.New("it belongs to another user or group, to whom slipway may not give the new one: run slipway as its owner")
	}
	return nil
}

// linkCount is how many names a file has.
func linkCount(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink) //nolint:unconvert // of another size on other systems
	}
	return 1
}
