package reconciletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// MemoryStore keeps states in memory. The zero value is empty and ready. Like a
// store on disk it keeps copies: what it returns may be changed.
type MemoryStore struct {
	mu     sync.Mutex
	states map[string][]byte
	locks  map[string]*memoryLease
	epoch  int64
	// granted are the epochs of the newest leases, by address.
	granted map[string]int64
	// Failing, where it is set, is asked before each operation: load, save,
	// lock, list. Its error is the operation's.
	Failing func(operation, address string) error
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

var (
	_ reconcile.StateStore    = (*MemoryStore)(nil)
	_ reconcile.StateUnlocker = (*MemoryStore)(nil)
)

func (s *MemoryStore) time() time.Time {
	if s.Now == nil {
		return time.Now().UTC() //nolint:forbidigo // the default of the field
	}
	return s.Now().UTC()
}

func (s *MemoryStore) enter(ctx context.Context, operation, address string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Failing != nil {
		return s.Failing(operation, address)
	}
	return nil
}

// Load returns a copy of the state.
func (s *MemoryStore) Load(ctx context.Context, address string) (*reconcile.State, reconcile.Token, error) {
	if err := s.enter(ctx, "load", address); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	data, ok := s.states[address]
	s.mu.Unlock()
	if !ok {
		return nil, "", nil
	}
	state := &reconcile.State{}
	if err := json.Unmarshal(data, state); err != nil {
		return nil, "", fmt.Errorf("%w: %s: %w", reconcile.ErrCorrupt, address, err)
	}
	return state, tokenOf(state), nil
}

// Save stores a copy of the state.
func (s *MemoryStore) Save(ctx context.Context, address string, state *reconcile.State, token reconcile.Token) (reconcile.Token, error) {
	if err := s.enter(ctx, "save", address); err != nil {
		return "", err
	}
	if state == nil || state.Version != 1 || state.Lineage == "" {
		return "", errors.New("save: not a state")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.good(ctx, address); err != nil {
		return "", err
	}
	if err := s.unchanged(address, state, token); err != nil {
		return "", err
	}
	next := *state
	next.Serial++
	next.GeneratedAt = s.time().Format(time.RFC3339Nano)
	data, err := json.Marshal(&next)
	if err != nil {
		return "", err
	}
	if s.states == nil {
		s.states = make(map[string][]byte)
	}
	s.states[address] = data
	state.Serial, state.GeneratedAt = next.Serial, next.GeneratedAt
	return tokenOf(&next), nil
}

func (s *MemoryStore) unchanged(address string, state *reconcile.State, token reconcile.Token) error {
	data, ok := s.states[address]
	if !ok && token == "" {
		return nil
	}
	stored := &reconcile.State{}
	if err := json.Unmarshal(data, stored); ok && err != nil {
		return fmt.Errorf("%w: %s: %w", reconcile.ErrCorrupt, address, err)
	}
	if !ok || tokenOf(stored) != token || tokenOf(state) != token {
		return fmt.Errorf("%w: %s", reconcile.ErrConflict, address)
	}
	return nil
}

func tokenOf(state *reconcile.State) reconcile.Token {
	return reconcile.Token(state.Lineage + "/" + strconv.Itoa(state.Serial))
}

// Put stores raw bytes, damaged ones too.
func (s *MemoryStore) Put(address string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil {
		s.states = make(map[string][]byte)
	}
	s.states[address] = slices.Clone(data)
}

// List returns the addresses that have a state, sorted.
func (s *MemoryStore) List(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx, "list", ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addresses := make([]string, 0, len(s.states))
	for address := range s.states {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	return addresses, nil
}

// Lock locks an address, or the whole store.
func (s *MemoryStore) Lock(ctx context.Context, address string, request reconcile.LockRequest) (reconcile.Lease, error) {
	if err := s.enter(ctx, "lock", address); err != nil {
		return nil, err
	}
	deadline := time.NewTimer(request.Wait)
	defer deadline.Stop()
	for {
		lease, released, info := s.tryLock(address, request)
		if lease != nil {
			return lease, nil
		}
		locked := &reconcile.LockedError{Info: info, Waited: request.Wait, Remedy: "wait for it"}
		if request.Wait <= 0 {
			return nil, locked
		}
		select {
		case <-released:
		case <-deadline.C:
			return nil, locked
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), locked)
		}
	}
}

// tryLock returns a lease, or who is in the way and when it goes.
func (s *MemoryStore) tryLock(address string, request reconcile.LockRequest) (*memoryLease, <-chan struct{}, reconcile.LockInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for held, lease := range s.locks {
		if held == address || held == "" || address == "" {
			return nil, lease.released, lease.info
		}
	}
	s.epoch++
	lease := &memoryLease{store: s, released: make(chan struct{}), lost: make(chan struct{}), info: reconcile.LockInfo{
		Address: address, Holder: request.Holder, Host: "memory", Since: s.time(), Epoch: s.epoch,
	}}
	if s.locks == nil {
		s.locks, s.granted = make(map[string]*memoryLease), make(map[string]int64)
	}
	s.locks[address], s.granted[address] = lease, s.epoch
	return lease, nil, reconcile.LockInfo{}
}

// good refuses the context's lease where it has ended, or is older than another one.
func (s *MemoryStore) good(ctx context.Context, address string) error {
	lease := reconcile.LeaseOf(ctx)
	if lease == nil {
		return nil
	}
	info := lease.Info()
	newest := max(s.granted[address], s.granted[""])
	held := s.locks[info.Address]
	if newest <= info.Epoch && held != nil && held.info.Epoch == info.Epoch {
		return nil
	}
	err := &reconcile.FencedError{Lease: info, Later: reconcile.LockInfo{Epoch: newest}, Reason: "it lapsed, or was given back"}
	for _, later := range []*memoryLease{s.locks[address], s.locks[""]} {
		if later != nil && later.info.Epoch > info.Epoch {
			err.Later = later.info
		}
	}
	return err
}

// Lapse takes the lock of an address, or of the whole store, away from its holder,
// who is not told.
func (s *MemoryStore) Lapse(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[address] == nil {
		return errors.New("nobody holds it")
	}
	delete(s.locks, address)
	return nil
}

// Unlock ends the lease that is told.
func (s *MemoryStore) Unlock(ctx context.Context, held reconcile.LockInfo) error {
	if err := s.enter(ctx, "unlock", held.Address); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lease := s.locks[held.Address]
	if lease == nil || lease.info.Epoch != held.Epoch {
		return fmt.Errorf("%w: the lock has another holder by now, or none", reconcile.ErrConflict)
	}
	s.epoch++
	s.granted[held.Address] = s.epoch
	close(lease.lost)
	lease.end()
	return nil
}

type memoryLease struct {
	store    *MemoryStore
	info     reconcile.LockInfo
	released chan struct{}
	lost     chan struct{}
	once     sync.Once
}

func (l *memoryLease) Info() reconcile.LockInfo { return l.info }

func (l *memoryLease) Lost() <-chan struct{} { return l.lost }

func (l *memoryLease) Release() error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.end()
	return nil
}

// end frees the lock. The store is locked.
func (l *memoryLease) end() {
	l.once.Do(func() {
		if l.store.locks[l.info.Address] == l {
			delete(l.store.locks, l.info.Address)
		}
		close(l.released)
	})
}
