package wasm

import (
	"io"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// A worker that was broken out of cannot make the host keep more than there is
// room for, nor ask it for something that does not exist.
func TestSocketKeepsToItsWindows(t *testing.T) {
	full := make([]byte, abi.TCPWindow)
	tests := []struct {
		name string
		said []pipe.TCPMessage
		want string
	}{
		{"as much as there is room for", []pipe.TCPMessage{{Verb: pipe.TCPData, Data: full}}, ""},
		{"one byte more", []pipe.TCPMessage{{Verb: pipe.TCPData, Data: full}, {Verb: pipe.TCPData, Data: []byte{1}}}, "more bytes"},
		{"bytes after the end", []pipe.TCPMessage{{Verb: pipe.TCPShut}, {Verb: pipe.TCPData, Data: []byte{1}}}, "more bytes"},
		{"room that nobody used", []pipe.TCPMessage{{Verb: pipe.TCPRoom, Count: 1}}, "more room"},
		{"room without end", []pipe.TCPMessage{{Verb: pipe.TCPRoom, Count: 1<<32 - 1}}, "more room"},
		{"what only the host says", []pipe.TCPMessage{{Verb: pipe.TCPUp}}, "unknown"},
		{"nothing", []pipe.TCPMessage{{}}, "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &socket{credit: abi.TCPWindow, toWrite: make(chan struct{}, 1), toRead: make(chan struct{}, 1)}
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
	if err := w.tcp(pipe.TCPMessage{Handle: 1, Verb: pipe.TCPConnect, Data: []byte("db:5432")}); err == nil {
		t.Error("a connection was begun")
	}
	if err := w.tcp(pipe.TCPMessage{Handle: 1, Verb: pipe.TCPData}); err != nil {
		t.Error(err)
	}
}
