package reconcile

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStatePath(t *testing.T) {
	for address, want := range map[string]string{
		"github":           "github",
		"file.site":        "file.site",
		`file.site["eu"]`:  "file.site%5b%22eu%22%5d",
		"a/b":              "a%2fb",
		`a\b`:              "a%5cb",
		"..":               "%2e%2e",
		".":                "%2e",
		"../../etc/passwd": "%2e.%2f..%2fetc%2fpasswd",
		"":                 "%_",
		"File":             "%46ile",
		"con":              "%63on",
		"com1.txt":         "%63om1.txt",
		"console":          "console",
		"a%2fb":            "a%252fb",
		"é":                "%c3%a9",
		"a ":               "a%20",
		"a.":               "a%2e",
		"a\x00b":           "a%00b",
		"C:":               "%43%3a",
	} {
		got := StatePath("root", address)
		if want := filepath.Join("root", ".cog", "config", want, ".state.json"); got != want {
			t.Errorf("StatePath(%q) = %s, want %s", address, got, want)
		}
	}
}

func FuzzStatePath(f *testing.F) {
	for _, seed := range []string{"", "a", "../x", `file.site["eu"]`, strings.Repeat("A/", 300), "con", "%2e", "\xff", "a%+/b", "%_"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		root := string(filepath.Separator) + "root"
		path := StatePath(root, address)
		top := filepath.Join(root, ".cog", "config")
		inside, err := filepath.Rel(top, path)
		if err != nil || !filepath.IsLocal(inside) || filepath.Base(path) != ".state.json" {
			t.Fatalf("%q leads to %s", address, path)
		}
		for name := range strings.SplitSeq(filepath.ToSlash(inside), "/") {
			if len(name) > 255 || strings.ToLower(name) != name || strings.ContainsAny(name, "\x00:*?\"<>|\\") {
				t.Fatalf("%q makes the name %q", address, name)
			}
		}
		back, ok := folderAddress(filepath.ToSlash(filepath.Dir(inside)))
		if !ok || back != address {
			t.Fatalf("%q comes back as %q, %v", address, back, ok)
		}
	})
}

