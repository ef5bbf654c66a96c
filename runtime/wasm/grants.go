package wasm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
)

// mountsOf turns the author's grants into what the guest's file system shows.
func mountsOf(grants reconcile.Grants, moduleDir string) ([]guestfs.Mount, error) {
	var mounts []guestfs.Mount
	add := func(list []string, write bool) error {
		for _, grant := range list {
			m, err := mountOf(grant, moduleDir, write)
			if err != nil {
				return err
			}
			mounts = append(mounts, m)
		}
		return nil
	}
	// Write implies read: of two equal grants the one for writing decides.
	if err := errors.Join(add(grants.Write, true), add(grants.Read, false)); err != nil {
		return nil, err
	}
	mounts = unique(mounts)
	return mounts, checkOverlap(mounts)
}

func unique(mounts []guestfs.Mount) []guestfs.Mount {
	var out []guestfs.Mount
	for _, m := range mounts {
		if !slices.ContainsFunc(out, func(o guestfs.Mount) bool { return o.Guest == m.Guest && o.Relative == m.Relative }) {
			out = append(out, m)
		}
	}
	return out
}

func mountOf(grant, moduleDir string, write bool) (guestfs.Mount, error) {
	if err := checkGrantText(grant); err != nil {
		return guestfs.Mount{}, err
	}
	m := guestfs.Mount{Guest: guestfs.GuestPath(filepath.ToSlash(grant)), Write: write, Relative: !filepath.IsAbs(grant)}
	root, err := resolve(moduleDir)
	if err != nil {
		return m, fmt.Errorf("module directory %s: %w", moduleDir, err)
	}
	host := filepath.Clean(grant)
	if m.Relative {
		host = filepath.Join(root, grant)
	}
	if m.Host, err = resolve(host); err != nil {
		return m, fmt.Errorf("grant %q: %w", grant, err)
	}
	if m.Relative && !inside(m.Host, root) {
		return m, fmt.Errorf("grant %q: a symbolic link on its way leaves the module's directory; "+
			"if that is meant, write where it leads: %q", grant, m.Host)
	}
	if !m.Relative {
		err = checkAbsolute(grant, m)
	}
	return m, err
}

func checkGrantText(grant string) error {
	switch {
	case grant == "":
		return errors.New("grant \"\": an empty path grants nothing; write \".\" for the module's directory")
	case grant != sanitize(grant) || strings.ContainsAny(grant, "\n\x00"):
		return fmt.Errorf("grant %q: the path has invisible characters", grant)
	case filepath.IsAbs(grant):
		return nil
	case strings.HasPrefix(grant, "~"):
		return fmt.Errorf("grant %q: ~ is not expanded; write the path out", grant)
	case !filepath.IsLocal(grant):
		return fmt.Errorf("grant %q: it leaves the module's directory; if that is meant, write it as an absolute path", grant)
	}
	return nil
}

// forbiddenRoots hold no files but windows into the kernel and into other
// processes.
func forbiddenRoots() []string {
	if runtime.GOOS == "windows" {
		return nil
	}
	return []string{"/proc", "/sys", "/dev"}
}

func checkAbsolute(grant string, m guestfs.Mount) error {
	if filepath.Dir(m.Host) == m.Host {
		return fmt.Errorf("grant %q: the whole file system is never granted; name what the provider needs", grant)
	}
	for _, root := range forbiddenRoots() {
		if inside(m.Host, root) {
			return fmt.Errorf("grant %q: what lies below %s are no files, and is never granted", grant, root)
		}
	}
	return nil
}

// resolve follows the symbolic links of what is there of a path. What the
// author grants may be a link; what a provider meets later may not.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil {
		return resolved, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, lerr := os.Lstat(path); lerr == nil {
		return "", errors.New("it is a symbolic link to something that does not exist")
	}
	dir, err := resolve(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// checkOverlap refuses a relative and an absolute grant that meet in the
// guest's tree, where nobody could tell them apart.
func checkOverlap(mounts []guestfs.Mount) error {
	for i, a := range mounts {
		for _, b := range mounts[i+1:] {
			if a.Relative == b.Relative || !(covers(a.Guest, b.Guest) || covers(b.Guest, a.Guest)) {
				continue
			}
			rel, abs := a, b
			if b.Relative {
				rel, abs = b, a
			}
			return fmt.Errorf("grants %q and %q: a provider would find both at /%s; "+
				"write the relative one as an absolute path: %q", "./"+rel.Guest, "/"+abs.Guest, longer(a.Guest, b.Guest), rel.Host)
		}
	}
	return nil
}

func covers(dir, p string) bool {
	return dir == "" || p == dir || strings.HasPrefix(p, dir+"/")
}

func longer(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b
}
