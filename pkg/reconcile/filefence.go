package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

var _ StateUnlocker = (*FileStore)(nil)

// epochFile holds the count of leases, below .cog. Whoever writes under a lease
// has it locked, shared, until the write is done; whoever grants or ends a lease
// has it for himself. It is written in place, in one piece of one size.
//
// A grant does not sync it: a power cut that takes the last leases out of the
// count has ended the processes that held them.
const epochFile = "epoch"

// unlockWait bounds the wait for a write that is under way when leases are ended.
const unlockWait = 5 * time.Second

// leaseCount is what the epoch file holds.
type leaseCount struct {
	// newest is the epoch of the newest lease.
	newest int64
	// fence is the first epoch that is good: that of the newest lease of the whole
	// store, or one that no lease has where leases were ended.
	fence int64
}

// The line of a count: a checksum as in a journal, and two numbers of countDigits.
const (
	countDigits = 20
	countLine   = journalSum + 1 + countDigits + 1 + countDigits + 1
)

func (c leaseCount) line() []byte {
	text := fmt.Appendf(nil, "%0*d %0*d", countDigits, c.newest, countDigits, c.fence)
	return []byte(lineSum(text) + " " + string(text) + "\n")
}

// readCount reads the count; false where there is none that can be read.
func readCount(file *os.File) (leaseCount, bool) {
	var data [countLine]byte
	if n, err := file.ReadAt(data[:], 0); n < countLine || err != nil && !errors.Is(err, io.EOF) {
		return leaseCount{}, false
	}
	sum, text := data[:journalSum], data[journalSum+1:countLine-1]
	if string(sum) != lineSum(text) {
		return leaseCount{}, false
	}
	newest, err := strconv.ParseInt(string(text[:countDigits]), 10, 64)
	fence, err2 := strconv.ParseInt(string(text[countDigits+1:]), 10, 64)
	return leaseCount{newest, fence}, err == nil && err2 == nil
}

func (s *FileStore) writeCount(file *os.File, c leaseCount) error {
	if err := s.step("write", epochFile); err != nil {
		return err
	}
	_, err := file.WriteAt(c.line(), 0)
	return err
}

