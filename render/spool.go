// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolWindow is how much a spool holds in memory before it goes on in a temporary file, and spoolPart the room that it takes
// for that at a time: what is kept is never moved to make room for more.
const (
	spoolWindow = 8 << 20
	spoolPart   = 128 << 10
)

// spool keeps bytes until it is known that they may be used: in memory up to a window, on disk beyond it. Output goes
// through one so that nothing is written when a later document turns out to be wrong.
type spool struct {
	parts [][]byte // in memory
	file  *os.File
	size  int64
}

// Write appends p.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.size+int64(len(p)) > spoolWindow {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.keep(p)
		return len(p), nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("keeping output in a temporary file: %w", err)
	}
	return n, nil
}

// keep appends p in memory.
func (s *spool) keep(p []byte) {
	s.size += int64(len(p))
	for len(p) > 0 {
		last := len(s.parts) - 1
		if last < 0 || len(s.parts[last]) == cap(s.parts[last]) {
			s.parts, last = append(s.parts, make([]byte, 0, spoolPart)), last+1
		}
		part := s.parts[last]
		n := copy(part[len(part):cap(part)], p)
		s.parts[last], p = part[:len(part)+n], p[n:]
	}
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
	if _, err := io.Copy(f, s.reader()); err != nil {
		return fmt.Errorf("making room for large output: %w (set TMPDIR to a folder with space)", errors.Join(err, f.Close()))
	}
	s.file, s.parts = f, nil
	return nil
}

// reader reads the whole content, any number of times.
func (s *spool) reader() io.Reader {
	if s.file != nil {
		return io.NewSectionReader(s.file, 0, s.size)
	}
	parts := make([]io.Reader, len(s.parts))
	for i, part := range s.parts {
		parts[i] = bytes.NewReader(part)
	}
	return io.MultiReader(parts...)
}

// close gives the room back.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
