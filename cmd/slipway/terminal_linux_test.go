// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/screen"
	"github.com/slipway-dev/slipway/rollout/screen/screentest"
)

// terminal is a pseudo terminal of some columns: what a program has as its terminal, and what stands on the screen.
type terminal struct {
	program *os.File
	shown   buffer
	ended   chan struct{}
}

func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no pseudo terminals here: %v", err)
	}
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tty := &terminal{program: program, ended: make(chan struct{})}
	go func() {
		defer close(tty.ended)
		defer screen.Close() //nolint:errcheck // it was only read
		from := bufio.NewReader(screen)
		for {
			b, err := from.ReadByte() // an error when the program's side is closed
			if err != nil {
				return
			}
			_, _ = tty.shown.Write([]byte{b})
		}
	}()
	return tty
}

// close ends the terminal and returns everything that it was told.
func (tty *terminal) close(t *testing.T) string {
	t.Helper()
	if err := tty.program.Close(); err != nil {
		t.Fatal(err)
	}
	<-tty.ended
	return tty.shown.String()
}

// TestRolloutRunOnATerminal releases on pseudo terminals of several widths: a table with the release drawn below it, never wider
// than the terminal, that ends with a line end, whether the release ends or a signal does it.
func TestRolloutRunOnATerminal(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{})
	c.Install(t, crd.CloneSet())
	ns := c.Namespace(t)
	at := "/apis/apps.kruise.io/v1alpha1/namespaces/" + ns + "/clonesets"
	c.Create(t, at, strings.Replace(runSet, "replicas: 5", "replicas: 2", 1))
	kubeconfig := c.Kubeconfig(t)
	slipway := func(ctx context.Context, tty *terminal) int {
		args := []string{"rollout", "run", "demo", "--kubeconfig", kubeconfig, "-n", ns, "--lease", "1s"}
		return run(ctx, args, strings.NewReader(""), tty.program, tty.program)
	}
	image := func(tag string) {
		c.Patch(t, at+"/demo", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
	}
	for i, columns := range []uint16{40, 100} {
		image(fmt.Sprint("v", i+2))
		tty := newTerminal(t, columns)
		if code := slipway(t.Context(), tty); code != 0 {
			t.Errorf("exit code %d", code)
		}
		checkScreen(t, tty.close(t), int(columns), "done - Completed: 2 of 2 updated pods ready")
	}
	image("unready")
	tty := newTerminal(t, 60)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := make(chan int, 1)
	go func() { code <- slipway(ctx, tty) }()
	kubetest.Eventually(t, "the agent waits", func() (bool, string) {
		return strings.Contains(tty.shown.String(), "wait - PodsNotReady"), tty.shown.String()
	})
	stop()
	if got := <-code; got != 143 {
		t.Errorf("exit code %d", got)
	}
	checkScreen(t, tty.close(t), 60, "error: stopped by a signal: progress is saved")
}

// TestFunctionOnATerminal starts slipway fn where a person sits, who would see nothing at all and wait with it.
func TestFunctionOnATerminal(t *testing.T) {
	tty := newTerminal(t, 80)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"fn"}, tty.program, io.Discard, tty.program) }()
	kubetest.Eventually(t, "slipway says what it waits for", func() (bool, string) {
		return strings.Contains(tty.shown.String(), "waiting for a ResourceList on standard input"), tty.shown.String()
	})
	stop()
	if got := <-code; got != command.ExitFailure {
		t.Errorf("exit code %d", got)
	} // nobody has typed anything, so that the terminal is still read from, and cannot be closed
}

// checkScreen holds that the table is there with the release below it, that nothing that is drawn over fills the terminal, and
// that the cursor is at the beginning of a line at the end.
func checkScreen(t *testing.T, shown string, columns int, want string) {
	t.Helper()
	tty := screentest.New(columns)
	if _, err := tty.Write([]byte(shown)); err != nil || len(tty.Refused) > 0 {
		t.Errorf("the terminal is told %q", tty.Refused)
	}
	all := tty.Text()
	if _, column := tty.Cursor(); !strings.HasPrefix(all, "TIME ") || !strings.Contains(all, want) || column != 0 {
		t.Errorf("the terminal shows\n%s\nwant %q and the end of a line", all, want)
	}
	if n := strings.Count(all, "target   CloneSet "); n != 1 {
		t.Errorf("%d headers stand on the screen:\n%s", n, all)
	}
	// A line ends where the next one begins, or where the cursor goes up to draw again.
	for _, line := range regexp.MustCompile(`\r\n|\r(\x1b\[\d+A)?\x1b\[J`).Split(shown, -1) {
		if strings.Contains(line, "\x1b[2m") && screen.Width(line) >= columns {
			t.Errorf("the line %q has %d columns of %d", line, screen.Width(line), columns)
		}
	}
}
