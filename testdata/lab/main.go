// SPDX-License-Identifier: Apache-2.0

// Command lab starts the control plane of the tests for a person, and leaves it up until it is interrupted.
//
//	make lab
//
// Its folder, .lab unless another is named, gets a kubeconfig and the programs kubectl and slipway. The API server, its storage
// and the controllers are real; kwok plays the kubelets, so that pods become ready without a container being run.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

func main() {
	dir := ".lab"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// run ends when the process is interrupted or its terminal closes, and takes everything with it but the program that it has
// built.
func run(dir string, out io.Writer) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	config, err := filepath.Abs(filepath.Join(dir, "kubeconfig"))
	if err != nil {
		return err
	}
	// Nothing tells a lab that is up from one that was killed.
	if _, err := os.Stat(config); err == nil {
		return fmt.Errorf("%s is there, so a lab is up: end it, or remove that file", config)
	}
	if err := build(dir); err != nil {
		return err
	}
	cluster, err := kubetest.Open(kubetest.Options{ControllerManager: true})
	if err != nil {
		return err
	}
	defer cluster.Close()
	if err := furnish(config, cluster); err != nil {
		return err
	}
	defer os.Remove(config)
	_, err = fmt.Fprintf(out, `The control plane is up; Ctrl-C ends it. In another terminal:

  export KUBECONFIG=%s PATH=%s:$PATH

and walk: testdata/examples/rollout/WALK.md
`, config, filepath.Dir(config))
	if err != nil {
		return err
	}
	<-interrupted
	return nil
}

// build compiles slipway into the folder, as the tests compile it, so that little is left to do where these have run.
func build(dir string) error {
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "slipway"), "./cmd/slipway")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build slipway: %w", err)
	}
	return nil
}

// furnish writes the kubeconfig and puts kubectl beside it. It takes the taint from the node that a scheduler would look at.
func furnish(config string, cluster *kubetest.Cluster) error {
	if _, err := cluster.TryPatch("/api/v1/nodes/"+kubetest.Node, `{"spec": {"taints": null}}`); err != nil {
		return err
	}
	kubectl := filepath.Join(filepath.Dir(config), "kubectl")
	if err := os.Remove(kubectl); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(cluster.KubectlPath(), kubectl); err != nil {
		return err
	}
	return os.WriteFile(config, cluster.AdminKubeconfig(), 0o600)
}
