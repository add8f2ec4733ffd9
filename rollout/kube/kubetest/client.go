// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Client speaks to an API server in plain HTTP terms: paths and objects.
type Client struct {
	url   string
	token string
	ca    []byte
	http  *http.Client
}

func newClient(url, token string, ca []byte) *Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	return &Client{url: url, token: token, ca: ca, http: &http.Client{Transport: transport, Timeout: time.Minute}}
}

// The content types of writes. An object may be written as YAML too.
const (
	typeYAML       = "application/yaml"
	typeMergePatch = "application/merge-patch+json"
)

// Do sends a request and returns what comes back, whatever its status.
func (c *Client) Do(method, path, contentType string, body []byte) (status int, answer []byte, err error) {
	return c.do(method, path, body, http.Header{"Content-Type": {contentType}})
}

func (c *Client) do(method, path string, body []byte, header http.Header) (status int, answer []byte, err error) {
	req, err := http.NewRequest(method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = header.Clone()
	if req.Header.Get("Content-Type") == "" {
		req.Header.Del("Content-Type")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "kubetest")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return resp.StatusCode, answer, nil
}

// StatusError is an answer that is no success.
type StatusError struct {
	Method, Path string
	Code         int
	Message      string
	Name         string // of the object that it is about, if the API server says so
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %s", e.Method, e.Path, e.Code, e.Message)
}

// send sends a request and parses the object that comes back. An answer that is no success is a *StatusError.
func (c *Client) send(method, path, contentType string, body []byte) (map[string]any, error) {
	code, answer, err := c.Do(method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(answer, &object); err != nil {
		object = map[string]any{"message": string(answer)}
	}
	if code >= http.StatusBadRequest {
		name, _ := Field(object, "details", "name").(string)
		return nil, &StatusError{Method: method, Path: path, Code: code, Message: fmt.Sprint(object["message"]), Name: name}
	}
	return object, nil
}

// TryCreate posts an object to a collection, such as "/api/v1/namespaces/x/pods". The object is YAML or JSON text, or
// anything else that marshals to JSON.
func (c *Client) TryCreate(path string, object any) (map[string]any, error) {
	text, err := encode(object)
	if err != nil {
		return nil, err
	}
	return c.send(http.MethodPost, path, typeYAML, text)
}

// TryGet reads an object or a collection.
func (c *Client) TryGet(path string) (map[string]any, error) {
	return c.send(http.MethodGet, path, "", nil)
}

// TryPatch merges a patch into an object, or into its status where the path ends in /status.
func (c *Client) TryPatch(path string, patch any) (map[string]any, error) {
	text, err := encode(patch)
	if err != nil {
		return nil, err
	}
	return c.send(http.MethodPatch, path, typeMergePatch, text)
}

// TryDelete deletes an object, or a collection.
func (c *Client) TryDelete(path string) error {
	_, err := c.send(http.MethodDelete, path, "", nil)
	return err
}

// Create is TryCreate that must succeed.
func (c *Client) Create(tb testing.TB, path string, object any) map[string]any {
	tb.Helper()
	return must(tb)(c.TryCreate(path, object))
}

// Get is TryGet that must succeed.
func (c *Client) Get(tb testing.TB, path string) map[string]any {
	tb.Helper()
	return must(tb)(c.TryGet(path))
}

// Patch is TryPatch that must succeed.
func (c *Client) Patch(tb testing.TB, path string, patch any) map[string]any {
	tb.Helper()
	return must(tb)(c.TryPatch(path, patch))
}

// Delete is TryDelete that must succeed.
func (c *Client) Delete(tb testing.TB, path string) {
	tb.Helper()
	if err := c.TryDelete(path); err != nil {
		tb.Fatal(err)
	}
}

// Table returns what kubectl get prints for a path, with -o wide if asked for: the server's own columns and rows.
func (c *Client) Table(tb testing.TB, path string, wide bool) (columns []string, rows [][]any) {
	tb.Helper()
	code, answer, err := c.do(http.MethodGet, path, nil,
		http.Header{"Accept": {"application/json;as=Table;v=v1;g=meta.k8s.io"}})
	if err != nil || code != http.StatusOK {
		tb.Fatalf("table of %s: status %d, %v: %s", path, code, err, answer)
	}
	var table struct {
		ColumnDefinitions []struct {
			Name     string
			Priority int
		}
		Rows []struct{ Cells []any }
	}
	if err := json.Unmarshal(answer, &table); err != nil {
		tb.Fatalf("table of %s: %v", path, err)
	}
	var shown []int
	for i, column := range table.ColumnDefinitions {
		if wide || column.Priority == 0 {
			shown = append(shown, i)
			columns = append(columns, strings.ToUpper(column.Name))
		}
	}
	for _, row := range table.Rows {
		var cells []any
		for _, i := range shown {
			cells = append(cells, row.Cells[i])
		}
		rows = append(rows, cells)
	}
	return columns, rows
}

func must(tb testing.TB) func(map[string]any, error) map[string]any {
	tb.Helper()
	return func(object map[string]any, err error) map[string]any {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return object
	}
}

func encode(object any) ([]byte, error) {
	switch text := object.(type) {
	case string:
		return []byte(text), nil
	case []byte:
		return text, nil
	}
	return json.Marshal(object)
}

// Field walks down an object: names of fields, and indexes of lists. It returns nil where there is nothing.
func Field(object any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := object.(map[string]any)
			object = m[step]
		case int:
			list, _ := object.([]any)
			if step >= len(list) {
				return nil
			}
			object = list[step]
		}
	}
	return object
}
