// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	// maxDepth is far above what any manifest nests, and far below what exhausts a stack.
	maxDepth = 1000
	// maxExpansion bounds how many nodes a document's aliases may stand for.
	maxExpansion = 200_000
)

// SyntaxError says what is wrong with a document, on which of its lines, and what to do.
type SyntaxError struct {
	Line    int // of the document, from 1
	Problem string

	other int    // another line of the document that the problem is about, 0 for none: it stands between Problem and rest
	rest  string // what follows
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, e.Text(1))
}

// Text is the problem in words, in which the document's first line has the number first.
func (e *SyntaxError) Text(first int) string {
	if e.other == 0 {
		return e.Problem
	}
	return fmt.Sprintf("%s line %d%s", e.Problem, first+e.other-1, e.rest)
}

// With adds that another line has to do with the problem, and how the sentence ends.
func (e *SyntaxError) With(line int, rest string) *SyntaxError {
	e.other, e.rest = line, rest
	return e
}

// Errorf says what is wrong on a line.
func Errorf(line int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Line: max(line, 1), Problem: fmt.Sprintf(format, args...)}
}

// Parse returns the document node of the one document in doc, or nil where it holds nothing. What YAML allows and a
// manifest must not have is an error too: duplicate keys, aliases that expand without bound, nesting without bound.
// Every error is a *SyntaxError. JSON is read as Kubernetes reads it, where that and YAML differ.
func Parse(doc []byte) (*yaml.Node, error) {
	if root, ok := parseJSON(doc); ok {
		if err := checkTree(root); err != nil {
			return nil, err
		}
		return root, nil
	}
	if err := checkText(doc); err != nil {
		return nil, err
	}
	if isBare(doc) {
		return nil, nil
	}
	root, err := decode(doc)
	if err != nil || root == nil {
		return nil, err
	}
	if isNull(root.Content[0]) {
		return nil, nil
	}
	if err := checkTree(root); err != nil {
		return nil, err
	}
	return root, nil
}

// isBare tells whether doc holds nothing but comments, directives and markers. The library takes some of these for
// errors.
func isBare(doc []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(doc, []byte(ByteOrderMark))) {
		if kind, _ := MarkerAt(line, true); kind != noMarker {
			line = line[3:]
		}
		if !isPreamble(line) {
			return false
		}
	}
	return true
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Anchor == ""
}

// decode runs the library on doc.
func decode(doc []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, Errorf(1, "the YAML parser gave up on this document (%v); simplify it", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(doc))
	root = &yaml.Node{}
	if err := decoder.Decode(root); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, explain(doc, err)
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		newLineTable(doc).correct(root)
		return root, nil
	case err != nil:
		return nil, explain(doc, err)
	}
	return nil, Errorf(newLineTable(doc).of(second.Line), "a second document starts here; put --- at the start of a line of its "+
		"own, ended by a line feed")
}

// explain turns an error of the library into one with the right line.
func explain(doc []byte, err error) *SyntaxError {
	message, line := cutLine(err)
	line = newLineTable(doc).of(line)
	if name, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return Errorf(findAlias(doc, name), "*%s names an anchor that is not defined before it; "+
			"define &%s or write the value out", name, name)
	}
	if hasAnyPrefix(message, "did not find expected", "found undefined tag", "found a tab character") {
		line = firstFailing(doc, message)
	}
	return Errorf(line, "%s%s", message, advice(message))
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

