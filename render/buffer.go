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
	// spoolWindow is how much a spool holds in memory before it goes on in a temporary file.
	spoolWindow = 8 << 20
	// writeSize is how much is written at once: documents are small, and a call of the system costs more than a copy.
	writeSize = 64 << 10
)

// spool keeps bytes until it is known that they may be used: in memory up to a window, on disk beyond it. Output goes
// through one so that nothing is written when a later document turns out to be wrong.
type spool struct {
	parts [][]byte // in memory, as they were given: a copy would be new memory, which costs more than the copying
	file  *spoolFile
	size  int64
}

// spoolFile is a temporary file that says in its errors what it is for.
type spoolFile struct{ file *os.File }

// Write appends p.
func (f *spoolFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("keeping output in a temporary file: %w", err)
	}
	return n, nil
}

// add appends p, which must stay as it is.
func (s *spool) add(p []byte) error {
	if s.file == nil && s.size+int64(len(p)) > spoolWindow {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.size += int64(len(p))
	if s.file == nil {
		s.parts = append(s.parts, p)
		return nil
	}
	_, err := s.file.Write(p)
	return err
}

// fill appends all that r gives. What is held in memory is one part.
func (s *spool) fill(r io.Reader) error {
	// The system gives memory when it is first written to: room for a window costs no more than what comes.
	part := make([]byte, 0, spoolWindow)
	for len(part) < cap(part) {
		n, err := r.Read(part[len(part):cap(part)])
		part = part[:len(part)+n]
		if errors.Is(err, io.EOF) {
			return s.add(part)
		}
		if err != nil {
			return err
		}
	}
	if err := s.add(part); err != nil {
		return err
	}
	if err := s.spill(); err != nil {
		return err
	}
	n, err := io.Copy(s.file, r)
	s.size += n
	return err
}

// spill moves what is in memory to a file that has no name any more, so that it goes away with the process.
func (s *spool) spill() error {
	f, err := os.CreateTemp("", "slipway-*")
	if err != nil {
		return fmt.Errorf("making room for large output: %w (set TMPDIR to a folder with space)", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("making room for large output: %w", errors.Join(err, f.Close()))
	}
	if err := s.writeTo(f); err != nil {
		return fmt.Errorf("making room for large output: %w (set TMPDIR to a folder with space)", errors.Join(err, f.Close()))
	}
	s.file, s.parts = &spoolFile{f}, nil
	return nil
}

// writeTo writes the whole content.
func (s *spool) writeTo(w io.Writer) error {
	if s.file != nil {
		_, err := io.Copy(w, s.reader())
		return err
	}
	out := bufio.NewWriterSize(w, writeSize)
	for _, part := range s.parts {
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	return out.Flush()
}

// reader reads what is on disk, any number of times.
func (s *spool) reader() io.Reader { return io.NewSectionReader(s.file.file, 0, s.size) }

// close gives the room back.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.file.Close()
}
