// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/testdata/bench/corpus"
)

// row is one kind of large input. Its work is measured once at n and once at twice that.
//
// What bounds a row from below is what is not slipway's own: a node of the library's tree takes 152 bytes and the element of a
// list that points to it, so that 5 MB of variables, 600,000 nodes, are 90 MB. The garbage collector lets as much again gather.
// Of fn, nearly all is kyaml's reading and the library's writing.
type row struct {
	name string
	n    int                     // how many of it are in the smaller input
	text func(w *text, n int)    // the input
	args func(b *bench) []string // render of the input where it is nil
	fail bool                    // the input is refused
}

// text writes an input. What cannot be written is told at its end.
type text struct{ *bufio.Writer }

// repeat writes a line for each number below n, which takes the place of #.
func (w *text) repeat(n int, line string) {
	for i := range n {
		_, _ = w.WriteString(strings.ReplaceAll(line, "#", fmt.Sprint(i)))
	}
}

func (w *text) write(s string) { _, _ = w.WriteString(s) }

const (
	matching = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\n"
	podSpec  = "spec:\n  template:\n    metadata:\n      labels:\n        app-type: long-term\n    spec:\n      containers:\n    " +
		"  - name: app\n        image: a\n"
	oneLine = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app-#"}, "spec": {"template": {"metadata": ` +
		`{"labels": {"app-type": "long-term"}}, "spec": {"containers": [{"name": "app", "image": "a"}]}}}}`
	set = "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata:\n  name: s#\nspec:\n  selector:\n    matchLabels:\n" +
		"      app-type: t#\n  containers:\n  - name: c#\n    image: a\n"
)

// value writes a workload with an annotation over n lines.
func value(before, line, after string) func(w *text, n int) {
	return func(w *text, n int) {
		w.write(matching + "  annotations:\n    note: " + before)
		w.repeat(n, "      "+line+"\n")
		w.write(after + "\n" + podSpec)
	}
}

// spec writes a workload with n elements at the end of its pod spec.
func spec(before, element string) func(w *text, n int) {
	return func(w *text, n int) {
		w.write(matching + podSpec + before)
		w.repeat(n, element)
	}
}

// cloneSet writes a CloneSet that releases n pods, a fifth at a time.
func cloneSet(w *text, n int) {
	fmt.Fprintf(w, "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet\nmetadata: {name: demo}\nspec:\n  replicas: %d\n"+
		"  selector: {matchLabels: {app: demo}}\n  template:\n    metadata: {labels: {app: demo}}\n"+
		"    spec: {containers: [{name: app, image: a}]}\n  updateStrategy: {type: ReCreate, maxUnavailable: 20%%}\n", n)
}

// auditLog writes the log of that release. A log that is not whole is refused by who reads it.
func (b *bench) auditLog(w *text, n int) {
	var set strings.Builder
	in := &text{bufio.NewWriter(&set)}
	cloneSet(in, n)
	_ = in.Flush()
	cmd := exec.Command(b.path("slipway"), "rollout", "simulate", "-o", "audit", "-")
	cmd.Stdin, cmd.Stdout = strings.NewReader(set.String()), w
	_ = cmd.Run()
}