// advice says what to do about one of the library's messages.
func advice(message string) string {
	const tag = "quote a value that begins with !, or remove the tag"
	for _, known := range []struct{ part, advice string }{
		{"expected key", "check the indentation of this line against the lines above it"},
		{"'-' indicator", "check the indentation of this line against the lines above it"},
		{"could not find expected ':'", "check that the key on this line ends with a colon, and the indentation of its value"},
		{"cannot start any token", "quote the value, and indent with spaces instead of tabs"},
		{"tab character", "indent with spaces instead of tabs"},
		{"mapping values are not allowed", "quote a value that has a colon in it, or check the indentation"},
		{"are not allowed in this context", "begin the list or the key on a line of its own, or quote the value"},
		{"expected ',' or", "close the bracket that this line opens, or put a comma between its values"},
		{"node content", "write a value here, or quote the one that is meant"},
		{"exceeded max depth", "flatten the document"},
		{"incompatible YAML document", "remove the %YAML line, or name version 1.1, which is what Kubernetes reads"},
		{"directive", "remove the line that begins with %"},
		{"version number", "remove the line that begins with %"},
		{"<document start>", "put --- on a line of its own between two documents, and nothing behind the last bracket of one"},
		{"document indicator", "close the quote that is open before this line"},
		{"end of stream", "close the quote or bracket that this line opens"},
		{"escape c", "write a backslash in double quotes twice"},
		{"hexdecimal", "write a backslash in double quotes twice"},
		{"comment or line break", "put what follows | or > on the next line"},
		{"indentation indicator", "put what follows | or > on the next line"},
		{"alphabetic or numeric", "quote a value that begins with & or *"},
		{"tag", tag},
		{"URI", tag},
		{"'!'", tag},
		{"'>'", tag},
	} {
		if strings.Contains(message, known.part) {
			return "; " + known.advice
		}
	}
	return ""
}

// cutLine takes the library's prefix and line number off its message.
func cutLine(err error) (message string, line int) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if _, scanErr := fmt.Sscanf(rest, "%d:", &line); scanErr == nil {
			_, message, _ = strings.Cut(rest, ": ")
		}
	}
	return message, line
}

// firstFailing returns the line on which the parser stumbles. The library names the line before the block in which that
// line is; here the document is cut shorter until the same complaint goes away, which it does at the line at fault.
func firstFailing(doc []byte, message string) int {
	ends := lineEnds(doc)
	low, high := 1, len(ends)
	for low < high {
		mid := (low + high) / 2
		if failsWith(doc[:ends[mid-1]], message) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

func failsWith(doc []byte, message string) (same bool) {
	defer func() { _ = recover() }()
	err := yaml.NewDecoder(bytes.NewReader(doc)).Decode(&yaml.Node{})
	if err == nil || errors.Is(err, io.EOF) {
		return false
	}
	got, _ := cutLine(err)
	return got == message
}

func lineEnds(doc []byte) []int {
	var ends []int
	end := 0
	for line := range bytes.Lines(doc) {
		end += len(line)
		ends = append(ends, end)
	}
	return ends
}

func findAlias(doc []byte, name string) int {
	i := bytes.Index(doc, []byte("*"+name))
	return 1 + bytes.Count(doc[:max(i, 0)], []byte{'\n'})
}

// checkText refuses bytes that are no text before the parser sees them, because it does not say on which line they are.
func checkText(doc []byte) error {
	if bytes.HasPrefix(doc, []byte{0xff, 0xfe}) || bytes.HasPrefix(doc, []byte{0xfe, 0xff}) ||
		len(doc) > 1 && (doc[0] == 0) != (doc[1] == 0) {
		return Errorf(1, "the file is UTF-16; save it as UTF-8")
	}
	if bytes.HasPrefix(doc, []byte{0x1f, 0x8b}) {
		return Errorf(1, "the file is compressed (gzip); unpack it and name what it holds")
	}
	for i := 0; i < len(doc); {
		if c := doc[i]; c >= 0x20 && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(doc[i:])
		if (r == utf8.RuneError && size == 1 || !isAllowed(r)) && bytes.Count(doc, []byte{0}) > 1 {
			return Errorf(1, "the file is binary; a manifest is text in UTF-8")
		}
		if r == utf8.RuneError && size == 1 {
			return Errorf(LineOf(doc, i), "byte 0x%02x is not valid UTF-8; save the file as UTF-8", doc[i])
		}
		if !isAllowed(r) {
			return Errorf(LineOf(doc, i), "control character U+%04X; remove it, or write it as an escape in double quotes", r)
		}
		i += size
	}
	return nil
}

// LineOf is the line, from 1, of an offset.
func LineOf(doc []byte, offset int) int {
	return 1 + bytes.Count(doc[:offset], []byte{'\n'})
}
