// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/kio"
)

// errNoList is said of what is no ResourceList.
var errNoList = errors.New("stdin holds no ResourceList, which kustomize and kpt send (slipway render reads plain manifests)")

// errNotAlone is said of a list that orchestrators do not send.
var errNotAlone = errors.New("the ResourceList on stdin has no items, or is not alone: a function gets one document, " +
	"and no --- behind it")

// openingSize is how much of the input is looked at before kyaml reads all of it, which takes hundreds of times its memory
// where it is something else than manifests.
const openingSize = 32 << 10

// topLevel matches a line with a key of a document's outermost mapping, in block style.
var topLevel = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:"([\w.-]+)"|'([\w.-]+)'|([A-Za-z][\w.-]*))[ \t]*:(?:[ \t]+(.*))?$`)
})

// isOtherThanList says whether the beginning of a text shows that it is no ResourceList. It goes by what the first document
// is, and by the keys of its outermost mapping as far as they can be told from what is below them.
func isOtherThanList(opening []byte) bool {
	text := strings.TrimPrefix(string(opening), byteOrderMark)
	begun := false // in what is not a comment or a marker
	for pos := 0; pos < len(text); {
		line, _, whole := strings.Cut(text[pos:], "\n")
		start := pos
		pos += len(line) + 1
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "" || line[0] == '#' || line[0] == '%' || line == "---":
			continue
		case strings.HasPrefix(line, "---"):
			if rest := strings.TrimLeft(line[len("---"):], " \t"); rest[0] != '#' {
				return false
			}
			continue
		case !begun && strings.TrimLeft(line, " \t")[0] == '{':
			return isOtherObject(text[start:])
		case !begun && isNoMapping(line):
			return true
		case !whole:
			return false // the line goes on where nothing was read
		}
		begun = true
		if strings.ContainsRune(" \t-", rune(line[0])) {
			continue
		}
		m := topLevel().FindStringSubmatch(line)
		if m == nil || strings.ContainsAny(text[:start], "[{") {
			return false // not a simple key, or maybe a part of something in brackets
		}
		if isOtherKey(m[1]+m[2]+m[3], plainValue(m[4])) {
			return true
		}
	}
	return false
}

// isNoMapping says whether a document that begins with a line is certainly no mapping.
func isNoMapping(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, "- ") || strings.ContainsRune("[|>", rune(line[0])) ||
		!strings.Contains(line, ":") && !strings.ContainsRune(`?&!*"'`, rune(line[0]))
}

// flowKey matches a key in braces, or a value there that is a short scalar, up to what follows it.
var flowKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*(?:"([\w./-]*)"|'([\w./-]*)'|([\w./-]+))\s*([:,}\]])`)
})

// isOtherObject is isOtherThanList for a document in braces, be it JSON or YAML.
func isOtherObject(text string) bool {
	depth := 0
	for pos := 0; pos < len(text); pos++ {
		switch c := text[pos]; c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return false
			}
		case '"', '\'':
			if pos = endOfQuotes(text, pos); pos < 0 {
				return false
			}
		case '#':
			return false // maybe a comment
		}
		if depth != 1 || text[pos] != '{' && text[pos] != ',' {
			continue
		}
		if isOtherEntry(text[pos+1:]) {
			return true
		}
	}
	return false
}

// isOtherEntry says whether an object in braces that has the entry which text begins with is no ResourceList.
func isOtherEntry(text string) bool {
	key := flowKey().FindStringSubmatch(text)
	if key == nil || key[4] != ":" {
		return false
	}
	value := ""
	if v := flowKey().FindStringSubmatch(text[len(key[0]):]); v != nil {
		value = v[1] + v[2] + v[3]
	}
	return isOtherKey(key[1]+key[2]+key[3], value)
}

// endOfQuotes returns where the quotes that open at pos close, or -1.
func endOfQuotes(text string, pos int) int {
	quote := text[pos]
	for pos++; pos < len(text); pos++ {
		if text[pos] == quote {
			return pos
		}
		if text[pos] == '\\' && quote == '"' {
			pos++
		}
	}
	return -1
}

// isOtherKey says whether no ResourceList has this key, or the key with this value; "" is a value that is not certain.
func isOtherKey(key, value string) bool {
	switch key {
	case "kind":
		return value != "" && value != kio.ResourceListKind
	case "apiVersion":
		return value != "" && !strings.Contains(value, "config.") // the group has had several names
	}
	return !slices.Contains([]string{itemsKey, "functionConfig", "results", "metadata"}, key)
}

// plainValue is the text of a short scalar, quoted or not, and "" of anything else.
func plainValue(text string) string {
	text, _, _ = strings.Cut(text, " #")
	text = strings.Trim(strings.TrimSpace(text), `"'`)
	if strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '-' || r > '9')
	}) {
		return ""
	}
	return text
}
