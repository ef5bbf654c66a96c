package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// crashed is a module whose applies are killed. Each generation declares other
// files, so that what a killed run made and nobody remembers stays behind for
// good: an orphan.
type crashed struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	// whole is how long an apply takes that nobody kills.
	whole time.Duration
	// killed counts the runs that the kill came in time for, and found the
	// journals that they left.
	killed, found int
	// temporaries are hidden files that killed workers had not renamed yet.
	temporaries []string
}

const crashKillsShort = 20

// A run of apply that is killed at any moment leaves nothing that the next runs
// do not know: no orphan, no duplicate, no state that cannot be read; the next
// apply makes everything as declared and the plan after it is empty.
//
// COGPLAN_KILLS sets how many kills; see docs/state.md.
func TestKilledAppliesLoseNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	kills, seed := killsOf(t, crashKillsShort), seedOf(t)
	t.Logf("COGPLAN_SEED=%d", seed)
	c := &crashed{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1))}
	c.measure()
	generation, applies := 0, 0
	for c.killed < kills {
		generation++
		for attempt := 0; attempt < 5 && c.killed < kills; attempt++ {
			// Other files each time: what the run before made is declared no more.
			c.declare(fmt.Sprintf("g%d-%d", generation, attempt))
			applies++
			c.applyAndKill()
			c.readable()
		}
		c.declare(fmt.Sprintf("g%d-end", generation))
		c.converge()
	}
	c.sweep()
	t.Logf("%d kills in %d applies, %d of them found with a journal; no orphan, no duplicate", c.killed, applies, c.found)
	if kills >= crashKillsShort && c.found == 0 {
		t.Error("no kill came while anything was under way: the harness does not do its work")
	}
}

