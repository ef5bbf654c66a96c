package modcheck

func (m *module) codeSection(r *reader) error {
	n, err := r.count("function bodies", 3, maxFunctions)
	if err != nil {
		return err
	}
	for range n {
		size, err := r.u32()
		if err != nil {
			return err
		}
		if size > maxBody {
			return refuse("function %d has %d KiB of code; at most %d KiB are allowed in one function", m.bodies, size>>10, maxBody>>10)
		}
		body, err := r.sub(size)
		if err != nil {
			return err
		}
		if err := m.body(&body); err != nil {
			return err
		}
		m.info.MaxBody = max(m.info.MaxBody, int(size))
		m.bodies++
	}
	return nil
}

func (m *module) body(r *reader) error {
	if err := m.localsOf(r); err != nil {
		return err
	}
	depth, err := scan(r)
	m.info.MaxDepth = max(m.info.MaxDepth, depth)
	return err
}

func (m *module) localsOf(r *reader) error {
	groups, err := r.count("groups of locals", 2, maxLocals)
	if err != nil {
		return err
	}
	total := 0
	for range groups {
		n, err := r.u32()
		if err != nil {
			return err
		}
		kind, err := r.byte()
		if err != nil {
			return err
		}
		if _, err := valType(kind); err != nil {
			return err
		}
		if int64(total)+int64(n) > maxLocals {
			return refuse("function %d has more than %d local variables", m.bodies, maxLocals)
		}
		total += int(n)
	}
	m.info.MaxLocals = max(m.info.MaxLocals, total)
	if m.locals += total; m.locals > maxAllLocals {
		return refuse("the functions of the module have more than %d local variables together", maxAllLocals)
	}
	return nil
}

// The shapes of the bytes behind an opcode.
const (
	opBad byte = iota
	opNone
	opBlock   // opens a block: a block type
	opElse    // inside an if
	opEnd     // closes a block
	opIndex   // one index
	opIndex2  // two indices
	opTable   // br_table: a list of indices and one more
	opMemarg  // alignment and offset
	opMemory  // the memory's index, zero
	opI32     // a signed number of 32 bits
	opI64     // of 64 bits
	opF32     // four bytes
	opF64     // eight bytes
	opSelectT // select with types
	opMisc    // 0xfc
	opVector  // 0xfd
	opRef     // belongs to reference types
)

// shapes is a table, not running state: it is written once, here.
var shapes = makeShapes() //nolint:gochecknoglobals // a constant table

func makeShapes() (t [256]byte) {
	fill := func(from, to int, shape byte) {
		for i := from; i <= to; i++ {
			t[i] = shape
		}
	}
	fill(0x00, 0x01, opNone)
	fill(0x02, 0x04, opBlock)
	t[0x05], t[0x0b] = opElse, opEnd
	fill(0x0c, 0x0d, opIndex)
	t[0x0e], t[0x0f], t[0x10], t[0x11] = opTable, opNone, opIndex, opIndex2
	fill(0x1a, 0x1b, opNone)
	t[0x1c] = opSelectT
	fill(0x20, 0x24, opIndex)
	fill(0x25, 0x26, opRef)
	fill(0x28, 0x3e, opMemarg)
	fill(0x3f, 0x40, opMemory)
	t[0x41], t[0x42], t[0x43], t[0x44] = opI32, opI64, opF32, opF64
	fill(0x45, 0xc4, opNone)
	fill(0xd0, 0xd2, opRef)
	t[0xfc], t[0xfd] = opMisc, opVector
	return t
}

// scan walks the instructions of a body and returns how deep its blocks nest.
func scan(r *reader) (deepest int, err error) {
	depth := 1
	for depth > 0 {
		if r.off >= len(r.data) {
			return deepest, r.truncated()
		}
		op := r.data[r.off]
		r.off++
		switch shape := shapes[op]; shape {
		case opNone, opElse:
			continue
		case opBlock:
			if depth++; depth > maxDepth {
				return depth, refuse("the module nests blocks deeper than %d before byte %d", maxDepth, r.off)
			}
			deepest = max(deepest, depth)
			err = r.leb(5)
		case opEnd:
			depth--
		case opIndex:
			_, err = r.u32()
		case opI32:
			err = r.leb(5)
		case opMemarg:
			err = memarg(r)
		default:
			err = immediates(r, op, shape)
		}
		if err != nil {
			return deepest, err
		}
	}
	if r.left() != 0 {
		return deepest, refuse("the module is damaged: code follows the end of a function at byte %d", r.off)
	}
	return deepest, nil
}

// immediates skips what follows the rarer opcodes.
func immediates(r *reader, op, shape byte) error {
	switch shape {
	case opI64:
		return r.leb(10)
	case opF32:
		return r.skip(4)
	case opF64:
		return r.skip(8)
	case opMemory:
		return zeroByte(r)
	case opIndex2:
		return indices(r, 2)
	case opTable:
		n, err := r.count("branch targets", 1, maxBody)
		if err != nil {
			return err
		}
		return indices(r, n+1)
	case opMisc:
		return misc(r)
	case opVector:
		return vector(r)
	case opSelectT, opRef:
		return refuse("the module uses instruction %#x of reference types, which cogplan turns off", op)
	default:
		return refuse("the module has an instruction %#x that cogplan's runtime does not have (at byte %d)", op, r.off-1)
	}
}

func indices(r *reader, n int) error {
	for range n {
		if _, err := r.u32(); err != nil {
			return err
		}
	}
	return nil
}

func zeroByte(r *reader) error {
	if b, err := r.byte(); err != nil || b != 0 {
		return refuse("the module is damaged: a memory that is not there is used at byte %d", r.off)
	}
	return nil
}

func memarg(r *reader) error {
	if err := r.leb(5); err != nil {
		return err
	}
	_, err := r.u32()
	return err
}

// misc reads the instructions behind 0xfc: saturating conversions, and bulk
// memory without what grows or fills tables.
func misc(r *reader) error {
	sub, err := r.u32()
	if err != nil {
		return err
	}
	switch {
	case sub <= 7: // saturating conversions
		return nil
	case sub == 8: // memory.init
		if _, err := r.u32(); err != nil {
			return err
		}
		return zeroByte(r)
	case sub == 9, sub == 13: // data.drop, elem.drop
		_, err := r.u32()
		return err
	case sub == 10: // memory.copy
		return r.skip(2)
	case sub == 11: // memory.fill
		return zeroByte(r)
	case sub == 12, sub == 14: // table.init, table.copy
		return indices(r, 2)
	default:
		return refuse("the module uses instruction 0xfc %d: tables that grow are turned off, because no limit holds them", sub)
	}
}

// vector reads the instructions behind 0xfd: SIMD of 128 bits.
func vector(r *reader) error {
	sub, err := r.u32()
	if err != nil {
		return err
	}
	switch {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		return memarg(r)
	case sub == 12, sub == 13: // v128.const, i8x16.shuffle
		return r.skip(16)
	case sub >= 21 && sub <= 34: // lanes
		return r.skip(1)
	case sub >= 84 && sub <= 91: // loads and stores of one lane
		if err := memarg(r); err != nil {
			return err
		}
		return r.skip(1)
	case sub > 255:
		return refuse("the module uses vector instruction %d, which cogplan's runtime does not have", sub)
	default:
		return nil
	}
}
