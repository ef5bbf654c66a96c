package jsonvalue_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/sdk/jsonvalue"
)

func TestParse(t *testing.T) {
	got, err := jsonvalue.Parse([]byte(" {\"a\": [1, -2, 3.5, 1e3, 1e400000000000, true, null], \"b\\u00e9\\n\": \"\\ud83d\\ude00\\ud800x\\/\"} "))
	if err == nil {
		t.Fatalf("a number beyond all bounds was read: %v", got)
	}
	got, err = jsonvalue.Parse([]byte("{\"a\": [1, -2, 3.5, 1e3, true, null, {}, []], \"b\\u00e9\\n\": \"\\ud83d\\ude00\\ud800x\\/\"}"))
	want := map[string]any{
		"a":    []any{int64(1), int64(-2), 3.5, int64(1000), true, nil, map[string]any{}, []any{}},
		"bé\n": "😀\uFFFDx/",
	}
	if diff := cmp.Diff(any(want), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "+1", "nul", "\"\n\"", "\"\\x\"", "\"\\u12", "1 2", "[1 2]",
		"\"abc", strings.Repeat("[", 200), "--1", "1e", "NaN",
	} {
		if v, err := jsonvalue.Parse([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
}

// FuzzParse holds the parser against encoding/json, and what it reads against
// what it writes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x\u0041",null,true]}`, `"\ud800"`, `1e5`, `-0`, `[[]]`, ` {} `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := jsonvalue.Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON, and was read as %v", data, v)
		}
		out, err := jsonvalue.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jsonvalue.Parse(out)
		if err != nil || !cmp.Equal(v, again) {
			t.Fatalf("%q became %q: %v", data, out, err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, out); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
	})
}

func TestPointer(t *testing.T) {
	v := map[string]any{"a": []any{map[string]any{"b/c": "found", "~": int64(1)}}}
	for text, want := range map[string]any{"": v, "/a/0/b~1c": "found", "/a/0/~0": int64(1)} {
		p, err := jsonvalue.ParsePointer(text)
		if got, ok := p.Get(v); err != nil || !ok || !cmp.Equal(got, want) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"/b", "/a/1", "/a/00", "/a/0/b~1c/x"} {
		p, _ := jsonvalue.ParsePointer(text)
		if got, ok := p.Get(v); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{"a", "/~2", "/~"} {
		if _, err := jsonvalue.ParsePointer(text); err == nil {
			t.Errorf("%q is a pointer", text)
		}
	}
	p, _ := jsonvalue.ParsePointer("/rrsets/0")
	if diff := cmp.Diff(any(map[string]any{"rrsets": []any{"x"}}), p.Wrap("x")); diff != "" {
		t.Error(diff)
	}
}
