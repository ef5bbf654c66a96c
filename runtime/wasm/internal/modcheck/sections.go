package modcheck

// The limits. Each is several times what the largest real guest has; see
// TestRealGuests for the margin.
const (
	maxTypes     = 100_000
	maxParams    = 255
	maxImports   = 1_000
	maxFunctions = 500_000
	maxTable     = 500_000
	maxGlobals   = 10_000
	maxExports   = 10_000
	maxSegments  = 100_000
	maxName      = 4_096
	maxPages     = 65_536
	maxBody      = 256 << 10
	maxDepth     = 4_096
	maxLocals    = 20_000
	maxAllLocals = 8_000_000
)

const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
)

// rank is the order in which sections have to stand: the count of data
// segments comes before the code.
var rank = [...]int{ //nolint:gochecknoglobals // a constant table
	secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6,
	secExport: 7, secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12,
}

type module struct {
	r         reader
	info      Info
	types     []string
	imports   int
	functions []uint32
	memories  int
	tables    int
	exports   map[string]export
	bodies    int
	locals    int
}

type export struct {
	kind  byte
	index uint32
}

func (m *module) sections() error {
	last := 0
	for m.r.left() > 0 {
		id, err := m.r.byte()
		if err != nil {
			return err
		}
		size, err := m.r.u32()
		if err != nil {
			return err
		}
		body, err := m.r.sub(size)
		if err != nil {
			return refuse("the module is truncated: section %d claims %d bytes and %d are there", id, size, m.r.left())
		}
		if id == secCustom {
			if _, err := body.name(); err != nil {
				return err
			}
			continue
		}
		if int(id) >= len(rank) {
			return refuse("the module has a section %d, which cogplan's runtime does not have (exceptions, threads)", id)
		}
		if rank[id] <= last {
			return refuse("the module is damaged: section %d is repeated or out of order", id)
		}
		last = rank[id]
		if err := m.section(id, &body); err != nil {
			return err
		}
		if body.left() != 0 {
			return refuse("the module is damaged: section %d has %d bytes too many", id, body.left())
		}
	}
	return nil
}

func (m *module) section(id byte, r *reader) error {
	switch id {
	case secType:
		return m.typeSection(r)
	case secImport:
		return m.importSection(r)
	case secFunction:
		return m.functionSection(r)
	case secTable:
		return m.tableSection(r)
	case secMemory:
		return m.memorySection(r)
	case secGlobal:
		return m.globalSection(r)
	case secExport:
		return m.exportSection(r)
	case secStart:
		return refuse("the module has a start function, which would run before the sandbox is ready; export _initialize instead")
	case secElement:
		return m.elementSection(r)
	case secCode:
		return m.codeSection(r)
	case secData:
		return m.dataSection(r)
	default: // secDataCount
		_, err := r.u32()
		return err
	}
}

func (m *module) typeSection(r *reader) error {
	n, err := r.count("types", 3, maxTypes)
	if err != nil {
		return err
	}
	for range n {
		form, err := r.byte()
		if err != nil {
			return err
		}
		if form != 0x60 {
			return refuse("the module has a type %#x; only functions are allowed", form)
		}
		params, err := valTypes(r)
		if err != nil {
			return err
		}
		results, err := valTypes(r)
		if err != nil {
			return err
		}
		m.types = append(m.types, params+":"+results)
	}
	return nil
}

// valTypes reads a list of value types as letters: i and I for integers of 32
// and 64 bits, f and F for floats, v for vectors.
func valTypes(r *reader) (string, error) {
	n, err := r.count("parameters or results", 1, maxParams)
	if err != nil {
		return "", err
	}
	var buf [maxParams]byte
	for i := range n {
		b, err := r.byte()
		if err != nil {
			return "", err
		}
		if buf[i], err = valType(b); err != nil {
			return "", err
		}
	}
	return string(buf[:n]), nil
}

func valType(b byte) (byte, error) {
	switch b {
	case 0x7f:
		return 'i', nil
	case 0x7e:
		return 'I', nil
	case 0x7d:
		return 'f', nil
	case 0x7c:
		return 'F', nil
	case 0x7b:
		return 'v', nil
	case 0x70, 0x6f:
		return 0, refuse("the module uses reference types, which cogplan turns off: build it without them")
	default:
		return 0, refuse("the module is damaged: value type %#x is unknown", b)
	}
}

func (m *module) functionSection(r *reader) error {
	n, err := r.count("functions", 1, maxFunctions)
	if err != nil {
		return err
	}
	for range n {
		t, err := m.typeIndex(r)
		if err != nil {
			return err
		}
		m.functions = append(m.functions, t)
	}
	m.info.Functions = n
	return nil
}

func (m *module) typeIndex(r *reader) (uint32, error) {
	i, err := r.u32()
	if err != nil {
		return 0, err
	}
	if int64(i) >= int64(len(m.types)) {
		return 0, refuse("the module is damaged: type %d of %d is used", i, len(m.types))
	}
	return i, nil
}

func (m *module) tableSection(r *reader) error {
	n, err := r.count("tables", 3, 1)
	if err != nil {
		return err
	}
	for range n {
		kind, err := r.byte()
		if err != nil {
			return err
		}
		if kind != 0x70 {
			return refuse("the module has a table of references, which cogplan turns off")
		}
		low, err := m.limits(r)
		if err != nil {
			return err
		}
		if low > maxTable {
			return refuse("the module asks for a table of %d entries; at most %d are allowed", low, maxTable)
		}
	}
	m.tables = n
	return nil
}

func (m *module) memorySection(r *reader) error {
	n, err := r.count("memories", 2, 1)
	if err != nil {
		return err
	}
	for range n {
		low, err := m.limits(r)
		if err != nil {
			return err
		}
		if low > maxPages {
			return refuse("the module asks for %d pages of memory; there are no more than %d", low, maxPages)
		}
		m.info.MemoryPages = low
	}
	m.memories = n
	return nil
}

// limits reads the size of a table or a memory and returns the lower bound.
func (m *module) limits(r *reader) (uint32, error) {
	flag, err := r.byte()
	if err != nil {
		return 0, err
	}
	if flag > 1 {
		return 0, refuse("the module asks for shared or 64-bit memory, which cogplan does not offer")
	}
	low, err := r.u32()
	if err != nil || flag == 0 {
		return low, err
	}
	high, err := r.u32()
	if err != nil {
		return 0, err
	}
	if high < low {
		return 0, refuse("the module is damaged: a limit of %d is below its minimum of %d", high, low)
	}
	return low, nil
}
