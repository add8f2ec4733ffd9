// SPDX-License-Identifier: Apache-2.0

// Package checktest has what a test of checks measures: a service with metrics and a real Prometheus that scrapes it.
package checktest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// Shop is a service with metrics: each time it is scraped it has served ten more requests, of which some have failed.
type Shop struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	errors   int
	failing  int // of ten
	idle     bool
}

// NewShop starts a shop that ends with the test.
func NewShop(tb testing.TB) *Shop {
	tb.Helper()
	s := &Shop{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.idle {
			s.requests += 10
			s.errors += s.failing
		}
		for name, n := range map[string]int{"requests_total": s.requests, "errors_total": s.errors} {
			_, _ = fmt.Fprintf(w, "# TYPE %[1]s counter\n%[1]s{zone=\"a\"} %[2]d\n%[1]s{zone=\"b\"} %[2]d\n", name, n)
		}
	}))
	tb.Cleanup(s.Close)
	return s
}

// Set says how many of ten requests fail, and whether there are none at all.
func (s *Shop) Set(failing int, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing, s.idle = failing, idle
}

// ErrorRate is what a release is interested in.
const ErrorRate = "sum(rate(errors_total[2s])) / sum(rate(requests_total[2s]))"

// Prometheus is a real server that scrapes a shop.
type Prometheus struct {
	Address string // its URL

	tb      testing.TB
	dir     string
	port    string
	process *exec.Cmd
}

// StartPrometheus starts one that ends with the test. It needs the program on the PATH, as Debian's package prometheus brings
// it.
func StartPrometheus(tb testing.TB, s *Shop) *Prometheus {
	tb.Helper()
	if testing.Short() {
		tb.Skip("starts a Prometheus")
	}
	if _, err := exec.LookPath("prometheus"); err != nil {
		tb.Skip("prometheus is not on the PATH")
	}
	p := &Prometheus{tb: tb, dir: tb.TempDir(), port: freePort(tb)}
	p.Address = "http://127.0.0.1:" + p.port
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n- job_name: shop\n  "+
		"static_configs: [{targets: [%q]}]\n",
		strings.TrimPrefix(s.URL, "http://"))
	if err := os.WriteFile(filepath.Join(p.dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Stop)
	p.start()
	return p
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (p *Prometheus) start() {
	p.tb.Helper()
	var said bytes.Buffer
	p.process = exec.Command("prometheus", "--config.file="+filepath.Join(p.dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(p.dir, "data"),
		"--web.listen-address=127.0.0.1:"+p.port, "--log.level=warn")
	p.process.Stdout, p.process.Stderr = &said, &said
	if err := p.process.Start(); err != nil {
		p.tb.Fatal(err)
	}
	kubetest.Eventually(p.tb, "Prometheus is ready", func() (bool, string) {
		resp, err := http.Get(p.Address + "/-/ready")
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK, resp.Status
	})
}

// Stop ends it, as if its node had died.
func (p *Prometheus) Stop() {
	if p.process != nil {
		_ = p.process.Process.Kill()
		_ = p.process.Wait()
		p.process = nil
	}
}
