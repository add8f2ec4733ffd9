// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// kept is what a mirror keeps of an object.
type kept interface{ meta() metadata }

// mirror keeps a selection of objects of one kind as the server has them: it lists them once and watches from there.
// Answers to own writes go in too, and an older state never replaces a newer one.
type mirror[T kept] struct {
	client    client
	of        resource
	selection url.Values // labelSelector or fieldSelector
	changed   chan<- struct{}

	mu      sync.Mutex
	objects map[string]T
	newest  uint64 // the highest resourceVersion that was seen, in an event or in an answer
	behind  uint64 // where the watch goes on
	stale   bool   // an own write may have happened without being in here
	version uint64 // counts changes
}

func newMirror[T kept](c client, of resource, selection url.Values, changed chan<- struct{}) *mirror[T] {
	return &mirror[T]{client: c, of: of, selection: selection, changed: changed, objects: map[string]T{}}
}

// errExpired says that the server has forgotten the resourceVersion to watch from.
var errExpired = errors.New("resourceVersion too old")

// watchSeconds is how long one watch lasts; servers end them anyway.
const watchSeconds = "300"

// follow keeps the mirror up to date until ctx ends, or until the server refuses for good.
func (m *mirror[T]) follow(ctx context.Context) error {
	for delay := time.Duration(0); ctx.Err() == nil; {
		err := m.watch(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the watch ends because it was ended
		}
		switch {
		case err == nil:
			delay = 0
			continue
		case refused(err):
			return explain("watching "+m.of.kind+" objects", err)
		case errors.Is(err, errExpired):
			err = m.list(ctx)
			if err == nil {
				continue
			}
		}
		delay = min(max(2*delay, 100*time.Millisecond), 5*time.Second)
		pause(ctx, delay)
	}
	return nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// list replaces everything by what the server has now. A server that lags behind what was seen already is asked to
// catch up first, so that nothing goes back in time.
func (m *mirror[T]) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m.mu.Lock()
	asked := m.newest
	m.mu.Unlock()
	query := url.Values{}
	for k, v := range m.selection {
		query[k] = v
	}
	body, err := m.client.stream(ctx, m.of.path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	objects := map[string]T{}
	at, err := decodeList(body, func(o T) { objects[o.meta().Name] = o })
	if err != nil {
		return fmt.Errorf("reading the list of %s objects: %w", m.of.kind, err)
	}
	if at < asked {
		return fmt.Errorf("the list of %s objects is of resourceVersion %d, older than %d, which was seen already", m.of.kind, at, asked)
	}
	m.replace(objects, at)
	return nil
}

// replace puts a list in. What was written while the list was on its way is newer than it.
func (m *mirror[T]) replace(objects map[string]T, at uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, o := range m.objects {
		if number(o.meta().ResourceVersion) > at {
			objects[name] = o
		}
	}
	m.objects, m.behind, m.newest, m.stale = objects, at, max(m.newest, at), false
	m.version++
	notify(m.changed)
}

// decodeList reads a list one item at a time, so that a long one is never in memory as a whole.
func decodeList[T any](r io.Reader, add func(T)) (uint64, error) {
	d := json.NewDecoder(r)
	var meta metadata
	if err := expect(d, json.Delim('{')); err != nil {
		return 0, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, err
		}
		switch key {
		case "metadata":
			err = d.Decode(&meta)
		case "items":
			err = decodeItems(d, add)
		default:
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return 0, err
		}
	}
	return number(meta.ResourceVersion), expect(d, json.Delim('}'))
}

func decodeItems[T any](d *json.Decoder, add func(T)) error {
	if t, err := d.Token(); err != nil || t == nil { // an empty list may be null
		return err
	}
	for d.More() {
		var item T
		if err := d.Decode(&item); err != nil {
			return err
		}
		add(item)
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Token) error {
	got, err := d.Token()
	if err == nil && got != want {
		err = fmt.Errorf("%v instead of %v", got, want)
	}
	return err
}

// watch reads events until the server ends the watch. nil means that it went well.
func (m *mirror[T]) watch(ctx context.Context) error {
	m.mu.Lock()
	from := m.behind
	m.mu.Unlock()
	query := url.Values{
		"watch": {"1"}, "allowWatchBookmarks": {"1"}, "timeoutSeconds": {watchSeconds},
		"resourceVersion": {strconv.FormatUint(from, 10)},
	}
	for k, v := range m.selection {
		query[k] = v
	}
	body, err := m.client.stream(ctx, m.of.path, query)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return errExpired
	}
	if err != nil {
		return err
	}
	defer body.Close()
	d := json.NewDecoder(body)
	for {
		var e event[T]
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the watch of %s objects: %w", m.of.kind, err)
		}
		if err := m.handle(e.Type, e.Object); err != nil {
			return err
		}
	}
}

