// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

// asNobody is slipway run by a user whom permissions hold: the tests' own or, where that is root, another.
func asNobody(t *testing.T, dir string, args ...string) (outcome, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"slipway"}, args...), Dir: dir, Stdout: &stdout, Stderr: &stderr}
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := c.Start(); err != nil {
		t.Skipf("no other user can be made to run slipway here: %v", err)
	}
	return finish(t, c, &stderr), stdout.String()
}

// nobody is the user and the group that asNobody runs as.
const nobody = 65534

// files reads the files below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		out[path[len(dir)+1:]] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What may not be read or written is told once, with the path; no file changes, and none is left over.
func TestPermissionDenied(t *testing.T) {
	tests := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"unreadable file": {
			args: []string{"render", "secret.yaml", "-s", "set.yaml"},
			want: "error: reading secret.yaml: permission denied\n",
		},
		"unreadable file in a folder": {
			args: []string{"render", "--in-place", "."},
			want: "error: reading secret.yaml: permission denied\n",
		},
		"unreadable set": {
			args: []string{"render", "open/app.yaml", "-s", "secret.yaml"},
			want: "error: reading secret.yaml: permission denied\n",
		},
		"in place in a read-only folder": {
			reason: "the file in the folder that can be written must not change either",
			args:   []string{"render", "--in-place", "open", "shut", "-s", "set.yaml"},
			want:   "error: writing shut/app.yaml: permission denied (no file was changed)\n",
		},
		"a new folder in a read-only one": {
			args: []string{"render", "open", "-s", "set.yaml", "-o", "shut/out"},
			want: "error: writing into shut/out: permission denied\n",
		},
		"into a read-only folder": {
			args: []string{"render", "open", "-s", "set.yaml", "-o", "shut"},
			want: "error: writing shut/v1_pod_web.yaml: permission denied (no file was changed)\n",
		},
		"a report in a read-only folder": {
			reason: "a report that cannot be written keeps the manifests unwritten",
			args:   []string{"render", "--in-place", "open", "-s", "set.yaml", "--report-file", "shut/report.txt"},
			want:   "error: writing the report to shut/report.txt: permission denied\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filesIn(t, "open/app.yaml", podText, "shut/app.yaml", podText, "secret.yaml", podText, "set.yaml", setText)
			for path, mode := range map[string]os.FileMode{
				filepath.Dir(dir): 0o755, filepath.Join(dir, "open"): 0o777, filepath.Join(dir, "shut"): 0o555,
				filepath.Join(dir, "secret.yaml"): 0,
			} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"open/app.yaml", "shut/app.yaml"} {
				if os.Geteuid() == 0 {
					if err := os.Chown(filepath.Join(dir, path), nobody, nobody); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Cleanup(func() {
				for _, path := range []string{"shut", "secret.yaml"} {
					if err := os.Chmod(filepath.Join(dir, path), 0o755); err != nil {
						t.Error(err)
					}
				}
			})
			got, stdout := asNobody(t, dir, test.args...)
			if got != (outcome{command.ExitFailure, test.want}) || stdout != "" {
				t.Errorf("%s: exit %d with %q and stdout %q, want %d with %q", test.reason, got.code, got.stderr, stdout,
					command.ExitFailure, test.want)
			}
			if err := os.Chmod(filepath.Join(dir, "secret.yaml"), 0o600); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"open/app.yaml": podText, "shut/app.yaml": podText, "secret.yaml": podText, "set.yaml": setText}
			if diff := cmp.Diff(want, files(t, dir)); diff != "" {
				t.Errorf("%s: files differ (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}