func (b *bench) growthRows() []row {
	lint := func(*bench) []string { return []string{"slipway", "lint", "-"} }
	function := func(*bench) []string { return []string{"slipway", "fn"} }
	asSet := func(b *bench) []string { return []string{"slipway", "render", "-s", "-", b.path("stream.yaml")} }
	rollout := func(args ...string) func(*bench) []string {
		return func(*bench) []string { return append([]string{"slipway", "rollout"}, args...) }
	}
	return []row{
		{name: "rollout simulate, pods", n: 50_000, args: rollout("simulate", "-"), text: cloneSet},
		{name: "rollout report, pods", n: 50_000, args: rollout("report", "-"), text: b.auditLog},
		{name: "rollout replay, pods", n: 50_000, args: rollout("replay", "-"), text: b.auditLog},
		{name: "JSON List on one line", n: 10_000, text: func(w *text, n int) {
			w.write(`{"apiVersion": "v1", "kind": "List", "items": [{}`)
			w.repeat(n, ", "+oneLine)
			w.write("]}\n")
		}},
		{name: "YAML List", n: 10_000, text: func(w *text, n int) {
			w.write("apiVersion: v1\nkind: List\nitems:\n")
			w.repeat(n, "- "+strings.ReplaceAll(strings.TrimSuffix(matching+podSpec, "\n"), "\n", "\n  ")+"\n")
		}},
		{name: "documents", n: 10_000, text: func(w *text, n int) { w.repeat(n, "---\n"+matching+podSpec) }},
		{name: "flow list on one line", n: 250_000, text: func(w *text, n int) {
			w.write(matching + podSpec + "x: [a")
			w.repeat(n, ", v#")
			w.write("]\n")
		}},
		{name: "plain scalar of lines", n: 250_000, text: value("\n", "word", "")},
		{name: "quoted scalar of lines", n: 250_000, text: value("\"\n", "word", `"`)},
		{name: "block scalar of lines", n: 250_000, text: value("|\n", "word", "")},
		{name: "comments", n: 250_000, text: func(w *text, n int) { w.write(strings.Repeat("# comment\n", n) + matching + podSpec) }},
		{name: "anchors and aliases", n: 60_000, text: spec("x:\n", "- &a# v\n- *a#\n")},
		{name: "variables of a workload", n: 60_000, text: spec("        env:\n", "        - name: V#\n          value: x\n")},
		{name: "volumes of a workload", n: 60_000, text: spec("      volumes:\n", "      - name: v#\n        emptyDir: {}\n")},
		{name: "variables of a sidecar", n: 30_000, args: asSet, text: func(w *text, n int) {
			w.write(strings.ReplaceAll(set, "#", "") + "    env:\n")
			w.repeat(n, "    - name: V#\n      value: x\n")
		}},
		{name: "lint of SidecarSets", n: 2_500, args: lint, text: func(w *text, n int) { w.repeat(n, "---\n"+set) }},
		{name: "SidecarSets that match nothing", n: 2_500, args: asSet, text: func(w *text, n int) { w.repeat(n, "---\n"+set) }},
		{name: "fn, ResourceList", n: 5_000, args: function, text: func(w *text, n int) { _ = corpus.WriteResourceList(w, n/3) }},
		{
			name: "fn, other input", n: 10_000, args: function, fail: true,
			text: func(w *text, n int) { w.repeat(n, "---\n"+matching+podSpec) },
		},
	}
}

// measureGrowth prints what each row takes, and how many times more twice its input takes.
func (b *bench) measureGrowth() error {
	fmt.Fprint(b.table, "twice the input\twall\tcpu\tpeak memory\t\n")
	for _, r := range b.growthRows() {
		once, _, err := b.measureRow(r, r.n)
		if err != nil {
			return err
		}
		twice, size, err := b.measureRow(r, 2*r.n)
		if err != nil {
			return err
		}
		b.line(fmt.Sprintf("%s, %.1f MB", r.name, float64(size)/1e6), twice)
		fmt.Fprintf(b.table, "growth\t%.2fx\t%.2fx\t%.2fx\t\n", float64(twice.wall)/float64(once.wall),
			float64(twice.cpu)/float64(max(once.cpu, time.Microsecond)), float64(twice.peak)/float64(max(once.peak, 1)))
	}
	fmt.Fprint(b.table, "\t\t\t\t\n")
	return nil
}

// measureRow measures a row at n, and says how many bytes its input has.
func (b *bench) measureRow(r row, n int) (c cost, size int64, err error) {
	f, err := os.Create(b.path("row.yaml"))
	if err != nil {
		return cost{}, 0, err
	}
	w := &text{bufio.NewWriter(f)}
	r.text(w, n)
	if err := w.Flush(); err != nil {
		return cost{}, 0, err
	}
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return cost{}, 0, err
	}
	if err := f.Close(); err != nil {
		return cost{}, 0, err
	}
	p := program{name: r.name, stdin: "row.yaml", injected: uncounted, fails: r.fail}
	if p.args = []string{"slipway", "render", "-s", b.path("sidecarset.yaml"), "-"}; r.args != nil {
		p.args = r.args(b)
	}
	var costs []cost
	for range b.runs {
		c, err := b.measure(p)
		if err != nil {
			return cost{}, 0, err
		}
		costs = append(costs, c)
	}
	return median(costs), size, nil
}
