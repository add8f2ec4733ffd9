// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// renames are the system calls by which a file comes into its place.
func renames(call uint64) bool {
	const renameat2 = 316
	return call == syscall.SYS_RENAME || call == syscall.SYS_RENAMEAT || call == renameat2
}

// killedAt runs a command and kills it when it asks for its n-th rename, before that is made. It tells whether there was one.
func killedAt(t *testing.T, n int, command string, args ...string) bool {
	t.Helper()
	runtime.LockOSThread() // one thread traces
	defer runtime.UnlockOSThread()
	var stderr bytes.Buffer
	cmd := exec.Command(command, args...)
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skip("processes may not be traced here")
		}
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if _, err := syscall.Wait4(pid, nil, syscall.WALL, nil); err != nil {
		t.Fatal(err)
	}
	const traceSysGood, exitKill = 0x1, 0x100000
	if err := syscall.PtraceSetOptions(pid, traceSysGood|exitKill|syscall.PTRACE_O_TRACECLONE); err != nil {
		t.Fatal(err)
	}
	killed := false
	inside := map[int]bool{} // threads that are within a system call
	for stopped, signal := pid, 0; ; {
		_ = syscall.PtraceSyscall(stopped, signal) // a thread that is gone already is heard of below
		var status syscall.WaitStatus
		var err error
		if stopped, err = syscall.Wait4(-pid, &status, syscall.WALL, nil); err != nil {
			break // ECHILD: all threads are gone
		}
		signal = 0
		switch {
		case status.Stopped() && status.StopSignal() == syscall.SIGTRAP|0x80:
			var regs syscall.PtraceRegs
			inside[stopped] = !inside[stopped]
			if syscall.PtraceGetRegs(stopped, &regs) == nil && inside[stopped] && renames(regs.Orig_rax) {
				if n--; n == 0 {
					killed = true
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		case status.Stopped() && status.StopSignal() != syscall.SIGTRAP && status.StopSignal() != syscall.SIGSTOP:
			signal = int(status.StopSignal())
		}
	}
	_ = cmd.Wait()
	if !killed && stderr.Len() > 0 {
		t.Fatalf("%s %v: %s", command, args, &stderr)
	}
	return killed
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKilledAmongItsRenames kills a run before each of its renames. What is in its place is old or new, whole, and nothing of
// somebody else's is touched; the next run says that one was cut off, and ends as if there had been none.
func TestKilledAmongItsRenames(t *testing.T) {
	pod := func(name string) string {
		return strings.Replace(podText, "name: web, labels", "name: "+name+", labels", 1)
	}
	before := []string{
		"set.yaml", setText, "in/a.yaml", pod("a"), "in/b.yaml", pod("b"), "in/below/c.yaml", pod("c"),
		"out/mine.yaml", "# mine\n", "out/v1_pod_gone.yaml", pod("gone"), "out/v1_pod_a.yaml", pod("a"),
		"out/.slipway-files", "{\n  \"files\": [\n    \"v1_pod_a.yaml\",\n    \"v1_pod_gone.yaml\"\n  ]\n}\n",
	}
	for name, command := range map[string][]string{
		"in": {"render", "--in-place", "in", "-s", "set.yaml"}, "out": {"render", "in", "-s", "set.yaml", "-o", "out"},
	} {
		t.Run(name, func(t *testing.T) {
			run := func() (dir string, args []string) {
				dir = filesIn(t, before...)
				args = slices.Clone(command)
				for i, arg := range args {
					if arg == "in" || arg == "out" || arg == "set.yaml" {
						args[i] = filepath.Join(dir, arg)
					}
				}
				return dir, args
			}
			dir, args := run()
			old := contents(t, filepath.Join(dir, name))
			if killedAt(t, -1, "slipway", args...) {
				t.Fatal("it was killed")
			}
			want := contents(t, filepath.Join(dir, name))
			mixed := 0
			for n := 1; ; n++ {
				dir, args := run()
				if !killedAt(t, n, "slipway", args...) {
					break
				}
				left := contents(t, filepath.Join(dir, name))
				maps.DeleteFunc(left, func(file, text string) bool {
					return strings.HasPrefix(filepath.Base(file), ".slipway-") || text == old[file] || text == want[file]
				})
				if len(left) > 0 {
					t.Errorf("killed at rename %d it leaves what is neither old nor new: %v", n, left)
				}
				stdout, err := exec.Command("slipway", args...).CombinedOutput()
				if err != nil || !strings.Contains(string(stdout), "an earlier run was cut off here") {
					t.Errorf("killed at rename %d, the next run says %v\n%s", n, err, stdout)
				}
				if diff := cmp.Diff(want, contents(t, filepath.Join(dir, name))); diff != "" {
					t.Errorf("killed at rename %d, and run again (-never killed +killed):\n%s", n, diff)
				}
				mixed++
			}
			if mixed < 3 {
				t.Errorf("it was killed at %d renames only", mixed)
			}
		})
	}
}
