package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// dnsKillsShort is how many kills there are among the tests.
const dnsKillsShort = 5

// A run of apply against a real server that is killed at any moment leaves no zone
// that the next runs do not know, and none is made twice: those of the last module
// are there, and no others.
//
// COGPLAN_KILLS and COGPLAN_SEED are those of TestKilledAppliesLoseNothing.
func TestKilledAppliesLoseNothingPowerDNS(t *testing.T) {
	p := startPowerDNS(t)
	kills, seed := killsOf(t, dnsKillsShort), seedOf(t)
	random := rand.New(rand.NewPCG(seed, 2))
	m := exampleModule(t, p)
	head, _, _ := strings.Cut(m.source(), "locals {")
	declare := func(generation string) []string {
		var hcl strings.Builder
		hcl.WriteString(head)
		for _, rule := range []string{"deny_mass_delete", "run.deny_mass_delete"} {
			fmt.Fprintf(&hcl, "policy \"cogplan.builtin.%s\" {\n  parameters { floor = 100000 }\n}\n", rule)
		}
		hcl.WriteString("resource \"rest\" \"zones\" {\n  prune = true\n  collection = \"/zones\"\n  item = \"/zones/{id}\"\n")
		hcl.WriteString("  create { with = { nameservers = [\"ns1.example.org.\"] } }\n")
		names := []string{"kept.example."}
		for i := range 8 {
			names = append(names, fmt.Sprintf("%s-%d.example.", generation, i))
		}
		for _, name := range names {
			fmt.Fprintf(&hcl, "  object %q { body = { kind = \"Native\", account = %q } }\n", name, generation)
		}
		hcl.WriteString("}\n")
		m.write(hcl.String())
		slices.Sort(names)
		return names
	}
	declare("g0")
	m.run(0, "apply", "-auto-approve")
	declare("g1")
	began := time.Now()
	m.run(0, "apply", "-auto-approve")
	whole := time.Since(began)
	journal := filepath.Join(m.dir, ".cog", "journal", "run.journal")
	killed, found, applies := 0, 0, 0
	for generation := 2; killed < kills || found == 0 && applies < 40; generation++ {
		declare(fmt.Sprintf("g%d", generation))
		applies++
		cmd := exec.Command("cogplan", "apply", "-auto-approve")
		cmd.Dir = m.dir
		cmd.Env = append(os.Environ(), append(m.env, "COGPLAN_ACTOR=tester")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if random.IntN(4) == 0 {
			time.Sleep(time.Duration(random.Int64N(int64(whole))))
		} else { // while the world is being changed
			awaitFile(journal, 4*whole)
			time.Sleep(time.Duration(random.Int64N(int64(whole / 4))))
		}
		_ = cmd.Process.Kill()
		if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); ok && exit.ExitCode() == -1 {
			killed++
		}
		if _, err := os.Stat(journal); err == nil {
			found++
		}
		if _, _, err := reconcile.NewFileStore(m.dir).Load(t.Context(), "rest.zones"); err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		if generation%3 == 0 || killed >= kills {
			want := declare(fmt.Sprintf("g%d-end", generation))
			p.changes()
			m.run(0, "apply", "-auto-approve")
			m.settled()
			if got := zonesOf(t, p); !slices.Equal(got, want) {
				t.Fatalf("seed %d: there are %v, want %v", seed, got, want)
			}
			if twice := madeTwice(p.changes()); len(twice) > 0 {
				t.Errorf("seed %d: asked for twice: %v", seed, twice)
			}
		}
	}
	t.Logf("COGPLAN_SEED=%d: %d kills in %d applies, %d of them found with a journal; no orphan, no duplicate", seed, killed, applies, found)
	if kills >= dnsKillsShort && found == 0 {
		t.Error("no kill came while anything was under way: the harness does not do its work")
	}
}

// awaitFile waits until a file is there, or that long.
func awaitFile(name string, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
}

// zonesOf are the zones that the server has.
func zonesOf(t *testing.T, p *powerDNS) []string {
	t.Helper()
	var zones []struct{ Name string }
	if err := json.Unmarshal([]byte(p.api("GET", "/zones", "")), &zones); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(zones))
	for _, zone := range zones {
		names = append(names, zone.Name)
	}
	slices.Sort(names)
	return names
}

// madeTwice are the requests that came twice in one run.
func madeTwice(changes []string) []string {
	seen, twice := map[string]bool{}, []string{}
	for _, change := range changes {
		if !strings.HasPrefix(change, "POST") && seen[change] {
			twice = append(twice, change)
		}
		seen[change] = true
	}
	return twice
}
