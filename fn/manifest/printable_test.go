// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/slipway-dev/slipway/fn/manifest"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ reason, in, want string }{
		{"plain text stays", "web: größe 日本語 🚀 \\n 100%", "web: größe 日本語 🚀 \\n 100%"},
		{"colours and titles", "\x1b[31mx\x1b]0;owned\a", `\x1b[31mx\x1b]0;owned\a`},
		{"C1 has escapes of its own", "\u009b31m\x9b31m", `\u009b31m\x9b31m`},
		{"lines and returns", "x\r\nerror: fake\u2028y\tz", `x\r\nerror: fake\u2028y\tz`},
		{"direction of text", "\u202eevil\u2066\u200f", `\u202eevil\u2066\u200f`},
		{"what nobody sees", "a\u200bb\u00adc\ufeff\u00a0d", `a\u200bb\u00adc\ufeff\u00a0d`},
		{"commands of GitHub", "::error::fake", `\x3a:error::fake`},
		{"after white space too", "  ::add-mask::a", `  \x3a:add-mask::a`},
		{"within a line they are text", "std::vector ::x", "std::vector ::x"},
		{
			"commands within a line", "a ##[error]b ##vso[task]c ##teamcity[d] ## [e]",
			`a \x23#[error]b \x23#vso[task]c \x23#teamcity[d] ## [e]`,
		},
		{"the replacement character is one", "\ufffd\xff", "\ufffd" + `\xff`},
	} {
		if got := manifest.Printable(c.in); got != c.want {
			t.Errorf("%s: Printable(%q) is\n%s\nwant\n%s", c.reason, c.in, got, c.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{
		"", "web", "\x1b]0;x\a\r\n::error::y", " ::x", "##[x", "###[x", "\u202e\xff\ufffd", ":::",
		"a\n::b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := manifest.Printable(s)
		for _, r := range out {
			if r != ' ' && (!unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Fatalf("Printable(%q) holds %q", s, r)
			}
		}
		if strings.HasPrefix(strings.TrimSpace(out), "::") || strings.Contains(out, "##[") {
			t.Fatalf("Printable(%q) is the command %q", s, out)
		}
		if again := manifest.Printable(out); again != out {
			t.Fatalf("Printable(%q) is %q, and again %q", s, out, again)
		}
		if lines := manifest.PrintableLines(s); strings.Count(lines, "\n") != strings.Count(s, "\n") {
			t.Fatalf("PrintableLines(%q) is %q", s, lines)
		}
	})
}
