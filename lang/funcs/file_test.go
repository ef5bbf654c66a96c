package funcs_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// outside makes a module beside a secret, with every way out that a file system
// offers.
func outside(t *testing.T) (module string) {
	t.Helper()
	top := t.TempDir()
	module = filepath.Join(top, "module")
	for _, dir := range []string{module, filepath.Join(module, "sub"), filepath.Join(top, "secrets")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"secrets/key.txt": "secret", "module/in.txt": "in", "module/sub/deep.txt": "deep",
		"module/bad.txt": "\xff\xfe", "module/large.txt": strings.Repeat("x", 2000),
	} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"out": "../secrets", "out.txt": "../secrets/key.txt", "abs.txt": filepath.Join(top, "secrets", "key.txt"),
		"inner.txt": "in.txt", "inner": "sub", "self": "self", "up": "sub/../..", "dev": "/dev/zero", "sub/loop": "..",
	} {
		if err := os.Symlink(to, filepath.Join(module, link)); err != nil {
			t.Fatal(err)
		}
	}
	return module
}

func TestFilesStayInside(t *testing.T) {
	module := outside(t)
	if runtime.GOOS != "windows" {
		if err := makePipe(filepath.Join(module, "pipe")); err != nil {
			t.Fatal(err)
		}
	}
	scope := newScope(module)
	for path, want := range map[string]string{
		"../secrets/key.txt":                      "outside the module's directory",
		"sub/../../secrets/key.txt":               "outside the module's directory",
		"/etc/passwd":                             "outside the module's directory",
		filepath.Dir(module) + "/secrets/key.txt": "outside the module's directory",
		"out/key.txt":                             "symbolic link",
		"out.txt":                                 "symbolic link",
		"abs.txt":                                 "symbolic link",
		"up/secrets/key.txt":                      "symbolic link",
		"dev":                                     "symbolic link",
		"self":                                    "cannot read",
		"pipe":                                    "is a named pipe, not a regular file",
		"sub":                                     "is a directory, not a file",
		"nope.txt":                                "paths start at the module's directory",
		"in.txt/x":                                "",
		"":                                        "the path is empty",
		"a\u0000b":                                "zero byte",
	} {
		scope.Variables["path"] = cty.StringVal(path)
		for _, name := range []string{
			"file", "filebase64", "filemd5", "filesha1", "filesha256", "filesha512", "filebase64sha256", "filebase64sha512",
		} {
			checkRefused(t, scope, name+"(path)", want)
		}
		checkRefused(t, scope, "templatefile(path, {})", want)
		if path != "nope.txt" && path != "in.txt/x" {
			checkRefused(t, scope, "fileexists(path)", want)
		}
	}
	for _, dir := range []string{"..", "out", "/", "up"} {
		scope.Variables["path"] = cty.StringVal(dir)
		v, diags := value(scope, `fileset(path, "**")`)
		if !diags.HasErrors() && v.LengthInt() > 0 {
			t.Errorf("fileset(%q): %#v", dir, v)
		}
	}
}

func checkRefused(t *testing.T, scope *hcl.EvalContext, src, want string) {
	t.Helper()
	v, diags := value(scope, src)
	if !diags.HasErrors() {
		t.Errorf("%s of %#v gives %#v", src, scope.Variables["path"], v)
		return
	}
	if got := diags.Error(); !strings.Contains(got, want) {
		t.Errorf("%s of %#v: want %q in %s", src, scope.Variables["path"], want, got)
	}
}

