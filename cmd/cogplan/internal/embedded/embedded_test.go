package embedded

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// built returns the names of the guests that lie in the folder, as the file
// system tells it.
func built(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("wasm/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(p), ".wasm"))
	}
	return names
}

func TestEachBuiltGuestIsHandedOutByteForByte(t *testing.T) {
	want := built(t)
	if got := Names(); !slices.Equal(got, want) {
		t.Fatalf("Names() = %q, in the folder are %q", got, want)
	}
	for _, name := range want {
		file, err := os.ReadFile(filepath.Join("wasm", name+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		wasm, ok := Provider(name)
		if !ok || !bytes.Equal(wasm, file) {
			t.Errorf("Provider(%q): found %v, %d bytes; the file has %d", name, ok, len(wasm), len(file))
		}
		if !bytes.HasPrefix(wasm, []byte("\x00asm\x01\x00\x00\x00")) {
			t.Errorf("%s is no WebAssembly module", name)
		}
	}
}

// The build puts one guest here for each folder of providers/. Where `make
// providers` has not run there is nothing to compare.
func TestEachProviderOfTheTreeIsEmbedded(t *testing.T) {
	if len(Names()) == 0 {
		t.Skip("built without providers: run make providers")
	}
	mains, err := filepath.Glob("../../../../providers/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mains {
		name := filepath.Base(filepath.Dir(m))
		if !slices.Contains(Names(), name) {
			t.Errorf("providers/%s is not embedded: run make providers", name)
		}
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../embedded", "nosuch", ".gitkeep", "file.wasm", "wasm/file", `a\b`} {
		if _, ok := Provider(name); ok {
			t.Errorf("Provider(%q) found something", name)
		}
	}
}

func TestMissingSaysWhatToDo(t *testing.T) {
	var missing *MissingError
	if err := Missing("nosuch"); !errors.As(err, &missing) || missing.Name != "nosuch" {
		t.Fatalf("Missing = %#v", err)
	}
	without := (&MissingError{Name: "file"}).Error()
	if !strings.Contains(without, "built without providers") || !strings.Contains(without, "make") {
		t.Errorf("without any provider: %s", without)
	}
	with := (&MissingError{Name: "dns", Names: []string{"file"}}).Error()
	if !strings.Contains(with, `"dns"`) || !strings.Contains(with, "there are: file") || !strings.Contains(with, "./dns.wasm") {
		t.Errorf("with providers: %s", with)
	}
}

// What compressing the guests would cost each command that runs one; see "Why
// are the providers embedded as they are" in RATIONALE.md.
func BenchmarkGuests(b *testing.B) {
	for _, name := range Names() {
		wasm, _ := Provider(name)
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(wasm); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/as it is", func(b *testing.B) {
			for b.Loop() {
				if got, ok := Provider(name); !ok || len(got) != len(wasm) {
					b.Fatal("not handed out")
				}
			}
			b.ReportMetric(float64(len(wasm)), "stored-bytes")
		})
		b.Run(name+"/gzip", func(b *testing.B) {
			for b.Loop() {
				r, err := gzip.NewReader(bytes.NewReader(packed.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(wasm)) {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(packed.Len()), "stored-bytes")
		})
	}
}
