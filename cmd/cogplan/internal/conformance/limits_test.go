package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func planOf(t *testing.T, text string) *document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// The check of plans under limits passes what is honest, and nothing else.
func TestPlansWithinLimitsCanFail(t *testing.T) {
	const (
		two = `{"resources": [{"plan": {"actions": [{"action": "create"}, {"action": "create"}]}}]}`
		one = `{"resources": [{"plan": {"actions": [{"action": "create"}]}}]}`
	)
	whole := planOf(t, two)
	for _, tc := range []struct {
		name string
		plan *document
		ran  ran
		want string
	}{
		{"the same plan", planOf(t, two), ran{}, ""},
		{"a failure that says so", planOf(t, `{}`), ran{code: 1, out: `"severity": "error"`}, ""},
		{"something else", planOf(t, strings.Replace(two, "create", "update", 1)), ran{}, "left out in silence"},
		{"other content", planOf(t, strings.Replace(two, `"action": "create"}`, `"action": "create", "details": {"after": {"v": 1}}}`, 1)), ran{}, "left out in silence"},
		{"something is left out", planOf(t, one), ran{}, "left out in silence"},
		{"everything is left out", planOf(t, `{}`), ran{}, "left out in silence"},
		{"a failure without a word", planOf(t, `{}`), ran{code: 1}, "says nothing of it"},
		{"no document", nil, ran{code: 2, errout: "panic: oh"}, "panic: oh"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := wrongWithin(tc.plan, &tc.ran, whole)
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("it says %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSetLimit(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "main.hcl")
	const source = "provider \"a\" {\n  source = \"a\"\n}\nprovider \"b\" {\n  limits {\n    memory = \"64MiB\" # enough\n  }\n}\nresource \"a\" \"b\" {}\n"
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Suite{dir: dir}
	saved, err := s.setLimit(scarce()[0])
	if err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(changed), `memory = "64KiB"`); n != 2 || strings.Contains(string(changed), "64MiB") {
		t.Errorf("the limit is set %d times:\n%s", n, changed)
	}
	if err := restore(saved); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(name); err != nil || string(again) != source {
		t.Errorf("the module is not as it was:\n%s, %v", again, err)
	}
}
