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
	"sync/atomic"
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
	lease, err := s.lockFiles(address, request)
	if locked, ok := errors.AsType[*LockedError](err); ok {
		if locked.Info.Address == "" {
			locked.Info.Address = address
		}
		return nil, locked
	}
	if err != nil {
		return nil, fmt.Errorf("lock the state in %s: %w", filepath.Join(s.root, stateDir), err)
	}
	return lease, nil
}

func (s *FileStore) lockFiles(address string, request LockRequest) (Lease, error) {
	if err := s.makeTop(); err != nil {
		return nil, err
	}
	top, err := s.openTop()
	if err != nil {
		return nil, err
	}
	defer func() { _ = top.Close() }() // the opened files stay open
	whole, err := lockFile(top, storeLock, address == "")
	if err != nil {
		return nil, err
	}
	if address == "" {
		return s.newLease(top, address, request, whole)
	}
	folder, err := s.create(address)
	if err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	defer folder.close()
	one, err := lockFile(folder.root, folder.path(holderFile), true)
	if err != nil {
		return nil, errors.Join(err, whole.Close())
	}
	return s.newLease(top, address, request, one, whole)
}

// lockedFile is a lock file that is open and locked.
type lockedFile struct {
	*os.File
	root *os.Root
	name string
}

// replaced reports whether the file in the folder is another one by now: the lock
// was taken away.
func (f *lockedFile) replaced() bool {
	mine, err := f.Stat()
	if err != nil {
		return true
	}
	there, err := f.root.Stat(f.name)
	return err != nil || !os.SameFile(mine, there)
}

// lockFile opens and locks a lock file.
func lockFile(root *os.Root, name string, exclusive bool) (*lockedFile, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, ownerFile)
	if err != nil {
		return nil, err
	}
	locked, err := tryLock(file, exclusive)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if locked {
		return &lockedFile{file, root, name}, nil
	}
	info, _ := readHolder(file) // who it is, is only told
	return nil, errors.Join(&LockedError{
		Info:   info,
		Remedy: "wait for it, give a longer -lock-timeout, or end that process; the lock ends with it",
	}, file.Close())
}

// newLease makes the lease of the locked files; the first one says who holds it.
func (s *FileStore) newLease(top *os.Root, address string, request LockRequest, files ...*lockedFile) (Lease, error) {
	held := &fileLease{lost: make(chan struct{})}
	for _, file := range files {
		held.files = append(held.files, file.File)
	}
	epoch, err := s.grant(top, address == "", files)
	if err == nil {
		host, _ := os.Hostname() // it is only told
		held.info = LockInfo{
			Address: address, Holder: request.Holder, Host: host, PID: os.Getpid(), Since: s.now().UTC(), Epoch: epoch,
		}
		err = writeHolder(files[0].File, held.info)
	}
	if err != nil {
		return nil, errors.Join(err, held.close())
	}
	return held, nil
}

func readHolder(file *os.File) (LockInfo, error) {
	const longest = 64 << 10
	data, err := io.ReadAll(io.NewSectionReader(file, 0, longest))
	if err != nil {
		return LockInfo{}, err
	}
	return parseHolder(data)
}

func parseHolder(data []byte) (LockInfo, error) {
	var info LockInfo
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

// fileLease is a lock that the kernel keeps for this process. It can be lost all
// the same: see [FileStore.Unlock].
type fileLease struct {
	info     LockInfo
	once     sync.Once
	files    []*os.File
	released atomic.Bool
	losing   sync.Once
	lost     chan struct{}
}

func (l *fileLease) Info() LockInfo { return l.info }

// Lost is closed when a write shows that the lease was taken away.
func (l *fileLease) Lost() <-chan struct{} { return l.lost }

func (l *fileLease) lose() { l.losing.Do(func() { close(l.lost) }) }

func (l *fileLease) Release() error {
	var err error
	l.once.Do(func() {
		l.released.Store(true)
		// The text must not name a holder that is gone; the epoch goes on.
		err = errors.Join(writeHolder(l.files[0], LockInfo{Epoch: l.info.Epoch}), l.close())
	})
	return err
}

func (l *fileLease) close() error {
	var errs []error
	for _, file := range l.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// Locked tells who holds the lock of the address, or of the whole store where it
// is empty; nil where nobody does. It is for people: the answer may be old when
// it arrives.
func (s *FileStore) Locked(address string) (*LockInfo, error) {
	file, err := os.Open(s.lockPath(address))
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
	info, _ := readHolder(file) // somebody holds it, whoever that is
	return &info, nil
}
