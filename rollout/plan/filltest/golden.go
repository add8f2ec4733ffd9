// SPDX-License-Identifier: Apache-2.0

package filltest

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Golden holds a document against a golden file, or with update rewrites the file. Every key must be in lower camel case: one
// that is not has no JSON name, and would change with the name in Go.
func Golden(t *testing.T, file string, document []byte, update bool) {
	t.Helper()
	for _, key := range regexp.MustCompile(`"([^"]*)":`).FindAllSubmatch(document, -1) {
		if !regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`).Match(key[1]) {
			t.Errorf("%s is not in lower camel case: give the field a JSON name", key[0])
		}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	if update {
		if err := os.WriteFile(file, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("it is stored in another form: read \"What is stored\" in rollout/DESIGN.md before -update (-want +got):\n%s", diff)
	}
}
