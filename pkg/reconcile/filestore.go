package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FileStore keeps each state in <root>/.cog/config/<address>/.state.json, where
// the address is escaped as [StatePath] says. Beside it lie
//
//   - .state.json.backup, the state before the last write,
//   - .lineage, which pins the lineage, so that a state of another history is
//     noticed when somebody puts one there, and which a write locks,
//   - .lock, held by the only writer of the address.
//
// The lock of the whole store is <root>/.cog/lock. Locks are the kernel's, so
// they end with the process; the text in the files only says who holds them.
// Lock files are never removed. <root>/.cog/epoch counts the leases: see
// [WithLease].
//
// A write is atomic and lasts: a kill or a power cut at any moment leaves the old
// state or the new one. The store refuses to write on a platform without locks.
type FileStore struct {
	root string
	now  func() time.Time
	// step is called before each change of the disk; tests make it fail there.
	step func(operation, name string) error
	// lease is the one that this store writes under; nil for none.
	lease Lease
}

var (
	_ StateStore     = (*FileStore)(nil)
	_ StateRemover   = (*FileStore)(nil)
	_ StateHistorian = (*FileStore)(nil)
)

// NewFileStore returns a store below root. It touches nothing yet.
func NewFileStore(root string) *FileStore {
	return &FileStore{root: root, now: time.Now, step: func(string, string) error { return nil }}
}

// Load returns the state of an address, and the token to save over it.
func (s *FileStore) Load(ctx context.Context, address string) (*State, Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	folder, err := s.open(address)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", s.unreadable(address, err)
	}
	defer folder.close()
	data, err := folder.read(stateFile)
	if err != nil {
		return nil, "", s.unreadable(address, err)
	}
	if data == nil {
		return nil, "", nil
	}
	state, err := s.decode(address, folder, data)
	if err != nil {
		return nil, "", err
	}
	return state, fileToken(state, data), nil
}

// unreadable is for a state that may be there and cannot be read.
func (s *FileStore) unreadable(address string, err error) error {
	return fmt.Errorf("read state %s: %w; make it readable and run again", StatePath(s.root, address), err)
}

// decode reads a state and checks that it belongs to the history that is pinned.
func (s *FileStore) decode(address string, folder *stateFolder, data []byte) (*State, error) {
	path := StatePath(s.root, address)
	state, err := decodeState(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; %s", ErrCorrupt, path, err, s.remedy(path, folder))
	}
	pinned, err := folder.pinned()
	if err != nil {
		return nil, s.unreadable(address, err)
	}
	if pinned != "" && pinned != state.Lineage {
		return nil, fmt.Errorf("%w: %s has the lineage %s, and this resource's is %s: the file belongs to another history; "+
			"put the right one back, or remove %s if the exchange is meant",
			ErrCorrupt, path, state.Lineage, pinned, filepath.Join(filepath.Dir(path), pinFile))
	}
	return state, nil
}

// remedy says what to do about a state that cannot be read.
func (s *FileStore) remedy(path string, folder *stateFolder) string {
	backup, err := folder.read(backupFile)
	if err == nil && backup != nil {
		if state, err := decodeState(backup); err == nil {
			return fmt.Sprintf("the backup beside it is readable (serial %d, %d objects): "+
				"copy %s%s over it", state.Serial, len(state.Resources), path, backupSuffix)
		}
	}
	return "put a good copy back, or remove it to start anew; then what it recorded is forgotten"
}

// Save records a state if what is stored is still what the token marks.
func (s *FileStore) Save(ctx context.Context, address string, state *State, token Token) (Token, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return s.under(ctx).commit(address, state, func(_ *stateFolder, current []byte) error {
		return s.checkToken(address, state, current, token)
	})
}

func (s *FileStore) checkToken(address string, state *State, current []byte, token Token) error {
	path := StatePath(s.root, address)
	switch {
	case token == "" && current != nil:
		return fmt.Errorf("%w: %s was written since it was looked for; run again", ErrConflict, path)
	case token == "" && current == nil:
		return nil
	case current == nil:
		return fmt.Errorf("%w: %s was removed since it was read; run again", ErrConflict, path)
	case token != rawToken(state.Serial, state.Lineage, current):
		return fmt.Errorf("%w: %s is not the state with serial %d of lineage %s that was read; run again",
			ErrConflict, path, state.Serial, state.Lineage)
	default:
		return nil
	}
}

