// Package guestfs is the file system that a guest sees. It shows one directory
// tree, made of the files and directories that were granted, and nothing else.
//
// While the guest reads, every attempt to change something is refused and
// recorded. While an action is applied, the guest may do what the effects of
// that action say, to the letter. Symbolic links are never followed and never
// made; devices, pipes and sockets are not opened; a file that is written
// appears under its name when it is complete and on disk, or not at all.
// Confinement to a granted directory rests on [os.Root], so that a mistake here
// does not open the rest of the machine.
//
// The package refuses hard links, renames, changes of times and owners, and
// modes beyond the nine permission bits.
package guestfs

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// A Mount is one grant: a file or directory of this machine, and the place at
// which the guest finds it.
type Mount struct {
	// Guest is the clean path below the guest's root, without a leading slash;
	// empty for the root itself.
	Guest string `json:"guest"`
	// Host is the absolute path on this machine, symbolic links resolved. It
	// may be missing.
	Host  string `json:"host"`
	Write bool   `json:"write"`
	// Relative says how the author wrote the grant, for messages.
	Relative bool `json:"relative"`
}

// Limits bound what a guest may do to the file system. Zero is no limit.
type Limits struct {
	// FileSize is the largest file that may be written, in bytes.
	FileSize int64 `json:"file_size"`
	// Handles is the number of files that may be open at one time.
	Handles int `json:"handles"`
	// Audit notes each use in the report.
	Audit bool `json:"audit,omitempty"`
}

// Any is the operation of an effect that permits every change that the grants
// cover.
const Any = "any"

// Effect permits one change while an action is applied.
type Effect struct {
	// Op is write, delete, mkdir, rmdir or chmod.
	Op string
	// Path is a guest path as in [Mount].
	Path string
}

// Use is one thing that a guest did with a granted file.
type Use struct {
	// Op is that of an [Effect], or read, list or examine.
	Op string
	// Path is as the author of the module writes it.
	Path string
}

// maxUses bounds what one call or action is noted to have done.
const maxUses = 100_000

// Violation is one thing that a guest tried and was not allowed to do.
type Violation struct {
	// Op is what it tried: write, delete, mkdir, rmdir, chmod, rename, link,
	// symlink or utimes.
	Op string
	// Path is in the words of the grant.
	Path string
	// Why is one clause that says what stood in the way.
	Why string
}

type phase int

const (
	sealed phase = iota // no call is running
	reading
	applying
)

// An FS is the file system of one instance. It is used by one goroutine at a
// time.
type FS struct {
	sys.UnimplementedFS
	mounts  []mount
	limits  Limits
	tag     string
	phase   phase
	effects []Effect
	action  int
	// generation moves when handles lose their right to be used.
	generation uint64
	open       map[handle]struct{}
	dirs       map[string]*os.Root
	swept      map[string]bool
	pending    []*upload
	pendingFor map[string]bool
	dirty      map[*os.Root]bool
	serial     int
	failed     []CommitError
	// held keeps cached directories open while several are in use.
	held   bool
	leaked bool
	report Report
}

// Report is what happened during one call or action.
type Report struct {
	Violations []Violation
	// Missing are paths that the guest tried to read and that nobody granted.
	Missing []string
	// Problems are failures of the machine, in words that the guest's error
	// codes cannot carry: a full disk, a file that grew over its limit.
	Problems []string
	// Limited says that a limit stopped the guest.
	Limited bool
	// Unwritten says that a file which the guest began to write was not written.
	Unwritten bool
	// Uses are what the guest did, where that is asked for. Unnoted counts those
	// for which there was no room.
	Uses    []Use
	Unnoted int
}

const maxReported = 8

type mount struct {
	Mount
	parent *os.Root // of filepath.Dir(Host); nil until it is needed
}

type handle interface{ revoke() }

// New makes the file system of an instance. The tag is part of the names of
// its temporary files, so that whoever ends the process can find them.
func New(mounts []Mount, limits Limits, tag string) *FS {
	f := &FS{
		limits: limits, tag: tag,
		open: map[handle]struct{}{}, dirs: map[string]*os.Root{}, swept: map[string]bool{},
		pendingFor: map[string]bool{}, dirty: map[*os.Root]bool{},
	}
	for _, m := range mounts {
		f.mounts = append(f.mounts, mount{Mount: m})
	}
	// The most specific grant decides.
	slices.SortStableFunc(f.mounts, func(a, b mount) int { return len(b.Guest) - len(a.Guest) })
	return f
}

// BeginRead lets the guest read until [FS.End].
func (f *FS) BeginRead() { f.begin(reading, nil, 0) }

