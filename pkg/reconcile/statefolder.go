package reconcile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	backupSuffix = ".backup"
	backupFile   = stateFile + backupSuffix
	pinFile      = ".lineage"
	holderFile   = ".lock"
	tempSuffix   = ".tmp"

	ownerFile   fs.FileMode = 0o600
	ownerFolder fs.FileMode = 0o700

	// savingWait bounds the wait for another process's write of the same state,
	// which takes milliseconds.
	savingWait = 30 * time.Second
)

// stateFolder is the open folder of one address. Everything in it goes through
// an [os.Root] at .cog/config, so that no link in it leads out.
type stateFolder struct {
	root *os.Root
	name string
	// saving is the pin file while it is locked.
	saving *os.File
	step   func(operation, name string) error
}

// open returns the folder of an address, for reading.
func (s *FileStore) open(address string) (*stateFolder, error) {
	root, err := os.OpenRoot(filepath.Join(s.root, stateDir, configDir))
	if err != nil {
		return nil, err
	}
	return &stateFolder{root: root, name: addressFolder(address), step: s.step}, nil
}

// create returns the folder of an address, and makes it where it is missing.
func (s *FileStore) create(address string) (*stateFolder, error) {
	if err := s.makeTop(); err != nil {
		return nil, err
	}
	folder, err := s.open(address)
	if err != nil {
		return nil, err
	}
	if err := folder.make(); err != nil {
		folder.close()
		return nil, err
	}
	return folder, nil
}

// makeTop makes <root>/.cog/config. Root itself must be there.
func (s *FileStore) makeTop() error {
	top := filepath.Join(s.root, stateDir, configDir)
	if info, err := os.Stat(top); err == nil && info.IsDir() { //nolint:gosec // root is where the caller wants it
		return nil
	}
	root := s.root
	if root == "" {
		root = "."
	}
	outer, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer func() { _ = outer.Close() }() // it was only read from
	for _, name := range []string{stateDir, path.Join(stateDir, configDir)} {
		if err := makeFolder(outer, name, s.step); err != nil {
			return err
		}
	}
	return nil
}

func (f *stateFolder) make() error {
	if info, err := f.root.Stat(f.name); err == nil && info.IsDir() {
		return nil
	}
	for i, c := range f.name + "/" {
		if c != '/' {
			continue
		}
		if err := makeFolder(f.root, f.name[:i], f.step); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes one folder, so that it lasts.
func makeFolder(root *os.Root, name string, step func(string, string) error) error {
	if err := step("mkdir", name); err != nil {
		return err
	}
	err := root.Mkdir(name, ownerFolder)
	if errors.Is(err, fs.ErrExist) {
		info, err := root.Stat(name)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", filepath.Join(root.Name(), name))
		}
		return err
	}
	if err != nil {
		return err
	}
	return syncRootFolder(root, path.Dir(name), step)
}

func syncRootFolder(root *os.Root, name string, step func(string, string) error) error {
	if err := step("syncdir", name); err != nil {
		return err
	}
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncFolder(folder), folder.Close())
}

func (f *stateFolder) path(name string) string { return path.Join(f.name, name) }

func (f *stateFolder) close() {
	// Closing ends the lock. Nothing that was written is lost if it fails: what
	// must last was synced.
	if f.saving != nil {
		_ = f.saving.Close()
	}
	_ = f.root.Close()
}

// read returns a file of the folder, or nil where there is none.
func (f *stateFolder) read(name string) ([]byte, error) {
	file, err := f.root.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read from
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, err
	}
	return data, nil
}

// lock waits until nobody else writes in the folder, and clears away what a
// writer that died has left.
func (f *stateFolder) lock() error {
	file, err := f.root.OpenFile(f.path(pinFile), os.O_RDWR|os.O_CREATE, ownerFile)
	if err != nil {
		return err
	}
	f.saving = file
	if err := awaitLock(file, true, savingWait); err != nil {
		return err
	}
	return f.clear()
}

// awaitLock locks a file that others lock for a moment only.
func awaitLock(file *os.File, exclusive bool, wait time.Duration) error {
	deadline := time.Now().Add(wait) //nolint:forbidigo // waits for another process
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		locked, err := tryLock(file, exclusive)
		if locked || err != nil {
			return err
		}
		if time.Now().After(deadline) { //nolint:forbidigo // waits for another process
			return &LockedError{Waited: wait, Remedy: "another process does not finish its write; end it"}
		}
		time.Sleep(pause)
	}
}

