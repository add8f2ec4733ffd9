// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// ReportSyntax adds the error of the YAML library about a text that it cannot read, on the line that it means. field is
// where the text stands, where it is a value of another document.
func (d *Decoder) ReportSyntax(code, field string, text []byte, err error) {
	if line := notText(text); line > 0 {
		d.Report(&yaml.Node{Line: line}, code, field,
			"this is no text in UTF-8, and YAML or JSON is: name another file, or save it as UTF-8", "")
		return
	}
	line, message := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, what, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, message = n, what
		}
	}
	d.Report(&yaml.Node{Line: line}, code, field, "is not YAML: "+message, "")
}

// notText is the first line with a byte that no text in UTF-8 has, 0 where there is none. The library does not say which.
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