// killsOf is how many kills there are to be.
func killsOf(t *testing.T, short int) int {
	t.Helper()
	text := os.Getenv("COGPLAN_KILLS")
	if text == "" {
		return short
	}
	kills, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return kills
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("COGPLAN_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// declare writes a module of two resources in a row, with files that the
// generation names and some that all generations have.
func (c *crashed) declare(generation string) {
	c.t.Helper()
	var hcl strings.Builder
	hcl.WriteString("provider \"file\" {\n  source = \"file\"\n  allow {\n    write = [\"./out\"]\n  }\n}\n")
	for _, rule := range []string{"deny_mass_delete", "run.deny_mass_delete"} {
		fmt.Fprintf(&hcl, "policy \"cogplan.builtin.%s\" {\n  parameters {\n    floor = 100000\n  }\n}\n", rule)
	}
	for r, name := range []string{"first", "second", "third"} {
		fmt.Fprintf(&hcl, "resource \"file\" %q {\n  root  = \"./out/%s\"\n  prune = true\n", name, name)
		if r == 2 {
			hcl.WriteString("  depends_on = [file.first]\n")
		}
		for i := range 40 {
			fmt.Fprintf(&hcl, "  file \"%s-%d\" { content = \"%s %d\" }\n", generation, i, generation, i)
			if i%4 == 0 {
				fmt.Fprintf(&hcl, "  file \"kept-%d\" { content = \"%s\" }\n", i, generation)
			}
		}
		hcl.WriteString("}\n")
	}
	c.write("main.hcl", hcl.String())
}

func (c *crashed) write(name, text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashed) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command("cogplan", args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "COGPLAN_ACTOR=tester")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func (c *crashed) run(args ...string) string {
	c.t.Helper()
	cmd, out := c.command(args...)
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("cogplan %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

// measure applies twice: the first run compiles the provider.
func (c *crashed) measure() {
	c.write("out/.keep", "")
	c.declare("g0")
	c.run("apply", "-auto-approve")
	c.declare("g0-again")
	began := time.Now()
	c.run("apply", "-auto-approve")
	c.whole = time.Since(began)
}

// applyAndKill kills an apply at a random moment: of the run, or of the time
// after its journal appeared, when the world is being changed.
func (c *crashed) applyAndKill() {
	c.t.Helper()
	cmd, out := c.command("apply", "-auto-approve")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	wait := time.Duration(c.random.Int64N(int64(c.whole)))
	if c.random.IntN(4) > 0 {
		c.awaitJournal(ended)
		wait = time.Duration(c.random.Int64N(int64(c.whole / 3)))
	}
	select {
	case err := <-ended:
		ended <- err
	case <-time.After(wait):
	}
	_ = cmd.Process.Kill()
	err := <-ended
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == -1 {
		c.killed++
	} else if err != nil {
		c.t.Fatalf("apply: %v\n%s", err, out)
	}
	if _, err := os.Stat(c.journal()); err == nil {
		c.found++
	}
}

func (c *crashed) journal() string { return filepath.Join(c.dir, ".cog", "journal", "run.journal") }

func (c *crashed) awaitJournal(ended chan error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case err := <-ended:
			ended <- err
			return
		default:
		}
		if _, err := os.Stat(c.journal()); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// readable checks that each state can be read whatever happened.
func (c *crashed) readable() {
	c.t.Helper()
	store := reconcile.NewFileStore(c.dir)
	addresses, err := store.List(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, address := range addresses {
		if _, _, err := store.Load(c.t.Context(), address); err != nil {
			c.t.Fatalf("after a kill: %v", err)
		}
	}
}

// converge applies without a kill, and checks that exactly what is declared is
// there and recorded, each once.
func (c *crashed) converge() {
	c.t.Helper()
	told := c.run("plan")
	c.run("apply", "-auto-approve")
	c.run("plan", "-detailed-exitcode")
	if _, err := os.Stat(c.journal()); !errors.Is(err, fs.ErrNotExist) {
		c.t.Errorf("the journal is still there: %v", err)
	}
	declared, err := os.ReadFile(filepath.Join(c.dir, "main.hcl"))
	if err != nil {
		c.t.Fatal(err)
	}
	recorded := c.recorded()
	files := 0
	c.temporaries = nil
	err = filepath.WalkDir(filepath.Join(c.dir, "out"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == ".keep" {
			return err
		}
		if isTemporary(entry.Name()) {
			c.temporaries = append(c.temporaries, path)
			return nil
		}
		files++
		if !strings.Contains(string(declared), strconv.Quote(entry.Name())) {
			c.t.Errorf("orphan: %s; the plan before the last apply was\n%s", path, told)
		}
		if id, _ := filepath.Rel(c.dir, path); recorded[id] != 1 {
			c.t.Errorf("%s is recorded %d times", id, recorded[id])
		}
		return nil
	})
	if want := strings.Count(string(declared), "  file "); err != nil || files != want {
		c.t.Errorf("%d files, want %d: %v", files, want, err)
	}
}

func isTemporary(name string) bool {
	return strings.HasPrefix(name, ".cogplan-") && strings.HasSuffix(name, ".tmp")
}

// sweep checks that the temporaries of killed workers do not stay: whoever
// writes beside them an hour later removes them.
func (c *crashed) sweep() {
	c.t.Helper()
	c.t.Logf("%d hidden temporaries are left", len(c.temporaries))
	past := time.Now().Add(-2 * time.Hour)
	for _, path := range c.temporaries {
		if err := os.Chtimes(path, past, past); err != nil {
			c.t.Fatal(err)
		}
	}
	c.declare("swept")
	c.converge()
	if len(c.temporaries) > 0 {
		c.t.Errorf("%d temporaries are still there", len(c.temporaries))
	}
}

// recorded counts the external IDs in all states.
func (c *crashed) recorded() map[string]int {
	c.t.Helper()
	store := reconcile.NewFileStore(c.dir)
	addresses, err := store.List(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	count := map[string]int{}
	for _, address := range addresses {
		state, _, err := store.Load(c.t.Context(), address)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, r := range state.Resources {
			count[r.ExternalID]++
		}
	}
	return count
}
