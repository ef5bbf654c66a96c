// Package modcheck looks through a WebAssembly module before anything compiles
// it. Decoders and compilers trust the counts that a module claims: fifteen
// bytes that claim four billion imports end a process, a small module of nested
// blocks compiles for minutes. The package reads every section and every
// instruction once, allocates nothing from a claimed count, and refuses what
// the sandbox does not offer: other imports, threads, reference types, tables
// that grow, start functions, components.
//
// It refuses to be a validator: types of operands are the compiler's business.
package modcheck

import (
	"bytes"
	"errors"
	"fmt"
)

// Info is what the check learned about a module.
type Info struct {
	// MemoryPages is the size of the memory at the start, in pages of 64 KiB.
	MemoryPages uint32
	// Functions is the number of functions that the module defines.
	Functions int
	// MaxBody, MaxDepth and MaxLocals are the largest function body in bytes,
	// the deepest nesting of blocks and the most locals in one function.
	MaxBody, MaxDepth, MaxLocals int
	// Imports are the functions that the module asks for, "module.name", and
	// Exports the names of what it shows; both in the order of the module.
	Imports, Exports []string
}

// ErrUnusable is in the chain of every refusal.
var ErrUnusable = errors.New("unusable provider module")

type refusal struct{ text string }

func (r refusal) Error() string { return r.text }
func (refusal) Unwrap() error   { return ErrUnusable }

func refuse(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

// Check refuses a module that must not be compiled, and says why in one
// sentence.
func Check(data []byte) (Info, error) {
	if err := checkHeader(data); err != nil {
		return Info{}, err
	}
	m := module{r: reader{data: data, off: 8}}
	if err := m.sections(); err != nil {
		return Info{}, err
	}
	if err := m.contract(); err != nil {
		return Info{}, err
	}
	return m.info, nil
}

func checkHeader(data []byte) error {
	switch {
	case len(data) == 0:
		return refuse("the file is empty")
	case !bytes.HasPrefix(data, []byte("\x00asm")):
		return refuse("this is not a WebAssembly module%s", looksLike(data))
	case len(data) < 8:
		return refuse("the module is truncated: it ends after %d bytes", len(data))
	case bytes.Equal(data[4:8], []byte{0x0d, 0, 1, 0}):
		return refuse("this is a WebAssembly component; cogplan runs core modules: " +
			"build the provider for wasip1 (Go: GOOS=wasip1 GOARCH=wasm -buildmode=c-shared; Rust: wasm32-wasip1)")
	case !bytes.Equal(data[4:8], []byte{1, 0, 0, 0}):
		return refuse("WebAssembly binary version %x is unknown; cogplan runs version 1", data[4:8])
	}
	return nil
}

// looksLike names what people hand over by mistake.
func looksLike(data []byte) string {
	trimmed := bytes.TrimLeft(data[:min(len(data), 512)], " \t\r\n")
	switch {
	case bytes.HasPrefix(trimmed, []byte("(module")), bytes.HasPrefix(trimmed, []byte("(component")):
		return ": it is in the text format; convert it with wat2wasm"
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return ": it is compressed with gzip"
	case bytes.HasPrefix(data, []byte("\x7fELF")), bytes.HasPrefix(data, []byte("MZ")),
		bytes.HasPrefix(data, []byte{0xcf, 0xfa, 0xed, 0xfe}):
		return ": it is a native program; build it with GOOS=wasip1 GOARCH=wasm"
	case bytes.HasPrefix(data, []byte("!<arch>")):
		return ": it is an archive"
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		return ": it is a pointer of git LFS; fetch the file itself"
	default:
		return ""
	}
}
