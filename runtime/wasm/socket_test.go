package wasm

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// A worker that was broken out of cannot make the host keep more than there is
// room for, nor ask it for something that does not exist.
func TestSocketKeepsToItsWindows(t *testing.T) {
	full := make([]byte, abi.TCPWindow)
	tests := []struct {
		name string
		said []pipe.StreamMessage
		want string
	}{
		{"as much as there is room for", []pipe.StreamMessage{{Verb: pipe.StreamData, Data: full}}, ""},
		{"one byte more", []pipe.StreamMessage{{Verb: pipe.StreamData, Data: full}, {Verb: pipe.StreamData, Data: []byte{1}}}, "more bytes"},
		{"bytes after the end", []pipe.StreamMessage{{Verb: pipe.StreamShut}, {Verb: pipe.StreamData, Data: []byte{1}}}, "more bytes"},
		{"room that nobody used", []pipe.StreamMessage{{Verb: pipe.StreamRoom, Count: 1}}, "more room"},
		{"room without end", []pipe.StreamMessage{{Verb: pipe.StreamRoom, Count: 1<<32 - 1}}, "more room"},
		{"what only the host says", []pipe.StreamMessage{{Verb: pipe.StreamUp}}, "unknown"},
		{"nothing", []pipe.StreamMessage{{}}, "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &socket{}
			c.start(nil, 1, abi.TCPWindow)
			var err error
			for _, m := range tt.said {
				if err = c.want(m); err != nil {
					break
				}
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Between calls there is nothing to connect for; what comes late for a connection
// that broke is no breach.
func TestSocketOutsideOfACall(t *testing.T) {
	w := &wire{out: pipe.NewWriter(io.Discard)}
	if err := w.connectTo(pipe.StreamMessage{Handle: 1, Verb: pipe.StreamConnect, Data: []byte("db:5432")}); err == nil {
		t.Error("a connection was begun")
	}
	if err := w.want(pipe.StreamMessage{Handle: 1, Verb: pipe.StreamData}); err != nil {
		t.Error(err)
	}
}

// The same for a request: the body goes through in pieces, and no more of them than
// there is room for.
func TestExchangeKeepsToItsWindows(t *testing.T) {
	begin := func(size int64, body []byte, whole bool) error {
		w := &wire{out: pipe.NewWriter(io.Discard)}
		w.begin(t.Context(), nil, time.Minute)
		defer w.end(&guestfs.Report{})
		head, err := (&abi.HTTPStartRequest{Method: "PUT", URL: "http://a/", Size: size}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.request(pipe.HTTPMessage{Handle: 1, Whole: whole, Head: head, Body: body})
	}
	full := make([]byte, abi.HTTPWindow)
	if err := begin(int64(len(full)), full, true); err != nil {
		t.Error("the control:", err)
	}
	if err := begin(2<<20, full, false); err != nil {
		t.Error("the control:", err)
	}
	for name, err := range map[string]error{
		"a body above the window":        begin(2<<20, append(full, 1), false),
		"a whole body that is not whole": begin(5, full[:4], true),
		"a body where there is none":     begin(0, full[:4], false),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	e := &exchange{}
	e.start(nil, 1, abi.HTTPWindow)
	e.out, e.owed = full[:10], 10
	if err := e.want(pipe.StreamMessage{Verb: pipe.StreamData, Data: full[:abi.HTTPWindow-10]}); err != nil {
		t.Error("the control:", err)
	}
	if err := e.want(pipe.StreamMessage{Verb: pipe.StreamData, Data: []byte{1}}); err == nil {
		t.Error("a byte more than there is room for was taken")
	}
}
