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

// Start writes the first files for the manifests of a folder into dir, and returns what it wrote and the commands to try next.
func Start(folder, dir string) (wrote []string, next string, err error) {
	found, err := find(folder)
	if err != nil {
		return nil, "", err
	}
	if len(found) == 0 {
		return nil, "", errors.New(folder + ": holds no workload whose pods have a label: name the folder of manifests, or render a " +
			"chart or a template first")
	}
	files, released := filesFor(dir, found)
	if err := write(files); err != nil {
		return nil, "", err
	}
	for _, f := range files {
		wrote = append(wrote, f.path)
	}
	next = fmt.Sprintf("slipway render --diff -c %s -s %s %s\n", argument(wrote[0]), argument(wrote[1]), argument(folder))
	if released != nil {
		next += fmt.Sprintf("slipway rollout plan --plan %s %s\n", argument(wrote[2]), argument(released.file))
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

// file is one that is written.
type file struct{ path, text string }

// filesFor makes the first files for workloads, below a folder: a release, where there is one, is of the first that can be
// released.
func filesFor(folder string, workloads []workload) (files []file, released *workload) {
	files = []file{
		{filepath.Join(folder, "config.yaml"), header("sidecarinjector") + configText},
		{filepath.Join(folder, "sidecarset.yaml"), header("sidecarset") + setText(workloads[0])},
	}
	for i, w := range workloads {
		if w.releasable() {
			return append(files, file{filepath.Join(folder, "plan.yaml"), header("batchplan") + planText(w)}), &workloads[i]
		}
	}
	return files, nil
}

// write writes all files, or none where one of them is there already.
func write(files []file) error {
	for _, f := range files {
		if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already, and nothing was written: remove it, or name another folder with --output-dir", f.path)
		}
	}
	for _, f := range files {
		if err := f.write(); err != nil {
			return fmt.Errorf("writing %s: %w", f.path, err)
		}
	}
	return nil
}

func (f file) write() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil { //nolint:gosec // as the umask has it
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as the umask has it
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.text)
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
func setText(w workload) string {
	return `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata:
  name: first-sidecar
` + local + `spec:
  selector:
    matchLabels:
      ` + scalar(w.label[0]) + ": " + strconv.Quote(w.label[1]) + `   # the pods of ` + scalar(w.ref.Kind) + " " +
		scalar(w.ref.Name) + `
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

// planText releases a workload: a fifth, a pause, the rest.
func planText(w workload) string {
	namespace := ""
	if w.ref.Namespace != "" {
		namespace = "  namespace: " + scalar(w.ref.Namespace) + "\n"
	}
	return `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata:
  name: ` + scalar(w.ref.Name) + "\n" + namespace + `spec:
  target:
    apiVersion: ` + scalar(w.ref.APIVersion) + `
    kind: ` + scalar(w.ref.Kind) + `
    name: ` + scalar(w.ref.Name) + `
  batches:
  - replicas: 20%              # updated pods after this batch
    pause:
      untilApproved: true      # slipway rollout approve
  - replicas: 100%
  onFailure: Rollback          # or Stop
`
}
