// SPDX-License-Identifier: Apache-2.0

package screen

import (
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// mood is how a text is to be taken. The text says the same without it.
type mood int

const (
	calm mood = iota
	good
	warn
	bad
	faint
	strong
)

// codes are what a terminal is told before a text of a mood. They are of the sixteen colours that people choose themselves.
var codes = [...]string{ //nolint:gochecknoglobals // a constant
	good: "\x1b[32m", warn: "\x1b[33m", bad: "\x1b[31m", faint: "\x1b[2m", strong: "\x1b[1m",
}

const reset = "\x1b[0m"

// span is a text on a line, which is printable already.
type span struct {
	text string
	mood mood
}

// canvas is what was drawn so far.
type canvas struct {
	wide    int // letters that a line may have
	colours bool
	lines   []string
}

// line draws a line, and cuts off what has no room.
func (c *canvas) line(spans ...span) {
	var b strings.Builder
	left := c.wide
	for _, s := range spans {
		text := fit(s.text, left)
		left -= width(text)
		if s.mood == calm || !c.colours || text == "" {
			b.WriteString(text)
			continue
		}
		b.WriteString(codes[s.mood] + text + reset)
	}
	c.lines = append(c.lines, strings.TrimRight(b.String(), " "))
}

// fieldWidth is where the values of the header begin.
const fieldWidth = 9

// field is a line of the header: a name and a value.
func (c *canvas) field(name string, value ...span) {
	c.line(append([]span{{text: pad(name, fieldWidth), mood: faint}}, value...)...)
}

// wrapped is a field whose text goes on in the next lines, up to so many.
func (c *canvas) wrapped(name string, most int, m mood, text string) {
	parts := wrap(manifest.Printable(text), max(c.wide-fieldWidth, 1), most)
	for i, part := range parts {
		if i > 0 {
			name = ""
		}
		c.field(name, span{part, m})
	}
}

// command is a field with a command, which takes lines of its own where it is long, so that it can be copied whole.
func (c *canvas) command(name, command, words string) {
	command = manifest.Printable(command)
	if words != "" && fieldWidth+width(command)+width(words)+3 <= c.wide {
		words = "  (" + manifest.Printable(words) + ")"
	} else {
		words = ""
	}
	if fieldWidth+width(command) > c.wide {
		c.field(name)
		lines := []string{command}
		if width(command) > c.wide {
			lines = wrap(command, c.wide-len(goesOn), stateLines)
		}
		for i, part := range lines {
			if i < len(lines)-1 {
				part += goesOn
			}
			c.lines = append(c.lines, strings.TrimRight(fit(part, c.wide), " "))
		}
		return
	}
	c.field(name, span{command, strong}, span{words, faint})
}

// goesOn tells a shell that a command goes on in the next line.
const goesOn = " \\"

// wrap breaks a text between words, and says with dots where it does not fit.
func wrap(text string, wide, most int) []string {
	var lines []string
	for {
		if width(text) <= wide || len(lines) == most-1 {
			return append(lines, fit(text, wide))
		}
		head := clip(text, wide)
		if at := strings.LastIndexByte(head, ' '); at > 0 && text[len(head)] != ' ' {
			head = head[:at]
		}
		lines, text = append(lines, head), strings.TrimLeft(text[len(head):], " ")
	}
}

const dots = "..."

// fit is a text of at most so many columns; one that is cut ends with dots.
func fit(text string, wide int) string {
	if width(text) <= wide {
		return text
	}
	if wide <= len(dots) {
		return clip(text, wide)
	}
	return clip(text, wide-len(dots)) + dots
}

// clip is as much of a text as has room.
func clip(text string, wide int) string {
	used := 0
	for i, r := range text {
		if used += columns(r); used > wide {
			return text[:i]
		}
	}
	return text
}

// pad fills a text up with blanks.
func pad(text string, wide int) string { return text + strings.Repeat(" ", max(wide-width(text), 0)) }

// Width is how many columns a line takes that Draw has drawn.
func Width(line string) int {
	n := 0
	for line != "" {
		text, rest, _ := strings.Cut(line, "\x1b[")
		n += width(text)
		if line = rest; rest != "" {
			_, line, _ = strings.Cut(rest, "m")
		}
	}
	return n
}

// width is how many columns a printable text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		n += columns(r)
	}
	return n
}

// columns is how many columns a letter takes: none where it is drawn onto the one before, two where it is as wide as high.
func columns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana),
		r >= 0x3000 && r <= 0x303e, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return 2
	default:
		return 1
	}
}
