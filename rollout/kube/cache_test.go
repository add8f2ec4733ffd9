// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
)

// answers is an API server that says what a test tells it to, request by request.
type answers func(w http.ResponseWriter, r *http.Request)

func (a answers) client(t *testing.T) Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(a))
	t.Cleanup(server.Close)
	c, err := NewClient(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func status(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"on purpose","reason":%q,"code":%d}`,
		reason, code)
}

func objectJSON(name, version string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"uid":"u-%s","resourceVersion":%q}}`, name, name, version)
}

func (m *Cache[T]) versions() map[string]string {
	out := map[string]string{}
	m.Each(func(o T) { out[o.Meta().Name] = o.Meta().ResourceVersion })
	return out
}

// TestCacheGoesOnAfterGapsAndNeverBack follows a server that ends a watch, forgets where it was, and then lists a state
// older than one that was seen.
func TestCacheGoesOnAfterGapsAndNeverBack(t *testing.T) {
	var lists, watches int
	server := answers(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			lists++
			switch lists {
			case 1:
				_, _ = fmt.Fprintf(w, `{"kind":"List","metadata":{"resourceVersion":"10"},"items":[%s,%s]}`, objectJSON("a", "4"),
					objectJSON("b", "9"))
			case 2: // a server that lags behind
				_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"11"},"items":[%s]}`, objectJSON("a", "4"))
			default:
				_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"30"},"items":[%s]}`, objectJSON("c", "25"))
			}
			return
		}
		watches++
		switch watches {
		case 1:
			_, _ = fmt.Fprintf(w, `{"type":"MODIFIED","object":%s}{"type":"MODIFIED","object":%s}{"type":"DELETED","object":%s}`,
				objectJSON("a", "12"), objectJSON("a", "11"), objectJSON("b", "13"))
		case 2:
			_, _ = fmt.Fprint(w,
				`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}}{"type":"ERROR","object":{"kind":"Status","code":410}}`)
		default:
			if got := r.URL.Query().Get("resourceVersion"); got != "30" {
				t.Errorf("the watch goes on from %s", got)
			}
			<-r.Context().Done()
		}
	})
	m := NewCache[Meta](server.client(t), Pods("n"), url.Values{}, make(chan struct{}, 1))
	if err := m.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.versions()); got != "map[a:12]" {
		t.Errorf("after the first watch: %s", got)
	}
	if err := m.watch(t.Context()); !errors.Is(err, errExpired) {
		t.Fatalf("the second watch ended with %v", err)
	}
	if err := m.List(t.Context()); err == nil {
		t.Error("an older list was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Relist(ctx); ended <- m.Follow(ctx) }()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.versions()); got != "map[c:25]" {
		t.Errorf("at the end: %s", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// handled lets a cache hear an event.
func handled(m *Cache[Meta], kind, object string) error {
	var e event[Meta]
	if err := json.Unmarshal(fmt.Appendf(nil, `{"type":%q,"object":%s}`, kind, object), &e); err != nil {
		return err
	}
	return m.handle(&e)
}

// TestCacheKeepsOwnWrites holds that an answer to a write is there at once, and does not bring back what is gone.
func TestCacheKeepsOwnWrites(t *testing.T) {
	m := NewCache[Meta](Client{}, Pods("n"), url.Values{}, make(chan struct{}, 1))
	parse := func(name, version string) (n Meta) {
		if err := json.Unmarshal([]byte(objectJSON(name, version)), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	m.Put(parse("a", "5"))
	if err := handled(m, "MODIFIED", objectJSON("a", "4")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.versions()); got != "map[a:5]" {
		t.Errorf("an older event won: %s", got)
	}
	if err := handled(m, "DELETED", objectJSON("a", "7")); err != nil {
		t.Fatal(err)
	}
	m.Put(parse("a", "6"))
	if got := fmt.Sprint(m.versions()); got != "map[]" {
		t.Errorf("a late answer brought back %s", got)
	}
}

// TestCacheTellsWhatChanged holds that nothing is left out of what has changed since a version, also when it is long ago.
func TestCacheTellsWhatChanged(t *testing.T) {
	m := NewCache[Meta](Client{}, Pods("n"), url.Values{}, make(chan struct{}, 1))
	put := func(name string, version int) {
		var n Meta
		if err := json.Unmarshal([]byte(objectJSON(name, strconv.Itoa(version))), &n); err != nil {
			t.Fatal(err)
		}
		m.Put(n)
	}
	_, start, _ := m.Since(0)
	put("a", 1)
	put("a", 1) // nothing new
	put("b", 2)
	if err := handled(m, "DELETED", objectJSON("a", "3")); err != nil {
		t.Fatal(err)
	}
	if names, now, known := m.Since(start); !known || now != start+3 || !slices.Equal(names, []string{"a", "b", "a"}) {
		t.Errorf("changed are %v of %d, %v", names, now-start, known)
	}
	for i := range 3 * journalLength {
		put("c", 10+i)
		if names, now, known := m.Since(m.Version() - 1); !known || now != m.Version() || !slices.Equal(names, []string{"c"}) {
			t.Fatalf("after %d changes the last one is %v, %v", i, names, known)
		}
	}
	if _, now, _ := m.Since(start); now != m.Version() {
		t.Error("the version is not the present one")
	}
	if names, _, known := m.Since(m.Version() - journalLength); !known || len(names) != journalLength {
		t.Errorf("of the last %d changes %d are known", journalLength, len(names))
	}
	if _, _, known := m.Since(start); known {
		t.Error("what is long ago is known")
	}
	before := m.Version()
	m.replace(map[string]Meta{}, 1<<40)
	if _, _, known := m.Since(before); known {
		t.Error("what a new list has changed is known")
	}
}

// TestRefusalsAndConflicts holds what each answer of a server means to a run.
func TestRefusalsAndConflicts(t *testing.T) {
	for _, c := range []struct {
		code   int
		reason string
		again  bool
	}{
		{http.StatusConflict, "Conflict", true},
		{http.StatusConflict, "AlreadyExists", true},
		{http.StatusNotFound, "NotFound", true},
		{http.StatusInternalServerError, "InternalError", true},
		{http.StatusGatewayTimeout, "Timeout", true},
		{http.StatusUnauthorized, "Unauthorized", true}, // a token is renewed
		{http.StatusForbidden, "Forbidden", false},
		{http.StatusUnprocessableEntity, "Invalid", false},
	} {
		server := answers(func(w http.ResponseWriter, _ *http.Request) { status(w, c.code, c.reason) })
		err := Conflict("writing", server.client(t).MergePatch(t.Context(), "/x", map[string]any{}, nil))
		if err == nil || errors.Is(err, rollout.ErrConflict) != c.again {
			t.Errorf("%d %s: %v, look again: want %v", c.code, c.reason, err, c.again)
		}
	}
}

// TestServerFairnessIsRespected repeats a request that is refused with 429 after the time that the server asks for.
func TestServerFairnessIsRespected(t *testing.T) {
	tries := 0
	server := answers(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			w.Header().Set("Retry-After", "1")
			status(w, http.StatusTooManyRequests, "TooManyRequests")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != `{"a":1}` {
			t.Errorf("the repeated request has the body %q, %v", body, err)
		}
		_, _ = fmt.Fprint(w, `{}`)
	})
	if err := server.client(t).MergePatch(t.Context(), "/x", map[string]any{"a": 1}, nil); err != nil || tries != 2 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

// TestCacheHasAnOrder: decisions must not depend on the order in which a server sends objects, and sorting all of them for each
// observation would cost more than the rest of it.
func TestCacheHasAnOrder(t *testing.T) {
	server := answers(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"30"},"items":[%s,%s]}`, objectJSON("x", "25"), objectJSON("w", "26"))
	})
	m := NewCache[Meta](server.client(t), ConfigMaps("n"), nil, make(chan struct{}, 1))
	var steps []string
	look := func() {
		names := ""
		m.Each(func(o Meta) { names += o.Name })
		steps = append(steps, names)
	}
	for i, name := range []string{"c", "a", "d", "b", "a"} {
		m.Put(Meta{metav1.ObjectMeta{Name: name, ResourceVersion: strconv.Itoa(i + 1)}})
		look()
	}
	for _, name := range []string{"b", "missing", "d"} {
		m.remove(metav1.ObjectMeta{Name: name, ResourceVersion: "9"})
		look()
	}
	if err := m.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	look()
	want := []string{"c", "ac", "acd", "abcd", "abcd", "acd", "acd", "ac", "wx"}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
