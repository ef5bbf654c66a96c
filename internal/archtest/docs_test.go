package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testName is how docs/threat-model.md names a test: `path/of/package.TestName`.
var testName = regexp.MustCompile("`([a-z][a-z0-9_/]*)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// Each promise of the threat model names the test that holds it, and so does each
// attack in the index of hostile providers; a test that was renamed or removed
// leaves a promise that nothing holds.
func TestTheTestsOfTheThreatModelExist(t *testing.T) {
	for document, least := range map[string]int{"docs/threat-model.md": 40, hostileIndex: 60} {
		text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(document)))
		if err != nil {
			t.Fatal(err)
		}
		names := testName.FindAllStringSubmatch(string(text), -1)
		if len(names) < least {
			t.Fatalf("found %d test names in %s", len(names), document)
		}
		for _, m := range names {
			if !declares(t, m[1], m[2]) {
				t.Errorf("%s names %s in %s, and there is no such test", document, m[2], m[1])
			}
		}
	}
}

// hostileIndex lists what hostile providers try.
const hostileIndex = "testdata/hostile/README.md"

// attack is a row of the index with a case: | … | "case" | `package.Test` |.
var attack = regexp.MustCompile("(?m)^\\|[^|]+\\| (\"[^\"|]+\") \\| `([a-z][a-z0-9_/]*)\\.")

// The cases of the index are in the tests that are named beside them.
func TestTheCasesOfTheHostileIndexExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(hostileIndex)))
	if err != nil {
		t.Fatal(err)
	}
	rows := attack.FindAllStringSubmatch(string(text), -1)
	if len(rows) < 40 {
		t.Fatalf("found %d attacks with a case", len(rows))
	}
	for _, row := range rows {
		if !someTestHas(t, row[2], row[1]) {
			t.Errorf("no test of %s has the case %s", row[2], row[1])
		}
	}
	if someTestHas(t, "runtime/wasm", `"a case that there is not"`) {
		t.Error("a case that there is not is found")
	}
}

// someTestHas reports whether a test file of the package holds a text.
func someTestHas(t *testing.T, pkg, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), text) {
			return true
		}
	}
	return false
}

func TestAMissingTestIsNoticed(t *testing.T) {
	if !declares(t, "internal/archtest", "TestAMissingTestIsNoticed") {
		t.Error("this test is not found")
	}
	if declares(t, "internal/archtest", "TestAMissingTest") {
		t.Error("a name that only begins alike is found")
	}
}

// declares reports whether the package has a test of that name.
func declares(t *testing.T, pkg, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
