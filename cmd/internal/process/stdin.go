// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"io"
	"os"
	"sync"
)

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// UntilDone reads from r, and gives up when ctx ends even while r keeps it waiting. It takes nothing from r before it
// is read from. A file keeps nobody waiting.
func UntilDone(ctx context.Context, r io.Reader) io.Reader {
	if isFile(r) {
		return r
	}
	pipe := sync.OnceValue(func() io.Reader {
		from, to := io.Pipe()
		go func() {
			_, err := io.Copy(to, r)
			to.CloseWithError(err)
		}()
		context.AfterFunc(ctx, func() { to.CloseWithError(context.Cause(ctx)) })
		return from
	})
	return readerFunc(func(p []byte) (int, error) { return pipe().Read(p) })
}

func isFile(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
