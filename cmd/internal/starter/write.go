// SPDX-License-Identifier: Apache-2.0

package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/fn/schema"
)

// Files are what is written, by path, in order.
type Files []File

// Start writes the first files for the manifests of a folder into dir, and returns what it wrote and the commands to try next.
func Start(folder, dir string) (wrote []string, next string, err error) {
	found, err := Find(folder)
	if err != nil {
		return nil, "", err
	}
	if len(found) == 0 {
		return nil, "", errors.New(folder + ": holds no workload whose pods have a label: name the folder of manifests, or render a " +
			"chart or a template first")
	}
	files, released := For(dir, found)
	if err := files.Write(); err != nil {
		return nil, "", err
	}
	for _, f := range files {
		wrote = append(wrote, f.Path)
	}
	next = fmt.Sprintf("slipway render --diff -c %s -s %s %s\n", argument(wrote[0]), argument(wrote[1]), argument(folder))
	if released != nil {
		next += fmt.Sprintf("slipway rollout plan --plan %s %s\n", argument(wrote[2]), argument(released.File))
	}
	return wrote, next, nil
}

// argument writes a path for a shell; one that begins with a dash is no flag.
func argument(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	return manifest.ShellWord(path)
}

// File is one of them.
type File struct{ Path, Text string }

// For makes the first files for workloads, below a folder: a release, where there is one, is of the first that can be released.
func For(folder string, workloads []Workload) (files Files, released *Workload) {
	files = Files{
		{filepath.Join(folder, "config.yaml"), header("sidecarinjector") + configText},
		{filepath.Join(folder, "sidecarset.yaml"), header("sidecarset") + setText(workloads[0])},
	}
	for i, w := range workloads {
		if w.Releasable() {
			return append(files, File{filepath.Join(folder, "plan.yaml"), header("batchplan") + planText(w)}), &workloads[i]
		}
	}
	return files, nil
}

// Write writes all files, or none where one of them is there already.
func (files Files) Write() error {
	for _, f := range files {
		if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already, and nothing was written: remove it, or name another folder with --output-dir", f.Path)
		}
	}
	for _, f := range files {
		if err := f.write(); err != nil {
			return fmt.Errorf("writing %s: %w", f.Path, err)
		}
	}
	return nil
}

func (f File) write() error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // as the umask has it
		return err
	}
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as the umask has it
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.Text)
	return errors.Join(err, file.Close())
}

func header(kind string) string {
	return "# yaml-language-server: $schema=" + schema.Base + kind + ".json\n"
}

const local = `  annotations:
    config.kubernetes.io/local-config: "true"   # kustomize and kpt keep it from the cluster
`

const configText = `apiVersion: slipway.dev/v1alpha1
kind: SidecarInjector
metadata:
  name: slipway
` + local + `spec:
  compatibility: Safe   # what Kruise's webhook passes over in silence is an error
  release:
    enabled: false      # with true, and the image of slipway, a BatchPlan becomes a Job
    # image: registry.example.com/slipway:v1
`

// setText selects the pods of a workload.
func setText(w Workload) string {
	return `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata:
  name: first-sidecar
` + local + `spec:
  selector:
    matchLabels:
      ` + scalar(w.Label[0]) + ": " + strconv.Quote(w.Label[1]) + `   # the pods of ` + scalar(w.Ref.Kind) + " " +
		scalar(w.Ref.Name) + `
  containers:
  - name: first-sidecar   # put your own in its place
    image: busybox:1.37.0
    command: ["sh", "-c", "while true; do date; sleep 60; done"]
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {memory: 16Mi}
`
}

// scalar writes a text as YAML that reads as this text and as nothing else: 123 and on are names, too.
func scalar(text string) string {
	if plain, err := yaml.Marshal(text); err == nil && string(plain) == text+"\n" {
		return text
	}
	return strconv.Quote(text)
}

// planText releases a workload: a fifth, a look, the rest.
func planText(w Workload) string {
	namespace := ""
	if w.Ref.Namespace != "" {
		namespace = "  namespace: " + scalar(w.Ref.Namespace) + "\n"
	}
	return `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata:
  name: ` + scalar(w.Ref.Name) + "\n" + namespace + `spec:
  target:
    apiVersion: ` + scalar(w.Ref.APIVersion) + `
    kind: ` + scalar(w.Ref.Kind) + `
    name: ` + scalar(w.Ref.Name) + `
  batches:
  - replicas: 20%              # updated pods after this batch
    pause:
      untilApproved: true      # slipway rollout approve
  - replicas: 100%
  onFailure: Rollback          # or Stop
`
}
