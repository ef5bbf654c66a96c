package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// begun is the journal of a run over one resource: deletes, creates, an update
// of what was not ours, a failure, and two creates that nobody has heard of.
func begun(serial int, lineage string) []JournalRecord {
	return []JournalRecord{
		{Op: JournalBegin, Version: 1, Run: "r1", Holder: "ann", Host: "box", PID: 7, Since: "2026-01-02T03:04:05Z"},
		{Op: JournalResource, Resource: 1, Address: "a", Lineage: lineage, Serial: serial},
		{Op: JournalIntent, Resource: 1, Seq: 1, Action: ActionDelete, Type: "t", Name: "old"},
		{Op: JournalIntent, Resource: 1, Seq: 2, Action: ActionDelete, Type: "t", Name: "late"},
		{Op: JournalIntent, Resource: 1, Seq: 3, Action: ActionCreate, Type: "t", Name: "new"},
		{Op: JournalDone, Resource: 1, Seq: 1},
		{Op: JournalDone, Resource: 1, Seq: 3, ID: "id-new"},
		{Op: JournalIntent, Resource: 1, Seq: 4, Action: ActionUpdate, Type: "t", Name: "theirs"},
		{Op: JournalIntent, Resource: 1, Seq: 5, Action: ActionCreate, Type: "t", Name: "half"},
		{Op: JournalIntent, Resource: 1, Seq: 6, Action: ActionCreate, Type: "t", Name: "broken"},
		{Op: JournalDone, Resource: 1, Seq: 4},
		{Op: JournalFail, Resource: 1, Seq: 6},
		{Op: JournalIntent, Resource: 1, Seq: 7, Action: ActionCreate, Type: "t", Name: "open"},
		{Op: JournalFail, Resource: 1, Seq: 5, ID: "id-half"},
	}
}

