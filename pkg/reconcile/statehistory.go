package reconcile

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

const (
	olderPrefix = stateFile + ".serial-"
	// keptStates is how many earlier states are remembered for each address.
	keptStates = 10
)

// olderFile is where the state with a serial is remembered.
func olderFile(serial int) string { return olderPrefix + strconv.Itoa(serial) }

// History returns the present state and those before it that are kept: ten, and
// the backup.
func (s *FileStore) History(ctx context.Context, address string) ([]StateVersion, error) {
	states, err := s.versions(ctx, address)
	if err != nil {
		return nil, err
	}
	history := make([]StateVersion, 0, len(states))
	for _, state := range states {
		history = append(history, StateVersion{
			Serial: state.Serial, Lineage: state.Lineage,
			GeneratedAt: state.GeneratedAt, Objects: len(state.Resources),
		})
	}
	return history, nil
}

// LoadSerial returns the present state or an earlier one that is kept, by serial.
func (s *FileStore) LoadSerial(ctx context.Context, address string, serial int) (*State, error) {
	states, err := s.versions(ctx, address)
	if err != nil {
		return nil, err
	}
	for _, state := range states {
		if state.Serial == serial {
			return state, nil
		}
	}
	return nil, nil
}

// versions are the states that can be read: the present one must be readable,
// a backup need not.
func (s *FileStore) versions(ctx context.Context, address string) ([]*State, error) {
	state, _, err := s.Load(ctx, address)
	if err != nil {
		return nil, err
	}
	var states []*State
	if state != nil {
		states = append(states, state)
	}
	folder, err := s.open(address)
	if errors.Is(err, fs.ErrNotExist) {
		return states, nil
	}
	if err != nil {
		return nil, s.unreadable(address, err)
	}
	defer folder.close()
	earlier, err := folder.older()
	if err != nil {
		return nil, err
	}
	backup, err := folder.read(backupFile)
	if err != nil {
		return nil, err
	}
	if backup != nil {
		earlier = append(earlier, backup)
	}
	return append(states, decodeEarlier(earlier, state)...), nil
}

// decodeEarlier are the states that can be read, newest first, each once and
// without the present one.
func decodeEarlier(texts [][]byte, present *State) []*State {
	var states []*State
	for _, text := range texts {
		state, err := decodeState(text)
		if err != nil || present != nil && state.Serial == present.Serial && state.Lineage == present.Lineage {
			continue
		}
		states = append(states, state)
	}
	slices.SortStableFunc(states, func(a, b *State) int {
		return cmp.Or(strings.Compare(b.GeneratedAt, a.GeneratedAt), cmp.Compare(b.Serial, a.Serial))
	})
	return slices.CompactFunc(states, func(a, b *State) bool { return a.Serial == b.Serial && a.Lineage == b.Lineage })
}

// remember keeps the present state under its serial, beside the backup, and lets go
// of the one that is too old. It is for looking back: where there are no links, and
// where one cannot be made, the backup alone is kept.
func (f *stateFolder) remember(serial int) error {
	if err := f.step("link", olderFile(serial)); err != nil {
		return err
	}
	_ = f.root.Remove(f.path(olderFile(serial))) // of a history before this one
	if f.root.Link(f.path(stateFile), f.path(olderFile(serial))) == nil {
		_ = f.root.Remove(f.path(olderFile(serial - keptStates))) // it stays until the next time
	}
	return nil
}

// older are the states that are remembered, as they lie in the folder.
func (f *stateFolder) older() ([][]byte, error) {
	dir, err := f.root.Open(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing is recorded
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // it was only read from
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), olderPrefix) || !entry.Type().IsRegular() {
			continue
		}
		data, err := f.read(entry.Name())
		if err != nil {
			return nil, err
		}
		if data != nil {
			found = append(found, data)
		}
	}
	return found, nil
}
