// SPDX-License-Identifier: Apache-2.0

package browsertest

import (
	"os"
	"path/filepath"
	"testing"
)

// Reached are the places that the tab key leads to, one after the other: element, id and label. visit is called at each.
func (b *Browser) Reached(visit func(where string)) []string {
	b.t.Helper()
	var reached []string
	for range 200 {
		b.Press("Tab", "", 9)
		var where string
		b.Ask(`(() => {
			const e = document.activeElement;
			return e === document.body ? "" : [e.tagName, e.id, e.getAttribute("aria-label") || ""].join(" ").trim();
		})()`, &where)
		if where == "" {
			break
		}
		var outline string
		if b.Ask("getComputedStyle(document.activeElement).outlineStyle", &outline); outline == "none" {
			b.t.Errorf("that %q has the focus cannot be seen", where)
		}
		reached = append(reached, where)
		visit(where)
	}
	return reached
}

// Told is what a screen reader is told: how many of each role there are. Whatever needs a name must have one.
func (b *Browser) Told() map[string]int {
	b.t.Helper()
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	b.call("Accessibility.getFullAXTree", nil, &tree)
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if n.Ignored {
			continue
		}
		roles[role]++
		switch role {
		case "image", "img", "textbox", "searchbox", "combobox", "region", "heading", "link", "button", "table":
			if name == "" {
				b.t.Errorf("a %s has no name", role)
			}
		}
	}
	return roles
}

// Sound tells the test what is wrong with the page whatever it shows: it is wider than the screen, asks for something, or the
// browser complains of it.
func (b *Browser) Sound() {
	b.t.Helper()
	var wide int
	if b.Ask("document.documentElement.scrollWidth", &wide); wide > b.width {
		b.t.Errorf("the page is %d pixels wide on a screen of %d", wide, b.width)
	}
	if urls := b.Requests(); len(urls) > 0 {
		b.t.Errorf("the page asked for %v", urls)
	}
	if said := b.Complaints(); len(said) > 0 {
		b.t.Errorf("the browser complains: %s", said)
	}
}

// OnPaper lets the page look as it does on paper, for a reader who prefers dark screens.
func (b *Browser) OnPaper() {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"media":    "print",
		"features": []any{map[string]any{"name": "prefers-color-scheme", "value": "dark"}},
	}, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": 794, "height": 1123, "deviceScaleFactor": 1,
		"mobile": false,
	}, nil)
}

// Keep writes a file for a person to look at, where SLIPWAY_SCREENSHOTS names a folder.
func Keep(t *testing.T, data []byte, name string) {
	t.Helper()
	dir := os.Getenv("SLIPWAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
