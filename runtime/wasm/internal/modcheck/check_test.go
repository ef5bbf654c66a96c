package modcheck

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	w "github.com/cogplan/cogplan/runtime/wasm/internal/wasmtest"
)

var crafted = []struct {
	name string
	data []byte
	want string
}{
	{"empty", nil, "empty"},
	{"text", []byte("  (module)"), "text format"},
	{"gzip", []byte{0x1f, 0x8b, 8, 0}, "gzip"},
	{"native", []byte("\x7fELF\x02\x01\x01"), "native program"},
	{"git lfs", []byte("version https://git-lfs.github.com/spec/v1"), "git LFS"},
	{"other", []byte("hello"), "not a WebAssembly module"},
	{"header cut", []byte("\x00asm\x01"), "truncated"},
	{"component", []byte("\x00asm\x0d\x00\x01\x00"), "component"},
	{"version 2", []byte("\x00asm\x02\x00\x00\x00"), "version"},
	{"nothing inside", w.Header, `does not export "_initialize"`},
	{"4 G imports in 15 bytes", w.Cat(w.Header, []byte{2, 5}, w.Uint(1<<32-1)), "claims 4294967295 imports"},
	{"4 G types", w.Cat(w.Header, w.Section(1, w.Uint(1<<32-1))), "claims"},
	{"4 G functions", w.Cat(w.Header, w.Types, w.Section(3, w.Uint(1<<32-1))), "claims"},
	{"4 G exports", w.Cat(w.Header, w.Section(7, w.Uint(1<<32-1))), "claims"},
	{"4 G data", w.Cat(w.Header, w.Section(11, w.Uint(1<<32-1))), "claims"},
	{"4 G elements", w.Cat(w.Header, w.Section(9, w.Uint(1<<32-1))), "claims"},
	{"more imports than bytes", w.Cat(w.Header, w.Section(2, w.Uint(999))), "more than its bytes can hold"},
	{"section cut", w.Cat(w.Header, []byte{1, 100, 1}), "truncated: section 1 claims 100 bytes"},
	{"long number", w.Cat(w.Header, []byte{1}, bytes.Repeat([]byte{0xff}, 8)), "32 bits"},
	{"sections out of order", w.Cat(w.Header, w.Section(3, w.Uint(0)), w.Types), "out of order"},
	{"section twice", w.Cat(w.Header, w.Types, w.Types), "repeated"},
	{"unknown section", w.Cat(w.Header, w.Section(13, nil)), "section 13"},
	{"start function", w.Cat(w.Header, w.Types, w.Section(8, w.Uint(0))), "start function"},
	{"import of a memory", w.Cat(w.Header, w.Types, w.Section(2, w.Vec(w.Cat(w.Name("cogplan_v1"), w.Name("memory"), []byte{2, 0, 1})))), "not a function"},
	{"import from env", w.Cat(w.Header, w.Types, w.Section(2, w.Vec(w.Cat(w.Name("env"), w.Name("f"), []byte{0, 0})))), `imports "f" from "env"`},
	{"unknown import", w.Cat(w.Header, w.Types, w.Section(2, w.Vec(w.Cat(w.Name("cogplan_v1"), w.Name("root"), []byte{0, 0})))), "no such function"},
	{"import of another shape", w.Cat(w.Header, w.Types, w.Section(2, w.Vec(w.Cat(w.Name("cogplan_v1"), w.Name("take"), []byte{0, 0})))), "() , but it has (i32, i32) -> i32"},
	{"reference type", w.Cat(w.Header, w.Section(1, w.Vec([]byte{0x60, 1, 0x6f, 0}))), "reference types"},
	{"two memories", w.Cat(w.Header, w.Section(5, w.Vec([]byte{0, 1}, []byte{0, 1}))), "claims 2 memories"},
	{"shared memory", w.Cat(w.Header, w.Section(5, w.Vec([]byte{3, 1, 2}))), "shared"},
	{"64-bit memory", w.Cat(w.Header, w.Section(5, w.Vec([]byte{4, 1}))), "64-bit"},
	{"memory beyond the end", w.Cat(w.Header, w.Section(5, w.Vec(w.Cat([]byte{0}, w.Uint(70000))))), "70000 pages"},
	{"huge table", w.Cat(w.Header, w.Section(4, w.Vec(w.Cat([]byte{0x70, 0}, w.Uint(1<<31))))), "table of"},
	{"table of references", w.Cat(w.Header, w.Section(4, w.Vec([]byte{0x6f, 0, 1}))), "references"},
	{"100 M locals in 43 bytes", provider(func(p *w.Provider) {}, w.Sized(w.Vec(w.Cat(w.Uint(100_000_000), []byte{0x7f})), []byte{0x0b})), "local variables"},
	{"nested blocks", provider(nil, w.Body(bytes.Repeat([]byte{0x02, 0x40}, 100_000))), "nests blocks"},
	{"huge body", provider(nil, w.Body(bytes.Repeat([]byte{0x01}, 300<<10))), "KiB of code"},
	{"body without end", provider(nil, w.Sized([]byte{0, 0x02, 0x40, 0x0b})), "truncated"},
	{"code behind the end", provider(nil, w.Sized([]byte{0, 0x0b, 0x01})), "follows the end"},
	{"table.grow", provider(nil, w.Body([]byte{0xfc, 15, 0})), "grow"},
	{"ref.null", provider(nil, w.Body([]byte{0xd0, 0x70, 0x1a})), "reference types"},
	{"threads", provider(nil, w.Body([]byte{0xfe, 0, 2, 0})), "instruction 0xfe"},
	{"tail call", provider(nil, w.Body([]byte{0x12, 0})), "instruction 0x12"},
	{"unknown instruction", provider(nil, w.Body([]byte{0xff})), "instruction 0xff"},
	{"br_table of 4 G", provider(nil, w.Body(w.Cat([]byte{0x41, 0, 0x0e}, w.Uint(1<<32-1)))), "branch targets"},
	{"fewer bodies than functions", provider(nil, nil), "declares 4 functions and has the code of 3"},
}

