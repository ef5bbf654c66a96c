package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// storeLock is the lock of the whole store, below .cog.
const storeLock = "lock"

// Lock makes its caller the only writer of the address, or of the whole store
// where the address is empty.
func (s *FileStore) Lock(ctx context.Context, address string, request LockRequest) (Lease, error) {
	started := s.now()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		lease, err := s.tryLease(address, request)
		locked, ok := errors.AsType[*LockedError](err)
		if !ok {
			return lease, err
		}
		locked.Waited = s.now().Sub(started)
		if locked.Waited >= request.Wait {
			return nil, locked
		}
		timer := time.NewTimer(min(pause, request.Wait-locked.Waited))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(ctx.Err(), locked)
		case <-timer.C:
		}
	}
}

// tryLease locks the store, shared for the lock of one address, and then the
// address.
func (s *FileStore) tryLease(address string, request LockRequest) (Lease, error) {
	if err := s.makeTop(); err != nil {
		return nil, fmt.Errorf("lock the state in %s: %w", filepath.Join(s.root, stateDir), err)
	}
	top, err := os.OpenRoot(filepath.Join(s.root, stateDir))
	if err != nil {
		return nil, fmt.Errorf("lock the state in %s: %w", filepath.Join(s.root, stateDir), err)
	}
	defer func() { _ = top.Close() }() // the opened files stay open
	whole, err := lockFile(top, storeLock, address == "")
	if err != nil || address == "" {
		return s.lease(address, request, err, held{whole, filepath.Join(s.root, stateDir, storeLock)})
	}
	folder, err := s.create(address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the state of %s: %w", address, err), whole.Close())
	}
	defer folder.close()
	one, err := lockFile(folder.root, folder.path(holderFile), true)
	if err != nil {
		return s.lease(address, request, errors.Join(err, whole.Close()))
	}
	return s.lease(address, request, nil,
		held{one, filepath.Join(filepath.Dir(StatePath(s.root, address)), holderFile)},
		held{whole, filepath.Join(s.root, stateDir, storeLock)})
}

// held is a locked file and its path, under which somebody may put another one.
type held struct {
	file *os.File
	path string
}

// lockFile opens and locks a lock file.
func lockFile(root *os.Root, name string, exclusive bool) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, ownerFile)
	if err != nil {
		return nil, err
	}
	locked, err := tryLock(file, exclusive)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if locked {
		return file, nil
	}
	info, _ := readHolder(file) // who it is, is only told
	return nil, errors.Join(&LockedError{
		Info:   info,
		Remedy: "wait for it, give a longer -lock-timeout, or end that process; the lock ends with it",
	}, file.Close())
}

// lease makes the lease of the locked files; the first one says who holds it.
func (s *FileStore) lease(address string, request LockRequest, err error, files ...held) (Lease, error) {
	if locked, ok := errors.AsType[*LockedError](err); ok {
		if locked.Info.Address == "" {
			locked.Info.Address = address
		}
		return nil, locked
	}
	if err != nil {
		return nil, fmt.Errorf("lock the state in %s: %w", filepath.Join(s.root, stateDir), err)
	}
	host, _ := os.Hostname() // it is only told
	lease := &fileLease{files: files, info: LockInfo{
		Address: address, Holder: request.Holder, Host: host, PID: os.Getpid(),
		Since: s.now().UTC(), Epoch: s.nextEpoch(files[0].file),
	}}
	if err := writeHolder(files[0].file, lease.info); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the state in %s: %w", filepath.Join(s.root, stateDir), err), lease.Release())
	}
	return lease, nil
}

// nextEpoch is one more than that of the holder before. Where nobody knows it, the
// lock file is new, was removed, or cannot be read, the count goes on from the time
// in milliseconds, which no count of holders reaches.
func (s *FileStore) nextEpoch(file *os.File) int64 {
	before, err := readHolder(file)
	if err != nil || before.Epoch <= 0 {
		return max(s.now().UnixMilli(), 1)
	}
	return before.Epoch + 1
}

func readHolder(file *os.File) (LockInfo, error) {
	const longest = 64 << 10
	var info LockInfo
	data, err := io.ReadAll(io.NewSectionReader(file, 0, longest))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return LockInfo{}, err
	}
	return info, nil
}

func writeHolder(file *os.File, info LockInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(append(text, '\n'), 0)
	return err
}

// fileLease is a lock that the kernel keeps for this process.
type fileLease struct {
	info  LockInfo
	once  sync.Once
	files []held
}

func (l *fileLease) Info() LockInfo { return l.info }

// check returns a [FencedError] where the lease is over. The kernel takes no lock
// away; but it locks a file, and people remove files: who comes then locks another
// one, while this process is stopped and knows nothing.
func (l *fileLease) check() error {
	for _, h := range l.files {
		ours, err := h.file.Stat()
		if err != nil {
			return l.over("the lock was given back", h.path)
		}
		there, err := os.Stat(h.path)
		if err != nil || !os.SameFile(ours, there) {
			return l.over("its file "+h.path+" was removed or replaced", h.path)
		}
	}
	if now, err := readHolder(l.files[0].file); err != nil || now.Epoch != l.info.Epoch {
		return l.over("its file "+l.files[0].path+" tells of another holder", l.files[0].path)
	}
	return nil
}

// over tells who has the lock now, if that can be found out.
func (l *fileLease) over(reason, path string) error {
	e := &FencedError{Lease: l.info, Reason: reason}
	if file, err := os.Open(path); err == nil {
		e.Later, _ = readHolder(file) // who it is, is only told
		_ = file.Close()              // it was only read from
	}
	return e
}

// fence is what refuses writes under the lease of a context; it never does where
// there is none.
func (s *FileStore) fence(ctx context.Context) func() error {
	if lease, ok := LeaseOf(ctx).(*fileLease); ok {
		return lease.check
	}
	return func() error { return nil }
}

// Lost returns nil: the kernel takes no lock away.
func (l *fileLease) Lost() <-chan struct{} { return nil }

func (l *fileLease) Release() error {
	var errs []error
	l.once.Do(func() {
		// The text must not name a holder that is gone; the epoch goes on.
		errs = append(errs, writeHolder(l.files[0].file, LockInfo{Epoch: l.info.Epoch}))
		for _, h := range l.files {
			errs = append(errs, h.file.Close())
		}
	})
	return errors.Join(errs...)
}

// Locked tells who holds the lock of the address, or of the whole store where it
// is empty; nil where nobody does. It is for people: the answer may be old when
// it arrives.
func (s *FileStore) Locked(address string) (*LockInfo, error) {
	name := filepath.Join(s.root, stateDir, storeLock)
	if address != "" {
		name = filepath.Join(filepath.Dir(StatePath(s.root, address)), holderFile)
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read from
	free, err := tryLock(file, false)
	if err != nil || free {
		return nil, err
	}
	info, err := readHolder(file)
	return &info, err
}
