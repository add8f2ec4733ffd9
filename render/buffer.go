// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// memoryWindow is how much a buffer holds in memory before it goes on in a temporary file.
	memoryWindow = 8 << 20
	// writeSize is how much is written at once: documents are small, and a call of the system costs more than a copy.
	writeSize = 64 << 10
)

// buffer keeps bytes until it is known that they may be used: in memory up to a window, on disk beyond it. Output goes
// through one so that nothing is written when a later document turns out to be wrong.
type buffer struct {
	parts [][]byte // in memory, as they were given: a copy would be new memory, which costs more than the copying
	file  *overflow
	size  int64
}

// overflow is the temporary file of a buffer.
type overflow struct{ file *os.File }

// Write appends p.
func (f *overflow) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		return n, noRoom(err)
	}
	return n, nil
}

// noRoom says what a temporary file is for, which the system's words do not.
func noRoom(err error) error {
	return fmt.Errorf("keeping large manifests in a temporary file: %w (set TMPDIR to a folder with space)", Cause(err))
}

// add appends p, which must stay as it is.
func (b *buffer) add(p []byte) error {
	if b.file == nil && b.size+int64(len(p)) > memoryWindow {
		if err := b.spill(); err != nil {
			return err
		}
	}
	b.size += int64(len(p))
	if b.file == nil {
		b.parts = append(b.parts, p)
		return nil
	}
	_, err := b.file.Write(p)
	return err
}

// fill appends all that r gives. What is held in memory is one part.
func (b *buffer) fill(r io.Reader) error {
	// The system gives memory when it is first written to: room for a window costs no more than what comes.
	part := make([]byte, 0, memoryWindow)
	for len(part) < cap(part) {
		n, err := r.Read(part[len(part):cap(part)])
		part = part[:len(part)+n]
		if errors.Is(err, io.EOF) {
			return b.add(part)
		}
		if err != nil {
			return err
		}
	}
	if err := b.add(part); err != nil {
		return err
	}
	if err := b.spill(); err != nil {
		return err
	}
	n, err := io.Copy(b.file, r)
	b.size += n
	return err
}

// spill moves what is in memory to a file that has no name any more, so that it goes away with the process.
func (b *buffer) spill() error {
	f, err := os.CreateTemp("", "slipway-*")
	if err != nil {
		return noRoom(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return noRoom(errors.Join(err, f.Close()))
	}
	if err := b.writeTo(f); err != nil {
		return noRoom(errors.Join(err, f.Close()))
	}
	b.file, b.parts = &overflow{f}, nil
	return nil
}

// writeTo writes the whole content.
func (b *buffer) writeTo(w io.Writer) error {
	if b.file != nil {
		_, err := io.Copy(w, b.reader())
		return err
	}
	out := bufio.NewWriterSize(w, writeSize)
	for _, part := range b.parts {
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	return out.Flush()
}

// reader reads what is on disk, any number of times.
func (b *buffer) reader() io.Reader { return io.NewSectionReader(b.file.file, 0, b.size) }

// close gives the room back.
func (b *buffer) close() error {
	if b.file == nil {
		return nil
	}
	return b.file.file.Close()
}
