package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// runJournal is the journal of a run that applies. All its resources share it:
// one sync makes last what all of them have written until then.
type runJournal struct {
	store StateJournaler
	// scope is the address that the run has locked; empty for the whole store.
	scope string
	begin JournalRecord

	mu   sync.Mutex
	cond *sync.Cond
	// file is made with the first intent: a run that changes nothing writes none.
	file Journal
	// err is the first error. Nothing is begun after it.
	err       error
	resources int
	// unsettled counts the resources whose states do not hold yet what the
	// journal says.
	unsettled int
	// written and synced count appends.
	written, synced int
	syncing         bool
}

// newRunJournal returns nil for a store without journals.
func (e *Engine) newRunJournal(scope string) *runJournal {
	store, ok := journalerOf(e.store)
	if !ok {
		return nil
	}
	host, _ := os.Hostname() // it is only told
	j := &runJournal{store: store, scope: scope, begin: JournalRecord{
		Op: JournalBegin, Version: journalVersion, Run: GenerateLineage()[:16],
		Holder: e.settings.holder, Host: host, PID: os.Getpid(), Since: e.now().UTC().Format(time.RFC3339),
	}}
	j.cond = sync.NewCond(&j.mu)
	return j
}

// journalerOf is the store's ability to keep a journal.
func journalerOf(store StateStore) (StateJournaler, bool) {
	journaler, ok := store.(StateJournaler)
	return journaler, ok
}

func (j *runJournal) run() string {
	if j == nil {
		return ""
	}
	return j.begin.Run
}

// append writes records of a resource, and returns how far to sync for them to
// last. The resource's first records number it.
func (j *runJournal) append(ctx context.Context, number *int, resource JournalRecord, records []JournalRecord) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return 0, j.err
	}
	var lines []JournalRecord
	if j.file == nil {
		if j.file, j.err = j.store.OpenJournal(ctx, j.scope); j.err != nil {
			j.file = nil
			return 0, j.err
		}
		lines = append(lines, j.begin)
	}
	if *number == 0 {
		j.resources++
		j.unsettled++
		*number, resource.Resource = j.resources, j.resources
		lines = append(lines, resource)
	}
	for i := range records {
		records[i].Resource = *number
	}
	if j.err = j.file.Append(append(lines, records...)); j.err != nil {
		return 0, j.err
	}
	j.written++
	return j.written, nil
}

// lasting returns when everything up to the position outlives a power cut. Of
// those that wait, one syncs for all.
func (j *runJournal) lasting(position int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.err == nil && j.synced < position {
		if j.syncing {
			j.cond.Wait()
			continue
		}
		j.syncing = true
		upTo := j.written
		j.mu.Unlock()
		err := j.file.Sync()
		j.mu.Lock()
		j.syncing = false
		if j.synced = upTo; err != nil {
			j.err = errors.Join(j.err, err)
		}
		j.cond.Broadcast()
	}
	return j.err
}

// settled tells that a state holds all that the journal says of its resource.
func (j *runJournal) settled() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unsettled--
}

// close ends the journal. It is left for the next run to read if a state does
// not hold what it says.
func (j *runJournal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file, j.err = nil, errors.New("the run has ended")
	err := file.Close(j.unsettled == 0)
	if j.unsettled == 0 && errors.Is(err, ErrFenced) {
		return nil // all of it is recorded, and the journal is its successor's to remove
	}
	return err
}

// outcome is what is known of an action of a plan.
type outcome uint8

const (
	outcomeNone outcome = iota
	// outcomeOpen: it was begun, and nobody knows how it ended.
	outcomeOpen
	outcomeDone
	outcomeFailed
)

// actionLog is the [ActionLog] of one resource. Where the store has no journal,
// it only remembers.
type actionLog struct {
	// step is the resource on its way.
	step    *step
	journal *runJournal
	address string
	plan    *Plan
	state   *State

	mu       sync.Mutex
	number   int
	outcomes []outcome
	ids      map[int]string
	// written is how far to sync for the outcomes to last.
	written int
	err     error
}

func (s *step) newActionLog() *actionLog {
	return &actionLog{
		step: s, journal: s.walk.journal, address: s.resource.Name, plan: s.plan, state: s.seen.state,
		outcomes: make([]outcome, len(s.plan.Actions)),
	}
}

// Key is the idempotency key of an action.
func (l *actionLog) Key(index int) string { return ActionKey(l.journal.run(), l.address, index+1) }

