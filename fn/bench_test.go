// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"io"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio"

	"github.com/slipway-dev/slipway/fn"
)

const benchmarkItems = 500

// BenchmarkRun is the function on a list of which a tenth matches; compare it with BenchmarkNoop.
func BenchmarkRun(b *testing.B) {
	in := bigList(benchmarkItems)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if err := fn.Run(strings.NewReader(in), io.Discard, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNoop is a function of kyaml's framework that does nothing, on the same list.
func BenchmarkNoop(b *testing.B) {
	in := bigList(benchmarkItems)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	noop := framework.ResourceListProcessorFunc(func(*framework.ResourceList) error { return nil })
	for b.Loop() {
		rw := &kio.ByteReadWriter{Reader: strings.NewReader(in), Writer: io.Discard, KeepReaderAnnotations: true}
		if err := framework.Execute(noop, rw); err != nil {
			b.Fatal(err)
		}
	}
}