// lockCount opens and locks the epoch file.
func lockCount(top *os.Root, exclusive bool, wait time.Duration) (*os.File, error) {
	flags := os.O_RDWR
	if exclusive {
		flags |= os.O_CREATE
	}
	file, err := top.OpenFile(epochFile, flags, ownerFile)
	if err != nil {
		return nil, err
	}
	if err := awaitLock(file, exclusive, wait); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// under is the store as the holder of the context's lease writes it.
func (s *FileStore) under(ctx context.Context) *FileStore {
	lease := LeaseOf(ctx)
	if lease == nil {
		return s
	}
	own := *s
	own.lease = lease
	return &own
}

// openTop opens .cog.
func (s *FileStore) openTop() (*os.Root, error) { return os.OpenRoot(filepath.Join(s.root, stateDir)) }

// guarded calls write while the lease that the store is under is good, and while no
// other can be granted. A store that is under none has no fence.
func (s *FileStore) guarded(folder *stateFolder, write func() error) error {
	if s.lease == nil {
		return write()
	}
	top, err := s.openTop()
	if err != nil {
		return err
	}
	defer func() { _ = top.Close() }() // it was only read from
	return s.guardedIn(top, folder, write)
}

func (s *FileStore) guardedIn(top *os.Root, folder *stateFolder, write func() error) error {
	if s.lease == nil {
		return write()
	}
	file, err := lockCount(top, false, savingWait)
	if errors.Is(err, fs.ErrNotExist) {
		return s.fencedOff(0)
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read from
	if newest, good := s.good(file, folder); !good {
		return s.fencedOff(newest)
	}
	return write()
}

// good reports whether the lease may still write, and otherwise the epoch of the
// newest one, or zero.
func (s *FileStore) good(file *os.File, folder *stateFolder) (newest int64, good bool) {
	epoch := s.lease.Info().Epoch
	count, known := readCount(file)
	switch {
	case !known || epoch > count.newest:
		return 0, false
	case epoch < count.fence:
		return count.newest, false
	}
	if lease, ours := s.lease.(*fileLease); ours && lease.released.Load() {
		return epoch, false
	}
	// Where somebody removed the lock file of an address, the new one tells who has
	// it now. What cannot be read tells nothing: the count is what counts.
	later := epoch
	if own := s.lease.Info().Address; own != "" {
		data, _ := os.ReadFile(s.lockPath(own))
		holder, _ := parseHolder(data)
		later = max(later, holder.Epoch)
	}
	if folder != nil {
		data, _ := folder.read(holderFile)
		holder, _ := parseHolder(data)
		later = max(later, holder.Epoch)
	}
	return later, later == epoch
}

// lockPath is the lock file of an address, or of the whole store.
func (s *FileStore) lockPath(address string) string {
	if address == "" {
		return filepath.Join(s.root, stateDir, storeLock)
	}
	return filepath.Join(filepath.Dir(StatePath(s.root, address)), holderFile)
}

func (s *FileStore) fencedOff(newest int64) error {
	if lease, ours := s.lease.(*fileLease); ours {
		lease.lose()
	}
	info := s.lease.Info()
	e := &FencedError{Lease: info, Later: LockInfo{Epoch: newest}}
	switch {
	case newest > info.Epoch:
		e.Reason = "it was taken away, or its file was removed or replaced, while this run stood still or did not answer"
	case newest == info.Epoch:
		e.Reason = "it was given back"
	default:
		e.Reason = "the store's count of leases is gone"
	}
	for _, address := range []string{"", info.Address} {
		data, _ := os.ReadFile(s.lockPath(address)) // who has it now, is only told
		if later, err := parseHolder(data); err == nil && later.Holder != "" && later.Epoch > info.Epoch {
			e.Later = later
		}
	}
	return e
}

// grant counts a new lease, whose lock files are locked, and returns its epoch.
func (s *FileStore) grant(top *os.Root, whole bool, files []*lockedFile) (int64, error) {
	file, err := lockCount(top, true, savingWait)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }() // it ends the lock
	for _, locked := range files {
		if locked.replaced() {
			return 0, &LockedError{Remedy: "its lock is being taken from its holder just now; run again"}
		}
	}
	count := s.countOn(file, files)
	count.newest++
	if whole {
		count.fence = count.newest
	}
	return count.newest, s.writeCount(file, count)
}

// countOn is the count to go on from. Where it was lost it goes on from the clock,
// which no count of leases has reached: it never goes back.
func (s *FileStore) countOn(file *os.File, files []*lockedFile) leaseCount {
	count, known := readCount(file)
	info, err := file.Stat()
	lost := !known && (err != nil || info.Size() > 0)
	for _, locked := range files {
		holder, _ := readHolder(locked.File) // damaged text says that there was one
		count.newest = max(count.newest, holder.Epoch)
		if info, err := locked.Stat(); !known && (err != nil || info.Size() > 0) {
			lost = true
		}
	}
	if lost {
		count.newest = max(count.newest, s.now().UnixMilli())
		count.fence = count.newest
	}
	return count
}

// Unlock ends the lease that is told. The kernel's locks of one store hang
// together, so that all other leases of the store end with it.
func (s *FileStore) Unlock(ctx context.Context, held LockInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	top, err := s.openTop()
	if errors.Is(err, fs.ErrNotExist) {
		return notHeld()
	}
	if err != nil {
		return err
	}
	defer func() { _ = top.Close() }() // what must last was synced
	count, err := lockCount(top, true, unlockWait)
	if locked, ok := errors.AsType[*LockedError](err); ok {
		locked.Info = held
		locked.Remedy = "it stands still in the midst of a write, which takes it milliseconds, and nobody can take its place there: " +
			"let it go on, or kill that process; its lock ends with it"
	}
	if err != nil {
		return err
	}
	defer func() { _ = count.Close() }() // it was synced
	holders, err := s.Holders(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(holders, func(h LockInfo) bool { return h.Address == held.Address && h.Epoch == held.Epoch }) {
		return notHeld()
	}
	return s.endLeases(top, count, holders)
}

func notHeld() error {
	return fmt.Errorf("%w: the lock has another holder by now, or none; look again", ErrConflict)
}

// endLeases fences all leases off, and then puts new lock files in the place of
// those that they have locked.
func (s *FileStore) endLeases(top *os.Root, file *os.File, holders []LockInfo) error {
	count := s.countOn(file, nil)
	count.newest++
	count.fence = count.newest
	err := s.writeCount(file, count)
	if err == nil {
		err = s.step("sync", epochFile)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return err
	}
	replaced := LockInfo{Epoch: count.newest}
	for _, holder := range holders {
		name := path.Join(configDir, addressFolder(holder.Address), holderFile)
		if holder.Address == "" {
			continue
		}
		if err := s.replaceLock(top, name, replaced); err != nil {
			return err
		}
	}
	return s.replaceLock(top, storeLock, replaced)
}

func (s *FileStore) replaceLock(top *os.Root, name string, info LockInfo) error {
	temp := name + tempSuffix
	if err := s.step("create", name); err != nil {
		return err
	}
	file, err := top.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, ownerFile)
	if err != nil {
		return err
	}
	if err := errors.Join(writeHolder(file, info), file.Close()); err != nil {
		return err
	}
	if err := s.step("rename", name); err != nil {
		return err
	}
	return top.Rename(temp, name)
}

// Holders are the leases that are held now, as far as they can be told: the one of
// the whole store, or those of addresses. The answer may be old when it arrives.
func (s *FileStore) Holders(ctx context.Context) ([]LockInfo, error) {
	whole, err := s.Locked("")
	if err != nil {
		return nil, err
	}
	if whole != nil {
		return []LockInfo{*whole}, nil
	}
	var addresses []string
	if err := listFolder(ctx, filepath.Join(s.root, stateDir, configDir), "", holderFile, &addresses); err != nil {
		return nil, err
	}
	slices.Sort(addresses)
	var holders []LockInfo
	for _, address := range addresses {
		holder, err := s.Locked(address)
		if err != nil {
			return nil, err
		}
		if holder != nil {
			holder.Address = address
			holders = append(holders, *holder)
		}
	}
	return holders, nil
}
