// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/fn/markup/browsertest"
)

// TestServedPageInABrowser sees the page of a release come to its end by itself.
func TestServedPageInABrowser(t *testing.T) {
	b := browsertest.Start(t, 375, true)
	url, grow := served(t)
	b.Visit(url)
	if words := b.Title(); !strings.HasSuffix(words, ": Not finished") {
		t.Errorf("the page of a release under way is called %q", words)
	}
	grow()
	for !strings.HasSuffix(b.Title(), ": Rolled back") { // it may have been asked for a moment before the log grew
		b.AwaitLoad()
	}
	b.Sound()
	b.Told()
	browsertest.Keep(t, b.Screenshot(), "served.png")
}
