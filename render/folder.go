// SPDX-License-Identifier: Apache-2.0

package render

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
)

// folder is a folder for as long as a run writes into it. Everything goes through os.Root: no name and no link leads out. No
// other run writes into it in the meantime, so that the temporary files of one that was killed can be told from those in use.
type folder struct {
	path string
	info fs.FileInfo
	root *os.Root
	lock io.Closer // nil where the file system has no locks

	temps []string // staged, and not in their places yet
	left  int      // temporary files of a run that was killed, which are gone now
}

// tempName is what the temporary files of a folder are called, and nothing else is.
var tempName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\.slipway-[A-Z2-7]{26,}$`)
})

// openFolder takes a folder and clears what a killed run has left there.
func openFolder(path string) (*folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Cause(err)
	}
	f := &folder{path: path, root: root}
	if f.info, err = root.Stat("."); err == nil {
		f.lock, err = lockFolder(path)
	}
	if err != nil {
		return nil, errors.Join(Cause(err), root.Close())
	}
	if err := f.clear(); err != nil {
		return nil, errors.Join(fmt.Errorf("clearing it: %w", Cause(err)), f.close())
	}
	return f, nil
}

// is says whether a folder is this one, under whatever name.
func (f *folder) is(info fs.FileInfo) bool { return os.SameFile(f.info, info) }

// holdsTemp says whether there is a temporary file in a folder, of a killed run or of one that is at work.
func holdsTemp(path string) bool {
	entries, err := os.ReadDir(path)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return tempName().MatchString(e.Name()) })
}

// clear removes the temporary files of a run that was killed: one that is at work would hold the lock.
func (f *folder) clear() error {
	if f.lock == nil {
		return nil
	}
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !tempName().MatchString(e.Name()) {
			continue
		}
		if err := f.root.Remove(e.Name()); err != nil {
			return err
		}
		f.left++
	}
	return nil
}

// stage writes a file's content beside its place, through to the disk, with the owner and permissions of the file that is there.
func (f *folder) stage(name string, text []byte) (temp string, err error) {
	was, err := f.replaceable(name)
	if err != nil {
		return "", err
	}
	temp = ".slipway-" + rand.Text()
	t, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", Cause(err)
	}
	f.temps = append(f.temps, temp)
	mode := fs.FileMode(0o644)
	if was != nil {
		mode, err = was.Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky), keepOwner(t, was)
	}
	if err == nil {
		_, err = t.Write(text)
	}
	if err == nil {
		err = t.Chmod(mode) // after the owner, which takes bits away
	}
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return "", Cause(err)
	}
	return temp, nil
}

// replaceable looks at what is in the place of a file; nil is nothing. A rename would part a file from its other names.
func (f *folder) replaceable(name string) (fs.FileInfo, error) {
	was, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, Cause(err)
	case regular(was) != nil:
		return nil, regular(was)
	case linkCount(was) > 1:
		return nil, fmt.Errorf("it has %d names (hard links), and only this one would change: copy it, or remove the other names",
			linkCount(was))
	}
	return was, nil
}

// move puts a staged file into its place.
func (f *folder) move(temp, name string) error {
	if err := f.root.Rename(temp, name); err != nil {
		return Cause(err)
	}
	f.temps = slices.DeleteFunc(f.temps, func(t string) bool { return t == temp })
	return nil
}

// sync brings the names in the folders of some files to the disk.
func (f *folder) sync(names []string) error {
	dirs := []string{"."}
	for _, name := range names {
		dirs = append(dirs, filepath.Dir(name))
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		d, err := f.root.Open(dir)
		if err == nil {
			err = errors.Join(syncFolder(d), d.Close())
		}
		if err != nil {
			return fmt.Errorf("writing into %s: %w", filepath.Join(f.path, dir), Cause(err))
		}
	}
	return nil
}

// close takes away what is not in its place and lets others write into the folder.
func (f *folder) close() error {
	var err error
	for _, temp := range f.temps {
		if gone := f.root.Remove(temp); gone != nil {
			err = errors.Join(err, fmt.Errorf("removing %s: %w (the next run removes it)", filepath.Join(f.path, temp), Cause(gone)))
		}
	}
	err = errors.Join(err, f.root.Close())
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}
