package recording_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/recording"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func written(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("main.hcl", []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := recording.NewRecorder()
	for _, call := range []wasm.Call{
		{Resource: "file.b", Op: "load_config", Request: "1", Outcome: []byte{1, 2}},
		{Resource: "file.a", Op: "fetch_live", Request: "2", Lost: "it died", Own: true},
		{Resource: "file.a", Op: "fetch_live", Request: "2", Outcome: []byte{3}},
	} {
		r.Add(call)
	}
	if err := r.Write("rec", recording.Head{CogplanVersion: "1"}, map[string]any{"region": "eu"}, []string{"main.hcl"}); err != nil {
		t.Fatal(err)
	}
	return "rec"
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir := written(t)
	got, err := recording.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Head.Calls != 3 || got.Head.CogplanVersion != "1" || len(got.Head.DigestKey) != 32 {
		t.Errorf("%+v", got.Head)
	}
	var answers []wasm.Call
	for range 3 {
		if call, ok := got.Answer("file.a", "fetch_live", "2"); ok {
			answers = append(answers, call)
		}
	}
	want := []wasm.Call{
		{Resource: "file.a", Op: "fetch_live", Request: "2", Lost: "it died", Own: true},
		{Resource: "file.a", Op: "fetch_live", Request: "2", Outcome: []byte{3}},
	}
	if diff := cmp.Diff(want, answers); diff != "" {
		t.Error(diff)
	}
	if _, ok := got.Answer("file.b", "load_config", "2"); ok {
		t.Error("another question was answered")
	}
	text, err := os.ReadFile(filepath.Join(dir, recording.ModuleDir, "main.hcl"))
	if err != nil || string(text) != "# nothing\n" {
		t.Errorf("the module is %q, %v", text, err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 2 {
		t.Errorf("something is left behind: %v", entries)
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	dir := written(t)
	if err := recording.NewRecorder().Write(dir, recording.Head{}, nil, nil); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("got %v", err)
	}
}

func TestOutsideIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"/etc/hostname", "../x", "a/../../x"} {
		if err := recording.NewRecorder().Write("rec", recording.Head{}, nil, []string{name}); err == nil {
			t.Errorf("%s was recorded", name)
		}
		if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
			t.Errorf("something is left behind: %v", entries)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	for name, damage := range map[string]func(head, calls string) (string, string){
		"no head": func(_, calls string) (string, string) { return "", calls },
		"other format": func(head, calls string) (string, string) {
			return strings.Replace(head, `"format": 1`, `"format": 2`, 1), calls
		},
		"unknown key": func(head, calls string) (string, string) {
			return strings.Replace(head, `"calls"`, `"callz"`, 1), calls
		},
		"cut": func(head, calls string) (string, string) {
			return head, calls[:strings.LastIndex(calls[:len(calls)-1], "\n")+1]
		},
		"cut in a line": func(head, calls string) (string, string) { return head, calls[:len(calls)-9] },
		"added to":      func(head, calls string) (string, string) { return head, calls + calls },
		"no calls":      func(head, _ string) (string, string) { return head, "" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t)
			headName, callsName := filepath.Join(dir, "recording.json"), filepath.Join(dir, "calls.jsonl")
			head, _ := os.ReadFile(headName)
			calls, _ := os.ReadFile(callsName)
			newHead, newCalls := damage(string(head), string(calls))
			if err := os.WriteFile(headName, []byte(newHead), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(callsName, []byte(newCalls), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := recording.Read(dir); err == nil {
				t.Error("it was read")
			}
		})
	}
}

func TestSecretsAreNotTaken(t *testing.T) {
	r := recording.NewRecorder()
	r.Add(wasm.Call{Resource: "file.b", Secret: true})
	r.Add(wasm.Call{Resource: "file.a", Secret: true})
	r.Add(wasm.Call{Resource: "file.b", Secret: true})
	if diff := cmp.Diff([]string{"file.a", "file.b"}, r.Secret()); diff != "" {
		t.Error(diff)
	}
}
