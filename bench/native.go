package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The native twin is cogplan built from the same sources, but for one thing: its
// worker does not load a module into the sandbox, it calls the file provider,
// compiled for the machine. Planner, policy, pipe, journal and state are the
// same, and nothing is enforced. So the two, side by side, tell what the sandbox
// costs in a whole command.

//go:embed native
var nativeSources embed.FS

const (
	workerDir   = "runtime/wasm/internal/worker"
	nativeDir   = workerDir + "/filenative"
	providerDir = "providers/file"
)

// renames make room for the twin's own functions, and for its server.
//
//nolint:gochecknoglobals // a constant table
var renames = map[string][][2]string{
	"engine.go": {{"func newEngine(", "func newSandboxedEngine("}},
	"instance.go": {
		{"func (inst *instance) start(", "func (inst *instance) startSandboxed("},
		{"func (inst *instance) call(", "func (inst *instance) callSandboxed("},
		{"type instance struct {", "type instance struct {\n\tserver nativeServer\n"},
	},
}

// buildNative builds the twin of the sources in root.
func buildNative(ctx context.Context, root, scratch string) (string, error) {
	dir := filepath.Join(scratch, "native")
	overlay, err := nativeOverlay(root, dir)
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "cogplan")
	return out, quiet(ctx, root, os.Environ(), "go", "build", "-overlay", overlay, "-trimpath", "-ldflags=-s -w", "-o", out, "./cmd/cogplan")
}

// nativeOverlay writes the files that differ, and the list of them that
// `go build` takes.
func nativeOverlay(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	o := overlay{root: root, dir: dir, replace: map[string]string{}}
	for name, pairs := range renames {
		if err := o.patch(filepath.Join(workerDir, name), pairs); err != nil {
			return "", err
		}
	}
	files, err := filepath.Glob(filepath.Join(root, providerDir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "main.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		o.add(filepath.Join(nativeDir, name), strings.Replace(string(text), "package main\n", "package filenative\n", 1))
	}
	for from, to := range map[string]string{"worker": workerDir + "/native.go", "provider": nativeDir + "/new.go"} {
		text, err := nativeSources.ReadFile("native/" + from + ".go.txt")
		if err != nil {
			return "", err
		}
		o.add(to, string(text))
	}
	return o.write()
}

// overlay collects files that stand in for others.
type overlay struct {
	root, dir string
	replace   map[string]string
	err       error
}

func (o *overlay) patch(name string, pairs [][2]string) error {
	text, err := os.ReadFile(filepath.Join(o.root, name))
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if strings.Count(string(text), pair[0]) != 1 {
			return fmt.Errorf("%s does not have %q once: bench/native.go has to follow it", name, pair[0])
		}
		text = []byte(strings.Replace(string(text), pair[0], pair[1], 1))
	}
	o.add(name, string(text))
	return nil
}

func (o *overlay) add(name, text string) {
	at := filepath.Join(o.dir, fmt.Sprintf("%d-%s", len(o.replace), filepath.Base(name)))
	o.replace[filepath.Join(o.root, name)] = at
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil && o.err == nil {
		o.err = err
	}
}

func (o *overlay) write() (string, error) {
	if o.err != nil {
		return "", o.err
	}
	text, err := json.Marshal(map[string]any{"Replace": o.replace})
	if err != nil {
		return "", err
	}
	at := filepath.Join(o.dir, "overlay.json")
	return at, os.WriteFile(at, text, 0o644)
}