// provider is a good one with one more function, whose body is given as it is.
func provider(change func(*w.Provider), body []byte) []byte {
	p := w.Provider{}
	if change != nil {
		change(&p)
	}
	bodies := [][]byte{w.Body(nil), w.Body(w.Const(1)), w.Body(w.Const(0))}
	if body != nil {
		bodies = append(bodies, body)
	}
	return w.Cat(w.Header, w.Types, w.Imports, w.Section(3, w.Vec([]byte{0}, []byte{1}, []byte{2}, []byte{0})),
		w.Section(5, w.Vec([]byte{0, 1})), w.Exports, w.Section(10, w.Vec(bodies...)))
}

func TestRefused(t *testing.T) {
	for _, tt := range crafted {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := Check(tt.data)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
			want := strings.ReplaceAll(tt.want, " ,", ",")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %q", err, want)
			}
			if !errors.Is(err, ErrUnusable) {
				t.Error("not an ErrUnusable")
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	for name, p := range map[string]w.Provider{"least": {}, "exponential": w.Exponential(60)} {
		if _, err := Check(p.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is cut off of a good module, the check says so.
func TestTruncated(t *testing.T) {
	data := w.Exponential(5).Bytes()
	for n := range len(data) {
		if _, err := Check(data[:n]); err == nil && n < len(data)-20 {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, tt := range crafted {
		if len(tt.data) < 4096 {
			f.Add(tt.data)
		}
	}
	f.Add(w.Provider{}.Bytes())
	f.Add(w.Exponential(3).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if info, err := Check(data); err == nil && (info.MaxBody > maxBody || info.MaxDepth > maxDepth || info.MemoryPages > maxPages) {
			t.Fatalf("accepted over the limits: %+v", info)
		}
	})
}
