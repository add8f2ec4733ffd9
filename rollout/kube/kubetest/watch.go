// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"context"
	"io"
	"net/http"
	"sync"
)

func contextWith(r *http.Request, fault Fault) context.Context {
	return context.WithValue(r.Context(), faultKey{}, fault)
}

// watch is the body of an open watch on its way through a Proxy.
type watch struct {
	proxy  *Proxy
	body   io.ReadCloser
	ended  chan struct{}
	ending sync.Once
}

func (p *Proxy) watch(body io.ReadCloser) io.ReadCloser {
	w := &watch{proxy: p, body: body, ended: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watches[w] = struct{}{}
	return w
}

// Read passes events on while nobody holds them back. What was read before that stays here until it may go on.
func (w *watch) Read(buffer []byte) (int, error) {
	n, err := w.body.Read(buffer)
	for {
		w.proxy.mu.Lock()
		held := w.proxy.held
		w.proxy.mu.Unlock()
		if held == nil {
			return n, err
		}
		select {
		case <-held:
		case <-w.ended:
			return 0, io.ErrUnexpectedEOF
		}
	}
}

// Close ends the watch when the proxy is done with it.
func (w *watch) Close() error {
	w.proxy.mu.Lock()
	delete(w.proxy.watches, w)
	w.proxy.mu.Unlock()
	w.cut()
	return nil
}

// cut ends the watch as a broken connection does.
func (w *watch) cut() {
	w.ending.Do(func() {
		close(w.ended)
		_ = w.body.Close()
	})
}