func TestLoadStateErrors(t *testing.T) {
	good := `{"version":1,"lineage":"abc","serial":3,"resource_type":"a","generated_at":"","resources":[]}`
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"only spaces", " \n", "empty"},
		{"cut in half", good[:len(good)/2], "cut off in line 1"},
		{"not JSON", "version = 1\n", "line 1: invalid character"},
		{"another type", `[]`, "is a array"},
		{"wrong field type", "{\n\"version\":1,\n\"serial\":\"x\"}", "line 3: serial is a string"},
		{"unknown field", `{"version":1,"lineage":"abc","resource":[]}`, `unknown field "resource"`},
		{"trailing data", good + "\n{}", "data follows the end of the state, in line 2"},
		{"trailing comma", good + ",", "data follows"},
		{"no version", `{"lineage":"abc"}`, "version is 0"},
		{"newer version", `{"version":2,"lineage":"abc","blobs":[]}`, "version is 2, and this program knows versions up to 1"},
		{"no lineage", `{"version":1,"serial":1}`, "no lineage"},
		{"negative serial", `{"version":1,"lineage":"abc","serial":-1}`, "serial is -1"},
		{"null", `null`, "version is 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			path := StatePath(root, "a")
			put(t, path, test.text)
			state, err := LoadState(root, "a")
			if state != nil || !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%+v, %v", state, err)
			}
			for _, want := range []string{path, test.want, "put a good copy back"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			// Nothing is written over it.
			if err := WriteState(root, "a", NewState("a")); !errors.Is(err, ErrCorrupt) {
				t.Errorf("write over it: %v", err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != test.text {
				t.Errorf("the file became %q, %v", text, err)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, root string, state *State) {
	t.Helper()
	if err := WriteState(root, "a", state); err != nil {
		t.Fatal(err)
	}
}

func TestWriteState(t *testing.T) {
	root := t.TempDir()
	if state, err := LoadState(root, "a"); state != nil || err != nil {
		t.Fatalf("at first: %v, %v", state, err)
	}
	state := NewState("a")
	state.Resources = []Resource{{Address: "x", Type: "t", Name: "x", Attributes: map[string]any{"big": int64(1<<62 + 1), "half": 0.5}}}
	write(t, root, state)
	if state.Serial != 1 || state.GeneratedAt == "" {
		t.Errorf("serial %d, %q", state.Serial, state.GeneratedAt)
	}
	path := StatePath(root, "a")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	loaded, err := LoadState(root, "a")
	if err != nil || loaded.Resources[0].Attributes["big"] != int64(1<<62+1) || loaded.Resources[0].Attributes["half"] != 0.5 {
		t.Errorf("numbers became %+v, %v", loaded, err)
	}
	write(t, root, loaded)
	backup, err := os.ReadFile(path + ".backup")
	if err != nil {
		t.Fatal(err)
	}
	if before, err := decodeState(backup); err != nil || before.Serial != 1 {
		t.Errorf("backup %+v, %v", before, err)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if want := []string{".lineage", ".state.json", ".state.json.backup", ".state.json.serial-1"}; err != nil || !slices.Equal(bases(names), want) {
		t.Errorf("files %v, %v", names, err)
	}
}

func bases(paths []string) []string {
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

func TestWriteStateRefuses(t *testing.T) {
	root := t.TempDir()
	state := NewState("a")
	write(t, root, state)
	for _, test := range []struct {
		name   string
		change func(*State)
		want   error
	}{
		{"an older serial", func(s *State) { s.Serial = 0 }, ErrConflict},
		{"a newer serial", func(s *State) { s.Serial = 2 }, ErrConflict},
		{"another lineage", func(s *State) { s.Lineage = GenerateLineage() }, ErrConflict},
		{"an unknown version", func(s *State) { s.Version = 2 }, nil},
		{"no version", func(s *State) { s.Version = 0 }, nil},
		{"no lineage", func(s *State) { s.Lineage = "" }, nil},
		{"what is no JSON", func(s *State) { s.Resources = []Resource{{Attributes: map[string]any{"f": func() {}}}} }, nil},
		{"a name that is no text", func(s *State) { s.Resources = []Resource{{Name: "\xff"}} }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := *state
			test.change(&other)
			serial, generated := other.Serial, other.GeneratedAt
			err := WriteState(root, "a", &other)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), StatePath(root, "a")) {
				t.Errorf("error %v", err)
			}
			if other.Serial != serial || other.GeneratedAt != generated {
				t.Error("a failed write moved the state")
			}
		})
	}
	if err := WriteState(root, "a", nil); err == nil {
		t.Error("nil was written")
	}
	write(t, root, state)
}

// A state that somebody copied from elsewhere is noticed when it is read.
func TestForeignLineage(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	write(t, root, NewState("a"))
	write(t, elsewhere, NewState("a"))
	foreign, err := os.ReadFile(StatePath(elsewhere, "a"))
	if err != nil {
		t.Fatal(err)
	}
	path := StatePath(root, "a")
	put(t, path, string(foreign))
	_, err = LoadState(root, "a")
	pin := filepath.Join(filepath.Dir(path), ".lineage")
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove "+pin) {
		t.Fatalf("error %v", err)
	}
	if err := os.Remove(pin); err != nil { // as the message says
		t.Fatal(err)
	}
	state, err := LoadState(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, state)
	// A removed state makes room for a new history.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, root, NewState("a"))
	if _, err := LoadState(root, "a"); err != nil {
		t.Error(err)
	}
}

func TestDamagedStateNamesItsBackup(t *testing.T) {
	root := t.TempDir()
	state := NewState("a")
	write(t, root, state)
	write(t, root, state)
	put(t, StatePath(root, "a"), "{")
	if _, err := LoadState(root, "a"); err == nil || !strings.Contains(err.Error(), "backup beside it is readable (serial 1") {
		t.Errorf("error %v", err)
	}
}

// The order of what is done to the disk is what a power cut needs: the new file
// is synced before it gets its name, and the folder after.
func TestSaveOrder(t *testing.T) {
	store := NewFileStore(t.TempDir())
	var steps []string
	store.step = func(operation, name string) error {
		steps = append(steps, operation+" "+name)
		return nil
	}
	state := NewState("a")
	token, err := store.Save(t.Context(), "a", state, "")
	if err != nil {
		t.Fatal(err)
	}
	first := "mkdir .cog, syncdir ., mkdir .cog/config, syncdir .cog, mkdir a, syncdir ., " +
		"write .lineage, sync .lineage, create .state.json, write .state.json, sync .state.json, rename .state.json, syncdir a"
	if got := strings.Join(steps, ", "); got != first {
		t.Errorf("got  %s\nwant %s", got, first)
	}
	steps = nil
	if _, err := store.Save(t.Context(), "a", state, token); err != nil {
		t.Fatal(err)
	}
	second := "create .state.json, write .state.json, sync .state.json, link .state.json.backup, rename .state.json.backup, link .state.json.serial-1, rename .state.json, syncdir a"
	if got := strings.Join(steps, ", "); got != second {
		t.Errorf("got  %s\nwant %s", got, second)
	}
}

// The last states are kept, and no more of them; each can be read by its serial.
func TestHistoryIsBounded(t *testing.T) {
	root := t.TempDir()
	store := NewFileStore(root)
	state := NewState("a")
	token := Token("")
	for n := range 25 {
		state.Resources = make([]Resource, 0, n)
		for i := range n {
			state.Resources = append(state.Resources, Resource{Address: fmt.Sprintf("a.b.c%d", i), Type: "b", Mode: ModeManaged})
		}
		var err error
		if token, err = store.Save(t.Context(), "a", state, token); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := store.History(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	var serials []int
	for _, v := range versions {
		serials = append(serials, v.Serial)
	}
	if fmt.Sprint(serials) != "[25 24 23 22 21 20 19 18 17 16 15]" {
		t.Errorf("serials %v are kept", serials)
	}
	for _, serial := range serials {
		got, err := store.LoadSerial(t.Context(), "a", serial)
		if err != nil || got == nil || len(got.Resources) != serial-1 {
			t.Errorf("serial %d is %+v, %v", serial, got, err)
		}
	}
	if got, err := store.LoadSerial(t.Context(), "a", 3); got != nil || err != nil {
		t.Errorf("serial 3 is %+v, %v", got, err)
	}
	files, err := os.ReadDir(filepath.Join(root, ".cog", "config", "a"))
	if err != nil || len(files) > keptStates+3 {
		t.Errorf("%d files are kept, %v", len(files), err)
	}
}

// Each operation fails once. Whatever fails, what is loaded is the state before
// or the new one, a failed save moves nothing, and the next save works.
func TestSaveFaults(t *testing.T) {
	full := errors.New("no space left on device")
	for nth := 0; ; nth++ {
		store := NewFileStore(t.TempDir())
		state := NewState("a")
		token, err := store.Save(t.Context(), "a", state, "")
		if err != nil {
			t.Fatal(err)
		}
		count, failed := 0, ""
		store.step = func(operation, name string) error {
			if count++; count == nth+1 {
				failed = operation + " " + name
				return full
			}
			return nil
		}
		state.Metadata = map[string]any{"new": true}
		_, err = store.Save(t.Context(), "a", state, token)
		if failed == "" {
			if err != nil || nth < 7 {
				t.Fatalf("%d steps, %v", nth, err)
			}
			return
		}
		if !errors.Is(err, full) || state.Serial != 1 {
			t.Errorf("%s: %v, serial %d", failed, err, state.Serial)
		}
		after := NewFileStore(store.root)
		found, token, err := after.Load(t.Context(), "a")
		if err != nil || found.Serial != 1 && len(found.Metadata) == 0 {
			t.Errorf("%s: loaded %+v, %v", failed, found, err)
		}
		if _, err := after.Save(t.Context(), "a", found, token); err != nil {
			t.Errorf("%s: the next save: %v", failed, err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(StatePath(store.root, "a")), "*.tmp")); len(left) > 0 || err != nil {
			t.Errorf("%s: left behind %v, %v", failed, left, err)
		}
	}
}

// What a killed writer leaves is cleared away by the next.
func TestSaveClearsLeftovers(t *testing.T) {
	root := t.TempDir()
	state := NewState("a")
	write(t, root, state)
	folder := filepath.Dir(StatePath(root, "a"))
	put(t, filepath.Join(folder, ".state.json.0011.tmp"), "half")
	put(t, filepath.Join(folder, ".state.json.backup.tmp"), "half")
	put(t, filepath.Join(folder, "mine.tmp"), "kept")
	write(t, root, state)
	names, err := filepath.Glob(filepath.Join(folder, "*.tmp"))
	if err != nil || !slices.Equal(bases(names), []string{"mine.tmp"}) {
		t.Errorf("files %v, %v", names, err)
	}
}

// No link in the store leads a write out of it.
func TestSaveFollowsNoLinkOut(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	config := filepath.Join(root, ".cog", "config")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(config, "a")); err != nil {
		t.Skip(err)
	}
	if err := WriteState(root, "a", NewState("a")); err == nil {
		t.Error("it was written through a link")
	}
	if entries, err := os.ReadDir(outside); len(entries) > 0 || err != nil {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestSaveNeedsRoot(t *testing.T) {
	root := filepath.Join(t.TempDir(), "missing")
	if err := WriteState(root, "a", NewState("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// A process that dies loses its lock at once.
func TestDeadHolder(t *testing.T) {
	if os.Getenv("COGPLAN_TEST_HOLD") != "" {
		if _, err := NewFileStore(os.Getenv("COGPLAN_TEST_HOLD")).Lock(t.Context(), "a", LockRequest{Holder: "victim"}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		time.Sleep(time.Hour)
	}
	root := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	holder := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDeadHolder$")
	holder.Env = append(os.Environ(), "COGPLAN_TEST_HOLD="+root)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	store := NewFileStore(root)
	_, err = store.Lock(t.Context(), "a", LockRequest{Holder: "me"})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Info.Holder != "victim" || locked.Info.PID != holder.Process.Pid {
		t.Fatalf("while it lives: %v", err)
	}
	if info, err := store.Locked("a"); err != nil || info == nil || info.Holder != "victim" {
		t.Errorf("who holds it: %+v, %v", info, err)
	}
	for _, want := range []string{"state of a is locked by victim", fmt.Sprint("process ", holder.Process.Pid), "-lock-timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	lease, err := store.Lock(t.Context(), "a", LockRequest{Holder: "me"})
	if err != nil {
		t.Fatal(err)
	}
	if lease.Info().Epoch != locked.Info.Epoch+1 {
		t.Errorf("epoch %d after %d", lease.Info().Epoch, locked.Info.Epoch)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	if info, err := store.Locked("a"); info != nil || err != nil {
		t.Errorf("after release: %+v, %v", info, err)
	}
}

func TestHashKey(t *testing.T) {
	store := NewFileStore(t.TempDir())
	first, err := store.HashKey(t.Context())
	if err != nil || len(first) != 32 {
		t.Fatalf("%x, %v", first, err)
	}
	if again, err := NewFileStore(store.root).HashKey(t.Context()); err != nil || string(again) != string(first) {
		t.Errorf("%x became %x, %v", first, again, err)
	}
	path := filepath.Join(store.root, ".cog", "key")
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	put(t, path, "short")
	if _, err := store.HashKey(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	put(t, path, hex.EncodeToString(first))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.HashKey(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by all: %v", err)
	}
}

func TestListIgnoresOthers(t *testing.T) {
	root := t.TempDir()
	for _, address := range []string{"b", `a["x"]`} {
		if err := WriteState(root, address, NewState(address)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(root, ".cog", "config", "Notours", ".state.json"), "{}")
	put(t, filepath.Join(root, ".cog", "config", "nostate", "x"), "")
	put(t, filepath.Join(root, ".cog", "config", "file"), "")
	got, err := NewFileStore(root).List(t.Context())
	if err != nil || !slices.Equal(got, []string{`a["x"]`, "b"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzDecodeState(f *testing.F) {
	state := NewState("a")
	state.Resources = []Resource{{Address: "x", Name: "x", Attributes: map[string]any{"a": []any{int64(1), 2.5, "x", nil, map[string]any{"b": true}}}}}
	state.Metadata = map[string]any{"k": "v"}
	data, err := encodeState(state)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte(`{"version":1,"lineage":"a","resources":[{"attributes":{"n":1e999}}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := decodeState(data)
		if err != nil {
			return
		}
		encoded, err := encodeState(state)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := decodeState(encoded)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, encoded)
		}
		twice, err := encodeState(again)
		if err != nil || string(twice) != string(encoded) {
			t.Fatalf("%v: %s\nbecame\n%s", err, encoded, twice)
		}
	})
}

func TestStateHelpers(t *testing.T) {
	a, b := GenerateLineage(), GenerateLineage()
	if raw, err := hex.DecodeString(a); err != nil || len(raw) != 16 || a == b {
		t.Errorf("lineages %s, %s, %v", a, b, err)
	}
	state := NewState("t")
	if state.Version != 1 || state.Serial != 0 || state.ResourceType != "t" || state.Resources == nil || len(state.Resources) != 0 || len(state.Lineage) != 32 {
		t.Errorf("%+v", state)
	}
	state.Resources = []Resource{{Address: "a", ExternalID: "1"}, {Address: "b"}}
	if index := ResourceIndex(state); len(index) != 2 || index["b"] != &state.Resources[1] {
		t.Errorf("%v", index)
	}
	if index := ResourceByExternalID(state); len(index) != 1 || index["1"] != &state.Resources[0] {
		t.Errorf("%v", index)
	}
	if ResourceIndex(nil) != nil || ResourceByExternalID(nil) != nil {
		t.Error("an index of nothing")
	}
}

func BenchmarkState(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		store := NewFileStore(b.TempDir())
		state := NewState("a")
		for i := range n {
			name := fmt.Sprintf("dir/file-%06d.html", i)
			state.Resources = append(state.Resources, Resource{
				Address: ObjectAddress("file.site", "file", name), Type: "file", Mode: ModeManaged, ExternalID: "out/" + name, Name: name,
				Attributes:    map[string]any{"sha256": strings.Repeat("ab", 32), "size": int64(i), "mode": "0644"},
				LastRefreshed: "2026-01-02T03:04:05Z",
			})
		}
		token, err := store.Save(b.Context(), "a", state, "")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("save/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if token, err = store.Save(b.Context(), "a", state, token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("load/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := store.Load(b.Context(), "a"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
