package abi

import (
	"iter"
	"math"
	"strconv"
	"unicode/utf8"
)

// DecodeError says what is wrong with a message, and where.
type DecodeError struct {
	// Offset of the byte at which decoding stopped.
	Offset int
	text   string
}

// Error is the reason and the offset.
func (e *DecodeError) Error() string {
	return e.text + " (byte " + strconv.Itoa(e.Offset) + ")"
}

// Decoder reads the values of one message. The first mistake sticks: every
// later read gives a zero value, and [Decoder.Finish] returns it.
type Decoder struct {
	data   string
	pos    int
	depth  int
	values int
	err    error
}

// NewDecoder returns a decoder of one message. The strings it decodes share one
// copy of the data, so the caller may use its buffer again.
func NewDecoder(data []byte, limits Limits) *Decoder {
	d := &Decoder{depth: limits.Depth, values: limits.Values}
	if len(data) > limits.Bytes {
		d.fail("a message of " + strconv.Itoa(len(data)) + " bytes, more than the limit of " + strconv.Itoa(limits.Bytes))
		return d
	}
	d.data = string(data)
	return d
}

// Finish returns the first mistake; bytes that are left over are one.
func (d *Decoder) Finish() error {
	if d.err == nil && d.pos != len(d.data) {
		d.fail(strconv.Itoa(len(d.data)-d.pos) + " bytes after the message")
	}
	return d.err
}

// Err returns the first mistake so far.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) fail(text string) {
	if d.err == nil {
		d.err = &DecodeError{Offset: d.pos, text: text}
	}
}

// left is the number of bytes not read yet: no message can hold more values.
func (d *Decoder) left() int { return len(d.data) - d.pos }

// next takes n bytes, or fails.
func (d *Decoder) next(n int) string {
	if d.err != nil {
		return ""
	}
	if n < 0 || n > d.left() {
		d.fail("the message ends inside a value")
		return ""
	}
	s := d.data[d.pos : d.pos+n]
	d.pos += n
	return s
}

// number takes a big-endian unsigned integer of 1, 2, 4 or 8 bytes.
func (d *Decoder) number(size int) uint64 {
	var v uint64
	s := d.next(size)
	for i := range len(s) {
		v = v<<8 | uint64(s[i])
	}
	return v
}

// head takes the byte that begins a value, and counts the value.
func (d *Decoder) head() byte {
	if d.err == nil && d.values <= 0 {
		d.fail("more values than the limit")
	}
	d.values--
	if s := d.next(1); s != "" {
		return s[0]
	}
	return 0xc1 // never used in MessagePack; the error sticks already
}

func (d *Decoder) peek() byte {
	if d.err != nil || d.left() == 0 {
		return 0xc1
	}
	return d.data[d.pos]
}

func (d *Decoder) unexpected(want string, head byte) {
	d.fail("want " + want + ", have " + kindOf(head))
}

// Nil reports whether the next value is nil, and takes it if so.
func (d *Decoder) Nil() bool {
	if d.peek() != 0xc0 {
		return false
	}
	d.head()
	return true
}

// Bool reads a bool.
func (d *Decoder) Bool() bool {
	switch head := d.head(); head {
	case 0xc2:
		return false
	case 0xc3:
		return true
	default:
		d.unexpected("a bool", head)
		return false
	}
}

// Int reads an integer that fits an int64.
func (d *Decoder) Int() int64 {
	head := d.head()
	v, ok := d.integer(head)
	if !ok {
		d.unexpected("an integer", head)
	}
	return v
}

func (d *Decoder) integer(head byte) (int64, bool) {
	switch {
	case head < 0x80 || head >= 0xe0:
		return int64(int8(head)), true
	case head >= 0xcc && head <= 0xcf:
		v := d.number(1 << (head - 0xcc))
		if v > math.MaxInt64 {
			d.fail("an integer above 9223372036854775807")
			return 0, true
		}
		return int64(v), true
	case head >= 0xd0 && head <= 0xd3:
		size := 1 << (head - 0xd0)
		shift := 64 - 8*size
		return int64(d.number(size)<<shift) >> shift, true
	default:
		return 0, false
	}
}

// Size reads an integer from 0 to max.
func (d *Decoder) Size(limit int) int {
	v := d.Int()
	if v < 0 || v > int64(limit) {
		d.fail("an integer outside of 0 to " + strconv.Itoa(limit))
		return 0
	}
	return int(v)
}

