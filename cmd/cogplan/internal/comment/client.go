package comment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTime bounds one request, with its answer.
	requestTime = 30 * time.Second
	// attempts is how often a request is made at most.
	attempts = 4
	// patience is the longest time that is waited because a server asks for it.
	patience = time.Minute
	// maxAnswer bounds an answer: a hundred long comments.
	maxAnswer = 128 << 20
	// maxRedirects bounds redirects on the same origin.
	maxRedirects = 3
)

// client speaks to one API, and sends the token to its origin alone.
type client struct {
	http   *http.Client
	base   *url.URL
	header http.Header
	now    func() time.Time
	wait   func(context.Context, time.Duration) error
}

func newClient(base *url.URL, header http.Header) *client {
	c := &client{base: base, header: header}
	c.http = &http.Client{Timeout: requestTime, CheckRedirect: c.mayFollow}
	return c
}

// mayFollow keeps the token on its origin. A redirect that makes a reading of a
// writing is not followed either: it would look as if something had been written.
func (c *client) mayFollow(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || !sameOrigin(next.URL, c.base) || next.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// address is that of a path below the API; elements are escaped whole.
func (c *client) address(query url.Values, elements ...string) *url.URL {
	u := *c.base
	u.RawPath = c.base.EscapedPath()
	for _, element := range elements {
		u.Path += "/" + element
		u.RawPath += "/" + url.PathEscape(element)
	}
	u.RawQuery = query.Encode()
	return &u
}

// call makes a request, again where the server is busy, and decodes the answer.
// A creation is made again only where the server says that it refused it, and is
// else an [unsureError].
func (c *client) call(ctx context.Context, method string, u *url.URL, in, out any) (http.Header, error) {
	for try := 1; ; try++ {
		header, err := c.once(ctx, method, u, in, out)
		failed, ok := errors.AsType[*statusError](err)
		if !ok || !failed.temporary() {
			return header, err
		}
		pause, tooLong := failed.pause(try)
		if try == attempts || tooLong {
			return nil, err
		}
		if err := c.wait(ctx, pause); err != nil {
			return nil, fmt.Errorf("%w, while waiting after: %w", err, failed)
		}
		if method == http.MethodPost && failed.status != http.StatusTooManyRequests && failed.status != http.StatusForbidden {
			return nil, &unsureError{err}
		}
	}
}

func (c *client) once(ctx context.Context, method string, u *url.URL, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header = c.header.Clone()
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err // it names the method and the address, and no header
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode/100 != 2 {
		return nil, c.failure(method, u, answer)
	}
	return answer.Header, decode(answer, out)
}

// decode reads a JSON document, and refuses what is none: a page for signing in
// must not pass for "no comments".
func decode(answer *http.Response, out any) error {
	if out == nil || answer.StatusCode == http.StatusNoContent {
		return nil
	}
	limited := &io.LimitedReader{R: answer.Body, N: maxAnswer}
	err := json.NewDecoder(limited).Decode(out)
	switch {
	case err != nil && limited.N <= 0:
		return fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	case err != nil:
		return fmt.Errorf("the answer is not what the API is documented to give (is -api right?): %w", err)
	}
	return nil
}

// statusError is an answer that is no success.
type statusError struct {
	method, path string
	status       int
	// says is what the server says about it, and location where it redirects to.
	says, location string
	// after is how long the server asks to wait; less than 0 where it does not.
	after time.Duration
}

// Error names the request and what the server says.
func (e *statusError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.method, e.path, e.status, http.StatusText(e.status))
	if e.says != "" {
		text += " (" + e.says + ")"
	}
	return text
}

// temporary tells what may be another answer a little later. GitHub answers with
// 403 where it asks to wait.
func (e *statusError) temporary() bool {
	switch e.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
		return true
	case http.StatusForbidden:
		return e.after >= 0
	default:
		return false
	}
}

// pause is how long to wait before the next try; tooLong where the server asks
// for more than anybody waits.
func (e *statusError) pause(try int) (pause time.Duration, tooLong bool) {
	if e.after >= 0 {
		return e.after, e.after > patience
	}
	return time.Second << (try - 1), false
}

// unsureError is a creation that may have been carried out all the same.
type unsureError struct{ err error }

// Error is what the server said.
func (e *unsureError) Error() string { return e.err.Error() }

// Unwrap is what the server said.
func (e *unsureError) Unwrap() error { return e.err }

func (c *client) failure(method string, u *url.URL, answer *http.Response) error {
	e := &statusError{
		method: method, path: u.EscapedPath(), status: answer.StatusCode,
		location: answer.Header.Get("Location"), after: -1,
	}
	var said struct {
		Message any
		Error   any
	}
	if data, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10)); err == nil && json.Unmarshal(data, &said) == nil {
		e.says = words(said.Message)
		if e.says == "" {
			e.says = words(said.Error)
		}
	}
	if text := answer.Header.Get("Retry-After"); text != "" {
		e.after = c.retryAfter(text)
	}
	return e
}

// words is a text that a server gives, of bounded length.
func words(said any) string {
	text := ""
	switch said := said.(type) {
	case nil:
	case string:
		text = said
	default:
		text = fmt.Sprint(said)
	}
	const enough = 300
	if runes := []rune(text); len(runes) > enough {
		text = string(runes[:enough]) + "..."
	}
	return text
}

// retryAfter reads seconds or a time; less than 0 for neither.
func (c *client) retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(min(seconds, 1<<20), 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return -1
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
