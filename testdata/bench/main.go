// SPDX-License-Identifier: Apache-2.0

// Command bench runs slipway and kyaml as whole processes on one corpus and prints how they compare, and
// how slipway's work grows where the input gets twice as large.
//
//	go run ./testdata/bench [-n DEPLOYMENTS] [-runs N]
//
// The two sides take turns, and medians of the runs are compared, so that a busy machine slows both. Only the ratios mean
// anything elsewhere. It fails where a program fails or prints something wrong, never because something is slow.
//
// This process stays small and holds no corpus: Linux counts the memory of the parent at the moment of the fork into a
// child's peak.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"

	"github.com/slipway-dev/slipway/testdata/bench/corpus"
)

func main() {
	n := flag.Int("n", 2000, "Deployments in the corpus")
	runs := flag.Int("runs", 5, "runs of each program")
	flag.Parse()
	if err := run(*n, *runs, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(n, runs int, w io.Writer) error {
	if n < 1 || runs < 1 {
		return fmt.Errorf("-n and -runs must be at least 1")
	}
	dir, err := os.MkdirTemp("", "slipway-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, runs: runs, table: tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)}
	if err := b.build(); err != nil {
		return err
	}
	if err := b.files(n); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d documents, %d Deployments match; medians of %d runs, taken in turns\n", 3*n, (n+1)/2, runs)
	return b.compareAll((n + 1) / 2)
}

// bench is one folder with programs and inputs, and the table that is printed.
type bench struct {
	dir   string
	runs  int
	table *tabwriter.Writer
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// build builds slipway as it is released, and the other side with all that the compiler can do.
func (b *bench) build() error {
	for _, cmd := range []*exec.Cmd{
		exec.Command("make", "build", "OUT="+b.path("slipway")),
		exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.path("kyaml"), "./testdata/bench/kyaml"),
	} {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building: %w\n%s", err, out)
		}
	}
	return nil
}

// files writes the inputs.
func (b *bench) files(n int) error {
	writers := map[string]func(io.Writer) error{
		"stream.yaml":     func(w io.Writer) error { return corpus.Write(w, n) },
		"list.yaml":       func(w io.Writer) error { return corpus.WriteResourceList(w, n) },
		"sidecarset.yaml": func(w io.Writer) error { _, err := io.WriteString(w, corpus.SidecarSet); return err },
		"empty.yaml":      func(w io.Writer) error { return corpus.WriteResourceList(w, 0) },
	}
	for name, write := range writers {
		f, err := os.Create(b.path(name))
		if err != nil {
			return err
		}
		if err := write(f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// compareAll runs every comparison and prints the table.
func (b *bench) compareAll(matching int) error {
	fmt.Fprintln(b.table, "\twall\tcpu\tpeak memory\t")
	comparisons := []struct {
		ours, theirs program
		kyamlFirst   bool // whether the ratio says how many times more kyaml needs
	}{
		{
			ours: program{
				name: "slipway render -s", args: []string{"slipway", "render", "-s", b.path("sidecarset.yaml"), "-"},
				stdin: "stream.yaml", injected: matching,
			},
			theirs:     program{name: "kyaml parse and write", args: []string{"kyaml", "copy"}, stdin: "stream.yaml", injected: 0},
			kyamlFirst: true,
		},
		{
			ours:   program{name: "slipway fn", args: []string{"slipway", "fn"}, stdin: "list.yaml", injected: matching},
			theirs: program{name: "kyaml no-op function", args: []string{"kyaml", "fn"}, stdin: "list.yaml", injected: 0},
		},
		{
			ours:   program{name: "slipway fn, no items", args: []string{"slipway", "fn"}, stdin: "empty.yaml", injected: 0},
			theirs: program{name: "kyaml no-op function, no items", args: []string{"kyaml", "fn"}, stdin: "empty.yaml", injected: 0},
		},
	}
	for _, c := range comparisons {
		if err := b.compare(c.ours, c.theirs, c.kyamlFirst); err != nil {
			return err
		}
	}
	if err := b.measureGrowth(); err != nil {
		return err
	}
	if err := b.compareClients(); err != nil {
		return err
	}
	if err := b.measureArgo(); err != nil {
		return err
	}
	info, err := os.Stat(b.path("slipway"))
	if err != nil {
		return err
	}
	fmt.Fprintf(b.table, "binary, stripped\t\t\t%.1f MiB\t\n", float64(info.Size())/(1<<20))
	return b.table.Flush()
}
