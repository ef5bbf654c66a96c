package sdk

import (
	"slices"
	"strconv"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Body gives typed access to a block of the configuration. Its methods never
// fail one by one: the first mistake is kept, shared by all bodies of a session,
// and returned by [Body.Err] with the path of the argument, which the host shows
// at its place in the HCL file.
type Body struct {
	values map[string]any
	path   []any
	err    *error
}

// NewBody wraps a configuration value as [reconcile.Config] holds it.
func NewBody(values map[string]any) Body {
	return Body{values: values, err: new(error)}
}

// Err returns the first mistake of this body or of any body that belongs to the
// same configuration.
func (b Body) Err() error { return *b.err }

// Fail blames an argument of this block, or one of its blocks; an empty name
// blames the block itself.
func (b Body) Fail(name, message string) {
	if *b.err != nil {
		return
	}
	path := slices.Clone(b.path)
	if name != "" {
		path = append(path, name)
	}
	*b.err = &abi.Error{Kind: abi.KindConfig, Message: message, Path: path}
}

// Error is the error that blames an argument of this block. Unlike
// [Body.Fail] it is not kept.
func (b Body) Error(name, message string) error {
	path := slices.Clone(b.path)
	if name != "" {
		path = append(path, name)
	}
	return &abi.Error{Kind: abi.KindConfig, Message: message, Path: path}
}

// Has reports whether the author set the argument, or a default stands in.
func (b Body) Has(name string) bool { return b.values[name] != nil }

// Value returns the argument as it is: nil, bool, int64, float64, string, []any
// or map[string]any.
func (b Body) Value(name string) any { return b.values[name] }

// String returns a string; empty where it is not set.
func (b Body) String(name string) string { return read[string](b, name, "a string") }

// Bool returns a bool; false where it is not set.
func (b Body) Bool(name string) bool { return read[bool](b, name, "a bool") }

// Int returns a whole number; 0 where it is not set.
func (b Body) Int(name string) int64 {
	if f, ok := b.values[name].(float64); ok && f == float64(int64(f)) {
		return int64(f)
	}
	return read[int64](b, name, "a whole number")
}

// Float returns a number; 0 where it is not set.
func (b Body) Float(name string) float64 {
	if i, ok := b.values[name].(int64); ok {
		return float64(i)
	}
	return read[float64](b, name, "a number")
}

// Strings returns a list of strings; nil where it is not set.
func (b Body) Strings(name string) []string {
	list := read[[]any](b, name, "a list")
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			b.at(name).Fail("", "want a string at position "+strconv.Itoa(i))
		}
		out = append(out, s)
	}
	return out
}

// Map returns a map of strings; nil where it is not set.
func (b Body) Map(name string) map[string]string {
	m := read[map[string]any](b, name, "a map")
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		s, ok := v.(string)
		if !ok {
			b.at(name).Fail(k, "want a string")
		}
		out[k] = s
	}
	return out
}

// Block returns a single block, and whether the author wrote it.
func (b Body) Block(name string) (Body, bool) {
	m := read[map[string]any](b, name, "a block")
	inner := b.at(name)
	inner.values = m
	return inner, m != nil
}

// Blocks returns the blocks of a list.
func (b Body) Blocks(name string) []Body {
	list := read[[]any](b, name, "a list of blocks")
	out := make([]Body, 0, len(list))
	for i, v := range list {
		inner := b.at(name, int64(i))
		inner.values = read[map[string]any](Body{map[string]any{"": v}, inner.path, b.err}, "", "a block")
		out = append(out, inner)
	}
	return out
}

// LabeledBlock is one block of a map, by its label.
type LabeledBlock struct {
	Label string
	Body
}

// LabeledBlocks returns the blocks of a map, sorted by label.
func (b Body) LabeledBlocks(name string) []LabeledBlock {
	m := read[map[string]any](b, name, "blocks by label")
	labels := make([]string, 0, len(m))
	for label := range m {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	out := make([]LabeledBlock, 0, len(m))
	for _, label := range labels {
		inner := b.at(name, label)
		inner.values = read[map[string]any](Body{m, b.at(name).path, b.err}, label, "a block")
		out = append(out, LabeledBlock{Label: label, Body: inner})
	}
	return out
}

func (b Body) at(steps ...any) Body {
	path := append(slices.Clone(b.path), steps...)
	return Body{path: path, err: b.err}
}

func read[T any](b Body, name, want string) T {
	var zero T
	v := b.values[name]
	if v == nil {
		return zero
	}
	t, ok := v.(T)
	if !ok {
		b.Fail(name, "want "+want)
	}
	return t
}
