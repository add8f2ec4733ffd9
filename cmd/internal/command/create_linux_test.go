// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

// What is opened to be written is a file or what stands for one: a pipe by its name would wait for a reader for ever.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(in("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", in("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("log"), []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{in("pipe"), "a named pipe is there: name a file"},
		{in("link"), "a named pipe is there: name a file"},
		{dir, "a folder is there: name a file"},
		{in("absent/log"), "no such file or directory"},
		{in("log"), ""},
		{in("new"), ""},
		{os.DevNull, ""},
	} {
		said := ""
		file, err := command.Create(c.path, os.O_APPEND, 0o600)
		if err == nil {
			_, err = file.WriteString("two\n")
			defer file.Close()
		}
		if err != nil {
			said = err.Error()
		}
		if said != c.want {
			t.Errorf("%s: %q, want %q", c.path, said, c.want)
		}
	}
	if got, err := os.ReadFile(in("log")); string(got) != "one\ntwo\n" {
		t.Errorf("the log holds %q (%v)", got, err)
	}
}
