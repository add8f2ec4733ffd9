// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// source is a reader that notes why it broke off: kyaml's errors do not lead back to it.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = cause(err)
	}
	return n, err
}

// gate is a writer that notes why it broke off.
type gate struct {
	io.Writer
	err error
}

func (g *gate) Write(p []byte) (int, error) {
	n, err := g.Writer.Write(p)
	if err != nil {
		g.err = cause(err)
	}
	return n, err
}

// cause takes an error of a system call out of Go's wrapping of it.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// brief is what kyaml says of a list that it cannot read, without the list that it says it of.
func brief(err error) error {
	line, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return errors.New(strings.TrimSuffix(line, ": node contents:"))
}
