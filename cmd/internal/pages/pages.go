// SPDX-License-Identifier: Apache-2.0

// Package pages serves the page of a release to a browser while the release runs. It is read only, and answers who asks for it
// by its own name alone: a page elsewhere that makes its host name point here gets nothing.
package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout/report"
)

// Page is a page as it stands.
type Page struct {
	HTML  []byte
	Again time.Duration // after which it is asked for again; 0: it does not change any more
}

// soon is how soon a browser asks again for a page that changes. It reloads the page, and so stays where the reader has scrolled
// to.
const soon = 3 * time.Second

// Log is the page of the last release in an audit log, which an agent may still be writing to.
type Log struct {
	File string

	mutex sync.Mutex
	seen  os.FileInfo
	page  Page
}

// Page reads the log where it has grown since the last time.
func (l *Log) Page() (Page, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	file, err := os.Open(l.File)
	if err != nil {
		return Page{}, fmt.Errorf("reading the audit log: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	now, err := file.Stat()
	if err != nil {
		return Page{}, fmt.Errorf("reading the audit log: %w", err)
	}
	if l.seen != nil && os.SameFile(l.seen, now) && l.seen.Size() == now.Size() && l.seen.ModTime().Equal(now.ModTime()) {
		return l.page, nil
	}
	all, err := report.ReadHistory(file)
	if err != nil {
		return Page{}, fmt.Errorf("reading %s: %w", l.File, err)
	}
	last := all[len(all)-1]
	last.Source = filepath.Base(l.File)
	var html bytes.Buffer
	if err := report.HTML(&html, last); err != nil {
		return Page{}, err
	}
	l.seen, l.page = now, Page{HTML: html.Bytes()}
	if !last.Ended() {
		l.page.Again = soon
	}
	return l.page, nil
}

// Handler answers with the page. host is the address that it listens on: its name may be asked for beside those of this machine.
func Handler(page func() (Page, error), host string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", report.Policy()+"; frame-ancestors 'none'")
		switch {
		case !named(r.Host, host):
			http.Error(w, "ask for this page by the address that slipway has printed", http.StatusMisdirectedRequest)
			return
		case r.URL.Path != "/":
			http.NotFound(w, r)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
			return
		}
		p, err := page()
		if err != nil {
			p.Again = soon
		}
		if p.Again > 0 {
			h.Set("Refresh", strconv.Itoa(int(p.Again.Seconds())))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(p.HTML) // a reader that has gone misses nothing
	})
}

// named tells whether a request is for a host by its own name, or by that of this machine.
func named(asked, host string) bool {
	name := asked
	if only, _, err := net.SplitHostPort(asked); err == nil {
		name = only
	}
	address := net.ParseIP(name)
	return name == "localhost" || address != nil && address.IsLoopback() || name != "" && name == host
}

// Serve answers until ctx ends. ready is told the address under which it does.
func Serve(ctx context.Context, address string, page func() (Page, error), ready func(url string)) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	listen, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: Handler(page, host), ReadHeaderTimeout: 10 * time.Second}
	end := context.AfterFunc(ctx, func() { server.Close() }) //nolint:errcheck,gosec // Serve tells how it ended
	defer end()
	ready("http://" + listen.Addr().String() + "/")
	if err := server.Serve(listen); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", address, err)
	}
	return nil
}