type event[T any] struct {
	Type   string
	Object json.RawMessage
}

func (m *mirror[T]) handle(kind string, data []byte) error {
	if kind == "ERROR" {
		var status struct {
			Code    int
			Message string
		}
		if err := json.Unmarshal(data, &status); err != nil || status.Code == http.StatusGone {
			return errExpired
		}
		return fmt.Errorf("watching %s objects: %s", m.of.kind, status.Message)
	}
	if kind == "BOOKMARK" {
		var mark named
		if err := json.Unmarshal(data, &mark); err != nil {
			return fmt.Errorf("decoding a bookmark: %w", err)
		}
		m.progress(number(mark.Metadata.ResourceVersion))
		return nil
	}
	var o T
	if err := json.Unmarshal(data, &o); err != nil {
		return fmt.Errorf("decoding a %s: %w", m.of.kind, err)
	}
	if kind == "DELETED" {
		m.remove(o.meta())
	} else {
		m.put(o)
	}
	m.progress(number(o.meta().ResourceVersion))
	return nil
}

func (m *mirror[T]) progress(at uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.behind, m.newest = max(m.behind, at), max(m.newest, at)
}

// put adds a state of an object unless a newer one is there.
func (m *mirror[T]) put(o T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := number(o.meta().ResourceVersion)
	if old, ok := m.objects[o.meta().Name]; ok && number(old.meta().ResourceVersion) >= at {
		return
	}
	// An answer to a write can come after the event that the object is gone.
	if _, ok := m.objects[o.meta().Name]; !ok && at <= m.behind {
		return
	}
	m.objects[o.meta().Name] = o
	m.newest = max(m.newest, at)
	m.version++
	notify(m.changed)
}

// remove takes an object out unless its name belongs to a newer one.
func (m *mirror[T]) remove(gone metadata) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[gone.Name]
	if !ok || old.meta().UID != gone.UID && number(old.meta().ResourceVersion) > number(gone.ResourceVersion) {
		return
	}
	delete(m.objects, gone.Name)
	m.version++
	notify(m.changed)
}

// doubt notes that a write may have happened whose answer was lost.
func (m *mirror[T]) doubt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stale = true
}

// settle lists anew where a write is in doubt. It tries until the server answers or ctx ends.
func (m *mirror[T]) settle(ctx context.Context) error {
	m.mu.Lock()
	stale := m.stale
	m.mu.Unlock()
	if !stale {
		return nil
	}
	return m.retry(ctx)
}

// at is the number of changes so far.
func (m *mirror[T]) at() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version
}

// patience is how long an API server that does not answer is asked again.
const patience = 10 * time.Minute

// retry lists until the server answers.
func (m *mirror[T]) retry(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		err := m.list(patient)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case refused(err) || patient.Err() != nil:
			return explain("listing "+m.of.kind+" objects", err)
		}
		pause(ctx, delay)
	}
}

// each calls f for every object. The order is not defined.
func (m *mirror[T]) each(f func(T)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.objects {
		f(o)
	}
}

// named returns one object.
func (m *mirror[T]) named(name string) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	return o, ok
}

// number is a resourceVersion as a number: they grow with every write of any object of a kind.
func number(resourceVersion string) uint64 {
	n, _ := strconv.ParseUint(resourceVersion, 10, 64)
	return n
}

// amend changes an object as far as it is still the one with the given UID, without waiting for the server to tell.
func (m *mirror[T]) amend(name, uid string, change func(T) T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o, ok := m.objects[name]; ok && o.meta().UID == uid {
		m.objects[name] = change(o)
		m.version++
	}
}
