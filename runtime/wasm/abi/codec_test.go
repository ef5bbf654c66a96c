package abi

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

// values are what a message can hold, one of each kind and each edge.
func values() []any {
	many := make([]any, 70000)
	for i := range many {
		many[i] = int64(i)
	}
	wide := map[string]any{}
	for i := range 300 {
		wide[strings.Repeat("k", i+1)] = int64(i)
	}
	return []any{
		nil, true, false,
		int64(0), int64(1), int64(127), int64(128), int64(255), int64(256), int64(65535), int64(65536),
		int64(math.MaxUint32), int64(math.MaxUint32 + 1), int64(math.MaxInt64),
		int64(-1), int64(-32), int64(-33), int64(-128), int64(-129), int64(-32768), int64(-32769),
		int64(math.MinInt32), int64(math.MinInt32 - 1), int64(math.MinInt64),
		0.0, 1.5, -1e300, math.SmallestNonzeroFloat64,
		"", "a", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("ü", 200), strings.Repeat("x", 70000),
		[]any{},
		[]any{nil, "a", []any{int64(1)}},
		many,
		map[string]any{},
		map[string]any{"a": map[string]any{"b": []any{true}}},
		wide,
	}
}

func decodeValue(data []byte) (any, error) {
	d := NewDecoder(data, DefaultLimits())
	v := d.Value()
	return v, d.Finish()
}

