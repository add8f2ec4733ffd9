// SPDX-License-Identifier: Apache-2.0

// Package screentest is a terminal for tests: it obeys what a release on a terminal writes, and refuses everything else.
package screentest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Terminal is a terminal of some columns. It knows text, line ends, going back to the first column and up, colours, and clearing
// to the end of the line or of the screen. Text beyond the last column goes on in the next line, as on real ones. It has as many
// lines as are written, so that nothing scrolls away.
type Terminal struct {
	Columns int
	Refused []string // what it was told and does not know

	lines       [][]rune
	row, column int
	wrapped     map[int]bool // lines that are the rest of the one before
}

// New is an empty terminal.
func New(columns int) *Terminal {
	return &Terminal{Columns: columns, lines: [][]rune{nil}, wrapped: map[int]bool{}}
}

// command is what a terminal obeys.
var command = regexp.MustCompile(`^\x1b\[([0-9]*)([AJKm])`)

// Write shows a text.
func (t *Terminal) Write(data []byte) (int, error) {
	for text := string(data); text != ""; {
		if found := command.FindStringSubmatch(text); found != nil {
			t.obey(found[1], found[2])
			text = text[len(found[0]):]
			continue
		}
		r := []rune(text)[0]
		t.put(r)
		text = text[len(string(r)):]
	}
	return len(data), nil
}

func (t *Terminal) obey(number, verb string) {
	switch verb {
	case "A":
		n, _ := strconv.Atoi(number)
		if t.row -= n; t.row < 0 {
			t.Refused = append(t.Refused, "to go up beyond the first line")
			t.row = 0
		}
	case "J":
		for i := t.row + 1; i < len(t.lines); i++ {
			delete(t.wrapped, i)
		}
		t.lines = t.lines[:t.row+1]
		t.erase()
	case "K":
		t.erase()
	}
}

// erase clears the line from the cursor on.
func (t *Terminal) erase() { t.lines[t.row] = t.lines[t.row][:min(t.column, len(t.lines[t.row]))] }

func (t *Terminal) put(r rune) {
	switch {
	case r == '\r':
		t.column = 0
		return
	case r == '\n':
		t.down()
		return
	case r < ' ':
		t.Refused = append(t.Refused, fmt.Sprintf("%q", r))
		return
	}
	if t.column == t.Columns {
		t.down()
		t.wrapped[t.row] = true
	}
	line := t.lines[t.row]
	for len(line) <= t.column {
		line = append(line, ' ')
	}
	line[t.column] = r
	t.lines[t.row] = line
	t.column++
}

func (t *Terminal) down() {
	t.row, t.column = t.row+1, 0
	if t.row == len(t.lines) {
		t.lines = append(t.lines, nil)
	}
}

// Cursor is where the next letter goes.
func (t *Terminal) Cursor() (row, column int) { return t.row, t.column }

// Lines are what stands on the screen. A line that had no room is one line.
func (t *Terminal) Lines() []string {
	var all []string
	for i, line := range t.lines {
		if t.wrapped[i] {
			all[len(all)-1] += string(line)
			continue
		}
		all = append(all, string(line))
	}
	return all
}

// Text is what stands on the screen.
func (t *Terminal) Text() string { return strings.Join(t.Lines(), "\n") }

// Resize gives the terminal another width. What stands on it is broken anew, as terminals of today do it.
func (t *Terminal) Resize(columns int) {
	all := t.Lines()
	fresh := New(columns)
	for i, line := range all {
		if i > 0 {
			fresh.put('\r')
			fresh.put('\n')
		}
		_, _ = fresh.Write([]byte(line))
	}
	fresh.Refused = slices.Clone(t.Refused)
	*t = *fresh
}
