// Package nethttp is a net/http RoundTripper over the host, for providers that
// bring a Go client library. It makes a guest some 7.5 MB larger than sdk/http
// does.
//
// It refuses nothing itself: the host judges every request. Following redirects
// is the [http.Client]'s business, and each hop is judged anew.
package nethttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	guest "github.com/cogplan/cogplan/sdk/http"
)

// Transport carries requests to the host. Its zero value is ready.
type Transport struct{}

var _ http.RoundTripper = Transport{}

// Client is a client that uses the host.
func Client() *http.Client { return &http.Client{Transport: Transport{}} }

// refused are headers that Go's client adds and that are the host's to set.
func refused(name string) bool {
	switch name {
	case "Accept-Encoding", "Connection", "Host", "Content-Length", "Transfer-Encoding":
		return true
	}
	return false
}

// RoundTrip sends the request through the host.
func (Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	out := &guest.Request{Method: req.Method, URL: req.URL.String(), Header: guest.Header{}}
	if out.Method == "" {
		out.Method = http.MethodGet
	}
	for name, values := range req.Header {
		if !refused(http.CanonicalHeaderKey(name)) {
			out.Header[name] = values
		}
	}
	if err := takeBody(req, out); err != nil {
		return nil, err
	}
	in, err := guest.Open(req.Context(), out)
	if err != nil {
		return nil, err
	}
	return response(req, in), nil
}

// takeBody holds a body that is small, which may then be sent more than once, and
// streams any other.
func takeBody(req *http.Request, out *guest.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	rest := req.Body
	if req.ContentLength <= abi.HTTPWindow {
		begin, err := io.ReadAll(io.LimitReader(req.Body, abi.HTTPWindow+1))
		if err != nil || len(begin) <= abi.HTTPWindow {
			out.Body = begin
			return errors.Join(err, req.Body.Close())
		}
		rest = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(begin), req.Body), req.Body}
	}
	out.Stream, out.Size = rest, req.ContentLength
	return nil
}

func response(req *http.Request, in *guest.Stream) *http.Response {
	resp := &http.Response{
		Status:     strconv.Itoa(in.Status) + " " + http.StatusText(in.Status),
		StatusCode: in.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: in.Body, ContentLength: in.Size, Request: req,
	}
	for name, values := range in.Header {
		for _, value := range values {
			resp.Header.Add(name, value)
		}
	}
	return resp
}
