// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// resource is what kubeconform says of one object.
type resource struct{ Filename, Kind, Name, Status, Msg string }

// conform lets kubeconform hold files against the schemas of the repository, as render/README.md says, but from the disk.
func conform(t *testing.T, files ...string) []resource {
	t.Helper()
	args := append([]string{
		"-strict", "-ignore-missing-schemas", "-verbose", "-output", "json",
		"-schema-location", filepath.Join("../../fn/schema", "{{ .ResourceKind }}.json"),
	}, files...)
	out, err := exec.Command(filepath.Join(tool(t, "kubeconform", "kubeconform"), "kubeconform"), args...).Output()
	var said struct{ Resources []resource }
	if failed := json.Unmarshal(out, &said); failed != nil {
		t.Fatalf("%v: %v\n%s", err, failed, out)
	}
	return said.Resources
}

// TestKubeconformKnowsTheSchemas validates every object of the examples whose kind has a schema, and finds a mistake in each
// kind.
func TestKubeconformKnowsTheSchemas(t *testing.T) {
	ours := regexp.MustCompile(`(?m)^kind: (BatchPlan|SidecarInjector|SidecarSet|CloneSet)\s*$`)
	var files []string
	err := filepath.WalkDir(filepath.Join("..", "examples"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if ours.Match(text) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	valid := map[string]int{}
	for _, r := range conform(t, files...) {
		switch r.Status {
		case "statusValid":
			valid[r.Kind]++
		case "statusSkipped":
		default:
			t.Errorf("%s: %s %s is %s: %s", r.Filename, r.Kind, r.Name, r.Status, r.Msg)
		}
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	text := "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet\nmetadata: {name: a}\nspec: {replicas: many}\n---\n" +
		"apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: b}\nspec: {containers: log}\n---\n" +
		"apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: c}\nspec: {batchs: []}\n---\n" +
		"apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\nmetadata: {name: d}\nspec: {compatibility: Sure}\n"
	if err := os.WriteFile(wrong, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	mistakes := conform(t, wrong)
	if len(mistakes) != strings.Count(text, "kind: ") {
		t.Errorf("of some objects nothing is said: %v", mistakes)
	}
	for _, r := range mistakes {
		if valid[r.Kind] == 0 {
			t.Errorf("no example of a %s was found valid: %v", r.Kind, valid)
		}
		if r.Status != "statusInvalid" || !strings.Contains(r.Msg, "spec") {
			t.Errorf("a mistake in a %s is %s: %s", r.Kind, r.Status, r.Msg)
		}
	}
}