// BeginAction lets the guest read, and do what the effects say, until
// [FS.End]. The number is what [FS.Flush] calls the action by.
func (f *FS) BeginAction(action int, effects []Effect) { f.begin(applying, effects, action) }

func (f *FS) begin(p phase, effects []Effect, action int) {
	f.phase, f.effects, f.action = p, effects, action
	f.report = Report{}
}

// End takes every right and every open handle from the guest and says what
// happened since the call began. A file that is still open for writing is not
// written.
func (f *FS) End() Report {
	// The first call is the start of the instance, which opens the root to keep.
	f.leaked = f.leaked || f.generation > 0 && len(f.open) > 0
	f.generation++
	f.phase = sealed
	for h := range f.open {
		h.revoke()
	}
	clear(f.open)
	return f.report
}

// Leaked reports whether the guest has ever ended a call with a file open.
func (f *FS) Leaked() bool { return f.leaked }

// Close gives back everything that the file system holds. What was not flushed
// is not written.
func (f *FS) Close() {
	f.End()
	for _, u := range f.pending {
		u.discard()
	}
	f.pending = nil
	f.forget("")
	for i := range f.mounts {
		if f.mounts[i].parent != nil {
			_ = f.mounts[i].parent.Close()
			f.mounts[i].parent = nil
		}
	}
}

// forget closes the cached directories at and below p.
func (f *FS) forget(p string) {
	for d, root := range f.dirs {
		if within(d, p) {
			_ = root.Close()
			delete(f.dirs, d)
			delete(f.dirty, root)
		}
	}
}

// Forget closes the cached directories, so that a later call finds what other
// programs made of them.
func (f *FS) Forget() { f.forget("") }

// within reports whether p is dir or lies below it.
func within(p, dir string) bool {
	return dir == "" || p == dir || (strings.HasPrefix(p, dir) && p[len(dir)] == '/')
}

// show puts a guest path into the words of the grant.
func (f *FS) show(p string) string {
	if m := f.mountOf(p); m != nil && m.Relative {
		if p == "" {
			return "."
		}
		return p
	}
	return "/" + p
}

func (f *FS) mountOf(p string) *mount {
	for i := range f.mounts {
		if within(p, f.mounts[i].Guest) {
			return &f.mounts[i]
		}
	}
	return nil
}

// isAbove reports whether p is a directory that exists only because a grant
// lies below it.
func (f *FS) isAbove(p string) bool {
	if p == "" {
		return true
	}
	for i := range f.mounts {
		if within(f.mounts[i].Guest, p) {
			return true
		}
	}
	return false
}

// violate records what the guest tried and must not do.
func (f *FS) violate(op, p, why string) {
	if len(f.report.Violations) < maxReported {
		f.report.Violations = append(f.report.Violations, Violation{Op: op, Path: f.show(p), Why: why})
	}
}

// use notes what the guest did, for the audit.
func (f *FS) use(op, p string) {
	switch {
	case !f.limits.Audit:
	case len(f.report.Uses) >= maxUses:
		f.report.Unnoted++
	default:
		f.report.Uses = append(f.report.Uses, Use{Op: op, Path: f.show(p)})
	}
}

func (f *FS) problem(text string) {
	if len(f.report.Problems) < maxReported {
		f.report.Problems = append(f.report.Problems, text)
	}
}

func (f *FS) missing(p string) {
	if len(f.report.Missing) < maxReported {
		f.report.Missing = append(f.report.Missing, "/"+p)
	}
}

// permit decides whether the guest may change p now. It records a refusal.
func (f *FS) permit(op, p string) sys.Errno {
	m := f.mountOf(p)
	switch {
	case f.phase != applying:
		f.violate(op, p, "nothing may be changed in this phase")
		return sys.EROFS
	case m == nil:
		f.violate(op, p, "no grant covers this path")
		return sys.EACCES
	case !m.Write:
		f.violate(op, p, "the grant covers reading only")
		return sys.EACCES
	case hidden(path.Base(p)):
		f.violate(op, p, "names of this form are reserved")
		return sys.EACCES
	case !f.declared(op, p):
		f.violate(op, p, "the action did not declare this effect")
		return sys.EACCES
	}
	f.use(op, p)
	return 0
}

func (f *FS) declared(op, p string) bool {
	for i := range f.effects {
		if (f.effects[i].Path == p && f.effects[i].Op == op) || f.effects[i].Op == Any {
			return true
		}
	}
	return false
}

const (
	hiddenPrefix = ".cogplan-"
	hiddenSuffix = ".tmp"
)

// hidden reports whether the name is one of our own temporary files.
func hidden(name string) bool {
	return strings.HasPrefix(name, hiddenPrefix) && strings.HasSuffix(name, hiddenSuffix)
}
