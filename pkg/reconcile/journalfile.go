package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	journalDir    = "journal"
	journalSuffix = ".journal"
	// wholeJournal is the journal of a run that holds the whole store.
	wholeJournal = "run" + journalSuffix
)

var _ StateJournaler = (*FileStore)(nil)

// journalName is the file of the journal of a run that holds the address.
func journalName(address string) string {
	if address == "" {
		return wholeJournal
	}
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16]) + journalSuffix
}

func (s *FileStore) journalPath(name string) string {
	return filepath.Join(s.root, stateDir, journalDir, name)
}

// OpenJournal makes the journal <root>/.cog/journal/run.journal, or that of one
// address.
func (s *FileStore) OpenJournal(ctx context.Context, address string) (Journal, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := journalName(address)
	file, err := s.under(ctx).createJournal(name)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: the journal %s is there already: recover it first", ErrConflict, s.journalPath(name))
	}
	if err != nil {
		return nil, fmt.Errorf("begin the journal %s: %w", s.journalPath(name), err)
	}
	return file, nil
}

func (s *FileStore) createJournal(name string) (*fileJournal, error) {
	if err := s.makeTop(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(s.root, stateDir))
	if err != nil {
		return nil, err
	}
	j := &fileJournal{store: s, root: root, name: path.Join(journalDir, name), at: s.journalPath(name), step: s.step}
	if err := j.guarded(j.create); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return j, nil
}

// Journals reads the journals that concern the address, or all of them.
func (s *FileStore) Journals(ctx context.Context, address string) ([]StoredJournal, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	top, err := os.OpenRoot(filepath.Join(s.root, stateDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = top.Close() }() // it was only read from
	folder := stateFolder{root: top, name: journalDir, step: s.step}
	names, err := folder.names()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for journals in %s: %w", s.journalPath(""), err)
	}
	var journals []StoredJournal
	for _, name := range names {
		if !strings.HasSuffix(name, journalSuffix) ||
			address != "" && name != wholeJournal && name != journalName(address) {
			continue
		}
		data, err := folder.read(name)
		if err != nil {
			return nil, fmt.Errorf("read the journal %s: %w; make it readable and run again", s.journalPath(name), err)
		}
		records, err := decodeJournal(data)
		if err != nil {
			return nil, s.damaged(name, err)
		}
		if data != nil { // nil: its run ended just now
			journals = append(journals, StoredJournal{Name: s.journalPath(name), Whole: name == wholeJournal, Records: records})
		}
	}
	return journals, nil
}

func (s *FileStore) damaged(name string, err error) error {
	return fmt.Errorf("%w: the journal %s of a run that did not end: %w; what that run had under way cannot be told from it. "+
		"Put a good copy back; or look at the world yourself, import what the run made, and remove the file", ErrCorrupt, s.journalPath(name), err)
}

// RemoveJournal removes a journal so that it stays away.
func (s *FileStore) RemoveJournal(ctx context.Context, journal StoredJournal) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(s.root, stateDir))
	if err != nil {
		return err
	}
	j := &fileJournal{store: s.under(ctx), root: root, name: path.Join(journalDir, filepath.Base(journal.Name)), at: journal.Name, step: s.step}
	return errors.Join(j.guarded(j.remove), root.Close())
}

// fileJournal is the open journal of a run.
type fileJournal struct {
	// store has the lease that the journal is written under.
	store *FileStore
	root  *os.Root
	name  string
	// at is the path for messages.
	at   string
	file *os.File
	step func(operation, name string) error
	buf  []byte
	err  error
}

// guarded calls write while the lease of the journal's store is good.
func (j *fileJournal) guarded(write func() error) error {
	return j.store.guardedIn(j.root, nil, write)
}

// create makes the file and makes its name last.
func (j *fileJournal) create() error {
	folder := path.Dir(j.name)
	if _, err := j.root.Stat(folder); err != nil {
		if err := makeFolder(j.root, folder, j.step); err != nil {
			return err
		}
	}
	err := j.step("create", journalDir)
	if err == nil {
		j.file, err = j.root.OpenFile(j.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, ownerFile)
	}
	if err != nil {
		return err
	}
	if err := syncRootFolder(j.root, folder, j.step); err != nil {
		return errors.Join(err, j.file.Close(), j.root.Remove(j.name))
	}
	return nil
}

// Append writes the records. After an error nothing is written any more: what
// came behind half a record would be damage.
func (j *fileJournal) Append(records []JournalRecord) error {
	if j.err != nil {
		return j.err
	}
	j.buf = j.buf[:0]
	for i := range records {
		var err error
		if j.buf, err = appendRecord(j.buf, &records[i]); err != nil {
			return j.fail("write", err)
		}
	}
	return j.fail("write", j.guarded(func() error {
		err := j.step("write", journalDir)
		if err == nil {
			_, err = j.file.Write(j.buf)
		}
		return err
	}))
}

func (j *fileJournal) fail(doing string, err error) error {
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("%s the journal %s: %w", doing, j.at, err)
	}
	return j.err
}

// Sync makes what was written last. Its error is not forgotten by the caller:
// what a failed sync has lost, the next one does not bring back.
func (j *fileJournal) Sync() error {
	err := j.step("sync", journalDir)
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		// What waits for this is about to begin: not where the lease ended meanwhile.
		err = j.guarded(func() error { return nil })
	}
	if err != nil {
		return fmt.Errorf("sync the journal %s: %w", j.at, err)
	}
	return nil
}

// Close closes the file and, where it says so, removes it.
func (j *fileJournal) Close(remove bool) error {
	err := j.file.Close()
	if remove {
		err = errors.Join(err, j.guarded(j.remove))
	}
	return errors.Join(err, j.root.Close())
}

func (j *fileJournal) remove() error {
	err := j.step("remove", journalDir)
	if err == nil {
		err = j.root.Remove(j.name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the journal %s: %w", j.at, err)
	}
	return syncRootFolder(j.root, path.Dir(j.name), j.step)
}
