// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/cmd/internal/release"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// stop is a part of the walk: what is typed, where, and what is waited for before the next one; "" is the end of the commands.
type stop struct{ terminal, commands, until string }

// stopsOf reads them from the page.
func stopsOf(t *testing.T) (stops []stop) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("../..", walk))
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range regexp.MustCompile("(?ms)^## (\\w+) terminal:.*?^```sh\n(.*?)^```\n([^#]*)").FindAllStringSubmatch(
		string(page), -1) {
		s := stop{terminal: strings.ToLower(section[1]), commands: section[2]}
		if says := regexp.MustCompile("Go on when it says `([^`]+)`").FindStringSubmatch(section[3]); says != nil {
			s.until = says[1]
		}
		stops = append(stops, s)
	}
	return stops
}

// TestWalk types every command of the walk as it is printed, but for the folder of the lab, into shells that stand for its
// terminals.
func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it needs a control plane")
	}
	t.Parallel() // it mostly waits
	lab := filepath.Join(t.TempDir(), "lab")
	asHere := strings.NewReplacer("$PWD/.lab", lab, ".lab/", lab+"/", "make lab", "make lab LAB="+lab)
	terminals := map[string]*shell{}
	stops := stopsOf(t)
	if len(stops) < 7 {
		t.Fatalf("the walk has %d parts", len(stops))
	}
	for _, stop := range stops {
		if terminals[stop.terminal] == nil {
			terminals[stop.terminal] = newShell(t)
		}
		terminals[stop.terminal].enter(t, asHere.Replace(stop.commands), stop.until)
	}
	terminals["second"].finish(t)
	page, err := os.ReadFile(filepath.Join(lab, "release.html"))
	if err != nil || !strings.Contains(string(page), "latency looks fine") {
		t.Errorf("the page does not tell who approved and why: %v", err)
	}
	terminals["first"].interrupt(t)
	if _, err := os.Stat(filepath.Join(lab, "kubeconfig")); err == nil {
		t.Error("the lab has ended, and its kubeconfig is still there")
	}
}

// shell is that of a terminal. It says after each command how that has ended.
type shell struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	shown buffer
	ended chan struct{}
	typed []string // commands
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{cmd: exec.Command("sh"), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = "../..", &s.shown, &s.shown
	s.cmd.Env = append(os.Environ(), "KUBECACHEDIR="+t.TempDir())
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(s.ended); _ = s.cmd.Wait() }()
	t.Cleanup(func() { s.interrupt(t) })
	return s
}

// enter gives the shell commands, once those before have ended, and waits for what is to be waited for.
func (s *shell) enter(t *testing.T, commands, until string) {
	t.Helper()
	s.finish(t)
	before := len(s.shown.String())
	for command := range strings.Lines(commands) {
		s.typed = append(s.typed, strings.TrimSpace(command))
		if _, err := io.WriteString(s.in, command+"echo ended with $?\n"); err != nil {
			t.Fatal(err)
		}
	}
	if until == "" {
		s.finish(t)
		return
	}
	kubetest.Eventually(t, "it says "+until, func() (bool, string) {
		shown := s.shown.String()[before:]
		return strings.Contains(shown, until), shown
	})
}

// finish waits until every command has ended, and holds that it ended well; the status of a release that has not ended is 14.
func (s *shell) finish(t *testing.T) {
	t.Helper()
	var codes [][]string
	kubetest.Eventually(t, "every command ends", func() (bool, string) {
		codes = regexp.MustCompile(`(?m)^ended with (\d+)$`).FindAllStringSubmatch(s.shown.String(), -1)
		return len(codes) == len(s.typed), s.shown.String()
	})
	for i, code := range codes {
		notYet := code[1] == strconv.Itoa(release.ExitHeld) && strings.HasPrefix(s.typed[i], "slipway rollout status ")
		if code[1] != "0" && !notYet {
			t.Fatalf("%s: exit code %s\n%s", s.typed[i], code[1], s.shown.String())
		}
	}
}

// interrupt is Ctrl-C, and the end of the shell.
func (s *shell) interrupt(t *testing.T) {
	t.Helper()
	_ = s.in.Close()
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT) // it may have ended
	<-s.ended
}
