package worker

import (
	"bytes"
	"io"
	"testing"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

func newNetworked() *instance {
	return &instance{http: newMailbox(pipe.NewWriter(io.Discard), 1)}
}

func (inst *instance) connected(t *testing.T) []byte {
	t.Helper()
	request, err := (&abi.TCPConnectRequest{Address: "db:5432"}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := inst.hostCall(abi.HostTCPConnect, request); n <= 0 {
		t.Fatalf("connect: %d", n)
	}
	answer, err := abi.DecodeTCPConnectAnswer(inst.pending, abi.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	inst.http.hear(pipe.StreamMessage{Handle: answer.Handle, Verb: pipe.StreamUp})
	return abi.AppendHandle(nil, answer.Handle)
}

// What a guest does with a connection, and what of it is refused.
func TestTCPCalls(t *testing.T) {
	inst := newNetworked()
	handle := inst.connected(t)
	read := abi.AppendHandle(handle[:4:4], 1<<10)
	with := func(data string) []byte { return append(handle[:4:4], data...) }
	steps := []struct {
		name string
		op   abi.HostOp
		data []byte
		want int64
	}{
		{"nothing has arrived", abi.HostTCPRead, read, int64(abi.HostNotYet)},
		{"no room to read into", abi.HostTCPRead, abi.AppendHandle(handle[:4:4], 0), int64(abi.HostBadRequest)},
		{"half a number", abi.HostTCPRead, with("ab"), int64(abi.HostBadRequest)},
		{"write", abi.HostTCPWrite, with("hello"), 5},
		{"more than there is room for", abi.HostTCPWrite, with(string(make([]byte, 2*abi.TCPWindow))), abi.TCPWindow - 5},
		{"no room", abi.HostTCPWrite, with("x"), 0},
		{"another handle", abi.HostTCPWrite, []byte("\xff\xff\xff\x7fhello"), int64(abi.HostBadRequest)},
		{"no handle", abi.HostTCPState, nil, int64(abi.HostBadRequest)},
		{"bytes behind a handle", abi.HostTCPClose, with("x"), int64(abi.HostBadRequest)},
		{"shut", abi.HostTCPShut, handle, 0},
		{"write after that", abi.HostTCPWrite, with("x"), int64(abi.HostBadRequest)},
		{"close", abi.HostTCPClose, handle, 0},
		{"read after that", abi.HostTCPRead, read, int64(abi.HostBadRequest)},
		{"shut after that", abi.HostTCPShut, handle, int64(abi.HostBadRequest)},
		{"no address", abi.HostTCPConnect, []byte{0x80}, int64(abi.HostBadRequest)},
		{"an unknown call", abi.HostTCPClose + 1, handle, int64(abi.HostUnknownOp)},
	}
	for _, step := range steps {
		if got := inst.hostCall(step.op, step.data); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
}

// What has arrived before a connection breaks can be read; then its state says
// why it broke.
func TestTCPBreaks(t *testing.T) {
	inst := newNetworked()
	handle := inst.connected(t)
	id, _, _ := abi.CutHandle(handle)
	why, err := (&abi.TCPState{State: abi.TCPDown, Fault: abi.HTTPFailed, Message: "reset"}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamData, Data: []byte("last words")})
	inst.http.hear(pipe.StreamMessage{Handle: id, Verb: pipe.StreamFail, Data: why})
	read := abi.AppendHandle(handle[:4:4], 4)
	var got []byte
	for n := inst.hostCall(abi.HostTCPRead, read); n != 0; n = inst.hostCall(abi.HostTCPRead, read) {
		if n < 0 {
			t.Fatal(abi.HostError(n))
		}
		got = append(got, inst.pending...)
	}
	if string(got) != "last words" {
		t.Errorf("read %q", got)
	}
	if n := inst.hostCall(abi.HostTCPState, handle); n <= 0 {
		t.Fatal(n)
	}
	if state, err := abi.DecodeTCPState(inst.pending, abi.DefaultLimits()); err != nil || state.Message != "reset" {
		t.Errorf("%+v, %v", state, err)
	}
}

// Whatever a guest asks and a parent says, in any order, nothing breaks, and no
// more is given than there is room for.
func FuzzTCPCalls(f *testing.F) {
	f.Add([]byte("\x0d\x01\x05hello\x0e\x01\x04aaaa"))
	f.Add([]byte("\x40\x01\x03abc\x0e\x01\x04\xff\xff\x00\x00\x0f\x01\x00\x10\x01\x00"))
	f.Fuzz(func(t *testing.T, program []byte) {
		inst := newNetworked()
		inst.connected(t)
		for len(program) >= 3 {
			op, handle, size := program[0], uint32(program[1]), min(int(program[2]), len(program)-3)
			data := bytes.Clone(program[3 : 3+size])
			program = program[3+size:]
			if op >= 0x40 {
				inst.http.hear(pipe.StreamMessage{Handle: handle, Verb: pipe.StreamVerb(op - 0x40), Count: uint32(size), Data: data})
				continue
			}
			n := inst.hostCall(abi.HostTCPConnect+abi.HostOp(op%6), append(abi.AppendHandle(nil, handle), data...))
			if abi.HostTCPConnect+abi.HostOp(op%6) == abi.HostTCPWrite && n > int64(size) {
				t.Errorf("%d bytes of %d were taken", n, size)
			}
		}
	})
}
