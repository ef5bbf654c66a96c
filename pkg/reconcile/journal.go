package reconcile

import (
	"context"
	"strconv"
)

// StateJournaler is an optional ability of a store: a write-ahead journal. Before
// an action is begun its intent is made to last, and afterwards its outcome; so
// a run that ends at any moment leaves behind what it had under way. The journal
// of a run is removed once the states hold what it says.
type StateJournaler interface {
	// OpenJournal makes the journal of a run that holds the lock of the address,
	// or of the whole store where it is empty. One that is there already is an
	// [ErrConflict]: see [RecoverStates].
	OpenJournal(ctx context.Context, address string) (Journal, error)
	// Journals returns what is in the journals that concern the address, or in
	// all of them where it is empty. It needs no lock. What cannot be told is an
	// [ErrCorrupt] that says where it lies and what to do; a last record that was
	// cut off is none: nothing was begun that it speaks of.
	Journals(ctx context.Context, address string) ([]StoredJournal, error)
	// RemoveJournal removes a journal whose run is dead. The caller holds its lock.
	RemoveJournal(ctx context.Context, journal StoredJournal) error
}

// Journal is the journal of one run. It is used by one goroutine at a time,
// but for Sync, which runs beside Append.
type Journal interface {
	// Append adds records. When it returns they outlive this process.
	Append(records []JournalRecord) error
	// Sync returns when everything that was appended before outlives a power cut.
	Sync() error
	// Close ends the use of the journal. It is removed if nothing in it is needed
	// any more, and otherwise left to the next run.
	Close(remove bool) error
}

// StoredJournal is a journal as it was found.
type StoredJournal struct {
	// Name says where it lies.
	Name string
	// Whole is true for the journal of a run that held the whole store.
	Whole   bool
	Records []JournalRecord
}

// JournalOp says what a record of a journal tells.
type JournalOp string

// The records of a journal.
const (
	// JournalBegin is the first one: whose run it is.
	JournalBegin JournalOp = "begin"
	// JournalResource comes before the intents of a resource and numbers it.
	JournalResource JournalOp = "resource"
	// JournalIntent: an action is about to begin.
	JournalIntent JournalOp = "intent"
	// JournalDone: an action succeeded.
	JournalDone JournalOp = "done"
	// JournalFail: an action failed, and what it made is known.
	JournalFail JournalOp = "fail"
)

// JournalRecord is one record of a journal. Which fields it has depends on Op.
type JournalRecord struct {
	Op JournalOp `json:"op"`
	// Version of the format, Run, and who runs it: of a begin.
	Version int    `json:"v,omitempty"`
	Run     string `json:"run,omitempty"`
	Holder  string `json:"holder,omitempty"`
	Host    string `json:"host,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Since   string `json:"since,omitempty"`
	// Resource numbers the resources of a journal from 1.
	Resource int `json:"r,omitempty"`
	// Address of the resource, and the state that its plan was made from: lineage
	// and serial, both zero where there was none.
	Address string `json:"address,omitempty"`
	Lineage string `json:"lineage,omitempty"`
	Serial  int    `json:"serial,omitempty"`
	// Seq is the action's place in its plan, from 1.
	Seq    int        `json:"seq,omitempty"`
	Action ActionType `json:"action,omitempty"`
	Type   string     `json:"type,omitempty"`
	Name   string     `json:"name,omitempty"`
	// ID of what was created.
	ID string `json:"id,omitempty"`
}

// journalVersion is the version of the format that this package reads and writes.
const journalVersion = 1

// ActionKey is the idempotency key of an action: of one run, one resource and
// one place in its plan. Each attempt at the action has the same one.
func ActionKey(run, address string, seq int) string {
	return run + ":" + address + ":" + strconv.Itoa(seq)
}

// ActionApplier is optional: ApplyPlan that tells of its actions before and
// after each. Where a provider has it, it is called instead. For one that does
// not, the engine takes all actions of a plan for begun before the call.
type ActionApplier interface {
	// ApplyActions carries out the plan. It calls log.Intend before it begins an
	// action, begins none where that fails, and calls log.Done when it knows the
	// outcome; where nobody knows it, it does not. It may do so for several
	// actions at a time.
	ApplyActions(ctx context.Context, plan *Plan, log ActionLog) ([]Result, error)
}

// ActionLog takes down which actions of a plan are begun and how they end. The
// indexes are those of [Plan.Actions]. It may be used from several goroutines.
type ActionLog interface {
	// Key is the idempotency key of an action.
	Key(index int) string
	// Intend makes it last that the actions are about to begin. None of them may
	// be begun if it returns an error.
	Intend(ctx context.Context, indexes ...int) error
	// Done takes down the outcome of an action.
	Done(index int, result Result)
}

// Finder is optional: it learns what became of an action that was interrupted.
// A provider whose FetchLive may not show an object that it was not told of has
// to be one, or an interrupted create may be done twice.
type Finder interface {
	// Finds is false for a provider that is no Finder after all.
	Finds() bool
	// Find looks for the object that an interrupted create was to make. It returns
	// its external ID, or false where there is none. An error says that nobody can
	// tell: then the resource stops.
	Find(ctx context.Context, config any, interrupted Interrupted) (id string, found bool, err error)
}

// Interrupted is an action whose outcome nobody has recorded.
type Interrupted struct {
	Action ActionType
	// Type and Name of the object, and the idempotency key of the action.
	Type string
	Name string
	Key  string
}
