package reconcile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The exported API is a file, so that changing it is a reviewed difference.
func TestAPI(t *testing.T) {
	got := exportedAPI(t)
	path := filepath.Join("testdata", "api.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the exported API is not %s; look at the difference and run the test with -update\n%s", path, difference(string(want), string(got)))
	}
}

func difference(want, got string) string {
	before, after := strings.Split(want, "\n"), strings.Split(got, "\n")
	var lines []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return strings.Join(lines, "\n")
}

// exportedAPI prints each exported declaration without bodies and comments.
func exportedAPI(t *testing.T) []byte {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var declarations []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.FileExports(file) {
			continue
		}
		for _, declaration := range file.Decls {
			declarations = append(declarations, printDeclaration(t, files, declaration)...)
		}
	}
	slices.Sort(declarations)
	return []byte(strings.Join(declarations, "\n") + "\n")
}

func printDeclaration(t *testing.T, files *token.FileSet, declaration ast.Decl) []string {
	t.Helper()
	if function, ok := declaration.(*ast.FuncDecl); ok {
		function.Body = nil
		return []string{printNode(t, files, function)}
	}
	general, ok := declaration.(*ast.GenDecl)
	if !ok || general.Tok == token.IMPORT {
		return nil
	}
	var texts []string
	for _, spec := range general.Specs {
		texts = append(texts, general.Tok.String()+" "+printNode(t, files, spec))
	}
	return texts
}

func printNode(t *testing.T, files *token.FileSet, node ast.Node) string {
	t.Helper()
	var text bytes.Buffer
	if err := (&printer.Config{Mode: printer.UseSpaces, Tabwidth: 4}).Fprint(&text, files, node); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The JSON of the documented types, with each field set.
func TestJSONKeys(t *testing.T) {
	action := reconcile.Action{Action: reconcile.ActionCreate, ResourceType: "t", Name: "n", Details: map[string]any{"k": 1}}
	summary := reconcile.Summary{Creates: 1, Updates: 2, Deletes: 3, Skipped: 4}
	resource := reconcile.Resource{
		Address: "a", Type: "t", Mode: reconcile.ModeData, ExternalID: "e", Name: "n", ParentAddress: "pa", ParentID: "pi",
		Attributes: map[string]any{"k": 1}, UnmanagedReason: "u", LastRefreshed: "l",
	}
	for want, value := range map[string]any{
		`{"action":"create","resource_type":"t","name":"n","details":{"k":1}}`: action,
		`{"action":"","resource_type":"","name":"","details":null}`:            reconcile.Action{},
		`{"event":"e","resource_type":"t","timestamp":"ts","duration_ms":1,"summary":{"k":1},"error":"x"}`: reconcile.Event{
			EventType: "e", ResourceType: "t", Timestamp: "ts", DurationMs: 1, Summary: map[string]any{"k": 1}, Error: "x",
		},
		`{"event":"","resource_type":"","timestamp":""}`: reconcile.Event{},
		`{"resources":[{"name":"n","source":"s","interval":"i","prune":true,"auto_apply":true,"depends_on":["d"],"wave":2,"suspended":true}]}`: reconcile.MetaConfig{
			Resources: []reconcile.MetaResource{{Name: "n", Source: "s", Interval: "i", Prune: true, AutoApply: true, DependsOn: []string{"d"}, Wave: 2, Suspended: true}},
		},
		`{"resource":"r","status":"s","plan":{"resource_type":"t","generated_at":"g","config_path":"c","actions":[` +
			`{"action":"create","resource_type":"t","name":"n","details":{"k":1}}],"summary":{"creates":1,"updates":2,"deletes":3,"skipped":4},` +
			`"warnings":["w"],"metadata":{"k":1}},"error":"e","duration_ms":7}`: reconcile.MetaResult{
			Resource: "r", Status: "s", Error: "e", Duration: 7, Plan: &reconcile.Plan{
				ResourceType: "t", GeneratedAt: "g", ConfigPath: "c", Actions: []reconcile.Action{action}, Summary: summary,
				Warnings: []string{"w"}, Metadata: map[string]any{"k": 1},
			},
		},
		`{"resource":"","status":"","duration_ms":0}`: reconcile.MetaResult{},
		`{"address":"a","type":"t","mode":"data","external_id":"e","name":"n","parent_address":"pa","parent_id":"pi","attributes":{"k":1},"unmanaged_reason":"u","last_refreshed":"l"}`: resource,
		`{"address":"","type":"","mode":"","external_id":"","name":"","last_refreshed":""}`:                                                                                             reconcile.Resource{},
		`{"sync":"Synced","health":"Healthy","operation":"Idle"}`:                                                                                                                       reconcile.NewResourceStatus(reconcile.SyncStatusSynced, reconcile.HealthHealthy),
		`{"phase":"p","action":"a","name":"n","status":"failed","error":"e","created_id":"c"}`:                                                                                          reconcile.Result{Phase: "p", Action: "a", Name: "n", Status: reconcile.ApplyFailed, Error: "e", CreatedID: "c"},
		`{"version":1,"lineage":"l","serial":2,"resource_type":"t","generated_at":"g","resources":[],"metadata":{"k":1}}`: reconcile.State{
			Version: 1, Lineage: "l", Serial: 2, ResourceType: "t", GeneratedAt: "g", Resources: []reconcile.Resource{}, Metadata: map[string]any{"k": 1},
		},
	} {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("got  %s\nwant %s, %v", got, want, err)
		}
	}
}

