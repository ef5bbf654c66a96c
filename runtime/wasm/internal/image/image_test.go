package image

import (
	"bytes"
	"testing"

	w "github.com/cogplan/cogplan/runtime/wasm/internal/wasmtest"
)

// piece is an active segment at a constant.
func piece(offset int64, data string) []byte {
	return w.Cat([]byte{0}, w.Const(offset), []byte{0x0b}, w.Sized([]byte(data)))
}

func module(sections ...[]byte) []byte { return w.Cat(append([][]byte{w.Header}, sections...)...) }

var (
	memory = w.Section(5, w.Vec(w.Cat([]byte{0}, w.Uint(1))))
	custom = w.Section(0, w.Name("kept"))
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		data   []byte
		offset uint32
		want   string
	}{
		{"one", w.Vec(piece(5, "abc")), 5, "abc"},
		{"gap", w.Vec(piece(8, "b"), piece(5, "a")), 5, "a\x00\x00b"},
		{"the later covers the earlier", w.Vec(piece(5, "aaaa"), piece(6, "bb")), 5, "abba"},
		{"an offset of several bytes", w.Vec(piece(65535, "z")), 65535, "z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bare, data, ok := Split(module(memory, w.Section(11, tt.data), custom))
			if !ok || data.Offset != tt.offset || string(data.Bytes) != tt.want {
				t.Fatalf("got %v %d %q, want %d %q", ok, data.Offset, data.Bytes, tt.offset, tt.want)
			}
			if want := module(memory, custom); !bytes.Equal(bare, want) {
				t.Errorf("what is left is %x, want %x", bare, want)
			}
		})
	}
}

// TestLeft holds that what is not plain stays in the module, for the runtime to
// carry out or to refuse.
func TestLeft(t *testing.T) {
	for name, m := range map[string][]byte{
		"no data":              module(memory),
		"no segments":          module(memory, w.Section(11, w.Vec())),
		"no memory":            module(w.Section(11, w.Vec(piece(0, "a")))),
		"passive":              module(memory, w.Section(11, w.Vec(w.Cat([]byte{1}, w.Sized([]byte("a")))))),
		"another memory":       module(memory, w.Section(11, w.Vec(w.Cat([]byte{2, 1}, w.Const(0), []byte{0x0b}, w.Sized([]byte("a")))))),
		"at a global":          module(memory, w.Section(11, w.Vec(w.Cat([]byte{0, 0x23, 0, 0x0b}, w.Sized([]byte("a")))))),
		"beyond the memory":    module(memory, w.Section(11, w.Vec(piece(65535, "ab")))),
		"before the memory":    module(memory, w.Section(11, w.Vec(piece(-1, "ab")))),
		"counted for the code": module(memory, w.Section(12, w.Uint(1)), w.Section(11, w.Vec(piece(0, "a")))),
		"claims more":          module(memory, w.Section(11, w.Cat(w.Uint(2), piece(0, "a")))),
		"bytes behind":         module(memory, w.Section(11, w.Cat(w.Vec(piece(0, "a")), []byte{0}))),
		"cut":                  module(memory, w.Section(11, w.Vec(piece(0, "abc"))))[:20],
	} {
		t.Run(name, func(t *testing.T) {
			if _, data, ok := Split(m); ok {
				t.Errorf("it was split: %d %q", data.Offset, data.Bytes)
			}
		})
	}
}

// FuzzSplit holds that no module breaks it, and that nothing of a module is lost
// but its data.
func FuzzSplit(f *testing.F) {
	f.Add(module(memory, w.Section(11, w.Vec(piece(5, "abc"), piece(8, "b"))), custom))
	f.Add(module(memory, w.Section(12, w.Uint(1)), w.Section(11, w.Vec(piece(0, "a")))))
	f.Add(w.Provider{Data: []byte("data")}.Bytes())
	f.Fuzz(func(t *testing.T, m []byte) {
		bare, data, ok := Split(m)
		if !ok {
			return
		}
		if len(bare) >= len(m) || len(data.Bytes) == 0 || !bytes.HasPrefix(m, bare[:min(len(bare), headerSize)]) {
			t.Errorf("%d bytes became %d, with %d of data", len(m), len(bare), len(data.Bytes))
		}
	})
}
