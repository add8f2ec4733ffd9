// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/cmd/internal/pages"
)

// stored is the audit log of a release that has ended.
func stored(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../rollout/report/testdata/stored/rollback.v2.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHandler(t *testing.T) {
	for name, c := range map[string]struct {
		method, host, path string
		again              time.Duration
		err                error
		status             int
		refresh            string
	}{
		"loopback":              {"GET", "127.0.0.1:8080", "/", 3 * time.Second, nil, 200, "3"},
		"its name":              {"GET", "localhost:8080", "/", 3 * time.Second, nil, 200, "3"},
		"IPv6":                  {"HEAD", "[::1]:8080", "/", 3 * time.Second, nil, 200, "3"},
		"the address it has":    {"GET", "build.example.com", "/", 0, nil, 200, ""},
		"an end":                {"GET", "localhost", "/", 0, nil, 200, ""},
		"rebinding":             {"GET", "evil.example.com:8080", "/", 3 * time.Second, nil, 421, ""},
		"no host":               {"GET", "", "/", 3 * time.Second, nil, 421, ""},
		"another path":          {"GET", "localhost", "/etc/passwd", 3 * time.Second, nil, 404, ""},
		"a write":               {"POST", "localhost", "/", 3 * time.Second, nil, 405, ""},
		"a log that is mending": {"GET", "localhost", "/", 0, errors.New("no log"), 503, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			page := func() (pages.Page, error) { return pages.Page{HTML: []byte("<p>page</p>"), Again: c.again}, c.err }
			request := httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)
			request.Host = c.host
			answer := httptest.NewRecorder()
			pages.Handler(page, "build.example.com").ServeHTTP(answer, request)
			if answer.Code != c.status || answer.Header().Get("Refresh") != c.refresh {
				t.Errorf("status %d, refresh %q; want %d, %q", answer.Code, answer.Header().Get("Refresh"), c.status, c.refresh)
			}
			policy := answer.Header().Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'") || !strings.HasSuffix(policy, "frame-ancestors 'none'") {
				t.Errorf("the policy is %q", policy)
			}
		})
	}
}

// served is the address of the page of a log that has only begun. grow brings the log to its end; serving ends with the test,
// and must end well.
func served(t *testing.T) (url string, grow func()) {
	t.Helper()
	whole := stored(t)
	file := filepath.Join(t.TempDir(), "release.jsonl")
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(whole[:bytes.IndexByte(whole, '\n')+1])
	ctx, stop := context.WithCancel(context.Background())
	log := &pages.Log{File: file}
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- pages.Serve(ctx, "127.0.0.1:0", log.Page, func(url string) { address <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return <-address, func() { write(whole) }
}

// TestServeFollowsTheLog asks for the page before and after the log has grown to its end.
func TestServeFollowsTheLog(t *testing.T) {
	url, grow := served(t)
	if page, refresh := get(t, url); !strings.Contains(page, "Not finished") || refresh != "3" {
		t.Errorf("a release under way is not shown as one (refresh %q): %.300s", refresh, page)
	}
	grow()
	if page, refresh := get(t, url); !strings.Contains(page, "Rolled back") || refresh != "" {
		t.Errorf("the end is not shown (refresh %q): %.300s", refresh, page)
	}
}

func get(t *testing.T, url string) (page, refresh string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), answer.Header.Get("Refresh")
}