func encodeJournal(t *testing.T, records []JournalRecord) []byte {
	t.Helper()
	var data []byte
	for i := range records {
		var err error
		if data, err = appendRecord(data, &records[i]); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// left is a store with a state of three objects and a journal.
func left(t *testing.T, journal []byte) (*FileStore, *State) {
	t.Helper()
	store := NewFileStore(t.TempDir())
	state := NewState("a")
	state.Lineage = "history"
	for _, name := range []string{"old", "late", "kept"} {
		state.Resources = append(state.Resources, Resource{
			Address: ObjectAddress("a", "t", name), Type: "t", Name: name, Mode: ModeManaged, ExternalID: "id-" + name,
		})
	}
	if _, err := store.Save(t.Context(), "a", state, ""); err != nil {
		t.Fatal(err)
	}
	putJournal(t, store, journal)
	return store, state
}

func putJournal(t *testing.T, store *FileStore, data []byte) {
	t.Helper()
	path := store.journalPath(wholeJournal)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func objectsOf(state *State) string {
	var names []string
	if state != nil {
		for _, r := range state.Resources {
			names = append(names, r.Name+"="+r.ExternalID)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestRecoverStates(t *testing.T) {
	store, before := left(t, encodeJournal(t, begun(1, "history")))
	recovered, err := RecoverStates(t.Context(), store, "")
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := "half=id-half kept=id-kept late=id-late new=id-new open= theirs="
	if got := objectsOf(state); got != want || state.Serial != before.Serial+1 || state.Lineage != "history" {
		t.Errorf("got  %s, serial %d of %s\nwant %s", got, state.Serial, state.Lineage, want)
	}
	if got := interruptedOf(state.Metadata); len(got) != 1 || got[0] != (Interrupted{ActionCreate, "t", "open", "r1:a:7"}) {
		t.Errorf("interrupted: %+v", got)
	}
	if want := (Recovered{"a", "r1", "ann", "box", "2026-01-02T03:04:05Z", 5, 2}); len(recovered) != 1 || recovered[0] != want {
		t.Errorf("recovered %+v, want %+v", recovered, want)
	}
	if again, err := RecoverStates(t.Context(), store, ""); err != nil || len(again) > 0 {
		t.Errorf("the second recovery: %+v, %v", again, err)
	}
}

// A journal that is cut anywhere is read as far as it goes: a longer one never
// tells less, and what was begun is never forgotten.
func TestJournalCutAtEachByte(t *testing.T) {
	records := begun(1, "history")
	data := encodeJournal(t, records)
	whole := 0
	for cut := range len(data) + 1 {
		got, err := decodeJournal(data[:cut])
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if cut > 0 && data[cut-1] == '\n' {
			whole++
		}
		if len(got) != whole || !slices.Equal(got, records[:whole]) {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(got), whole)
		}
		// What is recovered depends on the records alone: one cut within each and
		// one behind it do.
		if cut > 0 && data[cut-1] != '\n' && (cut < 2 || data[cut-2] != '\n') {
			continue
		}
		store, before := left(t, data[:cut])
		if _, err := RecoverStates(t.Context(), store, ""); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		state, _, err := store.Load(t.Context(), "a")
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		for _, r := range records[:whole] {
			if r.Op != JournalIntent || r.Action != ActionCreate || r.Name == "broken" {
				continue
			}
			if !strings.Contains(objectsOf(state), r.Name+"=") {
				t.Fatalf("cut at %d: %s was begun and is forgotten: %s", cut, r.Name, objectsOf(state))
			}
		}
		if !strings.Contains(objectsOf(state), "kept=id-kept") || state.Serial < before.Serial {
			t.Fatalf("cut at %d: %s", cut, objectsOf(state))
		}
		if _, err := os.Stat(store.journalPath(wholeJournal)); err == nil {
			t.Fatalf("cut at %d: the journal is still there", cut)
		}
	}
}

// A flipped byte is found wherever it is, but in the last record, which was cut
// off then.
func TestJournalDamage(t *testing.T) {
	records := begun(1, "history")
	data := encodeJournal(t, records)
	last := strings.LastIndexByte(string(data[:len(data)-1]), '\n')
	for i := range data {
		broken := slices.Clone(data)
		broken[i] ^= 0x15
		got, err := decodeJournal(broken)
		if i > last {
			if err != nil || len(got) != len(records)-1 {
				t.Errorf("byte %d of the last record: %d records, %v", i, len(got), err)
			}
			continue
		}
		if err == nil && len(got) >= len(records)-1 {
			t.Errorf("byte %d is not noticed", i)
		}
	}
	zeros := append(slices.Clone(data), make([]byte, 4096)...)
	if got, err := decodeJournal(zeros); err != nil || len(got) != len(records) {
		t.Errorf("zeros at the end: %d records, %v", len(got), err)
	}
	for name, change := range map[string]func([]JournalRecord) []JournalRecord{
		"another version":       func(r []JournalRecord) []JournalRecord { r[0].Version = 2; return r },
		"no begin":              func(r []JournalRecord) []JournalRecord { return r[1:] },
		"an intent of nobody":   func(r []JournalRecord) []JournalRecord { return slices.Delete(r, 1, 2) },
		"an unknown operation":  func(r []JournalRecord) []JournalRecord { r[3].Op = "undo"; return r },
		"outcome without begin": func(r []JournalRecord) []JournalRecord { return slices.Delete(r, 2, 3) },
	} {
		store, before := left(t, encodeJournal(t, change(begun(1, "history"))))
		_, err := RecoverStates(t.Context(), store, "")
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), wholeJournal) {
			t.Errorf("%s: %v", name, err)
		}
		state, _, err := store.Load(t.Context(), "a")
		if err != nil || state.Serial != before.Serial {
			t.Errorf("%s: the state was written: %v", name, err)
		}
	}
}

func TestRecoverWhatIsOver(t *testing.T) {
	for _, test := range []struct {
		name    string
		serial  int
		lineage string
		want    string
	}{
		{"the state came after", 0, "history", "kept=id-kept late=id-late old=id-old"},
		{"there was no state before", 0, "", "kept=id-kept late=id-late old=id-old"},
		{"an older state was put back", 5, "history", "half=id-half kept=id-kept late=id-late new=id-new open= theirs="},
	} {
		store, _ := left(t, encodeJournal(t, begun(test.serial, test.lineage)))
		if _, err := RecoverStates(t.Context(), store, ""); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		state, _, err := store.Load(t.Context(), "a")
		if got := objectsOf(state); err != nil || got != test.want {
			t.Errorf("%s: %s, want %s; %v", test.name, got, test.want, err)
		}
	}
	store, _ := left(t, encodeJournal(t, begun(1, "foreign")))
	if _, err := RecoverStates(t.Context(), store, ""); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "lineage foreign") {
		t.Errorf("foreign lineage: %v", err)
	}
	if _, err := os.Stat(store.journalPath(wholeJournal)); err != nil {
		t.Errorf("the journal was removed: %v", err)
	}
	if _, err := RecoverStates(t.Context(), store, "a"); !errors.Is(err, errWholeJournal) {
		t.Errorf("the holder of one address: %v", err)
	}
}

// Without a state, recovery makes the same one that a plan foresees.
func TestRecoverFirstState(t *testing.T) {
	store := NewFileStore(t.TempDir())
	putJournal(t, store, encodeJournal(t, begun(0, "")))
	w := &walk{engine: NewEngine(store.root, nil)}
	var err error
	if w.leftovers, err = w.engine.leftovers(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	foreseen, _, err := w.load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(StatePath(store.root, "a")); err == nil {
		t.Error("looking wrote a state")
	}
	if _, err := RecoverStates(t.Context(), store, ""); err != nil {
		t.Fatal(err)
	}
	state, _, err := store.Load(t.Context(), "a")
	if err != nil || objectsOf(state) != objectsOf(foreseen) || state.Lineage != foreseen.Lineage || state.Serial != foreseen.Serial {
		t.Errorf("recovered %+v\nforeseen  %+v\n%v", state, foreseen, err)
	}
}

// faulty is a journal in memory that counts syncs and fails on demand.
type faulty struct {
	mu      sync.Mutex
	syncs   int
	records []JournalRecord
	append  error
	sync    error
	gate    chan struct{}
	removed bool
}

func (f *faulty) OpenJournal(context.Context, string) (Journal, error)      { return f, nil }
func (f *faulty) Journals(context.Context, string) ([]StoredJournal, error) { return nil, nil }
func (f *faulty) RemoveJournal(context.Context, StoredJournal) error        { return nil }
func (f *faulty) Append(records []JournalRecord) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.append != nil {
		return f.append
	}
	f.records = append(f.records, records...)
	return nil
}

func (f *faulty) Sync() error {
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.syncs++
	return f.sync
}

func (f *faulty) Close(remove bool) error { f.removed = remove; return nil }

func logOf(j *runJournal, address string, n int) *actionLog {
	plan := &Plan{}
	for i := range n {
		plan.Actions = append(plan.Actions, Action{Action: ActionCreate, ResourceType: "t", Name: fmt.Sprint(i)})
	}
	return &actionLog{journal: j, address: address, plan: plan, outcomes: make([]outcome, n)}
}

func journalOn(f *faulty) *runJournal {
	j := &runJournal{store: f, begin: JournalRecord{Op: JournalBegin, Version: 1, Run: "r"}}
	j.cond = sync.NewCond(&j.mu)
	return j
}

// What is in flight together is synced together: twenty resources that wait
// while one syncs need one more sync among them.
func TestJournalGroupCommit(t *testing.T) {
	f := &faulty{gate: make(chan struct{})}
	j := journalOn(f)
	const resources = 20
	var wait sync.WaitGroup
	for i := range resources {
		wait.Go(func() {
			if err := logOf(j, fmt.Sprint("r", i), 1).Intend(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
	}
	for written := 0; written < resources; {
		j.mu.Lock()
		written = j.written
		j.mu.Unlock()
	}
	close(f.gate)
	wait.Wait()
	if f.syncs > 2 {
		t.Errorf("%d syncs", f.syncs)
	}
	if _, err := readPending(&StoredJournal{Records: f.records}); err != nil || checkRecords(f.records) != nil {
		t.Errorf("the journal cannot be read back: %v, %v", err, checkRecords(f.records))
	}
}

// After an error of the journal nothing is begun any more, by nobody; the
// journal stays.
func TestJournalFaultsStop(t *testing.T) {
	for name, f := range map[string]*faulty{
		"write": {append: errors.New("no space left on device")},
		"sync":  {sync: errors.New("input/output error")},
	} {
		j := journalOn(f)
		log := logOf(j, "a", 2)
		if err := log.Intend(t.Context(), 0); err == nil {
			t.Errorf("%s: the action may begin", name)
		}
		f.append, f.sync = nil, nil
		if err := logOf(j, "b", 1).Intend(t.Context(), 0); err == nil {
			t.Errorf("%s: another resource may begin", name)
		}
		if err := j.close(); err != nil || f.removed && name == "sync" {
			t.Errorf("%s: closed with %v, removed %v", name, err, f.removed)
		}
	}
}

// Each operation on the disk fails once in the life of a journal. Nothing is
// begun behind the failure, and what is left can be recovered.
func TestJournalFileFaults(t *testing.T) {
	full := errors.New("no space left on device")
	for nth := 1; ; nth++ {
		store, _ := left(t, nil)
		if err := os.RemoveAll(store.journalPath("")); err != nil {
			t.Fatal(err)
		}
		count, failed := 0, ""
		store.step = func(operation, name string) error {
			if count++; count == nth {
				failed = operation + " " + name
				return full
			}
			return nil
		}
		e := NewEngine(store.root, nil, WithStore(store))
		j := e.newRunJournal("")
		log := logOf(j, "a", 2)
		first := log.Intend(t.Context(), 0)
		log.Done(0, Result{Status: ApplySucceeded, CreatedID: "id-0"})
		second := log.Intend(t.Context(), 1)
		log.Done(1, Result{Status: ApplySucceeded, CreatedID: "id-1"})
		last := log.lasting()()
		log.settled()
		closed := j.close()
		if failed == "" {
			if first != nil || second != nil || last != nil || closed != nil || nth < 9 {
				t.Fatalf("%d steps: %v, %v, %v, %v", nth, first, second, last, closed)
			}
			return
		}
		if err := errors.Join(first, second, last, closed); !errors.Is(err, full) {
			t.Errorf("%s: nobody is told: %v", failed, err)
		}
		if first != nil && second == nil {
			t.Errorf("%s: an action began behind the failure", failed)
		}
		store.step = func(string, string) error { return nil }
		if _, err := RecoverStates(t.Context(), store, ""); err != nil {
			t.Errorf("%s: not recovered: %v", failed, err)
		}
	}
}
