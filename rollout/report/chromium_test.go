// SPDX-License-Identifier: Apache-2.0

package report_test

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

// browser is a headless Chromium with one page, driven over a pipe with its DevTools protocol.
type browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	session string
	id      int
	events  []event
}

// event is what the browser tells by itself.
type event struct {
	Method string
	Params json.RawMessage
}

// open starts a browser and lets it show a page, on a screen of the given width.
func open(t *testing.T, page string, width int, dark bool) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it starts a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium runs this test")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t}
	b.start(chromium, filepath.Join(dir, "profile"))
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	b.await("Page.loadEventFired")
	return b
}

// start runs Chromium until the test ends. It reads commands from descriptor 3 and answers on 4.
func (b *browser) start(chromium, profile string) {
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
		"--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", "--user-data-dir="+profile)
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
func (b *browser) call(method string, params map[string]any, result any) {
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
func (b *browser) read(id int) (answer json.RawMessage, failure string) {
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

// await waits until the browser tells of an event.
func (b *browser) await(method string) {
	b.t.Helper()
	for !slices.ContainsFunc(b.events, func(e event) bool { return e.Method == method }) {
		b.read(0)
	}
}

// ask evaluates an expression in the page.
func (b *browser) ask(expression string, result any) {
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

// press presses a key.
func (b *browser) press(key, text string, code int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": key, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			params["text"] = text
		}
		b.call("Input.dispatchKeyEvent", params, nil)
	}
}

// requests are the addresses that the page asked for, besides its own file.
func (b *browser) requests() []string {
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
		if url := request.Request.URL; !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "data:") {
			urls = append(urls, url)
		}
	}
	return urls
}

// complaints are what the browser has to say about the page: errors, exceptions, what its policy forbids.
func (b *browser) complaints() []string {
	var all []string
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
			all = append(all, string(e.Params))
		}
	}
	return all
}

// screenshot is the whole page as a PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": b.extent()}, &shot)
	return b.decode(shot.Data)
}

func (b *browser) extent() map[string]any {
	b.t.Helper()
	var size []float64
	b.ask("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]", &size)
	return map[string]any{"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
}

// print is the page on paper, as a PDF.
func (b *browser) print() []byte {
	b.t.Helper()
	var paper struct{ Data string }
	b.call("Page.printToPDF", map[string]any{"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false}, &paper)
	return b.decode(paper.Data)
}

func (b *browser) decode(data string) []byte {
	b.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}
