package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	keyFile  = "key"
	keyBytes = 32
)

// HashKey returns the key for the hashes that stand for sensitive attributes in
// the states. It is made at its first use and kept in <root>/.cog/key, which
// only its owner may read. Whoever has a state and not the key learns nothing of
// the values; without the key, each sensitive attribute counts as changed once.
func (s *FileStore) HashKey(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := filepath.Join(s.root, stateDir, keyFile)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeKey(path); err != nil {
			return nil, fmt.Errorf("make the key %s: %w", path, err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", path, err)
	}
	return key, nil
}

// KnownHashKey returns the key if there is one, and nil otherwise: nothing is
// made, so that a plan needs no place to write to.
func (s *FileStore) KnownHashKey(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := filepath.Join(s.root, stateDir, keyFile)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", path, err)
	}
	return key, nil
}

// HoldsHashes reports whether a keyed hash stands for an attribute in the state.
func HoldsHashes(state *State) bool {
	if state == nil {
		return false
	}
	for i := range state.Resources {
		for _, value := range state.Resources[i].Attributes {
			if IsHash(value) {
				return true
			}
		}
	}
	return false
}

// IsHash reports whether a recorded attribute is a hash that stands for a
// sensitive value.
func IsHash(recorded any) bool {
	text, ok := recorded.(string)
	return ok && isHash(text)
}

func readKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read or write it (mode %04o); run: chmod 600 %s", info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("it is damaged: it does not hold %d hex characters; put a good copy back, or remove it to make a new one", 2*keyBytes)
	}
	return key, nil
}

// makeKey links a finished file into place, so that of two processes one wins
// and none reads a half.
func (s *FileStore) makeKey(path string) (err error) {
	if err := s.makeTop(); err != nil {
		return err
	}
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // it never fails
	file, err := os.CreateTemp(filepath.Dir(path), keyFile+".*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
