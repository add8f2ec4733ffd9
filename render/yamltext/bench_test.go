// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/slipway-dev/slipway/render/yamltext/yamltest"
)

func stream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		b.Write(yamltest.Deployment(i))
	}
	return b.Bytes()
}

func BenchmarkSplit(b *testing.B) {
	data := stream(1000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewSplitter(bytes.NewReader(data))
		for {
			if _, err := s.Read(); errors.Is(err, io.EOF) {
				break
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	doc := yamltest.Deployment(7)
	s := NewScanner()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Scan(doc); !ok {
			b.Fatal("not certain")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	doc := yamltest.Deployment(7)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
