package abi

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, 0xc0) }

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

// AppendInt appends an integer in its shortest form.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, 0xd0, byte(v))
	case v >= math.MinInt16:
		return append(b, 0xd1, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return append32(append(b, 0xd2), uint32(v))
	default:
		return append64(append(b, 0xd3), uint64(v))
	}
}

func appendUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<8:
		return append(b, 0xcc, byte(v))
	case v < 1<<16:
		return append(b, 0xcd, byte(v>>8), byte(v))
	case v < 1<<32:
		return append32(append(b, 0xce), uint32(v))
	default:
		return append64(append(b, 0xcf), v)
	}
}

func append32(b []byte, v uint32) []byte {
	return append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func append64(b []byte, v uint64) []byte {
	return append32(append32(b, uint32(v>>32)), uint32(v))
}

// AppendFloat appends a float of 64 bits.
func AppendFloat(b []byte, v float64) []byte {
	return append64(append(b, 0xcb), math.Float64bits(v))
}

// AppendString appends a string. It must be valid UTF-8; the decoder refuses
// others.
func AppendString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, 0xd9, byte(n))
	case n < 1<<16:
		b = append(b, 0xda, byte(n>>8), byte(n))
	default:
		b = append32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

// AppendArray begins an array of n values.
func AppendArray(b []byte, n int) []byte { return appendHeader(b, n, 0x90, 0xdc) }

// AppendMap begins a map of n keys and values.
func AppendMap(b []byte, n int) []byte { return appendHeader(b, n, 0x80, 0xde) }

func appendHeader(b []byte, n int, short, long byte) []byte {
	switch {
	case n < 16:
		return append(b, short|byte(n))
	case n < 1<<16:
		return append(b, long, byte(n>>8), byte(n))
	default:
		return append32(append(b, long+1), uint32(n))
	}
}

// AppendValue appends a JSON-like value: nil, bool, any integer that fits an
// int64, float, string, []string, []any, map[string]string, map[string]any. Keys
// are sorted, so that equal values are equal bytes. It refuses every other type,
// strings that are not UTF-8, NaN and infinities, and values nested deeper than
// [MaxValueDepth].
func AppendValue(b []byte, v any) ([]byte, error) {
	return appendValue(b, v, MaxValueDepth)
}

// MaxValueDepth is how deep a value may be nested when it is encoded; the rest
// of the decoder's depth is for the message around it.
const MaxValueDepth = 48

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if depth == 0 {
		return b, &EncodeError{"a value is nested too deeply"}
	}
	switch v := v.(type) {
	case nil:
		return AppendNil(b), nil
	case string:
		return appendText(b, v)
	case bool:
		return AppendBool(b, v), nil
	case []any:
		return appendList(b, v, depth)
	case map[string]any:
		return appendMap(b, v, depth)
	case []string:
		return appendStrings(b, v)
	case map[string]string:
		return appendStringMap(b, v)
	default:
		return appendNumber(b, v)
	}
}

func appendNumber(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case int:
		return AppendInt(b, int64(v)), nil
	case int64:
		return AppendInt(b, v), nil
	case int32:
		return AppendInt(b, int64(v)), nil
	case uint32:
		return AppendInt(b, int64(v)), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return b, &EncodeError{"a number is not finite"}
		}
		return AppendFloat(b, v), nil
	default:
		return b, &EncodeError{"a value of a type that no message can hold; use nil, bool, int64, float64, string, []any or map[string]any"}
	}
}

func appendList(b []byte, list []any, depth int) ([]byte, error) {
	b = AppendArray(b, len(list))
	for i, v := range list {
		var err error
		if b, err = appendValue(b, v, depth-1); err != nil {
			return b, within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return b, nil
}

func appendMap(b []byte, m map[string]any, depth int) ([]byte, error) {
	var room [16]string
	b = AppendMap(b, len(m))
	for _, key := range sortedKeys(m, room[:0]) {
		var err error
		if b, err = appendText(b, key); err != nil {
			return b, err
		}
		if b, err = appendValue(b, m[key], depth-1); err != nil {
			return b, within(err, key)
		}
	}
	return b, nil
}

func sortedKeys[V any](m map[string]V, keys []string) []string {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, &EncodeError{strconv.Quote(s) + " is not UTF-8"}
	}
	return AppendString(b, s), nil
}

func appendStrings(b []byte, list []string) ([]byte, error) {
	var err error
	b = AppendArray(b, len(list))
	for _, s := range list {
		if b, err = appendText(b, s); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendStringMap(b []byte, m map[string]string) ([]byte, error) {
	var err error
	b = AppendMap(b, len(m))
	for _, key := range sortedKeys(m, nil) {
		if b, err = appendText(b, key); err != nil {
			return b, err
		}
		if b, err = appendText(b, m[key]); err != nil {
			return b, within(err, key)
		}
	}
	return b, nil
}

// EncodeError says which value no message can hold.
type EncodeError struct{ text string }

// Error is the place and the reason.
func (e *EncodeError) Error() string { return e.text }

func within(err error, place string) error { return &EncodeError{place + ": " + err.Error()} }
