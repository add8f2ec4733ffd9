// SPDX-License-Identifier: Apache-2.0

// Package yamltest has texts that tests of reading and of splicing share.
package yamltest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// pinned are manifests of other projects that come with modules which slipway is built from, so that they are wherever
// it can be built. All are under Apache-2.0.
func pinned() []struct{ module, file string } {
	return []struct{ module, file string }{
		// every field
		{"k8s.io/api", "testdata/HEAD/apps.v1.Deployment.yaml"},
		// as a server gives it
		{"k8s.io/apimachinery", "pkg/util/managedfields/pod.yaml"},
		// scripts
		{"sigs.k8s.io/kustomize/kyaml", "kio/filters/testdata/dataset1-remoteupdates/mysql/mysql-statefulset.resource.yaml"},
		{"sigs.k8s.io/structured-merge-diff/v6", "internal/testdata/k8s-deployment.yaml"}, // comments
	}
}

// corpus holds larger public manifests beside the repository, where somebody has put them.
const corpus = "../shared/manifests"

// Manifests returns what nobody wrote for these tests: the pinned manifests, each with Windows line ends as well, and the
// corpus where it is.
func Manifests(tb testing.TB) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	folders := moduleFolders(tb)
	for i, p := range pinned() {
		data := mustRead(tb, filepath.Join(folders[i+1], p.file))
		name := p.module + "/" + path.Base(p.file)
		out[name] = data
		out[name+" with CRLF"] = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	files, err := filepath.Glob(filepath.Join(folders[0], corpus, "*.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) == 0 {
		tb.Logf("there is no folder %s: only the %d manifests that come with modules are tested", corpus, len(pinned()))
	}
	for _, file := range files {
		out[filepath.Base(file)] = mustRead(tb, file)
	}
	return out
}

// moduleFolders are where the module of slipway and those of the pinned manifests lie, in their order.
func moduleFolders(tb testing.TB) []string {
	tb.Helper()
	args := []string{"list", "-m", "-f", "{{.Dir}}", "github.com/slipway-dev/slipway"}
	for _, p := range pinned() {
		args = append(args, p.module)
	}
	cmd := exec.Command("go", args...)
	cmd.Stderr = tb.Output()
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("go list says where the modules of go.mod are: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func mustRead(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// Snippets are small documents with what YAML has of layouts.
func Snippets() []string {
	return []string{
		"a: 1\nb:\n  c: 2\n",
		"spec:\n  containers:\n  - name: a\n    image: b\n    # c\n  # d\n  volumes: []  # none\n",
		"spec:\n    containers:\n      - name: a\n        image: b\n\n      - name: b # x\n\n    volumes:\n",
		"a:\n- b\n- - c\n  - d\n-\n  e: f\n- \n- g: |+\n    text\n\n- h: >-\n    x\n    y\n",
		"a: [b, c]\nd: {e: f, g: [], h: {}}\ni: [\n  x, # one\n  y\n]\nj: {\n  k: l,\n}\n",
		"{\n  \"a\": 1,\n  \"b\": [\n    {\n      \"c\": \"d\"\n    }\n  ],\n  \"e\": {}\n}\n",
		`{"a":[1,2],"b":{"c":"d"},"e":[]}`,
		"a: &x\n  b: c\nd: *x\ne:\n  <<: *x\n  f: &y 1\ng: &z\n- 1\n",
		"a: !!str 1\nb: !custom\n  c: d\ne: ~\nf: null # c\ng:   \nh: \"x\n  y\"\ni: plain\n  text\n",
		"# head\n\n--- # doc\n# c\na: 1\n# tail\n...\n# after\n",
		"--- {a: b}\n", "--- |\n  text\n", "- a\n- b\n", "- a", "a: 1", "a:", "a: |\n  b", "- - - a\n    - b\n",
		"a: 1\r\nb:\r\n  - c\r\n  - d: |\r\n      x\r\n\r\n", "\ufeffa: é\né: [é, ü]\n", "? a\n: b\n", "a: 'it''s'\n\"b\": \"\\\"\"\n",
		"a:\n  # only a comment\nb:\n  # deep\n  - c\n# end", "a: [b: c, d]\n", "a: {b, c: , d: }\n", "[]", "{}",
		"a: |2\n    x\n  y\n\n",
		"-   a: 1\n    b: 2\n-   c: 3\n", "a:\n  []\nb: # c1\n  c: d # c2\n  e: f # c3\ng: | # h\n  i\n",
		"key with spaces: x\n'q': y\n? |\n  z\n: w\n", "a: &a []\nb: !!seq []\nc: [ ]\nd: [\n]\n", "a:\n\n\n  b: 1\n\n\nc: 2\n\n\n",
		"a:\n- b: |\n    x\n    y", "a:\n- b: >+2 # c\n    x\n    y", "a: |-\n  x", "a:\n  b: |+\n\n   x\n  c: |2+\r\n      x",
		"a: !\nb: !foo\nc: ! # d\ne: &f ! # g\n", "- !\n- ! # c\n- &a\n- !!null\n", "{a:\n}\n",
		"a: {b:\n  , c:\n  }\nd: [!!null , &e , f]\n",
		"? a\n: b\nc: d\n? e\n: - f\n", "a:\n  b: 1\n  ? c\n  : d\n",
	}
}

// Deployment is a document like those that tools render, about 1.6 kB.
func Deployment(i int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\n  namespace: team-%d\n", i, i%20)
	fmt.Fprintf(&b, "  labels:\n    app: app-%d\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: app-%[1]d\n", i)
	fmt.Fprintf(&b, "  template:\n    metadata:\n      labels:\n        app: app-%d\n    spec:\n      # main container\n", i)
	fmt.Fprintf(&b, "      containers:\n      - name: app\n        image: registry.example.com/team/app-%d:v1.2.3\n        env:\n",
		i)
	for k := range 8 {
		fmt.Fprintf(&b, "        - name: VAR_%d\n          value: \"value-%d\"\n", k, i*k)
	}
	b.WriteString("        resources:\n          requests:\n            cpu: 100m\n          limits:\n            cpu: \"1\"\n" +
		"        volumeMounts:\n        - name: config\n          mountPath: /etc/app\n" +
		"      volumes:\n      - name: config\n        configMap:\n          name: config\n")
	return b.Bytes()
}
