package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/cli"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/embedded"
)

// TestMain lets this executable be cogplan where a script calls it so, and a
// worker of it where cogplan starts one.
func TestMain(m *testing.M) {
	if len(embedded.Names()) == 0 {
		os.Exit(runWithProviders())
	}
	testscript.Main(withCache{m}, map[string]func(){
		"cogplan": func() { os.Exit(cli.Main(context.Background())) },
	})
}

// withCache runs the tests with one cache of compiled providers for all of the
// commands that they start.
type withCache struct{ testscript.TestingM }

func (m withCache) Run() int {
	cache, err := os.MkdirTemp("", "cogplan-cache") // it has mode 0700
	if err == nil {
		defer func() { _ = os.RemoveAll(cache) }()
		err = os.Setenv("COGPLAN_CACHE_DIR", cache)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.TestingM.Run()
}

// runWithProviders builds the providers, and this test with them inside: what
// is embedded is fixed when a test is compiled.
func runWithProviders() int {
	if os.Getenv("COGPLAN_TEST_REBUILT") != "" {
		fmt.Fprintln(os.Stderr, "cogplan's tests: the provider was built and is still not embedded")
		return 1
	}
	var err error
	for _, name := range []string{"file", "rest"} {
		out := filepath.Join("internal", "embedded", "wasm", name+".wasm")
		err = errors.Join(err, buildGuest(out, "../../providers/"+name))
	}
	binary := filepath.Join(os.TempDir(), fmt.Sprintf("cogplan-test-%d", os.Getpid()))
	defer func() { _ = os.Remove(binary) }()
	if err == nil {
		err = command("go", "test", "-c", "-o", binary, ".").Run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "cogplan's tests need the providers inside, and they cannot be built: %v\n", err)
		return 1
	}
	again := command(binary, os.Args[1:]...)
	again.Stdin, again.Stdout = os.Stdin, os.Stdout
	again.Env = append(os.Environ(), "COGPLAN_TEST_REBUILT=1")
	var exit *exec.ExitError
	if err := again.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

func buildGuest(out, pkg string) error {
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// thing and bare are the providers of testdata/guests, each built when the first
// script asks.
var (
	thing = sync.OnceValues(func() ([]byte, error) { return builtGuest("thing") })
	bare  = sync.OnceValues(func() ([]byte, error) { return builtGuest("bare") })
)

func builtGuest(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "cogplan-guest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, name+".wasm")
	if err := buildGuest(out, "./testdata/guests/"+name); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// TestScripts runs the specification of the command line: every file of
// testdata/script, with the real main.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("COGPLAN_CACHE_DIR", os.Getenv("COGPLAN_CACHE_DIR"))
			env.Setenv("COGPLAN_ACTOR", "tester")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "tmpfs" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return canMount(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": exitsWith, "thing": putGuest("thing", thing), "bare": putGuest("bare", bare), "state": showState, "live": showLive,
			"truncate": truncate, "fill": fill, "unhex": unhex, "json": isJSON, "undigested": undigested,
			"tmpfs": mountTmpfs, "example": copyExample, "tamper": tamper,
			"join": joinFiles, "bundle": signBundle, "agekey": makeAgeKey, "forge": standInForge,
		},
	})
}

// makeAgeKey writes a key of age to a file, and to the environment what the key is
// called: agekey file NAME sets NAME to the recipient and NAME_KEY to the identity.
func makeAgeKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: agekey file name")
	}
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(identity.String()+"\n"), 0o600))
	ts.Setenv(args[1], identity.Recipient().String())
	ts.Setenv(args[1]+"_KEY", identity.String())
}

// joinFiles writes files behind each other: join all one two.
func joinFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: join to from...")
	}
	var all strings.Builder
	for _, name := range args[1:] {
		all.WriteString(ts.ReadFile(name))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(all.String()), 0o600))
}

// exitsWith runs a command and wants its exit code: code 3 cogplan plan.
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code number program [args...]")
	}
	got := "0"
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = fmt.Sprint(exit.ExitCode())
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != args[0] {
		ts.Fatalf("%s ended with exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// putGuest writes a provider of testdata/guests to a file of its name: thing.
func putGuest(guest string, built func() ([]byte, error)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) > 1 {
			ts.Fatalf("usage: %s [file]", guest)
		}
		name := guest + ".wasm"
		if len(args) == 1 {
			name = args[0]
		}
		wasm, err := built()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), wasm, 0o644))
	}
}

// showState puts the recorded state of an address on stdout, and wants that
// there is one: state file.site.
func showState(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: state address")
	}
	data, err := os.ReadFile(ts.MkAbs(filepath.Join(".cog", "config", args[0], ".state.json")))
	switch {
	case neg && err == nil:
		ts.Fatalf("%s has a state:\n%s", args[0], data)
	case !neg:
		ts.Check(err)
	}
	_, err = ts.Stdout().Write(data)
	ts.Check(err)
}

// showLive lists the files below a directory, or below everything that is no
// part of a module, on stdout.
func showLive(ts *testscript.TestScript, _ bool, args []string) {
	root := "."
	if len(args) == 1 {
		root = args[0]
	}
	var list bytes.Buffer
	base := ts.MkAbs(root)
	err := filepath.WalkDir(base, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(base, path)
			fmt.Fprintln(&list, filepath.ToSlash(name))
		}
		return nil
	})
	ts.Check(err)
	_, err = ts.Stdout().Write(list.Bytes())
	ts.Check(err)
}

// truncate cuts a file to half of its length.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.Truncate(ts.MkAbs(name), info.Size()/2))
	}
}

// fill makes a file of so many megabytes without writing them: fill big.wasm 100.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fill file megabytes")
	}
	var megabytes int64
	_, err := fmt.Sscan(args[1], &megabytes)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o644))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), megabytes<<20))
}

// unhex writes the bytes that a file holds in hexadecimal: unhex in out.
func unhex(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: unhex in out")
	}
	data, err := hex.DecodeString(strings.Join(strings.Fields(ts.ReadFile(args[0])), ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

// isJSON wants that a file is one JSON document and nothing else: json stdout.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json file")
	}
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &document))
}

// digest is what differs from one build of a provider to the next.
var digest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// undigested puts the last output on stdout, without its digests.
func undigested(ts *testscript.TestScript, _ bool, _ []string) {
	_, err := io.WriteString(ts.Stdout(), digest.ReplaceAllString(ts.ReadFile("stdout"), "sha256:DIGEST"))
	ts.Check(err)
}

// canMount reports whether small disks can be had: by root, on Linux.
var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "cogplan-mount")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(dir) }()
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "cogplan-test", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

// mountTmpfs mounts a small disk until the script ends: tmpfs dir size=64k. A
// second time, with "remount,ro", changes it.
func mountTmpfs(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: tmpfs directory options")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", args[1], "cogplan-test", dir).Run())
	if !strings.Contains(args[1], "remount") {
		ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
	}
}

// copyExample copies a module of examples/ into the script's directory.
func copyExample(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: example name")
	}
	ts.Check(os.CopyFS(ts.MkAbs("."), os.DirFS(filepath.Join("..", "..", "examples", args[0]))))
}
