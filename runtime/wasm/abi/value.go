package abi

import (
	"math"
	"strconv"
)

// Value reads any JSON-like value: nil, bool, int64, float64, string, []any or
// map[string]any.
func (d *Decoder) Value() any {
	switch head := d.peek(); {
	case head == 0xc0:
		d.head()
		return nil
	case head == 0xc2 || head == 0xc3:
		return d.Bool()
	case head == 0xca || head == 0xcb:
		return d.float(d.head())
	case head >= 0xa0 && head < 0xc0, head >= 0xd9 && head <= 0xdb:
		return d.String()
	case head >= 0x90 && head < 0xa0, head == 0xdc, head == 0xdd:
		return d.List()
	case head >= 0x80 && head < 0x90, head == 0xde, head == 0xdf:
		return d.Object()
	default:
		return d.whole()
	}
}

func (d *Decoder) whole() int64 {
	head := d.head()
	v, ok := d.integer(head)
	if !ok {
		d.unexpected("a value", head)
	}
	return v
}

// most is how many elements are made room for before any was read.
const most = 256

// List reads an array of any values; it is never nil.
func (d *Decoder) List() []any {
	if !d.enter() {
		return nil
	}
	defer d.leave()
	n := d.Array()
	list := make([]any, 0, min(n, most))
	for range n {
		if d.err != nil {
			return nil
		}
		list = append(list, d.Value())
	}
	return list
}

// Object reads a map of any values; it is never nil.
func (d *Decoder) Object() map[string]any {
	if !d.enter() {
		return nil
	}
	defer d.leave()
	n := d.Map()
	m := make(map[string]any, min(n, most))
	for i := range n {
		key := d.Key()
		v := d.Value()
		if d.err != nil {
			return nil
		}
		if m[key] = v; len(m) != i+1 {
			d.fail("the key " + strconv.Quote(clip(key)) + " twice")
			return nil
		}
	}
	return m
}

// Strings reads an array of strings.
func (d *Decoder) Strings() []string {
	var list []string
	for range d.elements(math.MaxInt) {
		list = append(list, d.String())
	}
	return list
}

// kinds name what a head byte begins, for messages; each up to its last byte.
var kinds = []struct {
	last byte
	name string
}{
	{0x7f, "an integer"},
	{0x8f, "a map"},
	{0x9f, "an array"},
	{0xbf, "a string"},
	{0xc0, "nil"},
	{0xc1, "a byte that MessagePack does not use"},
	{0xc3, "a bool"},
	{0xc6, "binary data"},
	{0xc9, "an extension type"},
	{0xcb, "a float"},
	{0xd3, "an integer"},
	{0xd8, "an extension type"},
	{0xdb, "a string"},
	{0xdd, "an array"},
	{0xdf, "a map"},
	{0xff, "an integer"},
}

func kindOf(head byte) string {
	for _, k := range kinds {
		if head <= k.last {
			return k.name
		}
	}
	return ""
}
