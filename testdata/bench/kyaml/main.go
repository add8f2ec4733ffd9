// SPDX-License-Identifier: Apache-2.0

// Command kyaml does nothing to manifests by way of kyaml: the yardstick that slipway is measured against.
//
//	kyaml copy < STREAM          parse and write a stream
//	kyaml fn < RESOURCELIST      a KRM function without an effect
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kyaml:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "copy":
		nodes, err := (&kio.ByteReader{Reader: os.Stdin, OmitReaderAnnotations: true}).Read()
		if err != nil {
			return err
		}
		return kio.ByteWriter{Writer: os.Stdout}.Write(nodes)
	case len(args) == 1 && args[0] == "fn":
		nothing := func(*framework.ResourceList) error { return nil }
		return framework.Execute(framework.ResourceListProcessorFunc(nothing), &kio.ByteReadWriter{})
	default:
		return fmt.Errorf("usage: kyaml copy|fn")
	}
}
