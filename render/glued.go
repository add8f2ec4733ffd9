// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// keyAndColon is what stands behind a separator that is none.
var keyAndColon = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z][\w./-]*):(?:[ \t\r]|$)`)
})

// gluedSeparator finds a key at the start of a line behind what was meant to be a separator: chart templates that trim their
// white space leave such lines. To YAML the dashes are part of the key. It returns where the line starts, and the key without
// its dashes, nil where there is none.
func gluedSeparator(text []byte) (start int, key []byte) {
	for rest := text; ; {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if after, ok := bytes.CutPrefix(line, []byte("---")); ok && len(after) > 0 {
			if found := keyAndColon().FindSubmatch(after); found != nil {
				return len(text) - len(rest), found[1]
			}
		}
		next := bytes.Index(rest, []byte("\n---"))
		if next < 0 {
			return 0, nil
		}
		rest = rest[next+1:]
	}
}

// suspect says whether a document has to be parsed for what it may hide, whether or not a set could match it.
func suspect(text []byte) bool {
	_, key := gluedSeparator(text)
	return key != nil || isTemplate(text) || bytes.Contains(text[min(1, len(text)):], []byte(yamltext.ByteOrderMark))
}

// marked reports a byte order mark before the first key of a document, which to YAML is a part of the key: files that were put
// together have it.
func marked(source manifest.Source, root *yaml.Node) []manifest.Finding {
	object := manifest.Root(root)
	if object == nil || object.Kind != yaml.MappingNode || len(object.Content) == 0 {
		return nil
	}
	name, is := strings.CutPrefix(object.Content[0].Value, yamltext.ByteOrderMark)
	if !is {
		return nil
	}
	return []manifest.Finding{{
		Severity: manifest.SeverityError, Code: "byte-order-mark", Object: manifest.RefOf(object),
		Source:  manifest.SourceAt(source, object.Content[0]),
		Message: fmt.Sprintf("the character U+FEFF, a byte order mark, stands before %s and is a part of that key", name),
		Hint:    "take it out: only the first character of a file may be one",
	}}
}

// glued reports a separator that is none. root is nil where the document cannot be parsed, which the separator is taken to
// be the reason of.
func glued(source manifest.Source, text []byte, root *yaml.Node) []manifest.Finding {
	start, key := gluedSeparator(text)
	if key == nil || root != nil && !hasKey(root, "---"+string(key)) {
		return nil
	}
	source = source.Down(bytes.Count(text[:start], []byte("\n")))
	return []manifest.Finding{{
		Severity: manifest.SeverityError, Code: "glued-separator", Source: source,
		Message: fmt.Sprintf("%q is a key and separates nothing: no tool takes it for the start of a document", "---"+string(key)),
		Hint:    fmt.Sprintf("put a line break between --- and %s", key),
	}}
}

func hasKey(root *yaml.Node, name string) bool {
	object := manifest.Root(root)
	return object.Kind == yaml.MappingNode && manifest.OwnIndex(object, name) > 0
}

// isTemplate says whether a text holds an action of Go's templates. OpenShift's ${{PARAMETER}} is none.
func isTemplate(text []byte) bool {
	for i := bytes.Index(text, []byte("{{")); i >= 0; {
		if i == 0 || text[i-1] != '$' {
			return true
		}
		next := bytes.Index(text[i+2:], []byte("{{"))
		if next < 0 {
			return false
		}
		i += 2 + next
	}
	return false
}

const renderFirst = "render it first, as helm template does, and give slipway the result"

// unrendered reports an action of a template that YAML reads as a mapping for a key, which no manifest has.
func unrendered(source manifest.Source, text []byte, root *yaml.Node) []manifest.Finding {
	if !isTemplate(text) {
		return nil
	}
	n := keyOfMapping(root)
	if n == nil {
		return nil
	}
	return []manifest.Finding{{
		Severity: manifest.SeverityError, Code: "unrendered-template", Source: manifest.SourceAt(source, n),
		Message: "this is a template and no manifest: {{ }} stands for a value", Hint: renderFirst,
	}}
}

// keyOfMapping finds a mapping that is the key of another one.
func keyOfMapping(n *yaml.Node) *yaml.Node {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.MappingNode {
			return c
		}
		if found := keyOfMapping(c); found != nil {
			return found
		}
	}
	return nil
}

// explained adds to a document that cannot be parsed why that may be.
func explained(f manifest.Finding, text []byte) manifest.Finding {
	if isTemplate(text) {
		f.Hint = "{{ makes this a template and no manifest: " + renderFirst
	}
	return f
}

// unread are the findings for a document that cannot be parsed.
func unread(source manifest.Source, text []byte, err error) []manifest.Finding {
	if found := glued(source, text, nil); found != nil {
		return found
	}
	return []manifest.Finding{explained(malformed(source, err), text)}
}

// disguised are the findings for a document that parses and is not what it seems to be.
func disguised(source manifest.Source, text []byte, root *yaml.Node) []manifest.Finding {
	if !suspect(text) {
		return nil
	}
	return slices.Concat(glued(source, text, root), unrendered(source, text, root), marked(source, root))
}
