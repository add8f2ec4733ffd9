// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// spoolWindow is how much a spool holds in memory before it goes on in a temporary file.
const spoolWindow = 8 << 20

// spool keeps bytes until it is known that they may be used: in memory up to a window, on disk beyond it. Output goes
// through one so that nothing is written when a later document turns out to be wrong.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	size   int64
}

// Write appends p.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(p) > spoolWindow {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	s.size += int64(len(p))
	if s.file == nil {
		return s.memory.Write(p)
	}
	n, err := s.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("keeping output in a temporary file: %w", err)
	}
	return n, nil
}

// spill moves what is in memory to a file that has no name any more, so that it goes away with the process.
func (s *spool) spill() error {
	f, err := os.CreateTemp("", "slipway-*")
	if err != nil {
		return fmt.Errorf("making room for large output: %w (set TMPDIR to a folder with space)", err)
	}
	s.file = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("making room for large output: %w", err)
	}
	if _, err := s.memory.WriteTo(f); err != nil {
		return fmt.Errorf("making room for large output: %w (set TMPDIR to a folder with space)", err)
	}
	s.memory = bytes.Buffer{}
	return nil
}

// reader reads the whole content, any number of times.
func (s *spool) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes())
	}
	return io.NewSectionReader(s.file, 0, s.size)
}

// close gives the room back.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
