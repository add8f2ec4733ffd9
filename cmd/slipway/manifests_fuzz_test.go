// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

// FuzzEject injects into mutated real manifests, twice, and ejects: the original comes back to the byte.
func FuzzEject(f *testing.F) {
	c := newChecker(f)
	addMutations(f)
	f.Fuzz(func(t *testing.T, text []byte, picks []byte) {
		if in, out, ok := c.render(t, mutated(string(text), picks)); ok && readable(in) {
			c.checkRestored(t, in, out)
		}
	})
}

// FuzzFunction gives mutated real manifests to render and to the function, which make the same objects of them.
func FuzzFunction(f *testing.F) {
	c := newChecker(f)
	addMutations(f)
	f.Fuzz(func(t *testing.T, text []byte, picks []byte) {
		if in, out, ok := c.render(t, mutated(string(text), picks)); ok && readable(in) && !loneTag.MatchString(in) {
			c.checkFunction(t, in, out)
		}
	})
}

// addMutations seeds a fuzzer with the documents of real manifests, and with what mutated does to them.
func addMutations(f *testing.F) {
	const most = 12_000 // what is longer is fuzzed too slowly
	manifests := yamltest.Manifests(f)
	var names []string
	for name := range manifests {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		for j, document := range documents(f, string(manifests[name])) {
			if len(document) <= most && strings.Contains(document, "containers:") {
				f.Add([]byte(document), []byte{})
				f.Add([]byte(document), []byte{byte(i), byte(j), byte(7 * j), byte(3 * i), byte(i + j), byte(i * j)})
			}
		}
	}
}

// readable tells whether kubectl reads every document, too. Where it does not, there is nothing to compare with.
func readable(text string) bool {
	for s := yamltext.NewSplitter(strings.NewReader(text)); ; {
		d, err := s.Read()
		if err != nil {
			return true
		}
		if _, err := decoded(string(d.Bytes)); err != nil {
			return false
		}
	}
}

// mutated changes lines of a manifest, each as a pair of picks says: where, and what becomes of it there.
func mutated(text string, picks []byte) string {
	lines := strings.SplitAfter(text, "\n")
	for ; len(picks) > 2; picks = picks[3:] {
		at := (int(picks[0])<<8 | int(picks[1])) % len(lines)
		line := lines[at]
		body := strings.TrimLeft(line, " ")
		indent, end := line[:len(line)-len(body)], line[len(strings.TrimRight(line, "\r\n")):]
		key, _, keyed := strings.Cut(strings.TrimRight(body, "\r\n"), ": ")
		values := oddValues()
		switch pick := int(picks[2]); {
		case pick < len(values) && keyed:
			lines[at] = indent + key + ": " + strings.ReplaceAll(values[pick], "\n", "\n"+indent) + end
		case pick%6 == 0:
			lines[at] = line + line
		case pick%6 == 1:
			lines[at] = indent + "# a comment" + end + line
		case pick%6 == 2:
			lines[at] = strings.TrimRight(line, "\r\n") + " # behind" + end
		case pick%6 == 3:
			lines[at] = "" + end + line
		case pick%6 == 4:
			lines[at] = " " + line
		default:
			lines[at] = ""
		}
		lines = strings.SplitAfter(strings.Join(lines, ""), "\n")
	}
	return strings.Join(lines, "")
}

// oddValues are what may stand behind a key in more ways than one.
func oddValues() []string {
	return []string{
		"", "null", "~", "!", "! null", "&a", "&a ~", "&a x", "*a", "!!str", "!!str x", "!custom", "[]", "{}", "[ ]", "{ }",
		"[ # c\n]", "{\n}",
		"[a,\n b]", "{a: b,\n c: d}", "''", `""`, "'a\n\n b'", `"a\` + "\n" + ` b"`, "|\n  a\n\n", ">-\n  a\n  b", "|+\n\n", "a\n  b",
		"a # c",
		"\n  a: b", "\n- a", "? a", "<<", "y", "012", "1e3", "2001-01-01", "\"\\u2028\"", "{<<: *a}", "- a",
	}
}
