// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestBrowserTestNoticesARequestAndAnError(t *testing.T) {
	b := open(t, `<!doctype html><img src="http://192.0.2.1/pixel.png"><script>nothing()</script>`, 600, false)
	if urls := b.requests(); len(urls) != 1 || urls[0] != "http://192.0.2.1/pixel.png" {
		t.Errorf("the request of the page was not seen, only %v", urls)
	}
	if len(b.complaints()) == 0 {
		t.Error("the error of the script was not seen")
	}
}

// TestPageInABrowser looks at the page as people have it before them.
func TestPageInABrowser(t *testing.T) {
	all := page(t, small(t))
	for _, c := range []struct {
		name  string
		dark  bool
		width int
	}{{"light", false, 1100}, {"dark", true, 1100}, {"phone", false, 360}, {"phone-dark", true, 360}} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, all, c.width, c.dark)
			var wide int
			if b.ask("document.documentElement.scrollWidth", &wide); wide > c.width {
				t.Errorf("the page is %d pixels wide on a screen of %d", wide, c.width)
			}
			shot := b.screenshot()
			keep(t, shot, "release-"+c.name+".png")
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
			if urls := b.requests(); len(urls) > 0 {
				t.Errorf("the page asked for %v", urls)
			}
			if said := b.complaints(); len(said) > 0 {
				t.Errorf("the browser complains: %s", said)
			}
		})
	}
}

// TestPageWorksFromTheKeyboard goes through the page with the tab key, and filters the decisions.
func TestPageWorksFromTheKeyboard(t *testing.T) {
	b := open(t, page(t, small(t)), 1100, false)
	var reached []string
	for range 20 {
		b.press("Tab", "", 9)
		var where string
		b.ask(`(() => {
			const e = document.activeElement;
			const style = getComputedStyle(e);
			return e === document.body ? "" : [e.tagName, e.id, e.getAttribute("aria-label") || "", style.outlineStyle === "none" ? "UNSEEN" : ""].join(" ").trim();
		})()`, &where)
		if where == "" {
			break
		}
		reached = append(reached, where)
		if strings.HasSuffix(where, "find") {
			b.press("r", "r", 82)
			for _, letter := range "eadmit" {
				b.press(string(letter), string(letter), int(letter)-32)
			}
		}
	}
	all := strings.Join(reached, ", ")
	for _, want := range []string{"DIV  Batches", "SUMMARY", "INPUT find", "SELECT reason", "DIV  Decisions"} {
		if !strings.Contains(all, want) {
			t.Errorf("the tab key does not reach %q, only %s", want, all)
		}
	}
	if strings.Contains(all, "UNSEEN") {
		t.Errorf("where the focus is cannot be seen: %s", all)
	}
	var shown, found string
	b.ask(`Array.from(document.querySelectorAll("table.decisions tbody tr")).filter((r) => !r.hidden).map((r) => r.textContent).join("\n")`, &shown)
	b.ask(`document.getElementById("found").textContent`, &found)
	for _, row := range strings.Split(shown, "\n") {
		if !strings.Contains(row, "readmit") {
			t.Errorf("the filter leaves %q", row)
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]* of [0-9]+$`).MatchString(found) {
		t.Errorf("the filter says it found %q", found)
	}
}

// TestPageIsAccessible asks the browser's accessibility tree.
func TestPageIsAccessible(t *testing.T) {
	b := open(t, page(t, small(t)), 1100, false)
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	b.call("Accessibility.getFullAXTree", nil, &tree)
	unnamed, roles := 0, map[string]int{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if n.Ignored {
			continue
		}
		roles[role]++
		switch role {
		case "image", "img", "textbox", "searchbox", "combobox", "region", "heading", "link", "button":
			if name == "" {
				unnamed++
				t.Errorf("a %s has no name", role)
			}
		}
	}
	for role, least := range map[string]int{"heading": 6, "table": 2, "columnheader": 10, "rowheader": 2, "main": 1, "searchbox": 1} {
		if roles[role] < least {
			t.Errorf("the page has %d of the role %s, want %d or more; it has %v", roles[role], role, least, roles)
		}
	}
	if roles["image"]+roles["img"] < 8 {
		t.Errorf("the drawings and lanes are not told as images: %v", roles)
	}
}

func TestPagePrints(t *testing.T) {
	b := open(t, page(t, small(t)), 1100, true)
	pdf := b.print()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 10_000 {
		t.Errorf("the page prints as %d bytes", len(pdf))
	}
	keep(t, pdf, "release.pdf")
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []any{map[string]any{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 794, "height": 1123, "deviceScaleFactor": 1, "mobile": false}, nil)
	keep(t, b.screenshot(), "release-print.png")
	var back, form string
	b.ask("getComputedStyle(document.body).backgroundColor", &back)
	b.ask(`getComputedStyle(document.getElementById("filter")).display`, &form)
	if back != "rgb(255, 255, 255)" || form != "none" {
		t.Errorf("on paper the background is %s and the filter %s", back, form)
	}
}

// TestPageOfARestartInABrowser looks at a release that two agents carried out, with a minute between them.
func TestPageOfARestartInABrowser(t *testing.T) {
	b := open(t, page(t, restarted(t)), 1100, false)
	keep(t, b.screenshot(), "release-restart.png")
	if said := b.complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %s", said)
	}
	var gap float64
	if b.ask(`document.querySelector(".strips .away").getBoundingClientRect().width`, &gap); gap < 20 {
		t.Errorf("the gap is %g pixels wide", gap)
	}
}

// TestPageReadsWithoutScript looks at what is there when no script runs.
func TestPageReadsWithoutScript(t *testing.T) {
	all := page(t, small(t))
	b := open(t, all[:strings.LastIndex(all, "<script>")], 1100, false)
	var rows, form string
	b.ask(`String(Array.from(document.querySelectorAll("table.decisions tbody tr")).filter((r) => r.offsetHeight > 0).length)`, &rows)
	b.ask(`getComputedStyle(document.getElementById("filter")).display`, &form)
	if rows == "0" || form != "none" {
		t.Errorf("without script there are %s rows, and the filter that cannot work is %s", rows, form)
	}
}

// keep writes a file for a person to look at, where SLIPWAY_SCREENSHOTS names a folder.
func keep(t *testing.T, data []byte, name string) {
	t.Helper()
	dir := os.Getenv("SLIPWAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
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
