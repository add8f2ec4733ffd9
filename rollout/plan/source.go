// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// mistakeAt is one thing wrong with what people wrote: where, which field, and what to write instead.
func mistakeAt(at manifest.Source, field, format string, args ...any) manifest.Finding {
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "bad-plan", Source: at, Field: field, Message: fmt.Sprintf(format, args...),
	}
}

// value is a field of what people wrote, read as every other manifest is; here are the readings that a plan alone has.
type value struct {
	manifest.Field
	src *source
}

type source struct {
	manifest.Decoder
	lenient bool     // fields that nobody here knows are noted: somebody else defines what there is
	unknown []string // these fields
}

func sourceOf(file string) *source {
	return &source{Decoder: manifest.Decoder{Source: manifest.Source{File: file}}}
}

func (s *source) root(n *yaml.Node) value { return value{s.Field(n, ""), s} }

func (s *source) fail(e manifest.Finding) { s.Findings = append(s.Findings, e) }

func (s *source) err() error {
	errs := make([]error, len(s.Findings))
	for i, e := range s.Findings {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// documents splits a YAML stream. Every document's value carries src, which collects the errors. Empty documents are
// left out.
func documents(src *source, data []byte) []value {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var docs []value
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			src.ReportSyntax("bad-plan", "", data, err)
			return docs
		}
		if doc := src.root(manifest.Root(&node)); doc.Present() {
			docs = append(docs, doc)
		}
	}
}

func (v value) fail(format string, args ...any) {
	v.Report("bad-plan", fmt.Sprintf(format, args...), "")
}

func (v value) get(name string) value { return value{v.Get(name), v.src} }

// items are the elements of a list; an absent list has none.
func (v value) items() []value {
	var items []value
	for _, item := range v.Items() {
		items = append(items, value{item, v.src})
	}
	return items
}

// mapping checks that v is absent or a mapping whose keys are known. An unknown key gets the nearest known one as a suggestion;
// where the source is lenient it is only noted, unless it is a known one misspelt.
func (v value) mapping(known ...string) bool {
	if !v.Mapping() {
		return false
	}
	for _, f := range v.Fields() {
		switch {
		case len(known) == 0 || slices.Contains(known, f.Name):
		case v.src.lenient && !misspelt(f.Name, known):
			v.src.unknown = append(v.src.unknown, f.Path)
		default:
			f.Unknown(known)
		}
	}
	return true
}

// oneOf is a string field restricted to the given words; the first word is the default.
func (v value) oneOf(words ...string) string {
	s := v.Text()
	if s == "" {
		return words[0]
	}
	if !slices.Contains(words, s) {
		v.fail("%q is not one of %s%s", s, strings.Join(words, ", "), suggestion(s, words))
		return words[0]
	}
	return s
}

// number is a whole number between least and most, or fallback where it is absent.
func (v value) number(fallback, least, most int) int {
	n, ok := v.Int(strconv.IntSize)
	if !ok {
		return fallback
	}
	if n < int64(least) || n > int64(most) {
		v.fail("must be between %d and %d, not %d", least, most, n)
		return fallback
	}
	return int(n)
}

// quantity is a number of pods or a percentage up to limit percent (0: any), or fallback where it is absent.
func (v value) quantity(fallback Quantity, limit int) Quantity {
	s, ok := v.Scalar("a number of pods or a percentage: write 3 or \"20%\"", yaml.NodeTagInt, yaml.NodeTagString)
	if !ok {
		return fallback
	}
	if _, quoted := v.Peek(yaml.NodeTagString); quoted && !strings.HasSuffix(s, "%") {
		v.Mismatch("a number without quotes or a percentage: write 3 or \"20%\"")
		return fallback
	}
	q, err := ParseQuantity(s)
	if err != nil {
		v.fail("%v", err)
		return fallback
	}
	if q.percent && limit > 0 && q.units > int64(limit)*percentScale {
		v.fail("%s is more than %d%%", q, limit)
		return fallback
	}
	return q
}

// duration is a positive Go duration such as 10m, or fallback where it is absent.
func (v value) duration(fallback time.Duration) time.Duration {
	s, ok := v.Scalar("a duration with a unit: write 30s, 10m or 1h", yaml.NodeTagString)
	if !ok {
		return fallback
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		v.fail("%q is not a duration: write 30s, 10m or 1h", s)
		return fallback
	}
	if d <= 0 {
		v.fail("must be longer than 0, not %s", s)
		return fallback
	}
	return d
}

// decode is the value as plain Go values (map[string]any, []any, scalars).
func (v value) decode() any {
	if !v.Present() {
		return nil
	}
	var out any
	if err := manifest.Decode(v.Node(), &out); err != nil {
		v.fail("reading: %v", err)
	}
	return out
}
