package modcheck

// reader reads a part of a module. Its errors say that the module ends too
// early, with the place in the file.
type reader struct {
	data []byte
	off  int
}

func (r *reader) left() int { return len(r.data) - r.off }

func (r *reader) truncated() error {
	return refuse("the module is truncated or damaged at byte %d", r.off)
}

func (r *reader) byte() (byte, error) {
	if r.off >= len(r.data) {
		return 0, r.truncated()
	}
	b := r.data[r.off]
	r.off++
	return b, nil
}

func (r *reader) skip(n int) error {
	if n < 0 || n > r.left() {
		return r.truncated()
	}
	r.off += n
	return nil
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() (uint32, error) {
	if r.off < len(r.data) && r.data[r.off] < 0x80 {
		r.off++
		return uint32(r.data[r.off-1]), nil
	}
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				return 0, refuse("the module is damaged: a number before byte %d has more than 32 bits", r.off)
			}
			return uint32(v), nil
		}
	}
	return 0, refuse("the module is damaged: a number before byte %d has more than 32 bits", r.off)
}

// leb skips a LEB128 number, signed or not, of at most that many bytes.
func (r *reader) leb(most int) error {
	for range most {
		b, err := r.byte()
		if err != nil {
			return err
		}
		if b < 0x80 {
			return nil
		}
	}
	return refuse("the module is damaged: a number before byte %d is too long", r.off)
}

// count reads how many things follow. Each has at least size bytes, so that a
// claim is checked against what there is before anyone believes it.
func (r *reader) count(what string, size, limit int) (int, error) {
	v, err := r.u32()
	if err != nil {
		return 0, err
	}
	n := int(v)
	if n > limit {
		return 0, refuse("the module claims %d %s; at most %d are allowed", n, what, limit)
	}
	if n > r.left()/size {
		return 0, refuse("the module claims %d %s, more than its bytes can hold: it is truncated or damaged", n, what)
	}
	return n, nil
}

// sub takes the next n bytes as a reader that keeps the places in the file.
func (r *reader) sub(n uint32) (reader, error) {
	if int64(n) > int64(r.left()) {
		return reader{}, r.truncated()
	}
	s := reader{data: r.data[:r.off+int(n)], off: r.off}
	r.off += int(n)
	return s, nil
}

func (r *reader) name() (string, error) {
	n, err := r.u32()
	if err != nil {
		return "", err
	}
	if n > maxName {
		return "", refuse("the module has a name of %d bytes; at most %d are allowed", n, maxName)
	}
	s, err := r.sub(n)
	if err != nil {
		return "", err
	}
	return string(s.data[s.off:]), nil
}
