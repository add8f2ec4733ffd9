// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout/kube/listing"
)

// Object is what a Cache keeps of an object.
type Object interface{ Meta() metav1.ObjectMeta }

// Cache keeps a selection of objects of one kind as the server has them: it lists them once and watches from there.
// Answers to own writes go in too, and an older state never replaces a newer one.
type Cache[T Object] struct {
	client    Client
	of        Resource
	selection url.Values // labelSelector or fieldSelector
	changed   chan<- struct{}

	mu      sync.Mutex
	objects map[string]T
	names   []string // of the objects, in order
	newest  uint64   // the highest resourceVersion that was seen, in an event or in an answer
	behind  uint64   // where the watch goes on
	stale   bool     // an own write may have happened without being in here
	version uint64   // counts changes
	journal []string // names of the objects that changed last, one for each version
}

// journalLength is how many of the last changes a cache can tell.
const journalLength = 4096

// NewCache prepares a cache, which is empty until it lists. changed gets a value after each change.
func NewCache[T Object](c Client, of Resource, selection url.Values, changed chan<- struct{}) *Cache[T] {
	return &Cache[T]{client: c, of: of, selection: selection, changed: changed, objects: map[string]T{}}
}

// errExpired says that the server has forgotten the resourceVersion to watch from.
var errExpired = errors.New("resourceVersion too old")

// watchSeconds is how long one watch lasts; servers end them anyway.
const watchSeconds = "300"

// Follow keeps the cache up to date until ctx ends, or until the server refuses for good.
func (m *Cache[T]) Follow(ctx context.Context) error {
	for delay := time.Duration(0); ctx.Err() == nil; {
		err := m.watch(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the watch ends because it was ended
		}
		switch {
		case err == nil:
			delay = 0
			continue
		case Refused(err):
			return Explain("watching "+m.of.Kind+" objects", err)
		case errors.Is(err, errExpired):
			err = m.List(ctx)
			if err == nil {
				continue
			}
		}
		delay = min(max(2*delay, 100*time.Millisecond), 5*time.Second)
		Pause(ctx, delay)
	}
	return nil
}

// Pause waits for d or until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// List replaces everything by what the server has now. A server that lags behind what was seen already is asked to
// catch up first, so that nothing goes back in time.
func (m *Cache[T]) List(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m.mu.Lock()
	asked := m.newest
	m.mu.Unlock()
	query := url.Values{}
	for k, v := range m.selection {
		query[k] = v
	}
	body, err := m.client.stream(ctx, m.of.Path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	objects := map[string]T{}
	version, err := listing.Read(body, func(o T) { objects[o.Meta().Name] = o })
	if err != nil {
		return fmt.Errorf("reading the list of %s objects: %w", m.of.Kind, err)
	}
	at := number(version)
	if at < asked {
		return fmt.Errorf("the list of %s objects is of resourceVersion %d, older than %d, which was seen already", m.of.Kind, at,
			asked)
	}
	m.replace(objects, at)
	return nil
}

// replace puts a list in. What was written while the list was on its way is newer than it.
func (m *Cache[T]) replace(objects map[string]T, at uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, o := range m.objects {
		if number(o.Meta().ResourceVersion) > at {
			objects[name] = o
		}
	}
	m.objects, m.behind, m.newest, m.stale = objects, at, max(m.newest, at), false
	m.names = slices.Sorted(maps.Keys(objects))
	m.version++
	m.journal = nil // nobody knows what changed
	Notify(m.changed)
}

// watch reads events until the server ends the watch. nil means that it went well.
func (m *Cache[T]) watch(ctx context.Context) error {
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
	body, err := m.client.stream(ctx, m.of.Path, query)
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
			return fmt.Errorf("reading the watch of %s objects: %w", m.of.Kind, err)
		}
		if err := m.handle(&e); err != nil {
			return err
		}
	}
}

type event[T Object] struct {
	Type   string
	Object sent[T]
}

// sent is the object of an event. It is read out of the stream's buffer: a copy of its text would be most of the garbage that
// an agent makes.
type sent[T Object] struct {
	object T
	err    error  // why it is no such object
	text   []byte // of what has no name: a bookmark, or the status of an error
}

// UnmarshalJSON reads the object, and leaves it to the event's type what is to become of one that cannot be read.
func (s *sent[T]) UnmarshalJSON(data []byte) error {
	s.err = decode(data, &s.object)
	if s.err != nil || s.object.Meta().Name == "" {
		s.text = slices.Clone(data)
	}
	return nil
}

