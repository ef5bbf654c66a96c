// Package image takes the initial content of a module's memory out of the
// module, so that an instance can begin with a mapping of it. Compilers of Go
// write tens of thousands of data segments, and to copy each of them costs more
// than all the rest of making an instance.
//
// It refuses to interpret: a module whose data is anything but bytes at constant
// places inside its memory stays as it is.
package image

import (
	"encoding/binary"
	"math"
)

// An Image is what a memory holds at the start, from an offset on. Around it
// there are zeros.
type Image struct {
	Offset uint32
	Bytes  []byte
}

// maxImage bounds what is made of a few segments that lie far apart.
const maxImage = 256 << 20

const (
	sectionMemory    = 5
	sectionData      = 11
	sectionDataCount = 12
	headerSize       = 8
	pageSize         = 64 << 10
)

// Split returns the module without its data, and the data. It reports false,
// and changes nothing, where the module's data is of another kind. The module
// must have been checked; the result shares no memory with it.
func Split(module []byte) (bare []byte, data Image, ok bool) {
	var memory uint64
	for at := headerSize; at < len(module); {
		r := reader{data: module, at: at + 1}
		size := r.uint()
		end := r.at + int(size)
		if r.failed || end > len(module) {
			return nil, Image{}, false
		}
		body := reader{data: module[:end], at: r.at}
		switch module[at] {
		case sectionDataCount:
			return nil, Image{}, false // its code refers to segments
		case sectionMemory:
			memory = body.memory()
		case sectionData:
			segments, whole := body.segments()
			if data, ok = join(segments, memory); !whole || !ok {
				return nil, Image{}, false
			}
			bare = make([]byte, 0, len(module)-(end-at))
			return append(append(bare, module[:at]...), module[end:]...), data, true
		}
		at = end
	}
	return nil, Image{}, false
}

// segment is a piece of the image.
type segment struct {
	offset uint32
	bytes  []byte
}

// join lays the segments over each other in their order, inside a memory of
// that many bytes.
func join(segments []segment, memory uint64) (Image, bool) {
	first, last := uint64(math.MaxUint64), uint64(0)
	for _, s := range segments {
		end := uint64(s.offset) + uint64(len(s.bytes))
		if end > memory {
			return Image{}, false // instantiation says so
		}
		first, last = min(first, uint64(s.offset)), max(last, end)
	}
	if last <= first || last-first > maxImage {
		return Image{}, false
	}
	image := Image{Offset: uint32(first), Bytes: make([]byte, last-first)}
	for _, s := range segments {
		copy(image.Bytes[uint64(s.offset)-first:], s.bytes)
	}
	return image, true
}

// reader reads numbers. After the first that is malformed it has failed.
type reader struct {
	data   []byte
	at     int
	failed bool
}

func (r *reader) byte() byte {
	if r.at >= len(r.data) {
		r.failed = true
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

func (r *reader) uint() uint32 {
	v, n := binary.Uvarint(r.data[min(r.at, len(r.data)):])
	if n <= 0 || v > math.MaxUint32 {
		r.failed = true
		return 0
	}
	r.at += n
	return uint32(v)
}

// int is a signed number of 32 bits, as its bits.
func (r *reader) int() uint32 {
	var v uint32
	for shift := 0; ; shift += 7 {
		b := r.byte()
		v |= uint32(b&0x7f) << shift
		if b&0x80 != 0 && shift < 28 {
			continue
		}
		if b&0x80 != 0 {
			r.failed = true
		}
		if b&0x40 != 0 && shift < 28 {
			v |= ^uint32(0) << (shift + 7)
		}
		return v
	}
}

// memory is the size of the one memory, in bytes.
func (r *reader) memory() uint64 {
	if r.uint() != 1 {
		return 0
	}
	r.byte() // whether it has a maximum
	return uint64(r.uint()) * pageSize
}

// segments are all of the section; false where one is not of the plain kind:
// active, in memory 0, at a constant.
func (r *reader) segments() ([]segment, bool) {
	const (
		active   = 0
		i32Const = 0x41
		end      = 0x0b
	)
	var all []segment
	for range r.uint() {
		if r.uint() != active || r.byte() != i32Const {
			return nil, false
		}
		s := segment{offset: r.int()}
		if r.byte() != end {
			return nil, false
		}
		size := int(r.uint())
		if r.failed || size > len(r.data)-r.at {
			return nil, false
		}
		s.bytes = r.data[r.at : r.at+size]
		r.at += size
		all = append(all, s)
	}
	return all, !r.failed && r.at == len(r.data)
}
