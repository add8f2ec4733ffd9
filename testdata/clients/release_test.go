// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// releaser is the configuration of the function as a file in the folder, for kustomize fn run.
const releaser = `apiVersion: slipway.dev/v1alpha1
kind: SidecarInjector
metadata:
  name: slipway
  annotations:
    config.kubernetes.io/local-config: "true"
    config.kubernetes.io/function: |
      exec: {path: slipway}
spec:
  release: {image: registry.example.com/slipway:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, for: flux}
`

// released are the objects of the example's two releases, without their hashes.
func released() []string {
	var out []string
	for _, kind := range []string{"ConfigMap", "Job", "Role", "RoleBinding", "ServiceAccount"} {
		for _, name := range []string{"db-statefulset-rollout", "shop-rollout"} {
			out = append(out, kind+"/"+name)
		}
	}
	return out
}

func withoutHashes(names []string) []string {
	hash := regexp.MustCompile(`-[0-9a-f]{8}$`)
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = hash.ReplaceAllString(name, "")
	}
	return out
}

func generatedIn(t *testing.T, stream string) []string {
	t.Helper()
	var out []string
	for _, name := range withoutHashes(names(t, stream)) {
		if strings.HasSuffix(name, "-rollout") {
			out = append(out, name)
		}
	}
	return out
}

// TestFnRunReleases makes releases in place with kustomize, twice, and then another one.
func TestFnRunReleases(t *testing.T) {
	dir := filepath.Join(example(t, "rollout"), "gitops", "shop")
	write(t, dir, "fn.yaml", releaser, 0o644)
	mustRun(t, dir, "fn", "run", dir, "--enable-exec")
	once := read(t, dir)
	if diff := cmp.Diff(released(), generatedIn(t, once)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, file := range []string{"release-shop.yaml", "release-db.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(once, "kind: BatchPlan\nmetadata"); n != 2 {
		t.Errorf("%d BatchPlans are left of 2", n)
	}
	mustRun(t, dir, "fn", "run", dir, "--enable-exec")
	if diff := cmp.Diff(once, read(t, dir)); diff != "" {
		t.Errorf("a second run changes something (-once +twice):\n%s", diff)
	}
	file := filepath.Join(dir, "cloneset.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cloneset.yaml", strings.Replace(string(text), "shop:v1", "shop:v2", 1), 0o644)
	mustRun(t, dir, "fn", "run", dir, "--enable-exec")
	newer := read(t, dir)
	if diff := cmp.Diff(released(), generatedIn(t, newer)); diff != "" || newer == once {
		t.Errorf("after another image (-want +got):\n%s", diff)
	}
}

// TestBuildReleases makes releases in kustomize build: the BatchPlans do not come out, and the references of what is
// generated hold in the namespace that kustomize sets.
func TestBuildReleases(t *testing.T) {
	dir := filepath.Join(example(t, "rollout"), "gitops", "shop")
	write(t, dir, "fn.yaml", strings.Replace(releaser, "    config.kubernetes.io/local-config: \"true\"\n", "", 1), 0o644)
	write(t, dir, "kustomization.yaml", `namespace: elsewhere
resources: [cloneset.yaml, shop-plan.yaml, statefulset.yaml, db-plan.yaml]
transformers: [fn.yaml]
`, 0o644)
	got := mustRun(t, dir, "build", "--enable-alpha-plugins", "--enable-exec", dir)
	if diff := cmp.Diff(released(), generatedIn(t, got.stdout)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(got.stdout, "kind: BatchPlan\nmetadata:\n  annotations") {
		t.Error("a BatchPlan comes out, and no cluster knows it")
	}
	if strings.Contains(got.stdout, "namespace: shop") || !strings.Contains(got.stdout, "partition: 1000000") {
		t.Errorf("not as it should be:\n%s", got.stdout)
	}
}
