// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/cmd/internal/pages"
	"github.com/slipway-dev/slipway/fn/markup/browsertest"
)

// TestServedPageInABrowser sees the page of a release come to its end by itself.
func TestServedPageInABrowser(t *testing.T) {
	b := browsertest.Start(t, 375, true)
	whole := stored(t)
	file := filepath.Join(t.TempDir(), "release.jsonl")
	first, _, _ := bytes.Cut(whole, []byte("\n"))
	if err := os.WriteFile(file, append(first, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &pages.Log{File: file}
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- pages.Serve(ctx, "127.0.0.1:0", log.Page, func(url string) { address <- url }) }()
	b.Visit(<-address)
	if words := b.Title(); !strings.HasSuffix(words, ": Not finished") {
		t.Errorf("the page of a release under way is called %q", words)
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(b.Title(), ": Rolled back") { // it may have been asked for a moment before the log grew
		b.AwaitLoad()
	}
	b.Sound()
	b.Told()
	browsertest.Keep(t, b.Screenshot(), "served.png")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