// Intend makes it last that the actions are about to begin.
func (l *actionLog) Intend(ctx context.Context, indexes ...int) error {
	position, err := l.intend(ctx, indexes)
	if err == nil && position > 0 {
		err = l.journal.lasting(position)
	}
	if errors.Is(err, ErrFenced) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; nothing is begun that is not in the journal: make it writable, with room on its disk, and run again", err)
	}
	return nil
}

func (l *actionLog) intend(ctx context.Context, indexes []int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	records := make([]JournalRecord, 0, len(indexes))
	for _, index := range indexes {
		if action := &l.plan.Actions[index]; action.Action != ActionSkip && l.outcomes[index] == outcomeNone {
			records = append(records, JournalRecord{
				Op: JournalIntent, Seq: index + 1, Action: action.Action, Type: action.ResourceType, Name: action.Name,
			})
		}
	}
	position, err := l.write(ctx, records)
	if err != nil {
		return 0, err
	}
	for _, index := range indexes {
		if l.plan.Actions[index].Action != ActionSkip && l.outcomes[index] == outcomeNone {
			l.outcomes[index] = outcomeOpen
		}
	}
	return position, nil
}

func (l *actionLog) write(ctx context.Context, records []JournalRecord) (int, error) {
	if l.journal == nil || len(records) == 0 {
		return 0, nil
	}
	resource := JournalRecord{Op: JournalResource, Address: l.address}
	if l.state != nil {
		resource.Lineage, resource.Serial = l.state.Lineage, l.state.Serial
	}
	position, err := l.journal.append(ctx, &l.number, resource, records)
	if err != nil {
		l.err = err
		return 0, err
	}
	l.written = position
	return position, nil
}

// Done takes down the outcome of an action. An error of writing shows at the
// next intent, and at the end.
func (l *actionLog) Done(index int, result Result) {
	// What has happened is written down whether the run is cancelled or not.
	l.done(context.Background(), []int{index}, []Result{result}) //nolint:forbidigo // as it says
}

func (l *actionLog) done(ctx context.Context, indexes []int, results []Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := make([]JournalRecord, 0, len(indexes))
	for i, index := range indexes {
		record := JournalRecord{Op: JournalDone, Seq: index + 1, ID: results[i].CreatedID}
		l.outcomes[index] = outcomeDone
		if results[i].Status != ApplySucceeded {
			record.Op, l.outcomes[index] = JournalFail, outcomeFailed
		}
		if record.ID != "" {
			if l.ids == nil {
				l.ids = make(map[int]string)
			}
			l.ids[index] = record.ID
		}
		records = append(records, record)
	}
	_, _ = l.write(ctx, records) // its error is kept for the next intent
}

// lasting begins to make the outcomes last, and returns what waits for it.
func (l *actionLog) lasting() func() error {
	l.mu.Lock()
	position, err := l.written, l.err
	l.mu.Unlock()
	if err != nil || l.journal == nil || position == 0 {
		return func() error { return err }
	}
	synced := make(chan error, 1)
	go func() { synced <- l.journal.lasting(position) }()
	return func() error { return <-synced }
}

// settled tells that the state is recorded.
func (l *actionLog) settled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.journal != nil && l.number != 0 {
		l.journal.settled()
	}
}

// pending are the actions that were begun, as a journal would tell them.
func (l *actionLog) pending() *pendingResource {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &pendingResource{run: JournalRecord{Run: l.journal.run()}, address: l.address}
	for i, outcome := range l.outcomes {
		if outcome != outcomeNone {
			action := &l.plan.Actions[i]
			p.actions = append(p.actions, pendingAction{
				seq: i + 1, action: action.Action, key: objectKey{action.ResourceType, action.Name}, outcome: outcome, id: l.ids[i],
			})
		}
	}
	return p
}

// match takes down the results of a provider that tells them all at once.
func (l *actionLog) match(ctx context.Context, results []Result) {
	type action struct{ kind, name string }
	places := make(map[action][]int, len(l.plan.Actions))
	for i := range l.plan.Actions {
		if l.outcomes[i] == outcomeNone {
			continue // it was not begun
		}
		key := action{string(l.plan.Actions[i].Action), l.plan.Actions[i].Name}
		places[key] = append(places[key], i)
	}
	var indexes []int
	var known []Result
	for _, result := range results {
		key := action{result.Action, result.Name}
		if of := places[key]; len(of) > 0 {
			indexes, known, places[key] = append(indexes, of[0]), append(known, result), of[1:]
		}
	}
	if len(indexes) > 0 {
		l.done(context.WithoutCancel(ctx), indexes, known)
	}
}
