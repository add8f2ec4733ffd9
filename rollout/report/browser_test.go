// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// browse opens the page in a headless Chromium and returns what it painted and every address that it asked for.
func browse(t *testing.T, page []byte, dark bool, width string) (image.Image, []string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium runs this test")
	}
	dir := t.TempDir()
	file, shot, netlog := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.png"), filepath.Join(dir, "net.json")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	scheme := "--blink-settings=preferredColorScheme=1"
	if dark {
		scheme = "--blink-settings=preferredColorScheme=0"
	}
	ctx := t.Context()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--log-net-log="+netlog, "--window-size="+width+",3000",
		"--screenshot="+shot, scheme, "file://"+file)
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("running chromium: %v\n%s", err, out)
	}
	data, err := os.ReadFile(shot)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return picture, requests(t, netlog)
}

// requests lists the addresses in a Chromium net log that a page asked for. A browser also asks for addresses of its
// own, such as its update service; these have no origin.
func requests(t *testing.T, netlog string) []string {
	t.Helper()
	data, err := os.ReadFile(netlog)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Events []struct {
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatalf("reading net log: %v", err)
	}
	var urls []string
	for _, e := range log.Events {
		if p := e.Params; p.URL != "" && p.Initiator != "" && p.Initiator != "not an origin" {
			urls = append(urls, p.URL)
		}
	}
	return urls
}

func TestBrowserTestNoticesARequest(t *testing.T) {
	_, urls := browse(t, []byte(`<!doctype html><img src="http://192.0.2.1/pixel.png">`), false, "600")
	if !slices.Contains(urls, "http://192.0.2.1/pixel.png") {
		t.Errorf("the request of the page was not seen, only %v", urls)
	}
}

func TestPageRendersInABrowserAndAsksForNothing(t *testing.T) {
	all := []byte(page(t, small(t)))
	for _, c := range []struct {
		name  string
		dark  bool
		width string
	}{{"light", false, "1100"}, {"dark", true, "1100"}, {"phone", false, "500"}} {
		t.Run(c.name, func(t *testing.T) {
			picture, urls := browse(t, all, c.dark, c.width)
			for _, url := range urls {
				if strings.HasPrefix(url, "http") || strings.HasPrefix(url, "ws") {
					t.Errorf("the page led to a request for %s", url)
				}
			}
			if light := brightness(picture.At(2, 2)); (light < 0.2) != c.dark {
				t.Errorf("the background has brightness %.2f", light)
			}
			for _, name := range []string{"--total", "--available", "--updated", "--bound", "--old", "--new"} {
				want := pageColours(t, c.dark)[name]
				if n := painted(picture, want); n < 20 && name != "--total" {
					t.Errorf("the line in %s %v is painted on %d pixels only", name, want, n)
				}
			}
			keep(t, picture, c.name)
		})
	}
}

// keep writes the picture for a person to look at, where SLIPWAY_SCREENSHOTS names a folder.
func keep(t *testing.T, picture image.Image, name string) {
	t.Helper()
	dir := os.Getenv("SLIPWAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "release-"+name+".png"), b.Bytes(), 0o600); err != nil {
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
