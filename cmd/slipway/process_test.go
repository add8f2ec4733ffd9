// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

const (
	podText = `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {logs: collect}}
spec:
  containers:
  - {name: web, image: web}
`
	setText = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {logs: collect}}
  containers:
  - {name: collector, image: collector}
`
)

// outcome is what a process left behind.
type outcome struct {
	code   int
	stderr string
}

// finish waits for a process.
func finish(t *testing.T, c *exec.Cmd, stderr *bytes.Buffer) outcome {
	t.Helper()
	err := c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{c.ProcessState.ExitCode(), stderr.String()}
}

// filesIn writes files into a folder of its own: names and texts in turn.
func filesIn(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A reader that goes away, as head does, is told nothing, and the exit code says that not all was written. The output is larger
// than what a pipe holds: the shortest is 150 KB.
func TestClosedPipeIsSilent(t *testing.T) {
	dir := filesIn(t, "big.yaml", strings.Repeat(podText+"---\n", 1_000), "set.yaml", setText)
	tests := map[string][]string{
		"manifests": {"render", "big.yaml", "-s", "set.yaml"},
		"diff":      {"render", "big.yaml", "-s", "set.yaml", "--diff"},
		"report":    {"explain", "big.yaml", "-s", "set.yaml"},
		"schema":    {"schema", "batchplan"},
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			c := exec.Command("slipway", args...)
			c.Dir, c.Stdout, c.Stderr = dir, w, &stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if got := finish(t, c, &stderr); got != (outcome{command.ExitFailure, ""}) {
				t.Errorf("exit %d with %q, want %d and no word", got.code, got.stderr, command.ExitFailure)
			}
		})
	}
}

// A signal ends a run that waits for its input, with one message and no output.
func TestSignalEndsAWaitingRun(t *testing.T) {
	dir := filesIn(t, "set.yaml", setText)
	tests := map[string]struct {
		args   []string
		signal os.Signal
		want   string
	}{
		"render": {[]string{"render", "-s", "set.yaml"}, os.Interrupt, "error: interrupt signal received; nothing was written\n"},
		"terminated": {
			[]string{"render", "-s", "set.yaml"},
			syscall.SIGTERM,
			"error: terminated signal received; nothing was written\n",
		},
		"eject": {[]string{"eject", "-o", "out"}, os.Interrupt, "error: interrupt signal received; nothing was written\n"},
		"fn":    {[]string{"fn"}, os.Interrupt, "error: reading the ResourceList: interrupt signal received\n"},
		"bare":  {nil, os.Interrupt, "error: reading the ResourceList: interrupt signal received\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			c := exec.Command("slipway", test.args...)
			c.Dir, c.Stdout, c.Stderr = dir, &stdout, &stderr
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// More than a pipe holds: when it is written slipway is reading, and waits for more.
			if _, err := io.WriteString(in, strings.Repeat("# waiting\n", 100_000)); err != nil {
				t.Fatal(err)
			}
			if err := c.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if got := finish(t, c, &stderr); got != (outcome{command.ExitFailure, test.want}) || stdout.Len() > 0 {
				t.Errorf("exit %d with %q and stdout %q, want %d with %q", got.code, got.stderr, &stdout, command.ExitFailure, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "out")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the output folder is there: %v", err)
			}
		})
	}
}

// A run that is told to stop before it could write leaves the files alone.
func TestCancelledRunWritesNothing(t *testing.T) {
	dir := filesIn(t, "app.yaml", podText, "set.yaml", setText)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"render", "--in-place", dir}, strings.NewReader(""), &stdout, &stderr)
	if want := "error: enough; nothing was written\n"; code != command.ExitFailure || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("exit %d, stdout %q, stderr %q; want %d, nothing, %q", code, &stdout, &stderr, command.ExitFailure, want)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "app.yaml")); err != nil || string(text) != podText {
		t.Errorf("app.yaml is now %q (%v)", text, err)
	}
}

// untouchable is an input that must not be read.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("standard input is read")
	return 0, io.EOF
}

// Standard input belongs to whoever else reads it, such as a shell's loop, where files are named.
func TestStandardInputIsLeftAlone(t *testing.T) {
	dir := filesIn(t, "app.yaml", podText, "set.yaml", setText)
	for _, args := range [][]string{{"render", dir}, {"explain", dir}, {"eject", dir}, {"version"}, {"render", "--help"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, untouchable{t}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Errorf("%v: exit %d with %q", args, code, &stderr)
		}
	}
}
