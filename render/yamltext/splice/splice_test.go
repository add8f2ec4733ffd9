// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// TestSplice runs the cases of testdata/splice: in.yaml, edited as the lines of edit say, is out.yaml, or fails with
// error. The edits are
//
//	append PATH VALUE       an element, or the entries of a mapping, at the end
//	insert PATH INDEX VALUE the same, before the entry with that index
//	set PATH VALUE          another value
//	text PATH QUOTED        given text in place of a value
//	delete PATH             an element or an entry
//
// with keys and indices in PATH separated by slashes.
func TestSplice(t *testing.T) {
	files, err := filepath.Glob("testdata/splice/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runSpliceFile(t, file) })
	}
}

func runSpliceFile(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	section := func(name string) *txtar.File {
		for i := range archive.Files {
			if archive.Files[i].Name == name {
				return &archive.Files[i]
			}
		}
		return &txtar.File{}
	}
	in := section("in.yaml").Data
	if strings.Contains(string(archive.Comment), "(no last newline)") {
		in = []byte(strings.TrimSuffix(string(in), "\n"))
	}
	if strings.Contains(string(archive.Comment), "(windows)") {
		in = []byte(strings.ReplaceAll(string(in), "\n", "\r\n"))
	}
	root, err := yamltext.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	edited, verbatim := runScript(t, root, string(section("edit").Data))
	out, err := Apply(in, root, edited, verbatim)
	got := &txtar.File{Name: "out.yaml", Data: out}
	if err != nil {
		got = &txtar.File{Name: "error", Data: []byte(err.Error() + "\n")}
	}
	if strings.Contains(string(archive.Comment), "(no last newline)") && err == nil {
		if strings.HasSuffix(string(out), "\n") {
			t.Error("the result has a last newline")
		}
		got.Data = append(got.Data, '\n')
	}
	if strings.Contains(string(archive.Comment), "(windows)") {
		if n := strings.Count(string(out), "\n"); n != strings.Count(string(out), "\r\n") {
			t.Errorf("line feeds alone in %q", out)
		}
		got.Data = []byte(strings.ReplaceAll(string(got.Data), "\r\n", "\n"))
	}
	if *update {
		archive.Files = append(archive.Files[:2:2], *got)
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(section(got.Name).Data), string(got.Data)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", got.Name, diff)
	}
}

// runScript makes the edits of a case.
func runScript(t *testing.T, root *yaml.Node, script string) (*yaml.Node, map[*yaml.Node]string) {
	t.Helper()
	verbatim := map[*yaml.Node]string{}
	for line := range strings.Lines(script) {
		fields := strings.Fields(line)
		rest := strings.TrimSpace(line)
		word := func() string {
			first, after, _ := strings.Cut(rest, " ")
			rest = strings.TrimSpace(after)
			return first
		}
		op, path := word(), strings.Split(word(), "/")
		index := -1
		if op == "insert" {
			index, _ = strconv.Atoi(fields[2])
			word()
		}
		root = editPath(t, root, path, func(n *yaml.Node) []*yaml.Node {
			switch op {
			case "delete":
				return nil
			case "text":
				text, err := strconv.Unquote(rest)
				if err != nil {
					t.Fatal(err)
				}
				value := &yaml.Node{Kind: yaml.ScalarNode}
				verbatim[value] = text
				return []*yaml.Node{value}
			case "set":
				return []*yaml.Node{newValue(t, rest)}
			}
			return []*yaml.Node{grow(n, index, newValue(t, rest))}
		})
	}
	return root, verbatim
}

func grow(n *yaml.Node, index int, value *yaml.Node) *yaml.Node {
	added := []*yaml.Node{value}
	if n.Kind == yaml.MappingNode {
		added, index = value.Content, 2*index
	}
	if index < 0 {
		index = len(n.Content)
	}
	content := append(append([]*yaml.Node{}, n.Content[:index]...), added...)
	return withContent(n, append(content, n.Content[index:]...))
}

// editPath replaces the value at path by what change makes of it; the whole entry goes where that is nothing.
func editPath(t *testing.T, n *yaml.Node, path []string, change func(*yaml.Node) []*yaml.Node) *yaml.Node {
	t.Helper()
	if n.Kind == yaml.DocumentNode {
		if path[0] == "." {
			return withContent(n, change(n.Content[0]))
		}
		return withContent(n, []*yaml.Node{editPath(t, n.Content[0], path, change)})
	}
	at, width := -1, 1
	if n.Kind == yaml.MappingNode {
		width = 2
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == path[0] {
				at = i + 1
			}
		}
	} else if i, err := strconv.Atoi(path[0]); err == nil {
		at = i
	}
	if at < 0 || at >= len(n.Content) {
		t.Fatalf("no %q at line %d", path[0], n.Line)
	}
	var values []*yaml.Node
	if len(path) > 1 {
		values = []*yaml.Node{editPath(t, n.Content[at], path[1:], change)}
	} else {
		values = change(n.Content[at])
	}
	start := at + 1 - width
	content := append([]*yaml.Node{}, n.Content[:start]...)
	if len(values) > 0 {
		content = append(append(content, n.Content[start:at]...), values...)
	}
	return withContent(n, append(content, n.Content[at+1:]...))
}

// newValue reads a value in flow style and makes it a new one in block style.
func newValue(t *testing.T, text string) *yaml.Node {
	t.Helper()
	root, err := yamltext.Parse([]byte(text))
	if err != nil || root == nil {
		t.Fatalf("%q: %v", text, err)
	}
	var fresh func(n *yaml.Node) *yaml.Node
	fresh = func(n *yaml.Node) *yaml.Node {
		c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Anchor: n.Anchor}
		for _, child := range n.Content {
			c.Content = append(c.Content, fresh(child))
		}
		return c
	}
	return fresh(root.Content[0])
}