// overwrite is [WriteState]: what is stored must be what the state was loaded
// from, as far as lineage and serial tell.
func (s *FileStore) overwrite(ctx context.Context, address string, state *State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.commit(address, state, func(folder *stateFolder, current []byte) error {
		if current == nil {
			return nil
		}
		stored, err := s.decode(address, folder, current)
		if err != nil {
			return err
		}
		if stored.Lineage != state.Lineage || stored.Serial != state.Serial {
			return fmt.Errorf("%w: %s has serial %d of lineage %s, and the state to write comes from serial %d of lineage %s; load it again",
				ErrConflict, StatePath(s.root, address), stored.Serial, stored.Lineage, state.Serial, state.Lineage)
		}
		return nil
	})
	return err
}

// commit writes the next serial of a state, if the check accepts what is stored.
func (s *FileStore) commit(address string, state *State, check func(*stateFolder, []byte) error) (Token, error) {
	path := StatePath(s.root, address)
	if err := checkState(state); err != nil {
		return "", fmt.Errorf("write state %s: %w", path, err)
	}
	next := *state
	next.Serial++
	next.GeneratedAt = s.now().UTC().Format(time.RFC3339Nano)
	data, err := encodeState(&next)
	if err != nil {
		return "", fmt.Errorf("write state %s: %w", path, err)
	}
	err = s.locked(address, func(folder *stateFolder, current []byte) error {
		if err := check(folder, current); err != nil {
			return err
		}
		if err := folder.pin(next.Lineage); err != nil {
			return err
		}
		return folder.replace(data, current != nil, state.Serial)
	})
	if err != nil {
		return "", fmt.Errorf("write state %s: %w", path, err)
	}
	state.Serial, state.GeneratedAt = next.Serial, next.GeneratedAt
	return fileToken(&next, data), nil
}

// locked calls change while nobody else writes the address's state, with what
// is stored, or nil.
func (s *FileStore) locked(address string, change func(*stateFolder, []byte) error) error {
	folder, err := s.create(address)
	if err != nil {
		return err
	}
	defer folder.close()
	if err := folder.lock(); err != nil {
		return err
	}
	return s.guarded(folder, func() error {
		current, err := folder.read(stateFile)
		if err != nil {
			return err
		}
		return change(folder, current)
	})
}

// Remove deletes the state if what is stored is still what the token marks. The
// backup keeps it.
func (s *FileStore) Remove(ctx context.Context, address string, token Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.under(ctx).locked(address, func(folder *stateFolder, current []byte) error {
		if current == nil && token == "" {
			return nil
		}
		if current == nil || !strings.HasSuffix(string(token), hashOf(current)) {
			return fmt.Errorf("%w since it was read; run again", ErrConflict)
		}
		return folder.retire()
	})
	if err != nil {
		return fmt.Errorf("remove state %s: %w", StatePath(s.root, address), err)
	}
	return nil
}

// List returns the addresses that have a state, sorted.
func (s *FileStore) List(ctx context.Context) ([]string, error) {
	var addresses []string
	top := filepath.Join(s.root, stateDir, configDir)
	if err := listFolder(ctx, top, "", stateFile, &addresses); err != nil {
		return nil, fmt.Errorf("list states in %s: %w", top, err)
	}
	slices.Sort(addresses)
	return addresses, nil
}

// listFolder finds the addresses whose folder has the file.
func listFolder(ctx context.Context, top, prefix, file string, addresses *[]string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(top, filepath.FromSlash(prefix)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := prefix + entry.Name()
		if !entry.IsDir() {
			continue
		}
		if strings.HasSuffix(name, moreMark) {
			if err := listFolder(ctx, top, name+"/", file, addresses); err != nil {
				return err
			}
			continue
		}
		address, ours := folderAddress(name)
		if !ours {
			continue
		}
		if _, err := os.Lstat(filepath.Join(top, filepath.FromSlash(name), file)); err == nil {
			*addresses = append(*addresses, address)
		}
	}
	return nil
}

// fileToken marks a version of a state by its serial, lineage and bytes.
func fileToken(state *State, data []byte) Token { return rawToken(state.Serial, state.Lineage, data) }

func rawToken(serial int, lineage string, data []byte) Token {
	return Token(strconv.Itoa(serial) + "/" + lineage + "/" + hashOf(data))
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
