// SPDX-License-Identifier: Apache-2.0

// Package browsertest shows pages in a headless Chromium, for tests that look at them as people do.
package browsertest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Browser is a headless Chromium with one page, driven over a pipe with its DevTools protocol.
type Browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	session string
	id      int
	events  []event
	awaited int    // how many events are before the one that was awaited last
	shown   string // address of the page
	width   int    // of the screen
}

// event is what the browser tells by itself.
type event struct {
	Method string
	Params json.RawMessage
}

// Open starts a browser and lets it show a page, on a screen of the given width.
func Open(t *testing.T, page string, width int, dark bool) *Browser {
	t.Helper()
	b := Start(t, width, dark)
	b.Show(page)
	return b
}

// Run runs a part of the test, which may go on with what the browser shows.
func (b *Browser) Run(name string, part func(t *testing.T)) {
	whole := b.t
	whole.Helper()
	whole.Run(name, func(t *testing.T) {
		b.t = t
		defer func() { b.t = whole }()
		part(t)
	})
}

// Start starts a browser with a screen of the given width, on which nothing is shown.
func Start(t *testing.T, width int, dark bool) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it starts a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium runs this test")
	}
	b := &Browser{t: t}
	b.start(chromium, t.TempDir())
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil, nil)
	}
	b.Screen(width, dark)
	return b
}

// Screen gives the browser another screen, whose reader prefers light or dark.
func (b *Browser) Screen(width int, dark bool) {
	b.t.Helper()
	b.width = width
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 800, "deviceScaleFactor": 1,
		"mobile": width < 600,
	}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"media":    "",
		"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

// Show shows a page.
func (b *Browser) Show(page string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.Visit("file://" + file)
}

// Visit goes to an address on this machine. What it told before is forgotten.
func (b *Browser) Visit(url string) {
	b.t.Helper()
	b.shown, b.events, b.awaited = url, nil, 0
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.AwaitLoad()
}

// AwaitLoad waits until a page is there, after the one that was waited for last.
func (b *Browser) AwaitLoad() {
	b.t.Helper()
	b.await("Page.loadEventFired")
}

// start runs Chromium until the test ends. It reads commands from descriptor 3 and answers on 4.
func (b *Browser) start(chromium, profile string) {
	b.t.Helper()
	commands, to, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	from, answers, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a busy machine is no failure
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe", "--user-data-dir="+profile)
	cmd.ExtraFiles = []*os.File{commands, answers}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	_, _ = commands.Close(), answers.Close()
	b.to, b.from = to, bufio.NewReaderSize(from, 1<<20)
	b.t.Cleanup(func() {
		b.session = ""
		b.call("Browser.close", nil, nil)
		_ = cmd.Wait()
		cancel()
		_, _ = to.Close(), from.Close()
	})
}

// call sends a command and waits for its answer.
func (b *Browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.id++
	command := map[string]any{"id": b.id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	data, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(data, 0)); err != nil {
		b.t.Fatalf("telling chromium: %v", err)
	}
	for {
		answer, failure := b.read(b.id)
		if failure != "" {
			b.t.Fatalf("%s: %s", method, failure)
		}
		if answer == nil {
			continue
		}
		if result != nil {
			if err := json.Unmarshal(answer, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// read takes one message; it returns the answer to the command with the given id, if it is that.
func (b *Browser) read(id int) (answer json.RawMessage, failure string) {
	b.t.Helper()
	data, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("listening to chromium: %v", err)
	}
	var message struct {
		event
		ID     int
		Result json.RawMessage
		Error  struct{ Message string }
	}
	if err := json.Unmarshal(data[:len(data)-1], &message); err != nil {
		b.t.Fatal(err)
	}
	if message.Method != "" {
		b.events = append(b.events, message.event)
	}
	if message.ID != id {
		return nil, ""
	}
	return message.Result, message.Error.Message
}

// await waits until the browser tells of an event, after the one that was awaited last.
func (b *Browser) await(method string) {
	b.t.Helper()
	for {
		if i := slices.IndexFunc(b.events[b.awaited:], func(e event) bool { return e.Method == method }); i >= 0 {
			b.awaited += i + 1
			return
		}
		b.read(0)
	}
}

// Title is what the page is called. A page that loads itself anew may be asked this at any time, and nothing else.
func (b *Browser) Title() string {
	b.t.Helper()
	var answer struct{ TargetInfo struct{ Title string } }
	b.call("Target.getTargetInfo", nil, &answer)
	return answer.TargetInfo.Title
}

// Ask evaluates an expression in the page.
func (b *Browser) Ask(expression string, result any) {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails.Text)
	}
	if err := json.Unmarshal(answer.Result.Value, result); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, answer.Result.Value)
	}
}

// Press presses a key.
func (b *Browser) Press(key, text string, code int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": key, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			params["text"] = text
		}
		b.call("Input.dispatchKeyEvent", params, nil)
	}
}

// Requests are the addresses that the page asked for, besides its own.
func (b *Browser) Requests() []string {
	b.t.Helper()
	var urls []string
	for _, e := range b.events {
		var request struct{ Request struct{ URL string } }
		if e.Method != "Network.requestWillBeSent" {
			continue
		}
		if err := json.Unmarshal(e.Params, &request); err != nil {
			b.t.Fatal(err)
		}
		if url := request.Request.URL; url != b.shown && !strings.HasPrefix(url, "data:") {
			urls = append(urls, url)
		}
	}
	return urls
}

// Complaints are what the browser has to say about the page: errors, exceptions, what its policy forbids.
func (b *Browser) Complaints() []string {
	var all []string
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
			all = append(all, string(e.Params))
		}
	}
	return all
}

// Screenshot is the whole page as a PNG.
func (b *Browser) Screenshot() []byte {
	b.t.Helper()
	return b.ScreenshotTo("document.documentElement.scrollHeight")
}

// ScreenshotTo is the page down to where an expression says, as a PNG.
func (b *Browser) ScreenshotTo(height string) []byte {
	b.t.Helper()
	var size []float64
	b.Ask("[document.documentElement.scrollWidth, "+height+"]", &size)
	var shot struct{ Data string }
	clip := map[string]any{"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": clip}, &shot)
	return b.decode(shot.Data)
}

// Print is the page on paper, as a PDF.
func (b *Browser) Print() []byte {
	b.t.Helper()
	var paper struct{ Data string }
	b.call("Page.printToPDF", map[string]any{"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false}, &paper)
	return b.decode(paper.Data)
}

func (b *Browser) decode(data string) []byte {
	b.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}
