// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is a text of a manifest, a server or a log as one line that a terminal only shows and a CI system only keeps. What
// they would obey, and what a person could not see, is written as Go writes it in strings: line ends, control characters and the
// sequences that begin with one, marks that turn the direction of text, bytes that are no UTF-8, and the beginnings of commands
// such as ::error and ##[group]. A text without any of these is returned as it is.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch _, size := utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !isPlain(r):
			escaped := fmt.Sprintf("%+q", string(r))
			b.WriteString(escaped[1 : len(escaped)-1])
		case r == ':' && opensCommand(s, i), r == '#' && isCommand(s[i:]):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// PrintableLines is Printable for a text of several lines, which stay lines.
func PrintableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

func isPrintable(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError || !isPlain(r) || r == ':' && opensCommand(s, i) || r == '#' && isCommand(s[i:]) {
			return false
		}
	}
	return true
}

// isPlain says whether a character has a shape of its own, and no power over others. Joiners (Cf) shape scripts and emoji, but
// what they hide between letters nobody sees.
func isPlain(r rune) bool {
	return r == ' ' || unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r)
}

// opensCommand says whether the colon at i begins a command of GitHub's runners: :: with white space alone before it.
func opensCommand(s string, i int) bool {
	return strings.HasPrefix(s[i:], "::") && strings.TrimSpace(s[:i]) == ""
}

// isCommand says whether a command of GitHub's, Azure's or TeamCity's runners begins here. They obey some within a line, too.
func isCommand(s string) bool {
	rest, found := strings.CutPrefix(s, "##")
	if !found {
		return false
	}
	word, _, found := strings.Cut(rest, "[")
	return found && (word == "" || word == "vso" || word == "teamcity")
}
