// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// KeyEntries tells that the agent reads what people ask for as entries of their own. Into the record of an older one, which
// would not see them, requests are written as it knows them.
const KeyEntries = "entries"

// prefixRequest begins the key of each request.
const prefixRequest = "request-"

// Entry is one request in a record.
type Entry struct {
	Key     string
	Request rollout.Request
	Writer  Writer
	Err     error // why it cannot be read
}

// Writer is the field manager that has written a key of a record last, and when, as the API server has noted it.
type Writer struct {
	Manager string // "": the server has noted none
	At      time.Time
}

// String is the writer as part of a sentence.
func (w Writer) String() string {
	if w.Manager == "" {
		return "nobody known"
	}
	return fmt.Sprintf("the field manager %q, last at %s,", w.Manager, w.At.UTC().Format(time.RFC3339))
}

// RequestKey is the key of a request in a record.
func RequestKey(r rollout.Request) string {
	return prefixRequest + strconv.FormatInt(r.At.UnixNano(), 10)
}

// PersonManager is the field manager in whose name a person's request is written.
func PersonManager(name string) string {
	const longest = 128 // bytes that the API server takes
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, FieldManager+"/"+name)
	return plain[:min(len(plain), longest)]
}

// WriterOf is who has written a key last.
func (m Record) WriterOf(key string) Writer {
	for _, f := range m.ManagedFields {
		if Field(FieldsOf(f), "f:data", "f:"+key) != nil {
			w := Writer{Manager: f.Manager}
			if f.Time != nil {
				w.At = f.Time.Time
			}
			return w
		}
	}
	return Writer{}
}

// Entries are the requests that have an entry of their own, the oldest first.
func (m Record) Entries() []Entry {
	var all []Entry
	for _, key := range slices.Sorted(maps.Keys(m.Data)) {
		if !strings.HasPrefix(key, prefixRequest) {
			continue
		}
		e := Entry{Key: key, Writer: m.WriterOf(key)}
		if e.Err = plan.Decode([]byte(m.Data[key]), &e.Request); e.Err == nil && RequestKey(e.Request) != key {
			e.Err = fmt.Errorf("its key is not that of %s", e.Request.At.UTC().Format(time.RFC3339Nano))
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return a.Request.At.Compare(b.Request.At) })
	return all
}
