package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// relocatingStore is the store of a module with moved and removed blocks. What
// was recorded under an old address is shown under the new one from the start;
// the records themselves are moved and forgotten by whoever takes the lock, that
// is, by an apply.
type relocatingStore struct {
	*reconcile.FileStore
	moves    []lang.Move
	removals []lang.Removal
	declared map[string]bool
	// sources are the old addresses by the new ones, leftovers old addresses
	// whose record is at the new one already, and forgotten those that are to be
	// dropped.
	sources   map[string]string
	leftovers []string
	forgotten []string
}

// openStore finds where the states of the module are.
func (s *session) openStore(ctx context.Context) error {
	store := &relocatingStore{
		FileStore: reconcile.NewFileStore(moduleDir), moves: s.module.Moves(), removals: s.module.Removals(),
		declared: map[string]bool{},
	}
	for _, meta := range s.eval.MetaConfig().Resources {
		store.declared[meta.Name] = true
	}
	s.store = store
	return store.look(ctx)
}

// look finds out what is to be moved and forgotten.
func (s *relocatingStore) look(ctx context.Context) error {
	s.sources, s.leftovers, s.forgotten = map[string]string{}, nil, nil
	if len(s.moves) == 0 && len(s.removals) == 0 {
		return nil
	}
	recorded, err := s.FileStore.List(ctx)
	if err != nil {
		return fmt.Errorf("list states: %w", err)
	}
	for _, address := range recorded {
		if s.declared[address] {
			continue
		}
		if slices.ContainsFunc(s.removals, func(r lang.Removal) bool { return within(r.From, address) }) {
			s.forgotten = append(s.forgotten, address)
			continue
		}
		if err := s.lookMoved(ctx, address, recorded); err != nil {
			return err
		}
	}
	return nil
}

func (s *relocatingStore) lookMoved(ctx context.Context, from string, recorded []string) error {
	to := s.moved(from)
	if to == from || !s.declared[to] {
		return nil
	}
	if other, taken := s.sources[to]; taken {
		return fmt.Errorf("moved blocks lead from %s and from %s to %s; take one of them out", other, from, to)
	}
	if !slices.Contains(recorded, to) {
		s.sources[to] = from
		return nil
	}
	old, _, err := s.FileStore.Load(ctx, from)
	if err != nil {
		return err
	}
	present, _, err := s.FileStore.Load(ctx, to)
	if err != nil {
		return err
	}
	if old == nil || present == nil || old.Lineage != present.Lineage {
		return fmt.Errorf("a moved block leads from %s to %s, and both have a state; forget one of them, or take the moved block out", from, to)
	}
	s.leftovers = append(s.leftovers, from) // a move that was cut off half-way
	return nil
}

// moved follows the moved blocks from an address; the most specific block
// counts.
func (s *relocatingStore) moved(address string) string {
	for range s.moves {
		best := -1
		for i, move := range s.moves {
			if within(move.From, address) && (best < 0 || len(move.From) > len(s.moves[best].From)) {
				best = i
			}
		}
		if best < 0 || s.declared[address] {
			return address
		}
		address = s.moves[best].To + strings.TrimPrefix(address, s.moves[best].From)
	}
	return address
}

// within reports whether an address is the whole, an instance or a member of
// what a block names.
func within(whole, address string) bool {
	rest, ok := strings.CutPrefix(address, whole)
	return ok && (rest == "" || rest[0] == '[' || rest[0] == '.')
}

// Load returns the state of an address, also where it still has its old one. A
// state that is still to be moved has the serial that the move will give it, and
// a token that nothing can be saved with.
func (s *relocatingStore) Load(ctx context.Context, address string) (*reconcile.State, reconcile.Token, error) {
	from, moves := s.sources[address]
	if !moves {
		return s.FileStore.Load(ctx, address)
	}
	state, token, err := s.FileStore.Load(ctx, from)
	if err != nil || state == nil {
		return state, token, err
	}
	state = relocated(state, from, address)
	state.Serial++
	return state, "to be moved", nil
}

// relocated is the state with another address.
func relocated(state *reconcile.State, from, to string) *reconcile.State {
	out := *state
	out.ResourceType = to
	out.Resources = slices.Clone(state.Resources)
	for i := range out.Resources {
		o := &out.Resources[i]
		if within(from, o.Address) {
			o.Address = to + strings.TrimPrefix(o.Address, from)
		}
		if within(from, o.ParentAddress) {
			o.ParentAddress = to + strings.TrimPrefix(o.ParentAddress, from)
		}
	}
	return &out
}

// List returns the addresses that have a state, as they are named from now on.
func (s *relocatingStore) List(ctx context.Context) ([]string, error) {
	recorded, err := s.FileStore.List(ctx)
	if err != nil {
		return nil, err
	}
	old := map[string]bool{}
	for _, from := range s.sources {
		old[from] = true
	}
	recorded = slices.DeleteFunc(recorded, func(address string) bool {
		return old[address] || slices.Contains(s.leftovers, address) || slices.Contains(s.forgotten, address)
	})
	recorded = slices.AppendSeq(recorded, maps.Keys(s.sources))
	slices.Sort(recorded)
	return recorded, nil
}

// Lock takes the lock and brings the records where they belong.
func (s *relocatingStore) Lock(ctx context.Context, address string, request reconcile.LockRequest) (reconcile.Lease, error) {
	lease, err := s.FileStore.Lock(ctx, address, request)
	if err != nil {
		return nil, err
	}
	if err := s.relocate(reconcile.WithLease(ctx, lease)); err != nil {
		return nil, errors.Join(err, lease.Release())
	}
	return lease, nil
}

// relocate moves and forgets, under the lock. A move that is cut off leaves the
// record in both places, with one lineage; the next one ends it.
func (s *relocatingStore) relocate(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if len(s.sources)+len(s.leftovers)+len(s.forgotten) == 0 {
		return nil
	}
	// What a dead run has left is about the old addresses.
	if _, err := reconcile.RecoverStates(ctx, s.FileStore, ""); err != nil {
		return err
	}
	for _, to := range slices.Sorted(maps.Keys(s.sources)) {
		if err := s.move(ctx, s.sources[to], to); err != nil {
			return fmt.Errorf("move the state of %s to %s: %w", s.sources[to], to, err)
		}
	}
	for _, address := range slices.Concat(s.leftovers, s.forgotten) {
		_, token, err := s.FileStore.Load(ctx, address)
		if err == nil {
			err = s.Remove(ctx, address, token)
		}
		if err != nil {
			return fmt.Errorf("forget the state of %s: %w", address, err)
		}
	}
	s.sources, s.leftovers, s.forgotten = map[string]string{}, nil, nil
	return nil
}

func (s *relocatingStore) move(ctx context.Context, from, to string) error {
	state, token, err := s.FileStore.Load(ctx, from)
	if err != nil || state == nil {
		return err
	}
	if _, err := s.Save(ctx, to, relocated(state, from, to), ""); err != nil {
		return err
	}
	return s.Remove(ctx, from, token)
}

// changes says what an apply does to the records, one line for each.
func (s *relocatingStore) changes() []string {
	var lines []string
	for _, to := range slices.Sorted(maps.Keys(s.sources)) {
		lines = append(lines, fmt.Sprintf("%s is %s from now on", s.sources[to], to))
	}
	for _, address := range s.forgotten {
		lines = append(lines, address+" is forgotten, and left in the world")
	}
	return lines
}