func TestValueRoundTrip(t *testing.T) {
	for _, want := range values() {
		data, err := AppendValue(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeValue(data)
		if err != nil {
			t.Fatalf("%.40v: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.200s", diff)
		}
	}
}

// The library that most Go programs use must read what we write, and we what
// it writes.
func TestValueAgainstOracle(t *testing.T) {
	for _, want := range values() {
		data, err := AppendValue(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var theirs any
		dec := msgpack.NewDecoder(bytes.NewReader(data))
		dec.UseLooseInterfaceDecoding(true)
		if err := dec.Decode(&theirs); err != nil {
			t.Fatalf("oracle on %.40v: %v", want, err)
		}
		if diff := cmp.Diff(want, signed(theirs)); diff != "" {
			t.Errorf("oracle reads %.200s", diff)
		}
		foreign, err := msgpack.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeValue(foreign)
		if err != nil {
			t.Fatalf("%.40v written by the oracle: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("written by the oracle: %.200s", diff)
		}
	}
}

// signed makes the oracle's unsigned integers comparable.
func signed(v any) any {
	switch v := v.(type) {
	case uint64:
		return int64(v)
	case []any:
		for i := range v {
			v[i] = signed(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = signed(v[k])
		}
	}
	return v
}

func TestValueConveniences(t *testing.T) {
	data, err := AppendValue(nil, map[string]any{
		"i": 7, "i32": int32(-7), "u32": uint32(7), "l": []string{"a"}, "m": map[string]string{"k": "v"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeValue(data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"i": int64(7), "i32": int64(-7), "u32": int64(7), "l": []any{"a"}, "m": map[string]any{"k": "v"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	m := map[string]any{}
	for _, k := range "qwertyuiopasdfghjklzxcvbnm" {
		m[string(k)] = string(k)
	}
	first, _ := AppendValue(nil, m)
	for range 20 {
		if again, _ := AppendValue(nil, m); !bytes.Equal(first, again) {
			t.Fatal("equal values, different bytes")
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	deep := any("x")
	for range MaxValueDepth + 1 {
		deep = []any{deep}
	}
	for want, v := range map[string]any{
		"not finite":     math.NaN(),
		"a: not finite":  nil,
		"type":           struct{}{},
		"UTF-8":          "\xff",
		"nested":         deep,
		"l: [1]: ":       map[string]any{"l": []any{"ok", math.Inf(1)}},
		"m: k: ":         map[string]any{"m": map[string]string{"k": "\xff"}},
		`is not UTF-8`:   map[string]any{"\xfe": true},
		"a value of a t": []byte("no bytes in values"),
	} {
		if v == nil {
			continue
		}
		if _, err := AppendValue(nil, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", v, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", "", "ends inside"},
		{"trailing bytes", "\xc0\xc0", "1 bytes after"},
		{"duplicate key", "\x82\xa1a\x01\xa1a\x02", `the key "a" twice`},
		{"key that is no string", "\x81\x01\x01", "want a string, have an integer"},
		{"invalid UTF-8", "\xa1\xff", "not UTF-8"},
		{"surrogate", "\xa3\xed\xa0\x80", "not UTF-8"},
		{"invalid UTF-8 in a key", "\x81\xa1\xff\x01", "not UTF-8"},
		{"binary", "\xc4\x01a", "have binary data"},
		{"fixext", "\xd4\x01a", "have an extension type"},
		{"ext", "\xc7\x01\x01a", "have an extension type"},
		{"timestamp", "\xd6\xff\x00\x00\x00\x00", "have an extension type"},
		{"never used", "\xc1", "does not use"},
		{"string cut", "\xa5abc", "ends inside"},
		{"str32 that claims 4 GiB", "\xdb\xff\xff\xff\xff", "ends inside"},
		{"array32 that claims 4 G", "\xdd\xff\xff\xff\xff\x01", "ends inside"},
		{"map32 that claims 4 G", "\xdf\xff\xff\xff\xff\x01", "ends inside"},
		{"map16 with half the bytes", "\xde\x00\x04\xa0\xc0\xa0\xc0", "ends inside"},
		{"number cut", "\xcd\x01", "ends inside"},
		{"uint64 above int64", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "above 9223372036854775807"},
		{"NaN", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", "not finite"},
		{"infinite float32", "\xca\x7f\x80\x00\x00", "not finite"},
		{"too deep", strings.Repeat("\x91", 65) + "\xc0", "too deeply"},
		{"too deep in maps", strings.Repeat("\x81\xa0", 65) + "\xc0", "too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if v, err := decodeValue([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %v; want %q", v, err, tt.want)
			}
		})
	}
}

func TestDecodeAcceptsTheDepthLimit(t *testing.T) {
	if _, err := decodeValue([]byte(strings.Repeat("\x91", 64) + "\xc0")); err != nil {
		t.Error(err)
	}
}

func TestDecodeLimits(t *testing.T) {
	limits := Limits{Bytes: 10, Depth: 4, Values: 5}
	d := NewDecoder([]byte("\x95\x01\x01\x01\x01\x01"), limits)
	d.Value()
	if err := d.Finish(); err == nil || !strings.Contains(err.Error(), "more values") {
		t.Errorf("six values: %v", err)
	}
	d = NewDecoder([]byte("\x94\x01\x01\x01\x01"), limits)
	d.Value()
	if err := d.Finish(); err != nil {
		t.Errorf("five values: %v", err)
	}
	d = NewDecoder(make([]byte, 11), limits)
	if err := d.Finish(); err == nil || !strings.Contains(err.Error(), "more than the limit of 10") {
		t.Errorf("eleven bytes: %v", err)
	}
}

// A claim of millions of values costs no more than the bytes that are there.
func TestDecodeNeverAllocatesFromAClaim(t *testing.T) {
	bomb := append([]byte("\xdd\x00\x0f\x00\x00"), bytes.Repeat([]byte{0xc1}, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decodeValue(bomb)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("accepted")
	}
	// One copy of the message, and little else.
	if got := after.TotalAlloc - before.TotalAlloc; got > uint64(len(bomb))+64<<10 {
		t.Errorf("%d bytes allocated for a message of %d", got, len(bomb))
	}
}

func FuzzValue(f *testing.F) {
	for _, v := range values() {
		if data, err := AppendValue(nil, v); err == nil && len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Add([]byte("\xdf\xff\xff\xff\xff"))
	f.Add([]byte("\x82\xa1a\x01\xa1a\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decodeValue(data)
		if err != nil {
			return
		}
		again, err := appendValue(nil, v, DefaultLimits().Depth+1)
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		twice, err := decodeValue(again)
		if err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
		if diff := cmp.Diff(v, twice); diff != "" {
			t.Fatal(diff)
		}
		var theirs any
		if err := msgpack.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("accepted what the oracle refuses: %v", err)
		}
	})
}