func (m *Cache[T]) handle(e *event[T]) error {
	sent := &e.Object
	switch e.Type {
	case "ERROR":
		return m.failure(sent.text)
	case "BOOKMARK":
		var mark Meta
		if err := json.Unmarshal(sent.text, &mark); err != nil {
			return fmt.Errorf("decoding a bookmark: %w", err)
		}
		m.progress(number(mark.ResourceVersion))
		return nil
	}
	if sent.err != nil {
		return fmt.Errorf("decoding a %s: %w", m.of.Kind, sent.err)
	}
	if e.Type == "DELETED" {
		m.remove(sent.object.Meta())
	} else {
		m.Put(sent.object)
	}
	m.progress(number(sent.object.Meta().ResourceVersion))
	return nil
}

// failure is the error of an event of type ERROR.
func (m *Cache[T]) failure(data []byte) error {
	var status struct {
		Code    int
		Message string
	}
	if err := json.Unmarshal(data, &status); err != nil || status.Code == http.StatusGone {
		return errExpired
	}
	return fmt.Errorf("watching %s objects: %s", m.of.Kind, status.Message)
}

func (m *Cache[T]) progress(at uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.behind, m.newest = max(m.behind, at), max(m.newest, at)
}

// Put adds a state of an object unless a newer one is there.
func (m *Cache[T]) Put(o T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := number(o.Meta().ResourceVersion)
	if old, ok := m.objects[o.Meta().Name]; ok && number(old.Meta().ResourceVersion) >= at {
		return
	}
	if i, ok := slices.BinarySearch(m.names, o.Meta().Name); !ok {
		// An answer to a write can come after the event that the object is gone.
		if at <= m.behind {
			return
		}
		m.names = slices.Insert(m.names, i, o.Meta().Name)
	}
	m.objects[o.Meta().Name] = o
	m.newest = max(m.newest, at)
	m.note(o.Meta().Name)
}

// remove takes an object out unless its name belongs to a newer one.
func (m *Cache[T]) remove(gone metav1.ObjectMeta) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[gone.Name]
	if !ok || old.Meta().UID != gone.UID && number(old.Meta().ResourceVersion) > number(gone.ResourceVersion) {
		return
	}
	delete(m.objects, gone.Name)
	if i, ok := slices.BinarySearch(m.names, gone.Name); ok {
		m.names = slices.Delete(m.names, i, i+1)
	}
	m.note(gone.Name)
}

// note counts the change of one object.
func (m *Cache[T]) note(name string) {
	if len(m.journal) == 2*journalLength {
		m.journal = append(m.journal[:0], m.journal[journalLength:]...)
	}
	m.version++
	m.journal = append(m.journal, name)
	Notify(m.changed)
}

// Invalidate notes that a write may have happened whose answer was lost.
func (m *Cache[T]) Invalidate() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stale = true
}

// Sync lists anew where the outcome of a write is not known. It tries until the server answers or ctx ends.
func (m *Cache[T]) Sync(ctx context.Context) error {
	m.mu.Lock()
	stale := m.stale
	m.mu.Unlock()
	if !stale {
		return nil
	}
	return m.Relist(ctx)
}

// Version is the number of changes so far.
func (m *Cache[T]) Version() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version
}

// Since names the objects that have changed since a version, and tells the present one. It does not know where it is long ago,
// or where everything was listed anew since.
func (m *Cache[T]) Since(version uint64) (names []string, now uint64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.version - version
	if n > uint64(len(m.journal)) {
		return nil, m.version, false
	}
	return slices.Clone(m.journal[len(m.journal)-int(n):]), m.version, true
}

// relistTimeout is how long an API server that does not answer is asked again.
const relistTimeout = 10 * time.Minute

// Relist lists until the server answers.
func (m *Cache[T]) Relist(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, relistTimeout)
	defer cancel()
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		err := m.List(limited)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case Refused(err) || limited.Err() != nil:
			return Explain("listing "+m.of.Kind+" objects", err)
		}
		Pause(ctx, delay)
	}
}

// Each calls f for every object, by name.
func (m *Cache[T]) Each(f func(T)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.names {
		f(m.objects[name])
	}
}

// Get returns one object.
func (m *Cache[T]) Get(name string) (T, bool) {
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

// Update changes an object as far as it is still the one with the given UID, without waiting for the server to tell.
func (m *Cache[T]) Update(name string, uid types.UID, change func(T) T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o, ok := m.objects[name]; ok && o.Meta().UID == uid {
		m.objects[name] = change(o)
		m.version++
	}
}

// Named selects the object of a name.
func Named(name string) url.Values { return url.Values{"fieldSelector": {"metadata.name=" + name}} }

// Notify puts a value into a channel that has room for one, and does nothing where one is in it already.
func Notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}
