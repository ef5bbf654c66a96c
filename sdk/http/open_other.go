//go:build !wasip1

package http

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// open talks to the server itself: outside of a sandbox, where providers are
// tested natively, nobody judges and nobody adds credentials.
func open(ctx context.Context, req *Request) (*Stream, error) {
	fail := func(err error) (*Stream, error) {
		return nil, &Error{Method: req.Method, URL: req.URL, Message: err.Error()}
	}
	var body io.Reader = bytes.NewReader(req.Body)
	if req.Stream != nil {
		body = req.Stream
	}
	out, err := http.NewRequestWithContext(ctx, req.Method, req.URL, body)
	if err != nil {
		return fail(err)
	}
	if req.Stream != nil {
		out.ContentLength = max(req.Size, 0) // 0 with a body is not known
	}
	for name, values := range req.Header {
		for _, value := range values {
			out.Header.Add(name, value)
		}
	}
	in, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return fail(err)
	}
	return &Stream{Status: in.StatusCode, Header: Header(in.Header), Size: in.ContentLength, Body: in.Body}, nil
}
