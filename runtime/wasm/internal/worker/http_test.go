package worker

import (
	"bytes"
	"testing"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

func (inst *instance) started(t *testing.T, size int64) []byte {
	t.Helper()
	request, err := (&abi.HTTPStartRequest{Method: "PUT", URL: "https://a/b", Size: size}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := inst.hostCall(abi.HostHTTPStart, request); n <= 0 {
		t.Fatalf("start: %d", n)
	}
	answer, err := abi.DecodeHTTPStartAnswer(inst.pending, abi.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return abi.AppendHandle(nil, answer.Handle)
}

type httpStep struct {
	name string
	op   abi.HostOp
	data []byte
	want int64
}

func (inst *instance) walk(t *testing.T, steps []httpStep) {
	t.Helper()
	for _, step := range steps {
		if got := inst.hostCall(step.op, step.data); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
}

// What a guest does with the body of a request, and what of it is refused.
func TestHTTPBodies(t *testing.T) {
	inst := newNetworked()
	small, large, open := inst.started(t, 5), inst.started(t, 3*abi.HTTPWindow), inst.started(t, abi.SizeUnknown)
	with := func(handle []byte, n int) []byte { return append(handle[:4:4], make([]byte, n)...) }
	read := abi.AppendHandle(small[:4:4], 1<<10)
	bad := int64(abi.HostBadRequest)
	inst.walk(t, []httpStep{
		{"more than was said", abi.HostHTTPWrite, with(small, 6), int64(abi.HostTooLarge)},
		{"a part", abi.HostHTTPWrite, with(small, 2), 2},
		{"nothing", abi.HostHTTPWrite, with(small, 0), 0},
		{"the rest", abi.HostHTTPWrite, with(small, 3), 3},
		{"more of what is whole", abi.HostHTTPWrite, with(small, 1), bad},
		{"no answer to read", abi.HostHTTPRead, read, bad},
		{"no head", abi.HostHTTPHead, small, bad},
		{"a window full", abi.HostHTTPWrite, with(large, abi.HTTPWindow), abi.HTTPWindow},
		{"no room", abi.HostHTTPWrite, with(large, 1), 0},
		{"of unknown size", abi.HostHTTPWrite, with(open, 7), 7},
		{"its end", abi.HostHTTPWrite, with(open, 0), 0},
		{"more after its end", abi.HostHTTPWrite, with(open, 1), bad},
		{"no handle", abi.HostHTTPWrite, nil, bad},
		{"another handle", abi.HostHTTPWrite, []byte("\xff\xff\xff\x7fhello"), bad},
	})
	id, _, _ := abi.CutHandle(large)
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamRoom, Count: 10})
	inst.walk(t, []httpStep{{"as much as there is room for", abi.HostHTTPWrite, with(large, 20), 10}})
	inst.http.deliver(pipe.HTTPMessage{Handle: id, Whole: true, Head: []byte{0x80}})
	inst.walk(t, []httpStep{{"what nobody wants any more", abi.HostHTTPWrite, with(large, 20), 20}})
}

// What has arrived before a response breaks off can be read; then its head says
// why.
func TestHTTPBreaks(t *testing.T) {
	inst := newNetworked()
	handle := inst.started(t, 0)
	id, _, _ := abi.CutHandle(handle)
	read := abi.AppendHandle(handle[:4:4], 4)
	inst.http.deliver(pipe.HTTPMessage{Handle: id, Head: []byte("head"), Body: []byte("last ")})
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamData, Data: []byte("words")})
	var got []byte
	n := inst.hostCall(abi.HostHTTPRead, read)
	for ; n > 0; n = inst.hostCall(abi.HostHTTPRead, read) {
		got = append(got, inst.pending...)
	}
	if string(got) != "last words" || n != int64(abi.HostNotYet) {
		t.Errorf("read %q, %d", got, n)
	}
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamData, Data: []byte("!")})
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamFail, Data: []byte("why")})
	if n := inst.hostCall(abi.HostHTTPHead, handle); n != 4 || string(inst.pending) != "head" {
		t.Errorf("head %d %q", n, inst.pending)
	}
	inst.walk(t, []httpStep{
		{"the last byte", abi.HostHTTPRead, read, 1},
		{"broken", abi.HostHTTPRead, read, int64(abi.HostBroken)},
		{"why", abi.HostHTTPHead, handle, 3},
		{"close", abi.HostHTTPClose, handle, 0},
		{"after that", abi.HostHTTPRead, read, int64(abi.HostBadRequest)},
	})
}

// Whatever a guest asks and a parent says, in any order, nothing breaks, and no
// more is given than there is room for.
func FuzzHTTPCalls(f *testing.F) {
	f.Add([]byte("\x01\x01\x05hello\x04\x01\x04aaaa"))
	f.Add([]byte("\x50\x01\x03abc\x04\x01\x04\xff\xff\x00\x00\x05\x01\x00"))
	f.Fuzz(func(t *testing.T, program []byte) {
		inst := newNetworked()
		inst.started(t, 9)
		inst.started(t, abi.SizeUnknown)
		inst.started(t, 0)
		for len(program) >= 3 {
			op, handle, size := program[0], uint32(program[1]), min(int(program[2]), len(program)-3)
			data := bytes.Clone(program[3 : 3+size])
			program = program[3+size:]
			switch {
			case op >= 0xf0:
				inst.http.deliver(pipe.HTTPMessage{Handle: handle, Whole: op&1 == 1, Head: data, Body: data})
				continue
			case op >= 0x40:
				inst.http.hear(pipe.StreamMessage{Handle: handle, Verb: pipe.StreamVerb(op - 0x40), Count: uint32(size), Data: data})
				continue
			}
			call := []abi.HostOp{abi.HostHTTPWrite, abi.HostHTTPHead, abi.HostHTTPRead, abi.HostHTTPClose}[op%4]
			n := inst.hostCall(call, append(abi.AppendHandle(nil, handle), data...))
			if call == abi.HostHTTPWrite && n > int64(size) {
				t.Errorf("%d bytes of %d were taken", n, size)
			}
		}
	})
}
