package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cogplan/cogplan"

// rule says what the packages of one part of the tree may import besides the
// standard library.
type rule struct {
	// part is a package path without the module, and covers what is below it,
	// except where a longer part stands in the table. Packages of one part may
	// import each other.
	part string
	// ours are other parts of this module.
	ours []string
	// theirs are modules of others; nil allows none.
	theirs []string
}

// anything stands for all packages of this module, or all modules of others.
const anything = "*"

// table is the table of imports in .golangci.yml, made executable over what the
// go command sees, for every system that cogplan builds for.
var table = []rule{
	{part: "pkg/reconcile"},
	{part: "pkg/reconcile/reconciletest", ours: []string{"pkg/reconcile"}},
	{
		part: "lang",
		ours: []string{"pkg/reconcile"},
		theirs: []string{
			"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "github.com/zclconf/go-cty-yaml",
			"github.com/aymanbagabas/go-udiff", "github.com/bmatcuk/doublestar/v4", "github.com/google/uuid", "github.com/hashicorp/go-version",
			"go.yaml.in/yaml/v3", "golang.org/x/crypto", "golang.org/x/text",
		},
	},
	{
		part:   "runtime/wasm",
		ours:   []string{"pkg/reconcile", "runtime/wasm/abi"},
		theirs: []string{"github.com/tetratelabs/wazero", "golang.org/x/sys", "golang.org/x/sync"},
	},
	{part: "runtime/wasm/abi", ours: []string{"pkg/reconcile"}},
	{part: "policy", ours: []string{"pkg/reconcile"}, theirs: []string{"github.com/open-policy-agent/opa", "github.com/go-json-experiment/json", "golang.org/x/sys"}},
	{part: "sdk", ours: []string{"pkg/reconcile", "runtime/wasm/abi"}},
	{part: "providers", ours: []string{"sdk", "pkg/reconcile"}},
	{part: "cmd/cogplan", ours: []string{"cmd/cogplan/internal/cli"}},
	{
		part:   "cmd/cogplan/internal/cli",
		ours:   []string{"pkg/reconcile", "lang", "runtime/wasm", "policy", "cmd/cogplan/internal/render", "cmd/cogplan/internal/embedded", "cmd/cogplan/internal/planfile", "cmd/cogplan/internal/approval", "cmd/cogplan/internal/lockfile", "cmd/cogplan/internal/recording", "cmd/cogplan/internal/conformance", "cmd/cogplan/internal/scaffold", "cmd/cogplan/internal/starter", "cmd/cogplan/internal/comment"},
		theirs: []string{anything},
	},
	{
		part: "cmd/cogplan/internal/render",
		ours: []string{"lang", "pkg/reconcile"},
		theirs: []string{
			"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty",
			"github.com/aymanbagabas/go-udiff", "github.com/fatih/color", "github.com/mattn/go-runewidth", "golang.org/x/term",
		},
	},
	{part: "cmd/cogplan/internal/embedded"},
	{part: "cmd/cogplan/internal/planfile", ours: []string{"pkg/reconcile"}},
	{part: "cmd/cogplan/internal/recording", ours: []string{"pkg/reconcile", "runtime/wasm"}},
	{part: "cmd/cogplan/internal/conformance", theirs: []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}},
	{part: "cmd/cogplan/internal/scaffold"},
	{part: "cmd/cogplan/internal/starter"},
	{part: "cmd/cogplan/internal/comment"},
	{part: "cmd/cogplan/internal/comment/commenttest", theirs: []string{"github.com/santhosh-tekuri/jsonschema/v6"}},
	{part: "cmd/cogplan/internal/lockfile", ours: []string{"pkg/reconcile"}, theirs: []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}},
	{part: "cmd/cogplan/internal/approval", theirs: []string{"github.com/secure-systems-lab/go-securesystemslib"}},
	{part: "bench", ours: []string{anything}, theirs: []string{anything}},
	{part: "examples"},
	{part: "internal/archtest"},
}

// goPackage is what this test reads of `go list -json`.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// systems are the GOOS/GOARCH pairs whose file sets differ.
var systems = []string{"linux/amd64", "darwin/arm64", "windows/amd64", "wasip1/wasm"}

func TestImportsFollowTheTable(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			packages := goList(t, system, "./...")
			if len(packages) < 3 {
				t.Fatalf("go list found %d packages", len(packages))
			}
			for _, v := range violations(packages, table) {
				t.Error(v)
			}
		})
	}
}

// The control: with one forbidden import laid over the tree, the same check over
// the same command has to object.
func TestAForbiddenImportIsFound(t *testing.T) {
	for _, tc := range []struct{ dir, imports, want string }{
		{"pkg/reconcile", "github.com/spf13/cobra", "pkg/reconcile imports github.com/spf13/cobra"},
		{"pkg/reconcile", module + "/internal/archtest", "pkg/reconcile imports internal/archtest"},
		{"internal/archtest", module + "/pkg/reconcile", "internal/archtest imports pkg/reconcile"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			overlay := overlayImport(t, tc.dir, tc.imports)
			got := violations(goList(t, systems[0], "-overlay="+overlay, "./"+tc.dir), table)
			if !slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, tc.want) }) {
				t.Errorf("found %q, want one that starts with %q", got, tc.want)
			}
		})
	}
}

