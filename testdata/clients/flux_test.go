// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"sigs.k8s.io/yaml"
)

// flux builds Flux's command, which takes minutes the first time, and returns the folder that it is in. Its module lacks the
// manifests of the controllers that the command embeds for flux install, so that it is built from a copy with none.
func flux(t *testing.T) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	dir := filepath.Join(bin, "flux")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	t.Log("building Flux (some minutes the first time, then cached)")
	source := t.TempDir()
	if err := copyFlux(source); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(source, "cmd", "flux", "manifests"), "none.yaml", "# none\n", 0o644)
	_, err := goCommand(source, "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "flux"), "./cmd/flux")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyFlux copies Flux's module into a folder, where files can be added.
func copyFlux(dir string) error {
	const module = "github.com/fluxcd/flux2/v2"
	if _, err := goCommand("flux", "mod", "download", module); err != nil {
		return err
	}
	source, err := goCommand("flux", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(source))); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, "cmd", "flux"), 0o755); err != nil {
		return err
	}
	return os.Mkdir(filepath.Join(dir, "cmd", "flux", "manifests"), 0o755)
}

// checkout makes the example a clone with one commit.
func checkout(t *testing.T, name string) string {
	t.Helper()
	dir := example(t, name)
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"config", "user.name", "test"},
		{"config", "user.email", "test@example.com"},
		{"config", "commit.gpgsign", "false"},
		{"remote", "add", "origin", "https://git.example.com/shop.git"},
		{"add", "-A"},
		{"commit", "-q", "-m", "shop"},
	} {
		git(t, dir, args...)
	}
	return dir
}

// lastLines is an object that ends in line feeds.
const lastLines = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: zz\ndata:\n  text: |+\n    last\n\n\n"

// The CI path: what the registry hands out under the pinned digest is to the byte what slipway rendered.
func TestFluxPushesWhatWasRendered(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("REGISTRY", host)
	dir := checkout(t, "flux")
	// The last value is a block scalar whose line feeds count.
	write(t, filepath.Join(dir, "app"), "app.yaml", readFile(t, filepath.Join(dir, "app", "app.yaml"))+lastLines, 0o644)
	git(t, dir, "commit", "-qam", "end in a block scalar")
	for range 2 {
		if got := script(t, dir, "push.sh", flux(t)); got.code != 0 {
			t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	if changed := git(t, dir, "status", "--porcelain"); changed != " M deploy/source.yaml\n" {
		t.Errorf("the script leaves:\n%s", changed)
	}
	var source struct {
		Spec struct {
			URL string
			Ref struct{ Digest string }
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join(dir, "deploy", "source.yaml"))), &source); err != nil {
		t.Fatal(err)
	}
	url, err := oci.ParseArtifactURL(strings.ReplaceAll(source.Spec.URL, "${REGISTRY}", host) + "@" + source.Spec.Ref.Digest)
	if err != nil {
		t.Fatal(err)
	}
	pulled := t.TempDir()
	meta, err := oci.NewClient(oci.DefaultOptions()).Pull(t.Context(), url, pulled)
	if err != nil {
		t.Fatal(err)
	}
	if want := "main@sha1:" + strings.TrimSpace(git(t, dir, "rev-parse", "HEAD")); meta.Revision != want {
		t.Errorf("revision %q, want %q", meta.Revision, want)
	}
	files, err := filepath.Glob(filepath.Join(pulled, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the artifact holds %v: %v", files, err)
	}
	rendered := run(t, dir, "slipway", "render", "app", "-s", "sidecars")
	if diff := cmp.Diff(rendered.stdout, readFile(t, files[0])); diff != "" {
		t.Errorf("the artifact differs from what was rendered (-rendered +pulled):\n%s", diff)
	}
	if diff := cmp.Diff(shopPods, pods(t, rendered.stdout)); diff != "" {
		t.Errorf("pods differ (-want +got):\n%s", diff)
	}
}

// Whatever goes wrong, nothing is pushed and the pinned digest stays: Flux prunes what an artifact lacks.
func TestFluxPushesNothingBroken(t *testing.T) {
	tests := map[string]struct {
		reason             string
		file, old, changed string
		want               string
	}{
		"set": {
			reason: "a mistake in a set",
			file:   "sidecars/sidecarset.yaml", old: "containers:", changed: "containerz:",
			want: "containerz",
		},
		"nothing": {
			reason: "a kustomization of nothing, with which slipway has no quarrel",
			file:   "app/kustomization.yaml", old: "resources:\n- app.yaml\n", changed: "resources: []\n",
			want: "app renders to nothing",
		},
		"flag": {
			reason: "flux refuses the command line",
			file:   "push.sh", old: "--source", changed: "--sauce",
			want: "unknown flag: --sauce",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pushed := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				pushed++
				w.WriteHeader(http.StatusInternalServerError)
			}))
			t.Cleanup(server.Close)
			t.Setenv("REGISTRY", strings.TrimPrefix(server.URL, "http://"))
			dir := checkout(t, "flux")
			replaceIn(t, dir, test.file, test.old, test.changed)
			got := script(t, dir, "push.sh", flux(t))
			if got.code == 0 || pushed > 0 {
				t.Errorf("%s: exit %d, %d requests to the registry", test.reason, got.code, pushed)
			}
			contains(t, got.stderr, test.want)
			if diff := git(t, dir, "diff", "--", "deploy"); diff != "" {
				t.Errorf("the pinned digest has changed:\n%s", diff)
			}
		})
	}
}

