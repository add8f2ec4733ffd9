// SPDX-License-Identifier: Apache-2.0

// The controlplane command builds the servers of a Kubernetes control plane for tests and prints the folder that holds them.
//
// It is a module of its own so that the servers' dependencies stay out of slipway's; go.mod pins them as tools. They are built
// once into the user's cache, under a name that follows from go.mod, go.sum and the Go version. Package kubetest runs this
// command to find them.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func main() {
	dir, err := build(".", os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, dir)
}

// servers are the programs, one client among them, of the folder that build returns.
func servers() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kwok"}
}

// build makes sure that the servers of the module are in the cache and returns their folder. It says on log what takes long.
func build(module string, log io.Writer) (string, error) {
	dir, err := cached(module)
	if err != nil {
		return "", err
	}
	if complete(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(dir+".lock", log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(dir) { // whoever held the lock built them
		return dir, nil
	}
	_, _ = fmt.Fprintf(log, "controlplane: building etcd, kube-apiserver, kube-controller-manager, kubectl and kwok, once: "+
		"some 6 minutes on two cores the first time\ncontrolplane: into %s\n", dir)
	if err := compile(module, dir, log); err != nil {
		return "", err
	}
	return dir, nil
}

// cached names the folder of the servers that go.mod and go.sum pin.
func cached(module string) (string, error) {
	root := os.Getenv("SLIPWAY_CACHE")
	if root == "" {
		var err error
		if root, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("no folder to build into, set SLIPWAY_CACHE: %w", err)
		}
	}
	hash := sha256.New()
	hash.Write(fmt.Appendln(nil, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	return filepath.Abs(filepath.Join(root, "slipway", fmt.Sprintf("controlplane-%.12x", hash.Sum(nil))))
}

// complete tells whether all servers are there. The folder appears only once it is whole; this finds what a cleaner left.
func complete(dir string) bool {
	for _, name := range servers() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// compile builds the tools of the module next to dir and then puts them there at once.
func compile(module, dir string, log io.Writer) error {
	partial, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", partial+string(filepath.Separator), "tool")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build tool: %w", err)
	}
	// etcd's package is named server.
	if err := os.Rename(filepath.Join(partial, "server"), filepath.Join(partial, "etcd")); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}