func TestFilesInside(t *testing.T) {
	module := outside(t)
	var used []funcs.Use
	scope := &hcl.EvalContext{Variables: map[string]cty.Value{"module": cty.StringVal(module)}, Functions: funcs.Functions(funcs.Options{
		BaseDir: filepath.Join(module, "sub"), RootDir: module,
		Budget: bounds.NewBudget(bounds.Limits{File: 1000}),
		Used:   func(u funcs.Use) { used = append(used, u) },
	})}
	for src, want := range map[string]string{
		`file("deep.txt")`:                     "deep",
		`file("../in.txt")`:                    "in",
		`file("../inner.txt")`:                 "in",
		`file("../inner/deep.txt")`:            "deep",
		`file("${module}/in.txt")`:             "in",
		`join(" ", fileset("..", "**/*.txt"))`: "bad.txt in.txt inner.txt large.txt sub/deep.txt",
		`abspath("x")`:                         filepath.Join(module, "sub", "x"),
		`filemd5("../large.txt")`:              "3f2dbb2cf10e8ea9a87e8c9f5e2ee4c4",
	} {
		v, diags := value(scope, src)
		if diags.HasErrors() {
			t.Errorf("%s: %s", src, diags)
			continue
		}
		if got := v.AsString(); got != want && !strings.HasPrefix(src, "filemd5") {
			t.Errorf("%s = %q, want %q", src, got, want)
		}
	}
	if len(used) != 7 {
		t.Errorf("used: %v", used)
	}
	checkRefused(t, scope, `file("../large.txt")`, "larger than the limit of 1000 bytes")
	checkRefused(t, scope, `file("../bad.txt")`, "not valid UTF-8; use filebase64")
	checkRefused(t, scope, `file("../../secrets/key.txt")`, "outside the module's directory")
	none := &hcl.EvalContext{Functions: funcs.Functions(funcs.Options{})}
	checkRefused(t, none, `file("in.txt")`, "files cannot be read here")
	checkRefused(t, none, `fileset(".", "*")`, "files cannot be read here")
}

func TestFileSetPatterns(t *testing.T) {
	scope := newScope(outside(t))
	for pattern, want := range map[string]string{
		"../**":                        "leads outside",
		"/etc/*":                       "leads outside",
		"a/../..":                      "leads outside",
		"[":                            "not valid",
		"{a":                           "not valid",
		strings.Repeat("{a,b}", 20):    "more than 256 combinations",
		strings.Repeat("**/", 6) + "*": "more than four",
		strings.Repeat("a", 2000):      "longer than the limit",
	} {
		scope.Variables["pattern"] = cty.StringVal(pattern)
		checkRefused(t, scope, `fileset(".", pattern)`, want)
	}
}

// TestSensitiveErrorsHideValues: what is wrong with a sensitive value is not
// said in words that hold it.
func TestSensitiveErrorsHideValues(t *testing.T) {
	scope := newScope(filepath.Join("testdata", "module"))
	scope.Variables["secret"] = cty.StringVal("hunter2").Mark(funcs.Sensitive)
	scope.Variables["inside"] = cty.TupleVal([]cty.Value{cty.StringVal("hunter2").Mark(funcs.Sensitive)})
	for _, src := range []string{
		"parseint(secret, 10)", "tonumber(secret)", "tobool(secret)", "regex(secret, \"x\")", "jsondecode(secret + 1)",
		"timeadd(secret, \"1h\")", "cidrhost(secret, 1)", "file(secret)", "templatefile(secret, {})", "formatdate(secret, \"x\")",
		"sum(inside)", "uuidv5(secret, \"x\")", "jsondecode(\"{${secret}\")", "yamldecode(\"a: b: ${secret}\")",
		"textencodebase64(\"x\", secret)", "lookup({}, secret)", "{a = 1}[secret]", "format(\"%d\", secret)",
		"templatestring(\"$${parseint(s, 10)}\", {s = secret})", "templatestring(secret, [])", "try(parseint(secret, 10))",
		"base64decode(\"%%${secret}\")", "fileset(secret, \"[\")", "replace(\"x\", \"/(${secret}/\", \"\")", "element(inside, secret)",
		"csvdecode(\"a,b\\n${secret}\")", "join(secret, [null])", "range(secret)", "abs(secret)",
	} {
		_, diags := value(scope, src)
		if !diags.HasErrors() {
			continue
		}
		for _, d := range diags {
			if strings.Contains(d.Summary+d.Detail, "hunter2") {
				t.Errorf("%s shows the secret: %s", src, d.Detail)
			}
		}
	}
}

func TestEnv(t *testing.T) {
	if _, ok := funcs.Functions(funcs.Options{})["env"]; ok {
		t.Error("env() is there without an environment")
	}
	var used []funcs.Use
	scope := &hcl.EvalContext{Functions: funcs.Functions(funcs.Options{
		Env: map[string]string{"A": "a"}, Used: func(u funcs.Use) { used = append(used, u) },
	})}
	for src, want := range map[string]string{`env("A")`: "a", `env("B", "b")`: "b"} {
		v, diags := value(scope, src)
		if diags.HasErrors() || v.AsString() != want {
			t.Errorf("%s: %#v %s", src, v, diags)
		}
	}
	checkRefused(t, scope, `env("B")`, `the environment variable "B" is not set`)
	if diff := cmp.Diff(3, len(used)); diff != "" {
		t.Error(diff)
	}
}
