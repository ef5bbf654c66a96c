package modcheck

import "github.com/cogplan/cogplan/runtime/wasm/abi"

// wasi are the functions of WASI preview 1 with their signatures, in the
// letters of valTypes. What the sandbox does not offer (sockets, hard links)
// answers an error when it is called; a Go program imports it all the same.
var wasi = map[string]string{ //nolint:gochecknoglobals // a constant table
	"args_get": "ii:i", "args_sizes_get": "ii:i", "environ_get": "ii:i", "environ_sizes_get": "ii:i",
	"clock_res_get": "ii:i", "clock_time_get": "iIi:i", "random_get": "ii:i", "sched_yield": ":i",
	"poll_oneoff": "iiii:i", "proc_exit": "i:", "proc_raise": "i:i",
	"fd_advise": "iIIi:i", "fd_allocate": "iII:i", "fd_close": "i:i", "fd_datasync": "i:i",
	"fd_fdstat_get": "ii:i", "fd_fdstat_set_flags": "ii:i", "fd_fdstat_set_rights": "iII:i",
	"fd_filestat_get": "ii:i", "fd_filestat_set_size": "iI:i", "fd_filestat_set_times": "iIIi:i",
	"fd_pread": "iiiIi:i", "fd_prestat_get": "ii:i", "fd_prestat_dir_name": "iii:i", "fd_pwrite": "iiiIi:i",
	"fd_read": "iiii:i", "fd_readdir": "iiiIi:i", "fd_renumber": "ii:i", "fd_seek": "iIii:i",
	"fd_sync": "i:i", "fd_tell": "ii:i", "fd_write": "iiii:i",
	"path_create_directory": "iii:i", "path_filestat_get": "iiiii:i", "path_filestat_set_times": "iiiiIIi:i",
	"path_link": "iiiiiii:i", "path_open": "iiiiiIIii:i", "path_readlink": "iiiiii:i",
	"path_remove_directory": "iii:i", "path_rename": "iiiiii:i", "path_symlink": "iiiii:i", "path_unlink_file": "iii:i",
	"sock_accept": "iii:i", "sock_recv": "iiiiii:i", "sock_send": "iiiii:i", "sock_shutdown": "ii:i",
}

// host are the functions of cogplan itself.
var host = map[string]string{ //nolint:gochecknoglobals // a constant table
	abi.ImportTake: "ii:i", abi.ImportReply: "ii:i", abi.ImportLog: "iii:", abi.ImportHostCall: "iii:I",
}

// required are the exports of a provider.
var required = []struct{ name, signature string }{ //nolint:gochecknoglobals // a constant table
	{abi.ExportInitialize, ":"},
	{abi.ExportVersion, ":i"},
	{abi.ExportCall, "ii:i"},
}

func (m *module) importSection(r *reader) error {
	n, err := r.count("imports", 4, maxImports)
	if err != nil {
		return err
	}
	for range n {
		from, err := r.name()
		if err != nil {
			return err
		}
		name, err := r.name()
		if err != nil {
			return err
		}
		if kind, err := r.byte(); err != nil || kind != 0 {
			return refuse("the module imports %q from %q, which is not a function; cogplan offers functions only", name, from)
		}
		t, err := m.typeIndex(r)
		if err != nil {
			return err
		}
		if err := checkImport(from, name, m.types[t]); err != nil {
			return err
		}
		m.functions = append(m.functions, t)
		m.info.Imports = append(m.info.Imports, from+"."+name)
	}
	m.imports = n
	return nil
}

func checkImport(from, name, signature string) error {
	var offered map[string]string
	switch from {
	case "wasi_snapshot_preview1":
		offered = wasi
	case abi.ImportModule:
		offered = host
	default:
		return refuse("the module imports %q from %q; cogplan offers only wasi_snapshot_preview1 and %s", name, from, abi.ImportModule)
	}
	want, ok := offered[name]
	if !ok {
		return refuse("the module imports %q from %q, and there is no such function", name, from)
	}
	if want != signature {
		return refuse("the module imports %q from %q with the signature %s, but it has %s", name, from, readable(signature), readable(want))
	}
	return nil
}

// contract checks what the module as a whole has to have.
func (m *module) contract() error {
	if defined := len(m.functions) - m.imports; m.bodies != defined {
		return refuse("the module is truncated or damaged: it declares %d functions and has the code of %d", defined, m.bodies)
	}
	for _, want := range required {
		if err := m.checkExport(want.name, want.signature); err != nil {
			return err
		}
	}
	mem, ok := m.exports[abi.ExportMemory]
	if !ok || mem.kind != 2 || m.memories == 0 || mem.index != 0 {
		return refuse("the module does not export its memory as %q", abi.ExportMemory)
	}
	return nil
}

func (m *module) checkExport(name, signature string) error {
	e, ok := m.exports[name]
	switch {
	case !ok && name == abi.ExportInitialize && m.isCommand():
		return refuse("the module is a program with a main function, not a provider; build it as a library (Go: -buildmode=c-shared)")
	case !ok:
		return refuse("the module does not export %q, so it is not a cogplan provider; see docs/protocol.md", name)
	case e.kind != 0 || int64(e.index) >= int64(len(m.functions)):
		return refuse("the module exports %q, but not as a function", name)
	}
	if got := m.types[m.functions[e.index]]; got != signature {
		return refuse("the module exports %q with the signature %s; a provider has %s", name, readable(got), readable(signature))
	}
	return nil
}

func (m *module) isCommand() bool {
	_, ok := m.exports["_start"]
	return ok
}

// readable turns "iI:i" into "(i32, i64) -> i32".
func readable(signature string) string {
	names := map[rune]string{'i': "i32", 'I': "i64", 'f': "f32", 'F': "f64", 'v': "v128"}
	out, sep := "(", ""
	for i, c := range signature {
		if c == ':' {
			out, sep = out+")", " -> "
			continue
		}
		out += sep + names[c]
		if i+1 < len(signature) {
			sep = ", "
		}
	}
	return out
}
