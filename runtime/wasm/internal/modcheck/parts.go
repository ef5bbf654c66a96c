package modcheck

func (m *module) globalSection(r *reader) error {
	n, err := r.count("globals", 4, maxGlobals)
	if err != nil {
		return err
	}
	for range n {
		kind, err := r.byte()
		if err != nil {
			return err
		}
		if _, err := valType(kind); err != nil {
			return err
		}
		if mutable, err := r.byte(); err != nil || mutable > 1 {
			return r.truncated()
		}
		if err := constExpr(r); err != nil {
			return err
		}
	}
	return nil
}

// constExpr reads an initial value: one constant and an end.
func constExpr(r *reader) error {
	op, err := r.byte()
	if err != nil {
		return err
	}
	switch op {
	case 0x41: // i32.const
		err = r.leb(5)
	case 0x42: // i64.const
		err = r.leb(10)
	case 0x43: // f32.const
		err = r.skip(4)
	case 0x44: // f64.const
		err = r.skip(8)
	case 0x23: // global.get
		_, err = r.u32()
	case 0xfd: // v128.const
		if sub, e := r.u32(); e != nil || sub != 12 {
			return r.truncated()
		}
		err = r.skip(16)
	default:
		return refuse("the module has an initial value %#x that cogplan does not allow", op)
	}
	if err != nil {
		return err
	}
	if end, err := r.byte(); err != nil || end != 0x0b {
		return refuse("the module is damaged: the initial value before byte %d does not end", r.off)
	}
	return nil
}

func (m *module) exportSection(r *reader) error {
	n, err := r.count("exports", 3, maxExports)
	if err != nil {
		return err
	}
	m.exports = make(map[string]export, n)
	for range n {
		name, err := r.name()
		if err != nil {
			return err
		}
		kind, err := r.byte()
		if err != nil {
			return err
		}
		index, err := r.u32()
		if err != nil {
			return err
		}
		if _, taken := m.exports[name]; taken {
			return refuse("the module is damaged: it exports %q twice", name)
		}
		m.exports[name] = export{kind, index}
		m.info.Exports = append(m.info.Exports, name)
	}
	return nil
}

func (m *module) elementSection(r *reader) error {
	n, err := r.count("element segments", 3, maxSegments)
	if err != nil {
		return err
	}
	for range n {
		if err := m.elementSegment(r); err != nil {
			return err
		}
	}
	return nil
}

// elementSegment allows the forms that list functions; those that list
// expressions belong to reference types.
func (m *module) elementSegment(r *reader) error {
	flags, err := r.u32()
	if err != nil {
		return err
	}
	if flags > 3 {
		return refuse("the module has a segment of references, which cogplan turns off")
	}
	if flags == 2 {
		if table, err := r.u32(); err != nil || table != 0 {
			return refuse("the module is damaged: an element segment names a table that is not there")
		}
	}
	if flags&1 == 0 {
		if err := constExpr(r); err != nil {
			return err
		}
	}
	if flags != 0 {
		if kind, err := r.byte(); err != nil || kind != 0 {
			return refuse("the module has a segment of references, which cogplan turns off")
		}
	}
	n, err := r.count("table elements", 1, maxTable)
	if err != nil {
		return err
	}
	for range n {
		if _, err := r.u32(); err != nil {
			return err
		}
	}
	return nil
}

func (m *module) dataSection(r *reader) error {
	n, err := r.count("data segments", 2, maxSegments)
	if err != nil {
		return err
	}
	for range n {
		flags, err := r.u32()
		if err != nil {
			return err
		}
		if flags > 2 {
			return refuse("the module is damaged: a data segment of kind %d", flags)
		}
		if flags == 2 {
			if memory, err := r.u32(); err != nil || memory != 0 {
				return refuse("the module is damaged: a data segment names a memory that is not there")
			}
		}
		if flags != 1 {
			if err := constExpr(r); err != nil {
				return err
			}
		}
		size, err := r.u32()
		if err != nil {
			return err
		}
		if _, err := r.sub(size); err != nil {
			return err
		}
	}
	return nil
}
