// Package wasmtest puts small WebAssembly modules together, byte by byte: those
// that no compiler would write, for tests of what has to refuse or survive them.
package wasmtest

import "encoding/binary"

// Header begins every module.
var Header = []byte("\x00asm\x01\x00\x00\x00") //nolint:gochecknoglobals // a constant

// Uint is a number in LEB128.
func Uint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// Int is a signed number in LEB128.
func Int(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Cat joins pieces.
func Cat(pieces ...[]byte) []byte {
	var b []byte
	for _, p := range pieces {
		b = append(b, p...)
	}
	return b
}

// Sized puts the length in front.
func Sized(pieces ...[]byte) []byte {
	body := Cat(pieces...)
	return append(Uint(uint64(len(body))), body...)
}

// Section is a section of a module.
func Section(id byte, pieces ...[]byte) []byte { return append([]byte{id}, Sized(pieces...)...) }

// Vec puts the number of pieces in front.
func Vec(pieces ...[]byte) []byte { return append(Uint(uint64(len(pieces))), Cat(pieces...)...) }

// Name is a string.
func Name(s string) []byte { return Sized([]byte(s)) }

// Body is a function body without local variables.
func Body(code []byte) []byte { return Sized([]byte{0}, code, []byte{0x0b}) }

// The indices of the imported functions in a [Provider].
const (
	Take     = 0
	Reply    = 1
	HostCall = 2
	Log      = 3
	WriteFD  = 4
	firstOwn = 5
)

// A Provider is a module with the exports of a provider. The zero value is
// one that answers nothing.
type Provider struct {
	// Initialize, Version and Call are code; empty ones do the least.
	Initialize, Version, Call []byte
	// Extra functions have no parameters and no results; the first is number
	// [Extra].
	Extra [][]byte
	// Pages of memory at the start.
	Pages uint64
	// Data lies at address 0.
	Data []byte
	// Sections are put behind the others.
	Sections []byte
}

// Extra is the index of the first extra function.
const Extra = firstOwn + 3

// Const pushes a number.
func Const(v int64) []byte { return append([]byte{0x41}, Int(v)...) }

// Do calls a function.
func Do(index uint64) []byte { return append([]byte{0x10}, Uint(index)...) }

// Drop drops a value.
var Drop = []byte{0x1a} //nolint:gochecknoglobals // a constant

// Answer is code that replies with the data at address 0 and returns a status.
func Answer(size int, status int64) []byte {
	return Cat(Const(0), Const(int64(size)), Do(Reply), Drop, Const(status))
}

// Types of functions: no parameters; -> i32; (i32, i32) -> i32;
// (i32, i32, i32) -> i64; (i32, i32, i32); (i32, i32, i32, i32) -> i32.
var Types = Section(1, Vec( //nolint:gochecknoglobals // a constant
	[]byte{0x60, 0, 0},
	[]byte{0x60, 0, 1, 0x7f},
	[]byte{0x60, 2, 0x7f, 0x7f, 1, 0x7f},
	[]byte{0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7e},
	[]byte{0x60, 3, 0x7f, 0x7f, 0x7f, 0},
	[]byte{0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f},
))

// Imports of a provider.
var Imports = Section(2, Vec( //nolint:gochecknoglobals // a constant
	Cat(Name("cogplan_v1"), Name("take"), []byte{0, 2}),
	Cat(Name("cogplan_v1"), Name("reply"), []byte{0, 2}),
	Cat(Name("cogplan_v1"), Name("host_call"), []byte{0, 3}),
	Cat(Name("cogplan_v1"), Name("log"), []byte{0, 4}),
	Cat(Name("wasi_snapshot_preview1"), Name("fd_write"), []byte{0, 5}),
))

// Exports of a provider.
var Exports = Section(7, Vec( //nolint:gochecknoglobals // a constant
	Cat(Name("memory"), []byte{2, 0}),
	Cat(Name("_initialize"), []byte{0, firstOwn}),
	Cat(Name("cogplan_abi_v1"), []byte{0, firstOwn + 1}),
	Cat(Name("cogplan_call"), []byte{0, firstOwn + 2}),
))

// Bytes is the module.
func (p Provider) Bytes() []byte {
	version, call := p.Version, p.Call
	if version == nil {
		version = Const(1)
	}
	if call == nil {
		call = Const(0)
	}
	types := [][]byte{{0}, {1}, {2}}
	bodies := [][]byte{Body(p.Initialize), Body(version), Body(call)}
	for _, code := range p.Extra {
		types, bodies = append(types, []byte{0}), append(bodies, Body(code))
	}
	data := Section(11, Vec(Cat([]byte{0}, Const(0), []byte{0x0b}, Sized(p.Data))))
	return Cat(Header, Types, Imports, Section(3, Vec(types...)),
		Section(5, Vec(Cat([]byte{0}, Uint(max(p.Pages, 1))))),
		Exports, Section(10, Vec(bodies...)), data, p.Sections)
}

// Exponential is code without a loop that does not end: each of the functions
// calls the next one twice.
func Exponential(depth int) Provider {
	p := Provider{Call: Cat(Do(Extra), Const(0))}
	for i := range depth {
		var code []byte
		if i+1 < depth {
			next := Do(uint64(Extra + i + 1))
			code = Cat(next, next)
		}
		p.Extra = append(p.Extra, code)
	}
	return p
}
