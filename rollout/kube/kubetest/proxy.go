// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Fault is what happens to one request on its way through a Proxy. The zero value lets it pass.
type Fault struct {
	// Delay holds the request back.
	Delay time.Duration
	// Drop cuts the connection before the API server sees the request.
	Drop bool
	// Code, not 0, answers with this status in the API server's place.
	Code int
	// RetryAfter, in seconds, goes with Code.
	RetryAfter int
	// Body goes with Code: the object to answer with, such as an outdated list. Nil is a Status object.
	Body []byte
	// Answered is called once the API server has answered, before the client learns of it.
	Answered func(code int)
	// Lose cuts the connection after the API server has answered: the write is applied, and the client does not know.
	Lose bool
}

// Proxy stands between a client and the API server.
type Proxy struct {
	ca      []byte
	server  *httptest.Server
	hook    func(*http.Request) Fault
	forward *httputil.ReverseProxy
	gate    sync.RWMutex // requests hold it for reading until they are answered, and Pause for writing

	mu      sync.Mutex
	held    chan struct{} // closed when watches may go on; nil when they may
	watches map[*watch]struct{}
}

// Proxy starts a proxy that asks the hook what to do with each request. The hook may be called by several goroutines at once,
// and may change the request. The proxy ends with the test.
func (c *Cluster) Proxy(tb testing.TB, hook func(*http.Request) Fault) *Proxy {
	tb.Helper()
	target, err := url.Parse(c.url)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	p := &Proxy{hook: hook, watches: map[*watch]struct{}{}}
	silent := log.New(io.Discard, "", 0)
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
		FlushInterval:  -1,
		ErrorLog:       silent,
		ModifyResponse: p.answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.EnableHTTP2 = true
	p.server.Config.ErrorLog = silent
	p.server.StartTLS()
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	tb.Cleanup(func() {
		p.ReleaseWatches()
		p.CutWatches()
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// For returns the client as it reaches the API server through the proxy.
func (p *Proxy) For(c *Client) *Client { return newClient(p.server.URL, c.token, p.ca) }

// ForUser returns the user as it reaches the API server through the proxy.
func (p *Proxy) ForUser(u *User) *User {
	return &User{Client: p.For(u.Client), Name: u.Name, namespace: u.namespace}
}

// HoldWatches lets nothing more come out of any watch until ReleaseWatches: clients see the past.
func (p *Proxy) HoldWatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// ReleaseWatches lets watches go on.
func (p *Proxy) ReleaseWatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// Pause waits for the requests under way, and then lets no other through and nothing out of a watch until Resume, as if the
// client were suspended. A request that its client gives up meanwhile never arrives. It is not for the hook to call.
func (p *Proxy) Pause() {
	p.HoldWatches()
	p.gate.Lock()
}

// Resume ends a Pause.
func (p *Proxy) Resume() {
	p.gate.Unlock()
	p.ReleaseWatches()
}

// CutWatches ends the watches that are open now.
func (p *Proxy) CutWatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for w := range p.watches {
		w.cut()
	}
}

var errLost = errors.New("the answer is lost on purpose")

// faultKey is where a request carries its fault on the way through the ReverseProxy.
type faultKey struct{}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.gate.RLock()
	if isWatch(r) { // it may never end
		p.gate.RUnlock()
	} else {
		defer p.gate.RUnlock()
	}
	if r.Context().Err() != nil {
		return
	}
	fault := p.hook(r)
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Code != 0:
		fault.answer(w)
	default:
		p.forward.ServeHTTP(w, r.WithContext(contextWith(r, fault)))
	}
}

// answer answers in the API server's place.
func (f Fault) answer(w http.ResponseWriter) {
	body := f.Body
	if body == nil {
		// Status objects of these fields always marshal.
		body, _ = json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Status", "metadata": map[string]any{}, "status": "Failure",
			"message": "on purpose: " + http.StatusText(f.Code), "reason": reason(f.Code), "code": f.Code,
			"details": map[string]any{"retryAfterSeconds": f.RetryAfter},
		})
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Code)
	_, _ = w.Write(body)
}

// reason is the word that the API server gives a failure, which clients tell failures apart by.
func reason(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "Unauthorized"
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusNotFound:
		return "NotFound"
	case http.StatusConflict:
		return "Conflict"
	case http.StatusGone:
		return "Expired"
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusInternalServerError:
		return "InternalError"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return "Timeout"
	}
	return ""
}

// answered sees each answer of the API server first.
func (p *Proxy) answered(resp *http.Response) error {
	fault, _ := resp.Request.Context().Value(faultKey{}).(Fault)
	if fault.Answered != nil {
		fault.Answered(resp.StatusCode)
	}
	if fault.Lose {
		return errLost
	}
	if isWatch(resp.Request) {
		resp.Body = p.watch(resp.Body)
	}
	return nil
}

func isWatch(r *http.Request) bool {
	on := r.URL.Query().Get("watch")
	return on == "true" || on == "1"
}
