package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// attempts is how often a request is sent before a 429 or 503 is passed on.
const attempts = 4

// send carries a judged request out. A server that asks for patience gets it
// where the request may be sent again: a refusal with 429 or 503 and
// Retry-After changed nothing. A body that is a stream is gone once it is sent.
func (o *origin) send(ctx context.Context, req Request, limits reconcile.Limits) (*Response, error) {
	for attempt := 1; ; attempt++ {
		if !o.pace.wait(ctx) {
			return nil, fmt.Errorf("%w: its turn would come after the end of the call (limits { rate })", ErrLimit)
		}
		resp, err := o.once(ctx, req, limits)
		if err != nil {
			return nil, o.clean(err)
		}
		wait, again := patience(resp, attempt)
		if !again || attempt == attempts || req.Stream != nil {
			return resp, nil
		}
		// A wait that outlasts the call would help nobody: the guest is told.
		if at, ok := ctx.Deadline(); ok && time.Until(at) <= wait {
			return resp, nil
		}
		discard(resp)
		if !sleep(ctx, wait) {
			return nil, fmt.Errorf("wait as the server asked, status %d: %w", resp.Status, ctx.Err())
		}
	}
}

// discard leaves the connection to the next attempt, where that is cheap.
func discard(resp *Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxHeaderBytes)
	_ = resp.Body.Close()
}

// clean takes the secret out of errors, which quote URLs.
func (o *origin) clean(err error) error {
	var violation *ViolationError
	if errors.As(err, &violation) || errors.Is(err, ErrLimit) {
		return err
	}
	return errors.New(o.redact.text(err.Error()))
}

func (o *origin) once(ctx context.Context, req Request, limits reconcile.Limits) (*Response, error) {
	out, up, err := outgoing(ctx, &req)
	if err != nil {
		return nil, err
	}
	for name, values := range req.Header {
		for _, value := range values {
			out.Header.Add(name, value)
		}
	}
	if o.credential != nil {
		o.credential.takesFrom(out.Header)
		o.credential.addTo(out)
	}
	// The transport itself, not a client: it follows no redirect and keeps no
	// cookie.
	in, err := o.transport.RoundTrip(out)
	if err != nil {
		return nil, up.reason(err)
	}
	if req.Method == http.MethodHead {
		in.ContentLength = 0 // of the body, which there is none of
	}
	if in.ContentLength > limits.Response {
		_ = in.Body.Close()
		return nil, tooLarge(limits.Response)
	}
	return o.incoming(in, limits.Response)
}

// outgoing is the request without what the host adds; up is its body where that is
// a stream.
func outgoing(ctx context.Context, req *Request) (out *http.Request, up *upload, err error) {
	if req.Stream == nil {
		out, err = http.NewRequestWithContext(ctx, req.Method, req.URL, bytes.NewReader(req.Body))
		return out, nil, err
	}
	up = &upload{from: req.Stream, left: maxRequestBody}
	if out, err = http.NewRequestWithContext(ctx, req.Method, req.URL, up); err == nil {
		out.ContentLength = req.Size
	}
	return out, up, err
}

// smallBody is what is read at once, where the server promised no more.
const smallBody = 64 << 10

// incoming is what a guest may see of a response.
func (o *origin) incoming(in *http.Response, most int64) (*Response, error) {
	resp := &Response{Status: in.StatusCode, Header: http.Header{}, Size: in.ContentLength}
	for name, values := range in.Header {
		for _, value := range values {
			resp.Header.Add(name, o.redact.text(value))
		}
	}
	body := &download{from: in.Body, clean: o.clean, left: most, most: most}
	resp.Body = body
	switch {
	case resp.Size >= 0 && resp.Size <= smallBody:
		whole := make([]byte, resp.Size)
		_, err := io.ReadFull(body, whole)
		if err := errors.Join(err, in.Body.Close()); err != nil {
			return nil, err
		}
		clean := o.redact.text(string(whole))
		resp.Size, resp.Body = int64(len(clean)), io.NopCloser(strings.NewReader(clean))
	case !o.redact.empty():
		resp.Size = abi.SizeUnknown
		resp.Body = struct {
			io.Reader
			io.Closer
		}{o.redact.reader(body), body}
	}
	return resp, nil
}

// upload is a body on its way to a server, up to the cap. The transport may read
// it for a moment after it has given the request up.
type upload struct {
	from io.Reader
	left int64

	mu  sync.Mutex
	err error
}

// reason is why a request failed: what broke off its body, if something did.
func (u *upload) reason(err error) error {
	if u == nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return u.err
	}
	return err
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.from.Read(b)
	if u.left -= int64(n); u.left < 0 {
		err = fmt.Errorf("%w: the body is larger than %d MiB", ErrLimit, maxRequestBody>>20)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		u.mu.Lock()
		u.err = err
		u.mu.Unlock()
	}
	return n, err
}

// download is a body on its way to a guest, up to the limit.
type download struct {
	from       io.ReadCloser
	clean      func(error) error
	left, most int64
}

func (d *download) Read(b []byte) (int, error) {
	if int64(len(b)) > d.left+1 {
		b = b[:d.left+1]
	}
	n, err := d.from.Read(b)
	if d.left -= int64(n); d.left < 0 {
		return 0, tooLarge(d.most)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read the response: %w", d.clean(err))
	}
	return n, err
}

func tooLarge(most int64) error {
	return fmt.Errorf("%w: the response is larger than %d bytes (limits { response })", ErrLimit, most)
}

func (d *download) Close() error { return d.from.Close() }

// audited tells once how a body ended.
type audited struct {
	io.ReadCloser
	done func(error)
	err  error
}

func (a *audited) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}

// Close is called once, as the readers of responses do.
func (a *audited) Close() error {
	a.done(a.err)
	return a.ReadCloser.Close()
}
