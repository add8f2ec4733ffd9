// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errMore is said of a second list, which the parser behind kyaml would leave unread without a word.
var errMore = errors.New("stdin holds more than one ResourceList (send one at a time)")

const byteOrderMark = "\xef\xbb\xbf"

// asYAML returns in, or where that is a list in JSON a text of which YAML makes what JSON makes of in. Text in braces that is
// no JSON stays as it is: it may be YAML.
func asYAML(in *bufio.Reader) (io.Reader, error) {
	opening, _ := in.Peek(openingSize)
	if start := bytes.TrimLeft(bytes.TrimPrefix(opening, []byte(byteOrderMark)), " \t\r\n"); len(start) == 0 || start[0] != '{' {
		return in, nil
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	decoder := json.NewDecoder(bytes.NewReader(text))
	if decoder.Decode(&json.RawMessage{}) != nil {
		return bytes.NewReader(text), nil //nolint:nilerr // kyaml tells what is wrong, if anything is
	}
	end := decoder.InputOffset()
	if rest := bytes.TrimSpace(text[end:]); len(rest) > 0 && rest[0] == '{' {
		return nil, errMore
	}
	return io.MultiReader(bytes.NewReader(respell(text[:end])), bytes.NewReader(text[end:])), nil
}

// respell writes JSON so that YAML reads it alike. YAML knows no half of a character, no escape of a slash, and takes some
// characters for line breaks that JSON does not.
func respell(text []byte) []byte {
	out := make([]byte, 0, len(text))
	quoted := false
	for len(text) > 0 {
		size := 1
		switch c := text[0]; {
		case c == '"':
			quoted = !quoted
			out = append(out, c)
		case quoted && c == '\\':
			var r string
			r, size = respellEscape(text)
			out = append(out, r...)
		case quoted && c >= 0x7f:
			var r rune
			if r, size = utf8.DecodeRune(text); strconv.IsPrint(r) || r == utf8.RuneError {
				out = append(out, text[:size]...)
			} else {
				out = fmt.Appendf(out, `\U%08x`, r)
			}
		default:
			out = append(out, c)
		}
		text = text[size:]
	}
	return out
}

// respellEscape is the escape that a text begins with as YAML has it, and how long it is in the text. Half a pair stands for no
// character, and Kubernetes reads it as the sign for that.
func respellEscape(text []byte) (escape string, size int) {
	switch text[1] {
	case '/':
		return "/", 2
	case 'u':
	default:
		return string(text[:2]), 2
	}
	unit := codeUnit(text)
	if !utf16.IsSurrogate(unit) {
		return string(text[:6]), 6
	}
	r := utf16.DecodeRune(unit, codeUnit(text[6:]))
	if r == utf8.RuneError {
		return `\ufffd`, 6
	}
	return fmt.Sprintf(`\U%08x`, r), 12
}

// codeUnit is what an escape with four digits at the start of a text stands for, or 0.
func codeUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n)
}
