// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server that dies while it is waited for must end the wait, and with its own words.
func TestPollGivesUpOnAnAnsweredError(t *testing.T) {
	died := errors.New("it died")
	if err := poll("it is ready", func() (bool, error) { return true, died }); !errors.Is(err, died) {
		t.Errorf("got %v, want %v", err, died)
	}
}

// Whoever kept the certificate of a file that is still empty would trust no server, and wait in vain.
func TestAnEmptyCertificateIsNotKept(t *testing.T) {
	c := &Cluster{installation: installation{dir: t.TempDir()}}
	if err := os.WriteFile(c.file(certificate), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if yes, err := c.ready(); yes || err == nil || c.Client != nil {
		t.Errorf("ready %v, error %v, client %v", yes, err, c.Client)
	}
}

func TestDeadProcessTellsWhy(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(t.TempDir(), path, "no-such-command")
	if err != nil {
		t.Fatal(err)
	}
	<-p.exited
	if p.running() {
		t.Error("it is still running")
	}
	if got := p.died().Error(); !strings.Contains(got, "no-such-command") || !strings.Contains(got, "exit status 2") {
		t.Errorf("its end is described as %q", got)
	}
}

func TestAuditStopsAtAnUnfinishedLine(t *testing.T) {
	log, err := parseAudit([]byte(`{"verb":"create","objectRef":{"resource":"pods","subresource":"eviction"}}` + "\n" +
		`{"verb":"dele`))
	if err != nil || len(log) != 1 || log.Writes().Count()["create pods/eviction"] != 1 {
		t.Errorf("got %+v, %v; want the one complete entry", log, err)
	}
	if _, err := parseAudit([]byte("{]\n")); err == nil {
		t.Error("a broken line is no error")
	}
}

func TestFoldersOfTheDeadAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const nobody = "2147483646" // above every process id
	old := filepath.Join(os.TempDir(), folderPrefix+nobody+"-1")
	young := filepath.Join(os.TempDir(), folderPrefix+nobody+"-2")
	for _, dir := range []string{old, young} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	mine, err := newFolder()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{old: alive(2147483646), young: true, mine: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
}
