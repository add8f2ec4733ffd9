// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"sigs.k8s.io/yaml"
)

// flux does what the flux command does with two of its subcommands: push artifact, with the library behind it, and
// plugins. The command itself does not build from its module.
func flux(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 1 && args[0] == "push" && args[1] == "artifact" {
		return fluxPush(args[2:], stdin, stdout)
	}
	plugin := filepath.Join(os.Getenv("HOME"), ".fluxcd", "plugins", "flux-"+args[0])
	return syscall.Exec(plugin, append([]string{plugin}, args[1:]...), os.Environ())
}

func fluxPush(args []string, stdin io.Reader, stdout io.Writer) error {
	url, err := oci.ParseArtifactURL(args[0])
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("push artifact", flag.ContinueOnError)
	path, output := flags.String("f", "", "file"), flags.String("o", "", "format")
	source, revision := flags.String("source", "", ""), flags.String("revision", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *path != "-" || *output != "yaml" || *source == "" || *revision == "" {
		return fmt.Errorf("the example has other flags: %v", args)
	}
	file, err := os.CreateTemp("", "*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := io.Copy(file, stdin); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	client := oci.NewClient(oci.DefaultOptions())
	pushed, err := client.Push(context.Background(), url, file.Name(), oci.WithPushMetadata(oci.Metadata{Source: *source, Revision: *revision}))
	if err != nil {
		return err
	}
	digest, err := name.NewDigest(pushed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "digest: %s\nrepository: %s\n", digest.DigestStr(), digest.Repository.Name())
	return err
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

// The CI path: what the registry hands out under the pinned digest is to the byte what slipway rendered.
func TestFluxPushesWhatWasRendered(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("REGISTRY", host)
	dir := checkout(t, "flux")
	if got := script(t, dir, "push.sh"); got.code != 0 {
		t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
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

// A mistake in a set pushes nothing, and the pinned digest stays.
func TestFluxPushesNothingBroken(t *testing.T) {
	dir := checkout(t, "flux")
	replaceIn(t, dir, "sidecars/sidecarset.yaml", "containers:", "containerz:")
	t.Setenv("REGISTRY", "127.0.0.1:1") // nothing listens there
	got := script(t, dir, "push.sh")
	if got.code == 0 {
		t.Error("the script succeeds")
	}
	contains(t, got.stderr, "containerz")
	if diff := git(t, dir, "diff", "--", "deploy"); diff != "" {
		t.Errorf("the pinned digest has changed:\n%s", diff)
	}
}

func TestFluxPlugin(t *testing.T) {
	dir := example(t, "flux")
	got := script(t, dir, "plugin.sh")
	if diff := cmp.Diff(shopPods, pods(t, got.stdout)); diff != "" || got.code != 0 {
		t.Errorf("exit %d, pods differ (-want +got):\n%s%s", got.code, diff, got.stderr)
	}
	replaceIn(t, dir, "plugin.sh", "render app", "render --nothing app")
	contains(t, script(t, dir, "plugin.sh").stderr, "unknown flag: --nothing (see flux slipway render --help)")
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
	if ref := kustomization.Spec.SourceRef; ref.Kind != source.Kind || ref.Name != source.Metadata.Name || source.Metadata.Namespace != kustomization.Metadata.Namespace {
		t.Errorf("%s %+v is not what %+v refers to", source.Kind, source.Metadata, ref)
	}
}
