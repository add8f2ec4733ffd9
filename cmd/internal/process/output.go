// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
)

// Output is a stream of the process that remembers whether its reader has gone, as head does when it has enough.
type Output struct {
	file *os.File
	gone atomic.Bool
}

// NewOutput is the output to a file, such as standard output.
func NewOutput(file *os.File) *Output { return &Output{file: file} }

// Write writes to the file.
func (o *Output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.gone.Store(true)
	}
	return n, err
}

// Fd is the file's descriptor, for questions about a terminal.
func (o *Output) Fd() uintptr { return o.file.Fd() }

// ClosedBy tells whether an error comes of a reader that has gone: a connection that breaks has the same cause.
func ClosedBy(stream any, err error) bool {
	o, ok := stream.(*Output)
	return ok && o.gone.Load() && errors.Is(err, syscall.EPIPE)
}
