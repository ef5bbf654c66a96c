package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Recovered is what a run that did not end has left for one resource.
type Recovered struct {
	Address string
	// Run, and who ran it where since when.
	Run, Holder, Host, Since string
	// Done actions are recorded now; Open ones were begun, and nobody knows yet
	// how they ended.
	Done, Open int
}

// RecoverStates records what dead runs have left in the journals of the store
// and removes them. The caller holds the lock of the address, or of the whole
// store where it is empty. It returns what there was to record; nothing for a
// store without journals.
func RecoverStates(ctx context.Context, store StateStore, address string) ([]Recovered, error) {
	journaler, ok := journalerOf(store)
	if !ok {
		return nil, nil
	}
	journals, err := journaler.Journals(ctx, address)
	if err != nil {
		return nil, err
	}
	var recovered []Recovered
	for i := range journals {
		if journals[i].Whole && address != "" {
			return recovered, errWholeJournal
		}
		found, err := recoverJournal(ctx, store, &journals[i])
		recovered = append(recovered, found...)
		if err != nil {
			return recovered, err
		}
		if err := journaler.RemoveJournal(ctx, journals[i]); err != nil {
			return recovered, err
		}
	}
	return recovered, nil
}

// errWholeJournal says that a run over the whole store has died: its journal is
// not for the holder of one address.
var errWholeJournal = errors.New("a run over all resources did not end: recover the whole store first")

func recoverJournal(ctx context.Context, store StateStore, journal *StoredJournal) ([]Recovered, error) {
	resources, err := readPending(journal)
	if err != nil {
		return nil, err
	}
	var recovered []Recovered
	for _, p := range resources {
		state, token, err := store.Load(ctx, p.address)
		if err != nil {
			return recovered, err
		}
		over, err := p.over(state)
		if err != nil {
			return recovered, err
		}
		if over {
			continue
		}
		if folded, changed := p.fold(state); changed {
			if _, err := store.Save(ctx, p.address, folded, token); err != nil {
				return recovered, fmt.Errorf("record what the run %s did to %s: %w", p.run.Run, p.address, err)
			}
		}
		recovered = append(recovered, p.summary())
	}
	return recovered, nil
}

func (p *pendingResource) summary() Recovered {
	r := Recovered{Address: p.address, Run: p.run.Run, Holder: p.run.Holder, Host: p.run.Host, Since: p.run.Since}
	for i := range p.actions {
		switch p.actions[i].outcome {
		case outcomeDone, outcomeFailed:
			r.Done++
		case outcomeOpen:
			r.Open++
		case outcomeNone:
		}
	}
	return r
}

// leftovers are what dead runs have left, by address, for a walk that does not
// write: it takes the states for what they will be once somebody recovers them.
type leftovers map[string][]*pendingResource

func (e *Engine) leftovers(ctx context.Context, address string) (leftovers, error) {
	journaler, ok := journalerOf(e.store)
	if !ok {
		return nil, nil
	}
	journals, err := journaler.Journals(context.WithoutCancel(ctx), address)
	if err != nil {
		return nil, err
	}
	left := leftovers{}
	for i := range journals {
		resources, err := readPending(&journals[i])
		if err != nil {
			return nil, err
		}
		for _, p := range resources {
			left[p.address] = append(left[p.address], p)
		}
	}
	return left, nil
}

// load returns the state of a resource, with what dead runs have left.
func (w *walk) load(ctx context.Context, address string) (*State, Token, error) {
	state, token, err := w.engine.store.Load(ctx, address)
	if err != nil {
		return nil, "", err
	}
	for _, p := range w.leftovers[address] {
		over, err := p.over(state)
		if err != nil {
			return nil, "", err
		}
		if over {
			continue
		}
		folded, changed := p.fold(state)
		if changed {
			folded.Serial++ // as recording it will
			state = folded
		}
	}
	return state, token, nil
}

// lock takes the lock of the run and recovers what dead runs have left.
func (e *Engine) lock(ctx context.Context, address string) (Lease, error) {
	request := LockRequest{Holder: e.settings.holder, Wait: e.settings.lockTimeout}
	for {
		lease, err := e.store.Lock(ctx, address, request)
		if err != nil {
			return nil, err
		}
		// A run that is cancelled already begins nothing, and this is soon done.
		_, err = RecoverStates(WithLease(context.WithoutCancel(ctx), lease), e.store, address)
		if err == nil {
			return lease, nil
		}
		if err = errors.Join(err, lease.Release()); !errors.Is(err, errWholeJournal) {
			return nil, &recoveryError{err}
		}
		whole, err := e.lock(ctx, "")
		if err != nil {
			return nil, err
		}
		if err := whole.Release(); err != nil {
			return nil, err
		}
	}
}

// recoveryError stops a run before it begins.
type recoveryError struct{ err error }

// Error says what could not be recovered.
func (e *recoveryError) Error() string {
	return "recover what an earlier run left: " + e.err.Error()
}

// Unwrap is the cause.
func (e *recoveryError) Unwrap() error { return e.err }

// settleInterrupted learns what became of interrupted creates from a provider
// that can tell. For others the reading of the world tells.
func (s *step) settleInterrupted(ctx context.Context) error {
	state := s.seen.state
	if state == nil {
		return nil
	}
	list := interruptedOf(state.Metadata)
	finder, ok := finderOf(s.actual)
	if len(list) == 0 || !ok {
		return nil
	}
	own := *state
	own.Resources = slices.Clone(state.Resources)
	for _, one := range list {
		id, found, err := finder.Find(ctx, s.seen.config, one)
		if err != nil {
			return &InterruptedError{Address: s.resource.Name, Interrupted: one, Cause: err}
		}
		own.settle(one, id, found)
	}
	own.Metadata = setInterrupted(own.Metadata, nil)
	s.seen.state, s.seen.unrecorded = &own, true
	return nil
}

func (s *State) settle(one Interrupted, id string, found bool) {
	for i := range s.Resources {
		r := &s.Resources[i]
		if r.Type != one.Type || r.Name != one.Name || r.ExternalID != "" {
			continue
		}
		if r.ExternalID = id; !found {
			s.Resources = slices.Delete(s.Resources, i, i+1)
		}
		return
	}
}

// InterruptedError says that nobody can tell what became of an action that an
// earlier run has begun.
type InterruptedError struct {
	Address     string
	Interrupted Interrupted
	Cause       error
}

// Error says what to do.
func (e *InterruptedError) Error() string {
	i := &e.Interrupted
	return fmt.Sprintf("an earlier run was interrupted while it had to %s %s, and what became of it cannot be told now: %s; "+
		"nothing is done to %s until it can. Try again; or look for the object yourself, import it if it is there, "+
		"and otherwise remove %s from the state",
		i.Action, objectKey{i.Type, i.Name}, e.Cause, e.Address, ObjectAddress(e.Address, i.Type, i.Name))
}

// Unwrap is why nobody can tell.
func (e *InterruptedError) Unwrap() error { return e.Cause }
