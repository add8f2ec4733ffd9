// SPDX-License-Identifier: Apache-2.0

package kubetest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	var answered int
	tests := []struct {
		name   string
		fault  kubetest.Fault
		code   int // 0: no answer
		exists bool
	}{
		{name: "none", code: 201, exists: true},
		{name: "drop", fault: kubetest.Fault{Drop: true}},
		{name: "lose", fault: kubetest.Fault{Lose: true, Answered: func(code int) { answered = code }}, exists: true},
		{name: "conflict", fault: kubetest.Fault{Code: 409}, code: 409},
		{name: "fairness", fault: kubetest.Fault{Code: 429, RetryAfter: 1}, code: 429},
		{name: "error", fault: kubetest.Fault{Code: 500}, code: 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			proxy := c.Proxy(t, func(r *http.Request) kubetest.Fault {
				if r.Method == http.MethodPost {
					return test.fault
				}
				return kubetest.Fault{}
			})
			client := proxy.For(c.Client)
			code, _, err := client.Do(http.MethodPost, pods(ns), "application/yaml",
				[]byte(`{apiVersion: v1, kind: Pod, metadata: {name: `+test.name+`}, spec: {containers: [{name: app, image: app}]}}`))
			if code != test.code || (err == nil) != (test.code != 0) {
				t.Errorf("status %d, error %v; want %d", code, err, test.code)
			}
			if _, err := client.TryGet(pods(ns) + "/" + test.name); (err == nil) != test.exists {
				t.Errorf("the pod exists: %v, want %v (%v)", err == nil, test.exists, err)
			}
		})
	}
	if answered != http.StatusCreated {
		t.Errorf("the API server answered %d to the write whose answer was lost, want 201", answered)
	}
}

func TestWatchesCanBeHeldAndCut(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	proxy := c.Proxy(t, func(*http.Request) kubetest.Fault { return kubetest.Fault{} })
	config := proxy.For(c.Client).Kubeconfig(t)
	resp := openWatch(t, config, pods(ns)+"?watch=true")
	events := make(chan string)
	go func() {
		defer close(events)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			events <- lines.Text()
		}
	}()
	proxy.HoldWatches()
	c.Create(t, pods(ns), pod("a", "app:v1", nil))
	await(t, c, pods(ns)+"/a", "Running ready=True running app:v1 restarts=0")
	select {
	case event := <-events:
		t.Errorf("an event came through: %s", event)
	default:
	}
	proxy.ReleaseWatches()
	if event := <-events; !strings.Contains(event, "ADDED") {
		t.Errorf("the first event is %s", event)
	}
	proxy.CutWatches()
	for range events { // ends only if the watch does
	}
}

func TestPausedClient(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	ns := c.Namespace(t)
	proxy := c.Proxy(t, func(*http.Request) kubetest.Fault { return kubetest.Fault{} })
	client := proxy.For(c.Client)
	proxy.Pause()
	answered := make(chan error, 1)
	go func() {
		_, err := client.TryCreate(pods(ns), pod("a", "app:v1", nil))
		answered <- err
	}()
	if _, err := c.TryGet(pods(ns) + "/a"); err == nil {
		t.Error("the pod was created during the pause")
	}
	select {
	case err := <-answered:
		t.Errorf("the request was answered during the pause: %v", err)
	default:
	}
	proxy.Resume()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	c.Get(t, pods(ns)+"/a")
}

// openWatch starts a watch as any client would: from a kubeconfig.
func openWatch(t *testing.T, kubeconfig, path string) *http.Response {
	t.Helper()
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		found := regexp.MustCompile(name + `: "?([^",}]+)`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("no %s in %s", name, text)
		}
		return string(found[1])
	}
	ca, err := base64.StdEncoding.DecodeString(field("certificate-authority-data"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, field("server")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+field("token"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