func TestFluxPlugin(t *testing.T) {
	dir := example(t, "flux")
	for range 2 {
		got := script(t, dir, "plugin.sh", flux(t))
		if diff := cmp.Diff(shopPods, pods(t, got.stdout)); diff != "" || got.code != 0 {
			t.Errorf("exit %d, pods differ (-want +got):\n%s%s", got.code, diff, got.stderr)
		}
	}
	replaceIn(t, dir, "plugin.sh", "render app", "render --nothing app")
	got := script(t, dir, "plugin.sh", flux(t))
	contains(t, got.stderr, "unknown flag: --nothing (see flux slipway render --help)")
	if got.code != 2 {
		t.Errorf("exit %d, want slipway's 2", got.code)
	}
}

// The manifest for Flux's plugin catalog installs slipway from an archive as a release has it.
func TestFluxInstallsThePlugin(t *testing.T) {
	archive := releaseArchive(t)
	manifest := readFile(t, "../packages/flux.yaml")
	files := http.NewServeMux()
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	manifest = strings.ReplaceAll(manifest, "https://github.com/slipway-dev/slipway/releases/download", server.URL)
	manifest = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(manifest,
		fmt.Sprintf("sha256:%x", sha256.Sum256(archive)))
	files.HandleFunc("/catalog/slipway.yaml", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(manifest))
	})
	files.HandleFunc("/v0.1.0/", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(archive))
	})
	t.Setenv("FLUXCD_PLUGIN_CATALOG", server.URL+"/catalog/")
	t.Setenv("FLUXCD_PLUGINS", t.TempDir())
	command := filepath.Join(flux(t), "flux")
	if got := finish(t, exec.Command(command, "plugin", "install", "slipway")); got.code != 0 {
		t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	contains(t, finish(t, exec.Command(command, "slipway", "version")).stdout, "slipway ")
}

// releaseArchive is an archive for this machine as goreleaser packs it, but for what the plugin has no use for.
func releaseArchive(t *testing.T) []byte {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	tarred := tar.NewWriter(zipped)
	for name, path := range map[string]string{"README.md": "../../README.md", "slipway": filepath.Join(bin, "slipway")} {
		text := readFile(t, path)
		if err := tarred.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tarred, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []io.Closer{tarred, zipped} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return archive.Bytes()
}

// What Flux applies names what CI pushes, in the API versions that Flux 2.9 serves.
func TestFluxObjectsBelongTogether(t *testing.T) {
	var source, kustomization struct {
		APIVersion, Kind string
		Metadata         struct{ Name, Namespace string }
		Spec             struct{ SourceRef struct{ Kind, Name string } }
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/flux/deploy/source.yaml")), &source); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/flux/deploy/shop.yaml")), &kustomization); err != nil {
		t.Fatal(err)
	}
	if source.APIVersion != "source.toolkit.fluxcd.io/v1" || kustomization.APIVersion != "kustomize.toolkit.fluxcd.io/v1" {
		t.Errorf("API versions %s, %s", source.APIVersion, kustomization.APIVersion)
	}
	if ref := kustomization.Spec.SourceRef; ref.Kind != source.Kind || ref.Name != source.Metadata.Name ||
		source.Metadata.Namespace != kustomization.Metadata.Namespace {
		t.Errorf("%s %+v is not what %+v refers to", source.Kind, source.Metadata, ref)
	}
}
