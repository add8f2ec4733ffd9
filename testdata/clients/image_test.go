// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builder is buildah with images of its own. It builds without a container engine.
type builder struct {
	t       *testing.T
	storage []string
}

// newBuilder makes stand-ins for the two base images, which a machine without a registry cannot pull: a shell and its
// libraries, with Go from outside, and a folder with one file.
func newBuilder(t *testing.T) *builder {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil || os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("building the image needs root on Linux and buildah: install Debian's package buildah")
	}
	dir := t.TempDir()
	b := &builder{t, []string{
		"--root", filepath.Join(dir, "storage"), "--runroot", filepath.Join(dir, "run"), "--storage-driver",
		"vfs",
	}}
	shell := filepath.Join(dir, "shell")
	for from, to := range b.shellFiles() {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(shell, filepath.Dir(to)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, shell, to, string(text), 0o755)
	}
	if err := os.Mkdir(filepath.Join(shell, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	b.commit("build-base", shell, "--env", "PATH=/usr/local/go/bin:/bin")
	empty := filepath.Join(dir, "base")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, empty, "motd", "stand-in\n", 0o644)
	b.commit("run-base", empty)
	return b
}

// shellFiles are a shell, what it is linked with, and the certificates that the image takes along, by where they come from.
func (b *builder) shellFiles() map[string]string {
	files := map[string]string{"/bin/sh": "/bin/sh", "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"}
	if _, err := os.Stat("/etc/ssl/certs/ca-certificates.crt"); err != nil {
		b.t.Skip("the image takes certificates along: install Debian's package ca-certificates")
	}
	for line := range strings.Lines(finish(b.t, exec.Command("ldd", "/bin/sh")).stdout) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "/") {
				files[word] = word
			}
		}
	}
	return files
}

func (b *builder) buildah(args ...string) string {
	b.t.Helper()
	got := finish(b.t, exec.Command("buildah", append(b.storage, args...)...))
	if got.code != 0 {
		b.t.Fatalf("buildah %s: exit %d\n%s%s", strings.Join(args, " "), got.code, got.stdout, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

// commit makes an image of a folder.
func (b *builder) commit(name, dir string, config ...string) {
	b.t.Helper()
	id := b.buildah("from", "scratch")
	b.buildah("copy", id, dir, "/")
	if len(config) > 0 {
		b.buildah(append(append([]string{"config"}, config...), id)...)
	}
	b.buildah("commit", "--rm", id, name)
}

// build builds the Dockerfile with the modules and the compiled packages of this machine, and mounts the result.
func (b *builder) build(tag string, args ...string) (root string) {
	b.t.Helper()
	command := []string{
		"bud", "--isolation", "chroot", "--pull=false", "-t", tag,
		"--build-arg", "BUILD_IMAGE=localhost/build-base", "--build-arg", "BASE_IMAGE=localhost/run-base",
		"--build-arg", "VERSION=v0.1.0", "--build-arg", "REVISION=0123abc",
	}
	for variable, inside := range map[string]string{
		"GOROOT": "/usr/local/go:ro", "GOMODCACHE": "/root/go/pkg/mod",
		"GOCACHE": "/root/.cache/go-build",
	} {
		dir, err := goCommand(".", "env", variable)
		if err != nil {
			b.t.Fatal(err)
		}
		command = append(command, "-v", strings.TrimSpace(dir)+":"+inside)
	}
	b.buildah(append(append(command, args...), "../..")...)
	return b.buildah("mount", b.buildah("from", "--pull=false", "localhost/"+tag))
}

func TestImage(t *testing.T) {
	b := newBuilder(t)
	root := b.build("slipway")

	t.Run("configuration", func(t *testing.T) {
		var image struct {
			OCIv1 struct {
				Config struct {
					User            string
					Entrypoint, Cmd []string
					Labels          map[string]string
				}
			}
		}
		if err := json.Unmarshal([]byte(b.buildah("inspect", "--type", "image", "localhost/slipway")), &image); err != nil {
			t.Fatal(err)
		}
		config := image.OCIv1.Config
		got := []string{
			config.User, strings.Join(config.Entrypoint, " "), strings.Join(config.Cmd, " "),
			config.Labels["org.opencontainers.image.version"], config.Labels["org.opencontainers.image.revision"],
			config.Labels["org.opencontainers.image.licenses"],
		}
		if diff := cmp.Diff([]string{"65532:65532", "/slipway", "fn", "v0.1.0", "0123abc", "Apache-2.0"}, got); diff != "" {
			t.Errorf("user, entrypoint, command, labels (-want +got):\n%s", diff)
		}
	})
	before := snapshot(t, root)
	t.Run("contents", func(t *testing.T) {
		size, files := 0, []string{}
		for name, text := range before {
			size += len(text)
			files = append(files, name)
		}
		if size >= 50_000_000 {
			t.Errorf("the image has %d MB", size/1_000_000)
		}
		if before["/motd"] == "" || before["/etc/ssl/certs/ca-certificates.crt"] == "" || len(files) != 3 {
			t.Errorf("the image holds %v", files)
		}
	})
	t.Run("function", func(t *testing.T) {
		list := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"
		for _, file := range []string{"app.yaml", "sidecarset.yaml"} {
			for doc := range strings.SplitSeq(readFile(t, "../examples/kustomize-fn/"+file), "---\n") {
				doc = strings.TrimPrefix(doc, "# Pods labelled app-type: long-term get a log collector.\n")
				list += "- " + strings.ReplaceAll(strings.TrimSpace(doc), "\n", "\n  ") + "\n"
			}
		}
		got := inImage(t, root, list, "fn")
		contains(t, got.stdout, "slipway.dev/injected", "name: log-collector")
		if got.code != 0 || got.stderr != "" {
			t.Errorf("exit %d\n%s", got.code, got.stderr)
		}
	})
	t.Run("release", func(t *testing.T) {
		got := inImage(t, root, "", "rollout", "--help")
		contains(t, got.stdout, "slipway rollout")
		if got.code != 0 {
			t.Errorf("exit %d\n%s", got.code, got.stderr)
		}
		contains(t, inImage(t, root, "", "version").stdout, "slipway ", " go1.")
	})
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Error("something was written into the image's file system")
	}
}

// The Dockerfile compiles for where the image will run, wherever it is built.
func TestImageForArm64(t *testing.T) {
	root := newBuilder(t).build("slipway-arm64", "--build-arg", "TARGETOS=linux", "--build-arg", "TARGETARCH=arm64")
	binary, err := elf.Open(filepath.Join(root, "slipway"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if binary.Machine != elf.EM_AARCH64 || binary.Section(".interp") != nil {
		t.Errorf("the binary is for %s, or is not static", binary.Machine)
	}
}

// inImage runs the image's program as its user, with nothing but the image's files and without a network.
func inImage(t *testing.T, root, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.Command("/slipway", args...)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.Stdin = bytes.NewReader([]byte(stdin))
	cmd.SysProcAttr = confined(root)
	return finish(t, cmd)
}