func TestViolations(t *testing.T) {
	const hcl = "github.com/hashicorp/hcl/v2"
	for _, tc := range []struct {
		name, from, to, owner string
		bad                   bool
	}{
		{"standard library", "pkg/reconcile", "fmt", "", false},
		{"a package below itself", "lang", module + "/lang/funcs", module, false},
		{"from a package below to the root of the part", "lang/funcs", module + "/lang", module, false},
		{"the core from lang", "lang", module + "/pkg/reconcile", module, false},
		{"the core's fakes from lang", "lang", module + "/pkg/reconcile/reconciletest", module, true},
		{"its library from lang", "lang/funcs", hcl + "/hclsyntax", hcl, false},
		{"policy from lang", "lang", module + "/policy", module, true},
		{"lang from policy", "policy", module + "/lang", module, true},
		{"wasm from policy", "policy", module + "/runtime/wasm", module, true},
		{"hcl from policy", "policy", hcl, hcl, true},
		{"abi from sdk", "sdk", module + "/runtime/wasm/abi", module, false},
		{"the host from sdk", "sdk", module + "/runtime/wasm", module, true},
		{"its own package from a provider", "providers/file", module + "/providers/file/internal/walk", module, false},
		{"sdk from a provider", "providers/file", module + "/sdk", module, false},
		{"abi from a provider", "providers/file", module + "/runtime/wasm/abi", module, true},
		{"another provider from a provider", "providers/file", module + "/providers/dns", module, true},
		{"sdk from cli", "cmd/cogplan/internal/cli", module + "/sdk", module, true},
		{"policy from cli", "cmd/cogplan/internal/cli", module + "/policy", module, false},
		{"policy from render", "cmd/cogplan/internal/render", module + "/policy", module, true},
		{"lang from main", "cmd/cogplan", module + "/lang", module, true},
		{"cli from main", "cmd/cogplan", module + "/cmd/cogplan/internal/cli", module, false},
		{"wazero from abi", "runtime/wasm/abi", "github.com/tetratelabs/wazero", "github.com/tetratelabs/wazero", true},
		{"a module whose name only begins alike", "lang", "github.com/zclconf/go-ctyx", "github.com/zclconf/go-ctyx", true},
		{"a part that no rule names", "newpart", "fmt", "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			packages := []goPackage{
				{ImportPath: module + "/" + tc.from, Imports: []string{tc.to}, Module: &struct{ Path string }{module}},
				{ImportPath: tc.to, Standard: tc.owner == "", Module: &struct{ Path string }{tc.owner}},
			}
			got := violations(packages[:1], table, packages[1])
			if (len(got) > 0) != tc.bad {
				t.Errorf("violations: %q", got)
			}
		})
	}
}

// violations checks each package of this module against its rule. The further
// packages are only looked up.
func violations(packages []goPackage, rules []rule, further ...goPackage) []string {
	known := map[string]goPackage{}
	for _, p := range slices.Concat(packages, further) {
		known[p.ImportPath] = p
	}
	var out []string
	for _, p := range packages {
		if !ours(p.ImportPath) {
			continue
		}
		r, ok := ruleFor(p.ImportPath, rules)
		if !ok {
			out = append(out, fmt.Sprintf("%s: no rule covers it; add one to the table and to .golangci.yml", short(p.ImportPath)))
			continue
		}
		for _, imported := range p.Imports {
			if !r.allows(p.ImportPath, known[imported], imported, rules) {
				out = append(out, fmt.Sprintf("%s imports %s, which its rule (%s) does not allow", short(p.ImportPath), short(imported), r.part))
			}
		}
	}
	return out
}

func (r rule) allows(from string, imported goPackage, path string, rules []rule) bool {
	if imported.Standard || path == "C" || path == "unsafe" {
		return true
	}
	if !ours(path) {
		return imported.Module != nil && (slices.Contains(r.theirs, anything) || slices.Contains(r.theirs, imported.Module.Path))
	}
	target, ok := ruleFor(path, rules)
	if !ok {
		return false
	}
	if target.part == r.part {
		return r.part != "providers" || program(from) == program(path)
	}
	return slices.Contains(r.ours, anything) || slices.Contains(r.ours, target.part)
}

// program is the folder of providers/ that a package belongs to: each is a
// program of its own.
func program(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(short(path), "providers/"), "/")
	return name
}

// ruleFor returns the rule with the longest part that covers the package.
func ruleFor(path string, rules []rule) (rule, bool) {
	var best rule
	for _, r := range rules {
		if below(short(path), r.part) && len(r.part) > len(best.part) {
			best = r
		}
	}
	return best, best.part != ""
}

func ours(path string) bool { return below(path, module) }

func below(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func short(path string) string { return strings.TrimPrefix(path, module+"/") }

// goList returns the packages and all they depend on, as the go command sees
// them on that system.
func goList(t *testing.T, system string, args ...string) []goPackage {
	t.Helper()
	goos, goarch, _ := strings.Cut(system, "/")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-deps", "-json=ImportPath,Standard,Imports,Module"}, args...)...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// overlayImport writes an overlay that adds a file with one import to a package.
func overlayImport(t *testing.T, dir, imports string) string {
	t.Helper()
	folder := t.TempDir()
	source := filepath.Join(folder, "forbidden.go")
	text := fmt.Sprintf("package %s\n\nimport _ %q\n", filepath.Base(dir), imports)
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root(t), dir, "forbidden.go"): source},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}