func TestConstants(t *testing.T) {
	for got, want := range map[string]string{
		reconcile.EventPlanStart: "cog.reconcile.plan.start", reconcile.EventPlanComplete: "cog.reconcile.plan.complete",
		reconcile.EventApplyStart: "cog.reconcile.apply.start", reconcile.EventApplyAction: "cog.reconcile.apply.action",
		reconcile.EventApplyComplete: "cog.reconcile.apply.complete", reconcile.EventDrift: "cog.reconcile.drift.detected",
		reconcile.EventError:           "cog.reconcile.error",
		string(reconcile.ActionCreate): "create", string(reconcile.ActionUpdate): "update", string(reconcile.ActionDelete): "delete", string(reconcile.ActionSkip): "skip",
		string(reconcile.ApplySucceeded): "succeeded", string(reconcile.ApplyFailed): "failed", string(reconcile.ApplySkipped): "skipped",
		string(reconcile.HealthHealthy): "Healthy", string(reconcile.HealthDegraded): "Degraded", string(reconcile.HealthProgressing): "Progressing",
		string(reconcile.HealthMissing): "Missing", string(reconcile.HealthSuspended): "Suspended",
		string(reconcile.OperationIdle): "Idle", string(reconcile.OperationSyncing): "Syncing", string(reconcile.OperationWaiting): "Waiting",
		string(reconcile.ModeManaged): "managed", string(reconcile.ModeUnmanaged): "unmanaged", string(reconcile.ModeData): "data",
		string(reconcile.SyncStatusSynced): "Synced", string(reconcile.SyncStatusOutOfSync): "OutOfSync", string(reconcile.SyncStatusUnknown): "Unknown",
		reconcile.StatusSynced: "synced", reconcile.StatusDrifted: "drifted", reconcile.StatusApplied: "applied",
		reconcile.StatusSuspended: "suspended", reconcile.StatusDenied: "denied", reconcile.StatusDeferred: "deferred",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if reconcile.StatusFailed != "failed" || reconcile.StatusSkipped != "skipped" {
		t.Error("failed and skipped")
	}
	if !(reconcile.Summary{Deletes: 1}).HasChanges() || (reconcile.Summary{Skipped: 1}).HasChanges() || (reconcile.Summary{Creates: 1, Updates: 2, Deletes: 3, Skipped: 4}).Total() != 10 {
		t.Error("Summary")
	}
}

// The package imports the standard library alone.
func TestImports(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if first, _, _ := strings.Cut(strings.Trim(imported.Path.Value, `"`), "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", name, imported.Path.Value)
			}
		}
	}
}
