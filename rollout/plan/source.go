// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	yaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// mistakeAt is one thing wrong with what people wrote: where, which field, and what to write instead.
func mistakeAt(at manifest.Source, field, format string, args ...any) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Source: at, Field: field, Message: fmt.Sprintf(format, args...),
	}
}

// value is one YAML node with its place. Methods on it collect errors instead of returning them, so that one run
// names everything that is wrong with a file.
type value struct {
	node  *yaml.Node // nil where the field is absent
	at    int        // line of the field's name; of what should hold it, where the field is absent
	field string
	src   *source
}

type source struct {
	file    string
	errors  []manifest.Finding
	lenient bool     // fields that nobody here knows are noted: somebody else defines what there is
	unknown []string // these fields
}

func (s *source) err() error {
	errs := make([]error, len(s.errors))
	for i, e := range s.errors {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// documents splits a YAML stream. Every document's value carries src, which collects the errors. Empty documents are
// left out.
func documents(src *source, data []byte) []value {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var docs []value
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			src.errors = append(src.errors, syntaxError(src.file, data, err))
			return docs
		}
		if len(node.Content) == 1 && node.Content[0].Tag != "!!null" {
			docs = append(docs, value{node: node.Content[0], src: src})
		}
	}
}

// syntaxError takes the line out of the YAML library's message and puts it where the other errors have theirs.
func syntaxError(file string, data []byte, err error) manifest.Finding {
	if line := notText(data); line > 0 {
		return mistakeAt(manifest.Source{File: file, Line: line}, "", "this is no text in UTF-8, and YAML or JSON is: name another file, or save it as UTF-8")
	}
	at, what := manifest.Source{File: file}, strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		number, rest, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			at.Line, what = line, rest
		}
	}
	return mistakeAt(at, "", "reading YAML: %s", what)
}

// notText is the first line with a byte that no text in UTF-8 has, 0 where there is none. The YAML library does not say which.
func notText(data []byte) (line int) {
	line = 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1, unicode.IsControl(r) && !strings.ContainsRune("\t\r\u0085", r):
			return line
		}
		rest = rest[size:]
	}
	return 0
}

func (v value) present() bool {
	return v.node != nil && v.node.Tag != "!!null"
}

func (v value) line() int {
	if v.at == 0 && v.node != nil {
		return v.node.Line
	}
	return v.at
}

func (v value) fail(format string, args ...any) {
	v.src.errors = append(v.src.errors, mistakeAt(manifest.Source{File: v.src.file, Line: v.line()}, v.field, format, args...))
}

// get returns the named field. An absent field keeps its parent's line, so that "is missing" points somewhere.
func (v value) get(name string) value {
	path := name
	if v.field != "" {
		path = v.field + "." + name
	}
	child := value{field: path, src: v.src, at: v.line()}
	if !v.present() || v.node.Kind != yaml.MappingNode {
		return child
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		if v.node.Content[i].Value == name {
			child.node, child.at = resolveAlias(v.node.Content[i+1]), v.node.Content[i].Line
		}
	}
	return child
}

func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping checks that v is absent or a mapping whose keys are known and not repeated. An unknown key gets the nearest
// known one as a suggestion; where the source is lenient it is only noted, unless it is a known one misspelt.
func (v value) mapping(known ...string) bool {
	if !v.present() {
		return false
	}
	if v.node.Kind != yaml.MappingNode {
		v.fail("must be a mapping of fields, not %s", v.kind())
		return false
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		at := v.get(key.Value)
		at.at = key.Line
		switch {
		case seen[key.Value]:
			at.fail("is given twice")
		case len(known) > 0 && !slices.Contains(known, key.Value) && v.src.lenient && !misspelt(key.Value, known):
			v.src.unknown = append(v.src.unknown, at.field)
		case len(known) > 0 && !slices.Contains(known, key.Value):
			at.fail("unknown field%s", suggestion(key.Value, known))
		}
		seen[key.Value] = true
	}
	return true
}

func (v value) kind() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return strconv.Quote(v.node.Value)
	default:
		return "this"
	}
}

// items are the elements of a list; an absent list has none.
func (v value) items() []value {
	if !v.present() {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		v.fail("must be a list, not %s", v.kind())
		return nil
	}
	items := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		items[i] = value{node: resolveAlias(n), field: fmt.Sprintf("%s[%d]", v.field, i), src: v.src}
	}
	return items
}

func (v value) scalar(tags ...string) (string, bool) {
	if !v.present() {
		return "", false
	}
	if v.node.Kind != yaml.ScalarNode || !slices.Contains(tags, v.node.Tag) {
		return v.node.Value, false
	}
	return v.node.Value, true
}

// text is a string field, or "" where it is absent.
func (v value) text() string {
	s, ok := v.scalar("!!str")
	if !ok && v.present() {
		v.fail("must be a string, not %s", v.kind())
		return ""
	}
	return s
}

// oneOf is a string field restricted to the given words; the first word is the default.
func (v value) oneOf(words ...string) string {
	s := v.text()
	if s == "" {
		return words[0]
	}
	if !slices.Contains(words, s) {
		v.fail("%q is not one of %s%s", s, strings.Join(words, ", "), suggestion(s, words))
		return words[0]
	}
	return s
}

// number is a whole number between least and most, or fallback where it is absent.
func (v value) number(fallback, least, most int) int {
	if !v.present() {
		return fallback
	}
	s, ok := v.scalar("!!int")
	n, err := strconv.Atoi(s)
	if !ok || err != nil {
		v.fail("must be a whole number, not %s", v.kind())
		return fallback
	}
	if n < least || n > most {
		v.fail("must be between %d and %d, not %d", least, most, n)
		return fallback
	}
	return n
}

func (v value) boolean() bool {
	if !v.present() {
		return false
	}
	s, ok := v.scalar("!!bool")
	if !ok {
		v.fail("must be true or false, not %s", v.kind())
	}
	return ok && s == "true"
}

// quantity is a number of pods or a percentage up to limit percent (0: any), or fallback where it is absent.
func (v value) quantity(fallback Quantity, limit int) Quantity {
	if !v.present() {
		return fallback
	}
	s, ok := v.scalar("!!int", "!!str")
	if !ok {
		v.fail("must be a number of pods or a percentage, not %s: write 3 or \"20%%\"", v.kind())
		return fallback
	}
	if v.node.Tag == "!!str" && !strings.HasSuffix(s, "%") {
		v.fail("%q must be a number without quotes or a percentage: write 3 or \"20%%\"", s)
		return fallback
	}
	q, err := ParseQuantity(s)
	if err != nil {
		v.fail("%v", err)
		return fallback
	}
	if q.percent && limit > 0 && q.units > int64(limit)*percentScale {
		v.fail("%s is more than %d%%", q, limit)
		return fallback
	}
	return q
}

// duration is a positive Go duration such as 10m, or fallback where it is absent.
func (v value) duration(fallback time.Duration) time.Duration {
	if !v.present() {
		return fallback
	}
	s, ok := v.scalar("!!str")
	if !ok {
		v.fail("must be a duration with a unit, not %s: write 30s, 10m or 1h", v.kind())
		return fallback
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		v.fail("%q is not a duration: write 30s, 10m or 1h", s)
		return fallback
	}
	if d <= 0 {
		v.fail("must be longer than 0, not %s", s)
		return fallback
	}
	return d
}

// decode is the node as plain Go values (map[string]any, []any, scalars).
func (v value) decode() any {
	if !v.present() {
		return nil
	}
	var out any
	if err := v.node.Decode(&out); err != nil {
		v.fail("reading: %v", err)
	}
	return out
}
