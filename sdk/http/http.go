// Package http makes HTTP requests from a guest. The host carries them out: it
// judges each one against the grants, the phase and the effects of the action,
// adds the credentials that the guest never sees, retries where a server asks
// for patience, and keeps connections open. Requests of several goroutines are
// under way at the same time.
//
// The package follows no redirect, because another origin is another grant, and
// does not import net/http, which would make a guest six times as large; who
// needs that finds a RoundTripper in sdk/nethttp.
package http

import (
	"context"
	"io"
	"strings"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Request is what is sent. The method is written in capitals.
type Request struct {
	Method string
	URL    string
	Header Header
	// Body, where it is held whole. The host may send it more than once.
	Body []byte
	// Stream is read in place of Body while the request is sent, and closed where
	// it is an [io.Closer]. The host sends it once, so that a server that asks for
	// patience is not asked again.
	Stream io.Reader
	// Size of the stream in bytes; 0 or less where that is not known.
	Size int64
}

// Header holds the values of each name. Names are compared without case.
type Header map[string][]string

// Get is the first value of a header; empty where there is none.
func (h Header) Get(name string) string {
	for key, values := range h {
		if len(values) > 0 && strings.EqualFold(key, name) {
			return values[0]
		}
	}
	return ""
}

// Set replaces the values of a header.
func (h Header) Set(name, value string) {
	for key := range h {
		if strings.EqualFold(key, name) {
			delete(h, key)
		}
	}
	h[name] = []string{value}
}

// Values are all values of a header.
func (h Header) Values(name string) []string {
	var out []string
	for key, values := range h {
		if strings.EqualFold(key, name) {
			out = append(out, values...)
		}
	}
	return out
}

// Response is what a server answered, with its body.
type Response struct {
	Status int
	Header Header
	Body   []byte
}

// Stream is a response whose body is read piece by piece, while the server sends
// it. Close it.
type Stream struct {
	Status int
	Header Header
	// Size of the body in bytes; -1 where that is not known.
	Size int64
	Body io.ReadCloser
}

// Error is a request without a response.
type Error struct {
	Method, URL string
	// Violation says that the host does not permit the request. The run fails
	// whatever the provider does now.
	Violation bool
	// Limit says that a limit of the provider is reached.
	Limit   bool
	Message string
}

// Error is what was done and why it failed.
func (e *Error) Error() string { return e.Method + " " + e.URL + ": " + e.Message }

// Do makes a request and reads the response to its end. Any status is a
// response.
func Do(ctx context.Context, req *Request) (*Response, error) {
	s, err := Open(ctx, req)
	if err != nil {
		return nil, err
	}
	defer s.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(s.Body)
	if err != nil {
		return nil, err
	}
	return &Response{Status: s.Status, Header: s.Header, Body: body}, nil
}

// Open makes a request and leaves the body to be read.
func Open(ctx context.Context, req *Request) (*Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(req.Body) > abi.MaxHTTPBody || req.Size > abi.MaxHTTPBody {
		return nil, &Error{Method: req.Method, URL: req.URL, Limit: true, Message: "the body is too large"}
	}
	return open(ctx, req)
}