func (d *Decoder) float(head byte) float64 {
	var v float64
	if head == 0xca {
		v = float64(math.Float32frombits(uint32(d.number(4))))
	} else {
		v = math.Float64frombits(d.number(8))
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		d.fail("a number that is not finite")
		return 0
	}
	return v
}

// String reads a string; it must be UTF-8.
func (d *Decoder) String() string {
	head := d.head()
	n, ok := d.stringLength(head)
	if !ok {
		d.unexpected("a string", head)
		return ""
	}
	return d.text(n)
}

func (d *Decoder) stringLength(head byte) (int, bool) {
	switch {
	case head >= 0xa0 && head < 0xc0:
		return int(head & 0x1f), true
	case head >= 0xd9 && head <= 0xdb:
		return d.length(1 << (head - 0xd9)), true
	default:
		return 0, false
	}
}

// length reads a count of that many bytes; one beyond the message is refused
// before anything is made of it.
func (d *Decoder) length(size int) int {
	v := d.number(size)
	if v > uint64(d.left()) {
		d.fail("the message ends inside a value")
		return 0
	}
	return int(v)
}

func (d *Decoder) text(n int) string {
	s := d.next(n)
	if !utf8.ValidString(s) {
		d.fail("a string that is not UTF-8")
		return ""
	}
	return s
}

// Array reads the head of an array and returns its length, which is no more
// than the bytes that are left.
func (d *Decoder) Array() int {
	head := d.head()
	n, ok := d.arrayLength(head)
	if !ok {
		d.unexpected("an array", head)
	}
	return n
}

func (d *Decoder) arrayLength(head byte) (int, bool) {
	switch {
	case head >= 0x90 && head < 0xa0:
		return d.fits(int(head&0xf), 1), true
	case head == 0xdc || head == 0xdd:
		return d.fits(d.length(2<<(head-0xdc)), 1), true
	default:
		return 0, false
	}
}

// Map reads the head of a map and returns its number of keys.
func (d *Decoder) Map() int {
	head := d.head()
	n, ok := d.mapLength(head)
	if !ok {
		d.unexpected("a map", head)
	}
	return n
}

func (d *Decoder) mapLength(head byte) (int, bool) {
	switch {
	case head >= 0x80 && head < 0x90:
		return d.fits(int(head&0xf), 2), true
	case head == 0xde || head == 0xdf:
		return d.fits(d.length(2<<(head-0xde)), 2), true
	default:
		return 0, false
	}
}

// fits returns n if that many values of at least size bytes can still come.
func (d *Decoder) fits(n, size int) int {
	if d.err == nil && n > d.left()/size {
		d.fail("the message ends inside a value")
	}
	if d.err == nil && n > d.values {
		d.fail("more values than the limit")
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *Decoder) enter() bool {
	if d.depth <= 0 {
		d.fail("values nested too deeply")
		return false
	}
	d.depth--
	return true
}

func (d *Decoder) leave() { d.depth++ }

// Key reads a key of a map.
func (d *Decoder) Key() string {
	d.values++ // keys are no values
	return d.String()
}

// fields reads a map whose keys are all among the names, each at most once, and
// yields the index of each key's name; the body of the loop reads the value. The
// names at the required indexes must be there.
func (d *Decoder) fields(names []string, required ...int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !d.enter() {
			return
		}
		defer d.leave()
		var seen uint64
		for range d.Map() {
			i := d.field(names, seen)
			if i < 0 || !yield(i) {
				return
			}
			seen |= 1 << i
			if d.err != nil {
				return
			}
		}
		for _, i := range required {
			d.need(seen&(1<<i) != 0, names[i])
		}
	}
}

func (d *Decoder) field(names []string, seen uint64) int {
	key := d.Key()
	if d.err != nil {
		return -1
	}
	for i, name := range names {
		if name != key {
			continue
		}
		if seen&(1<<i) != 0 {
			d.fail("the key " + strconv.Quote(key) + " twice")
			return -1
		}
		return i
	}
	d.fail("the unknown key " + strconv.Quote(clip(key)))
	return -1
}

// elements reads an array of at most limit values; the body of the loop reads
// each.
func (d *Decoder) elements(limit int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !d.enter() {
			return
		}
		defer d.leave()
		n := d.Array()
		if n > limit {
			d.fail("an array of " + strconv.Itoa(n) + " values, more than the limit of " + strconv.Itoa(limit))
			return
		}
		for i := range n {
			if d.err != nil || !yield(i) {
				return
			}
		}
	}
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
