// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// flowScalar writes the scalar n on one line, plain where that reads back as the same value of the same type.
func (e *emitter) flowScalar(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		e.fail(n, "a collection as a key")
		return
	}
	if !utf8.ValidString(n.Value) {
		e.fail(n, "text that is not UTF-8")
		return
	}
	tag := n.ShortTag()
	switch {
	case e.json && isTextInJSON(tag):
		e.doubleQuoted(n.Value)
	case tag != "!!str":
		e.plainTyped(n, tag)
	case e.json || n.Style&yaml.DoubleQuotedStyle != 0:
		e.doubleQuoted(n.Value)
	case n.Style&yaml.SingleQuotedStyle != 0 && isPrintable(n.Value):
		e.singleQuoted(n.Value)
	case isPlain(n.Value):
		if yamltext.PlainTag(n.Value) == "!!str" && !isOldType(n.Value) {
			e.write(n.Value)
		} else {
			e.doubleQuoted(n.Value)
		}
	case isPrintable(n.Value):
		e.singleQuoted(n.Value)
	default:
		e.doubleQuoted(n.Value)
	}
}

// isTextInJSON tells whether values with this tag have no other form in JSON than that of a string.
func isTextInJSON(tag string) bool {
	return tag == "!!timestamp" || tag == yaml.MergeTag
}

// plainTyped writes a number, boolean, null or the like, with its tag where the text alone does not say what it is.
func (e *emitter) plainTyped(n *yaml.Node, tag string) {
	value := n.Value
	if value == "" && tag == yaml.NodeTagNull || e.json && !isJSONLiteral(value) {
		value = inJSON(n)
	}
	if yamltext.PlainTag(value) != tag && tag != "!!merge" {
		e.write(tag + " ")
	}
	if isPlain(value) || isPlainTyped(value) {
		e.write(value)
	} else {
		e.doubleQuoted(value)
	}
}

// isJSONLiteral tells whether a value without quotes reads in JSON as it does in YAML.
func isJSONLiteral(value string) bool {
	return value == "null" || value == "true" || value == "false" || yamltext.IsJSONNumber(value)
}

// inJSON returns how JSON writes a number, boolean or null; what JSON has no text for stays as it is.
func inJSON(n *yaml.Node) string {
	var value any
	if n.Decode(&value) != nil {
		return n.Value
	}
	text, err := json.Marshal(value)
	if err != nil || !isJSONLiteral(string(text)) {
		return n.Value
	}
	return string(text)
}

// isOldType tells whether v is a boolean or a base 60 number to programs that read YAML 1.1 by the letter, as kubectl
// does.
func isOldType(v string) bool {
	return yamltext.IsTypedWord(v) || strings.Contains(v, ":") && strings.Trim(v, "+-0123456789_:.") == ""
}

// isPlainTyped tells whether a value that resolves to a type other than text can be written as it is.
func isPlainTyped(value string) bool {
	return value != "" && !strings.ContainsAny(value, "#,[]{}\"' \t\n") && !strings.HasSuffix(value, ":")
}

// isPlain tells whether v can be written without quotes in every context. It says no more often than YAML would.
func isPlain(v string) bool {
	if v == "" || !isPlainStart(v) {
		return false
	}
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case yamltext.IsNameChar(c), strings.IndexByte("./+()$@%^*=|<>~;!&\\_'\"", c) >= 0:
		case c == ':':
			if i+1 == len(v) || !yamltext.IsNameChar(v[i+1]) && v[i+1] != '/' {
				return false
			}
		case c == ' ':
			if i+1 == len(v) || v[i+1] == ' ' || v[i+1] == '#' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func isPlainStart(v string) bool {
	c := v[0]
	if c == '-' {
		// A dash starts a list element, or a document.
		return len(v) > 1 && yamltext.IsNameChar(v[1]) && !strings.HasPrefix(v, "---")
	}
	if strings.HasPrefix(v, "...") {
		return false
	}
	return yamltext.IsNameChar(c) || c == '/' || c == '.' || c == '$' || c == '(' || c == '+'
}

// isPrintable tells whether v is one line of characters that need no escape.
func isPrintable(v string) bool {
	for _, r := range v {
		if r < 0x20 && r != '\t' || yamltext.NeedsEscape(r) {
			return false
		}
	}
	return true
}

func (e *emitter) singleQuoted(v string) {
	e.out = append(e.out, '\'')
	e.write(strings.ReplaceAll(v, "'", "''"))
	e.out = append(e.out, '\'')
}

// doubleQuoted writes v with escapes that YAML and JSON share.
func (e *emitter) doubleQuoted(v string) {
	e.out = append(e.out, '"')
	for _, r := range v {
		switch {
		case r == '"' || r == '\\':
			e.out = append(e.out, '\\', byte(r))
		case r == '\n':
			e.write(`\n`)
		case r == '\t':
			e.write(`\t`)
		case r == '\r':
			e.write(`\r`)
		case yamltext.NeedsEscape(r):
			e.out = fmt.Appendf(e.out, `\u%04x`, r)
		default:
			e.out = utf8.AppendRune(e.out, r)
		}
	}
	e.out = append(e.out, '"')
}
