// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/client-go/util/jsonpath"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// httpSource asks a web server.
type httpSource struct {
	spec    plan.HTTP
	secrets access.Secrets
}

func newHTTPSource(spec plan.HTTP, secrets access.Secrets) (source, error) {
	if spec.JSONPath != "" {
		if _, err := parsePath(spec.JSONPath); err != nil {
			return nil, err
		}
	}
	return httpSource{spec, secrets}, nil
}

func (h httpSource) try(ctx context.Context, s snapshot) answer { return h.ask(ctx, s) }

func (h httpSource) ask(ctx context.Context, _ snapshot) answer {
	client, err := newClient(h.spec.Access, h.secrets)
	if err != nil {
		return answer{err: err}
	}
	r, err := http.NewRequestWithContext(ctx, h.spec.Method, h.spec.URL, nil)
	if err != nil {
		return inconclusive("%w: %w", ErrWrong, err)
	}
	r.Header.Set("User-Agent", "slipway")
	resp, err := client.Do(r)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(resp.Body)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return inconclusive("the answer has more than %d bytes", maxAnswer)
	case err != nil:
		return unreachable(ctx, err)
	}
	return h.judge(resp.StatusCode, body)
}

// judge holds an answer against what is expected. Where a value is asked for, a wrong status means that there is none;
// otherwise the status is the answer.
func (h httpSource) judge(status int, body []byte) answer {
	right := slices.Contains(h.spec.Status, status)
	text := strconv.Itoa(status)
	if name := http.StatusText(status); name != "" {
		text += " " + name
	}
	switch {
	case h.spec.JSONPath == "" && right:
		return answer{passed: true, value: strconv.Itoa(status), message: "status " + text}
	case h.spec.JSONPath == "":
		return answer{value: strconv.Itoa(status), message: fmt.Sprintf("status %s is not %s", text, anyOf(h.spec.Status))}
	case !right && status >= http.StatusInternalServerError:
		return inconclusive("%w: status %s in place of a value", ErrUnreachable, text)
	case !right:
		return inconclusive("status %s in place of a value", text)
	}
	value, err := find(h.spec.JSONPath, body)
	if err != nil {
		return answer{err: err}
	}
	return h.judgeValue(value)
}

func (h httpSource) judgeValue(value string) answer {
	if h.spec.Equals != nil {
		a := answer{passed: value == *h.spec.Equals, value: value, message: fmt.Sprintf("%s is %q", h.spec.JSONPath, value)}
		if !a.passed {
			a.message += fmt.Sprintf(", not %q", *h.spec.Equals)
		}
		return a
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return inconclusive("%s is %q, which is not a number", h.spec.JSONPath, value)
	}
	return judge(number, h.spec.Range)
}

func anyOf(codes []int) string {
	var text string
	for i, code := range codes {
		switch {
		case i > 0 && i == len(codes)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += strconv.Itoa(code)
	}
	return text
}

// parsePath reads a path in the form of kubectl, in braces. Text around it would be taken for the value.
func parsePath(path string) (*jsonpath.JSONPath, error) {
	parsed, err := jsonpath.Parse("check", path)
	if err != nil {
		return nil, fmt.Errorf("%w: jsonPath %q: %w", ErrWrong, path, err)
	}
	if nodes := parsed.Root.Nodes; len(nodes) != 1 || nodes[0].Type() != jsonpath.NodeList {
		return nil, fmt.Errorf("%w: jsonPath %q: must be one path in braces, such as {.status.errors}", ErrWrong, path)
	}
	p := jsonpath.New("check")
	if err := p.Parse(path); err != nil {
		return nil, fmt.Errorf("%w: jsonPath %q: %w", ErrWrong, path, err)
	}
	return p, nil
}

// find is the one value that a path finds in a JSON document.
func find(path string, body []byte) (string, error) {
	var document any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&document); err != nil || document == nil {
		return "", errors.New("the answer is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("the answer is not one JSON document")
	}
	parsed, err := parsePath(path)
	if err != nil {
		return "", err
	}
	groups, err := parsed.FindResults(document)
	if err != nil {
		return "", fmt.Errorf("%s finds nothing in the answer: %w", path, err)
	}
	values := slices.Concat(groups...)
	switch {
	case len(values) == 0:
		return "", fmt.Errorf("%s finds nothing in the answer", path)
	case len(values) > 1:
		return "", fmt.Errorf("%s finds %d values in the answer, one is needed", path, len(values))
	}
	return scalar(path, values[0])
}

// scalar is a value as text.
func scalar(path string, v reflect.Value) (string, error) {
	if !v.IsValid() || !v.CanInterface() {
		return "", fmt.Errorf("%s is null", path)
	}
	switch x := v.Interface().(type) {
	case nil:
		return "", fmt.Errorf("%s is null", path)
	case map[string]any, []any:
		return "", fmt.Errorf("%s is no single value", path)
	case string:
		return x, nil
	default:
		return fmt.Sprint(x), nil
	}
}
