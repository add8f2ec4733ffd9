// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"strings"
	"unicode/utf8"
)

// What reading and writing have to agree on, character by character.

// MaxKey is how long a key may be that is not introduced by a question mark; YAML's limit is 1024 with the quotes.
const MaxKey = 500

// IsWhite tells whether c is a space, a tab or part of a line break.
func IsWhite(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r'
}

// IsNameChar tells whether c can be part of an anchor's name.
func IsNameChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}

// IsLetter tells whether c is a letter of ASCII.
func IsLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// IsTypedWord tells whether a word is a boolean or a null to some program that reads YAML, whatever its case.
func IsTypedWord(word string) bool {
	if word == "" || len(word) > len("false") || strings.IndexByte("tfnyo", word[0]|0x20) < 0 {
		return false
	}
	switch strings.ToLower(word) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}

// NeedsEscape tells whether a text with r, which is no control character of ASCII, can stand in double quotes alone.
func NeedsEscape(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || !isAllowed(r) && r >= 0x7f ||
		r == utf8.RuneError
}

// isAllowed tells whether YAML allows the character r, which is not ASCII text.
func isAllowed(r rune) bool {
	return r == 0x85 || r >= 0xa0 && r != 0xfffe && r != 0xffff
}

// IsJSONNumber tells whether text is a number as JSON writes it: no leading zero or plus, and digits around the point.
func IsJSONNumber(text string) bool {
	digits := func(s string) (rest string, ok bool) {
		rest = strings.TrimLeft(s, "0123456789")
		return rest, len(rest) < len(s)
	}
	text = strings.TrimPrefix(text, "-")
	rest, ok := digits(text)
	if !ok || text[0] == '0' && len(text)-len(rest) > 1 {
		return false
	}
	if after, isFraction := strings.CutPrefix(rest, "."); isFraction {
		if rest, ok = digits(after); !ok {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		after := rest[1:]
		if after != "" && (after[0] == '+' || after[0] == '-') {
			after = after[1:]
		}
		rest, ok = digits(after)
	}
	return ok && rest == ""
}
