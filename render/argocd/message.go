// SPDX-License-Identifier: Apache-2.0

package argocd

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Messages is a writer for what the server shows in its user interface: few and short lines, without secrets and without
// the folder of the day that the server has unpacked the repository into.
func (a *App) Messages(to io.Writer) io.Writer {
	var swap []string
	for _, secret := range a.secrets() {
		swap = append(swap, secret, "***")
	}
	for _, dir := range []string{a.dir, a.root} {
		swap = append(swap, dir+string(filepath.Separator), "", dir, ".")
	}
	return &briefWriter{to: to, swap: strings.NewReplacer(swap...)}
}

// secrets are values that no message may hold, the longest first.
func (a *App) secrets() []string {
	var out []string
	add := func(value string) {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= shortestSecret {
				out = append(out, line, manifest.Printable(line)) // as messages have it
			}
		}
	}
	for _, value := range a.settings["helm-values"].mapping {
		add(value)
	}
	for name, value := range a.env {
		if isSecretName(name) {
			add(value)
		}
	}
	slices.SortFunc(out, func(x, y string) int { return len(y) - len(x) })
	return out
}

// shortestSecret keeps words such as "true" readable in messages.
const shortestSecret = 5

func isSecretName(name string) bool {
	if strings.HasPrefix(name, applicationPrefix) {
		return !strings.HasPrefix(name, applicationPrefix+ownPrefix)
	}
	return slices.ContainsFunc([]string{"PASSWORD", "TOKEN", "SECRET", "KEY", "CREDENTIAL"}, func(word string) bool {
		return strings.Contains(strings.ToUpper(name), word)
	})
}

// briefWriter passes on the first lines that are written to it, shortened.
type briefWriter struct {
	to    io.Writer
	swap  *strings.Replacer
	lines int
}

const (
	briefLines  = 10
	briefLength = 400
)

func (w *briefWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(w.swap.Replace(string(p))) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > briefLength {
			line = strings.ToValidUTF8(line[:briefLength], "") + "..."
		}
		switch w.lines++; {
		case w.lines < briefLines:
		case w.lines == briefLines:
			line = "(and more; run slipway render in the repository to see it all)"
		default:
			continue
		}
		if _, err := fmt.Fprintln(w.to, line); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
