package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
)

func TestTheFloorDoesTheWork(t *testing.T) {
	c := testCase{kind: kindOne, n: 25, dir: t.TempDir()}
	do := func(op operation) {
		t.Helper()
		if err := runFloor([]string{string(op), c.dir, strconv.Itoa(c.n)}); err != nil {
			t.Fatalf("%s: %v", op, err)
		}
	}
	do(opValidate)
	do(opPlan)
	do(opApply)
	for i := range c.n {
		text, err := os.ReadFile(filepath.Join(c.dir, "out", fileName(i)))
		if err != nil || string(text) != fileBody(i) || len(text) != 1024 {
			t.Fatalf("file %d: %d bytes, %v", i, len(text), err)
		}
	}
	if err := c.removed(); err == nil {
		t.Error("removed is content though all files are there")
	}
	do(opNoop)
	do(opRemove)
	if err := c.removed(); err != nil {
		t.Error(err)
	}
}

func TestConfigurationsAreWellFormed(t *testing.T) {
	const n = 7
	for _, tc := range []struct {
		kind  kind
		write func(testCase, fill) error
		file  string
		// word counts the objects that the full configuration declares.
		word string
		want int
	}{
		{kindOne, writeCogplan, "main.hcl", "  file \"", n},
		{kindEach, writeCogplan, "main.hcl", "  file \"", n},
		{kindTree, writeCogplan, "main.hcl", "  tree {", 1},
		{kindChain, writeCogplan, "main.hcl", "  file \"", n},
		{kindOne, writeTerraform(false), "main.tf", "for_each", 1},
		{kindEach, writeTerraform(false), "main.tf", "resource \"terraform_data\"", n},
		{kindChain, writeTerraform(false), "main.tf", "depends_on", n - 1},
		{kindEach, writeTerraform(true), "main.tf", "resource \"local_file\"", n},
	} {
		for _, f := range []fill{full, empty} {
			c := testCase{kind: tc.kind, n: n, dir: t.TempDir()}
			if err := tc.write(c, f); err != nil {
				t.Fatal(err)
			}
			parser := hclparse.NewParser()
			_, diags := parser.ParseHCLFile(filepath.Join(c.dir, tc.file))
			if diags.HasErrors() {
				t.Errorf("%s %s: %v", tc.kind, tc.file, diags)
			}
			text, err := os.ReadFile(filepath.Join(c.dir, tc.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), tc.word); f == full && got != tc.want {
				t.Errorf("%s %s: %d times %q, want %d", tc.kind, tc.file, got, tc.word, tc.want)
			}
		}
	}
}

func TestRatiosAreOfMediansAndFailuresStandOut(t *testing.T) {
	rows := []row{
		{Case: "one-1", Tool: toolCogplan, Op: opPlan, Samples: []sample{{Wall: 1, CPU: 4}, {Wall: 9, CPU: 4}, {Wall: 2, CPU: 4}}},
		{Case: "one-1", Tool: "other", Op: opPlan, Samples: []sample{{Wall: 3, CPU: 2}, {Wall: 5, CPU: 2}}},
		{Case: "one-1", Tool: "broken", Op: opPlan, Samples: []sample{{Wall: 1}, {Exit: 3, Output: "denied"}}},
	}
	var out bytes.Buffer
	if err := printRows(&out, rows); err != nil {
		t.Fatal(err)
	}
	line := func(tool string) string {
		for l := range strings.Lines(out.String()) {
			if strings.Contains(l, tool) {
				return strings.Join(strings.Fields(l), " ")
			}
		}
		return ""
	}
	// The median of 3 and 5 is 4, twice cogplan's 2; its CPU is half.
	if got, want := line("other"), "one-1 plan other 4.000 3.000..5.000 2.000 0 0 0.0 2.00 0.50"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := line("broken"); !strings.Contains(got, "exit 3") || strings.Contains(got, "1.000") {
		t.Errorf("a failed tool has figures: %q", got)
	}
	if !strings.Contains(out.String(), "denied") {
		t.Error("what the failed tool said is not shown")
	}
}

func TestMeasureCountsWaitedChildren(t *testing.T) {
	s, err := measure(t.Context(), command{
		argv: []string{"/bin/sh", "-c", "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; exit 7"}, limit: 60e9,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Exit != 7 || !s.failed() || s.Killed {
		t.Errorf("sample %+v", s)
	}
	if s.CPU < 0.02 {
		t.Errorf("CPU %.3f s: the child's loop is not in it", s.CPU)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-sizes", "0"}, {"-sizes", "x"}, {"-kinds", "two"}, {"-n", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

// The native twin is made of today's sources: where they move, so has it to.
func TestNativeOverlayFits(t *testing.T) {
	dir := t.TempDir()
	if _, err := nativeOverlay("..", dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		if _, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution); err != nil {
			t.Error(err)
		}
	}
}

func TestRecordedFiguresStandBesideTheirCase(t *testing.T) {
	if rows := recordedRows(testCase{kind: kindEach, n: 1000}); len(rows) != 8 {
		t.Errorf("%d rows", len(rows))
	}
	if rows := recordedRows(testCase{kind: kindEach, n: 17}); len(rows) != 0 {
		t.Errorf("%d rows of a case that nobody recorded", len(rows))
	}
}

func TestMemoryOfATree(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell")
	}
	s, err := measure(t.Context(), command{argv: []string{"/bin/sh", "-c", "sleep 0.2; true"}, limit: 60e9})
	if err != nil || s.All <= 0 || s.All > 100 {
		t.Errorf("%.1f MiB, %v", s.All, err)
	}
}
