// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// program is one side of a comparison.
type program struct {
	name     string
	args     []string // the first is a file of the bench's folder
	stdin    string   // a file of the bench's folder
	injected int      // how often the sidecar must be in the output, or uncounted
	fails    bool     // whether it refuses its input

	dir string   // where it runs, "" for here
	env []string // beside that of this process
}

// uncounted is for outputs in which the sidecar does not stand on lines of its own.
const uncounted = -1

// cost is what one run of a program took.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // bytes
}

// compare runs both programs in turns and prints a line for each and one with the ratios.
func (b *bench) compare(ours, theirs program, kyamlFirst bool) error {
	var mine, yardstick []cost
	for i := range b.runs + 1 {
		m, err := b.measure(ours)
		if err != nil {
			return err
		}
		y, err := b.measure(theirs)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // the first pair warms the page cache
		}
		mine, yardstick = append(mine, m), append(yardstick, y)
	}
	m, y := median(mine), median(yardstick)
	b.line(ours.name, m)
	b.line(theirs.name, y)
	label := "slipway / no-op"
	if kyamlFirst {
		label, m, y = "kyaml / slipway", y, m
	}
	fmt.Fprintf(b.table, "%s\t%.2fx\t%.2fx\t%.2fx\t\n\t\t\t\t\n", label, float64(m.wall)/float64(y.wall),
		float64(m.cpu)/float64(max(y.cpu, time.Microsecond)), float64(m.peak)/float64(max(y.peak, 1)))
	return nil
}

func (b *bench) line(name string, c cost) {
	fmt.Fprintf(b.table, "%s\t%v\t%v\t%.1f MiB\t\n", name, c.wall.Round(100*time.Microsecond), c.cpu.Round(100*time.Microsecond),
		float64(c.peak)/(1<<20))
}

// measure runs a program once, its output going to a file as a shell would send it, and checks that it did its work.
func (b *bench) measure(p program) (cost, error) {
	in, err := os.Open(b.path(p.stdin))
	if err != nil {
		return cost{}, err
	}
	defer in.Close()
	out, err := os.Create(b.path("out.yaml"))
	if err != nil {
		return cost{}, err
	}
	defer out.Close()
	name := p.args[0]
	if !filepath.IsAbs(name) {
		name = b.path(name)
	}
	cmd := exec.Command(name, p.args[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &stderr
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if (err != nil) != p.fails {
		return cost{}, fmt.Errorf("%s: %w\n%s", p.name, err, stderr.String())
	}
	if err := b.check(p); err != nil {
		return cost{}, err
	}
	state := cmd.ProcessState
	return cost{wall: wall, cpu: state.UserTime() + state.SystemTime(), peak: peak(state)}, nil
}

// check counts the sidecars in the output, line by line to keep this process small. A function's output also holds the
// SidecarSet itself, as its functionConfig.
func (b *bench) check(p program) error {
	if p.injected == uncounted {
		return nil
	}
	f, err := os.Open(b.path("out.yaml"))
	if err != nil {
		return err
	}
	defer f.Close()
	found, lines, inItems := 0, bufio.NewScanner(f), true
	for lines.Scan() {
		line := lines.Bytes()
		inItems = inItems && !bytes.HasPrefix(line, []byte("functionConfig:"))
		if inItems && bytes.HasSuffix(bytes.TrimSpace(line), []byte("- name: log-collector")) {
			found++
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if found != p.injected {
		return fmt.Errorf("%s: %d sidecars in the output, want %d", p.name, found, p.injected)
	}
	return nil
}

// peak returns the largest resident set of a finished process in bytes: Linux counts it in KiB, macOS in bytes.
func peak(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss * 1024
}

// median returns the median of each figure by itself.
func median(costs []cost) cost {
	middle := func(of func(cost) int64) int64 {
		var values []int64
		for _, c := range costs {
			values = append(values, of(c))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{
		wall: time.Duration(middle(func(c cost) int64 { return int64(c.wall) })),
		cpu:  time.Duration(middle(func(c cost) int64 { return int64(c.cpu) })),
		peak: middle(func(c cost) int64 { return c.peak }),
	}
}
