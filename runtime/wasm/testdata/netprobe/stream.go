//go:build wasip1

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/http"
)

// halves reads a body whose server sends the second half only when it is asked to.
func halves(ctx context.Context, url string) {
	s, err := http.Open(ctx, &http.Request{Method: "GET", URL: url})
	if err != nil {
		sdk.Log(abi.LogInfo, "halves: "+err.Error())
		return
	}
	first := make([]byte, 1<<20)
	n, err := io.ReadFull(s.Body, first)
	if err == nil {
		request(ctx, "GET", url+"/go", nil)
	}
	rest, err := io.Copy(io.Discard, s.Body)
	sdk.Log(abi.LogInfo, fmt.Sprintf("halves: %d and %d bytes: %v", n, rest, err))
}

// source gives so many bytes, and asks the server for something in between.
type source struct {
	left, asks int
	ask        func()
	fail       bool
}

func (s *source) Read(b []byte) (int, error) {
	if s.left == 0 && s.fail {
		return 0, errors.New("the source is dry")
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.left <= s.asks {
		s.asks = 0
		s.ask()
	}
	n := min(len(b), s.left)
	for i := range b[:n] {
		b[i] = byte('a' + i%26)
	}
	s.left -= n
	return n, nil
}

// upload sends a body of so many MiB: "4 8 URL" says 8 and gives 4.
func upload(ctx context.Context, arg string) {
	var give, say int
	var url string
	if _, err := fmt.Sscan(arg, &give, &say, &url); err != nil {
		panic(err)
	}
	from := &source{left: give << 20, asks: give << 19, fail: give < say, ask: func() { request(ctx, "GET", url+"/half", nil) }}
	resp, err := http.Do(ctx, &http.Request{Method: "POST", URL: url, Stream: from, Size: int64(say) << 20})
	if err != nil {
		sdk.Log(abi.LogInfo, fmt.Sprintf("upload: %v; %d bytes were not read", err, from.left))
		return
	}
	sdk.Log(abi.LogInfo, fmt.Sprintf("upload: %d %s; %d bytes were not read", resp.Status, resp.Body, from.left))
}