// names are the sorted names in the folder.
func (f *stateFolder) names() ([]string, error) {
	folder, err := f.root.Open(f.name)
	if err != nil {
		return nil, err
	}
	names, err := folder.Readdirnames(-1)
	slices.Sort(names)
	return names, errors.Join(err, folder.Close())
}

func (f *stateFolder) clear() error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, stateFile) && strings.HasSuffix(name, tempSuffix) {
			if err := f.root.Remove(f.path(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pinned is the lineage that the folder belongs to; empty where none is pinned.
func (f *stateFolder) pinned() (string, error) {
	data, err := f.read(pinFile)
	return strings.TrimSpace(string(data)), err
}

// pin makes the lineage last before a state has it. The folder must be locked.
func (f *stateFolder) pin(lineage string) error {
	pinned, err := f.pinned()
	if err != nil || pinned == lineage {
		return err
	}
	if err := f.step("write", pinFile); err != nil {
		return err
	}
	if err := f.saving.Truncate(0); err != nil {
		return err
	}
	if _, err := f.saving.WriteAt([]byte(lineage+"\n"), 0); err != nil {
		return err
	}
	if err := f.step("sync", pinFile); err != nil {
		return err
	}
	return f.saving.Sync()
}

// replace puts a new state in the place of the old one, whose serial is given, and
// which becomes the backup. The folder must be locked.
func (f *stateFolder) replace(data []byte, keep bool, serial int) error {
	temp, err := f.writeTemp(data)
	if err != nil {
		return err
	}
	if keep {
		err = errors.Join(f.backUp(), f.remember(serial))
	}
	if err == nil {
		err = f.rename(temp, stateFile)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(f.path(temp)))
	}
	return syncRootFolder(f.root, f.name, f.step)
}

// writeTemp writes a new file with a name that nobody else has, so that it lasts.
func (f *stateFolder) writeTemp(data []byte) (string, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	name := stateFile + "." + hex.EncodeToString(random[:]) + tempSuffix
	if err := f.step("create", stateFile); err != nil {
		return "", err
	}
	file, err := f.root.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, ownerFile)
	if err != nil {
		return "", err
	}
	if err := f.fill(file, data); err != nil {
		return "", errors.Join(err, f.root.Remove(f.path(name)))
	}
	return name, nil
}

func (f *stateFolder) fill(file *os.File, data []byte) error {
	err := f.step("write", stateFile)
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = f.step("sync", stateFile)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// backUp makes the present state the backup too: by a hard link, so that the
// state itself is never away, or by a copy where there are no links.
func (f *stateFolder) backUp() error {
	if f.backedUp() {
		return nil
	}
	temp := backupFile + tempSuffix
	if err := f.step("link", backupFile); err != nil {
		return err
	}
	if err := f.root.Link(f.path(stateFile), f.path(temp)); err != nil {
		data, readErr := f.read(stateFile)
		if readErr != nil {
			return errors.Join(err, readErr)
		}
		if temp, err = f.writeTemp(data); err != nil {
			return err
		}
	}
	return f.rename(temp, backupFile)
}

// backedUp reports whether the backup is a link to the present state already: a
// write that failed after its backup leaves that. Renaming one link over another
// of the same file would do nothing, and leave both.
func (f *stateFolder) backedUp() bool {
	present, err := f.root.Stat(f.path(stateFile))
	if err != nil {
		return false
	}
	backup, err := f.root.Lstat(f.path(backupFile))
	return err == nil && os.SameFile(present, backup)
}

func (f *stateFolder) rename(from, to string) error {
	if err := f.step("rename", to); err != nil {
		return err
	}
	return f.root.Rename(f.path(from), f.path(to))
}

// retire makes the state the backup and leaves no state and no pin.
func (f *stateFolder) retire() error {
	if err := f.rename(stateFile, backupFile); err != nil {
		return err
	}
	if err := f.step("write", pinFile); err != nil {
		return err
	}
	if err := f.saving.Truncate(0); err != nil {
		return err
	}
	return syncRootFolder(f.root, f.name, f.step)
}
