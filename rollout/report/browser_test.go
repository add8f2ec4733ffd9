// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/fn/markup/browsertest"
)

func TestBrowserTestNoticesARequestAndAnError(t *testing.T) {
	b := browsertest.Open(t, `<!doctype html><img src="http://192.0.2.1/pixel.png"><script>nothing()</script>`, 600, false)
	if urls := b.Requests(); len(urls) != 1 || urls[0] != "http://192.0.2.1/pixel.png" {
		t.Errorf("the request of the page was not seen, only %v", urls)
	}
	if len(b.Complaints()) == 0 {
		t.Error("the error of the script was not seen")
	}
}

// TestPageInABrowser looks at the page as people have it before them: on screens, from the keyboard, with a screen reader, on
// paper.
func TestPageInABrowser(t *testing.T) {
	b, all := browsertest.Start(t, 1100, false), page(t, small(t))
	b.Run("keyboard", func(t *testing.T) {
		b.Show(all)
		worksFromTheKeyboard(t, b)
	})
	b.Run("screen reader", func(t *testing.T) {
		b.Show(all)
		isAccessible(t, b)
	})
	for _, c := range []struct {
		name  string
		dark  bool
		width int
	}{{"light", false, 1100}, {"dark", true, 1100}, {"phone", false, 360}, {"phone-dark", true, 360}} {
		b.Run(c.name, func(t *testing.T) {
			b.Screen(c.width, c.dark)
			b.Show(all)
			b.Sound()
			shot := b.Screenshot()
			browsertest.Keep(t, shot, "release-"+c.name+".png")
			picture, err := png.Decode(bytes.NewReader(shot))
			if err != nil {
				t.Fatal(err)
			}
			if light := brightness(picture.At(2, 2)); (light < 0.2) != c.dark {
				t.Errorf("the background has brightness %.2f", light)
			}
			for _, name := range []string{"--total", "--available", "--updated", "--bound", "--old", "--new", "--edge"} {
				want := pageColours(t, c.dark)[name]
				if n := painted(picture, want); n < 20 {
					t.Errorf("the line in %s %v is painted on %d pixels only", name, want, n)
				}
			}
		})
	}
	b.Run("paper", func(t *testing.T) {
		b.Show(all)
		prints(t, b)
	})
	b.Screen(1100, false)
	b.Run("without script", func(t *testing.T) {
		b.Show(all[:strings.LastIndex(all, "<script>")])
		readsWithoutScript(t, b)
	})
	b.Run("restart", func(t *testing.T) {
		b.Show(page(t, restarted(t)))
		showsARestart(t, b)
	})
}

// worksFromTheKeyboard goes through the page with the tab key, and filters the decisions.
func worksFromTheKeyboard(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	reached := b.Reached(func(where string) {
		if strings.HasSuffix(where, "find") {
			for _, letter := range "readmit" {
				b.Press(string(letter), string(letter), int(letter)-32)
			}
		}
	})
	all := strings.Join(reached, ", ")
	for _, want := range []string{"DIV  Batches", "SUMMARY", "INPUT find", "SELECT reason", "DIV  Decisions"} {
		if !strings.Contains(all, want) {
			t.Errorf("the tab key does not reach %q, only %s", want, all)
		}
	}
	var shown, found string
	b.Ask(`Array.from(document.querySelectorAll("table.decisions tbody tr")).filter((r) => !r.hidden).map((r) => `+
		`r.textContent).join("\n")`, &shown)
	b.Ask(`document.getElementById("found").textContent`, &found)
	for _, row := range strings.Split(shown, "\n") {
		if !strings.Contains(row, "readmit") {
			t.Errorf("the filter leaves %q", row)
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]* of [0-9]+$`).MatchString(found) {
		t.Errorf("the filter says it found %q", found)
	}
}

// isAccessible asks the browser's accessibility tree.
func isAccessible(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	roles := b.Told()
	for role, least := range map[string]int{
		"heading": 6, "table": 2, "columnheader": 10, "rowheader": 2, "main": 1,
		"searchbox": 1,
	} {
		if roles[role] < least {
			t.Errorf("the page has %d of the role %s, want %d or more; it has %v", roles[role], role, least, roles)
		}
	}
	if roles["image"]+roles["img"] < 8 {
		t.Errorf("the drawings and lanes are not told as images: %v", roles)
	}
}

func prints(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	pdf := b.Print()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 10_000 {
		t.Errorf("the page prints as %d bytes", len(pdf))
	}
	browsertest.Keep(t, pdf, "release.pdf")
	b.OnPaper()
	browsertest.Keep(t, b.Screenshot(), "release-print.png")
	var back, form string
	b.Ask("getComputedStyle(document.body).backgroundColor", &back)
	b.Ask(`getComputedStyle(document.getElementById("filter")).display`, &form)
	if back != "rgb(255, 255, 255)" || form != "none" {
		t.Errorf("on paper the background is %s and the filter %s", back, form)
	}
}

// showsARestart looks at a release that two agents carried out, with a minute between them.
func showsARestart(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	browsertest.Keep(t, b.Screenshot(), "release-restart.png")
	if said := b.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %s", said)
	}
	var gap float64
	if b.Ask(`document.querySelector(".strips .away").getBoundingClientRect().width`, &gap); gap < 20 {
		t.Errorf("the gap is %g pixels wide", gap)
	}
}

// readsWithoutScript looks at what is there when no script runs.
func readsWithoutScript(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	var rows, form string
	b.Ask(`String(Array.from(document.querySelectorAll("table.decisions tbody tr")).filter((r) => r.offsetHeight > 0).length)`,
		&rows)
	b.Ask(`getComputedStyle(document.getElementById("filter")).display`, &form)
	if rows == "0" || form != "none" {
		t.Errorf("without script there are %s rows, and the filter that cannot work is %s", rows, form)
	}
}

func brightness(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	return (0.2126*float64(r) + 0.7152*float64(g) + 0.0722*float64(b)) / 0xffff
}

// painted counts the pixels of exactly a colour.
func painted(picture image.Image, want color.RGBA) int {
	n := 0
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			if color.RGBAModel.Convert(picture.At(x, y)) == want {
				n++
			}
		}
	}
	return n
}
