package wasm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// What breaks out of the WebAssembly sandbox finds itself in a process that
// can reach its grants and nothing else. A shell plays its part.
func TestConfined(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cache", "site", "work/out", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"site/page", "work/out/old", "elsewhere/secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("content\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	rules := rulesFor(&processSpec{executable: shell, config: pipe.Config{
		CacheDir: filepath.Join(dir, "cache"),
		Mounts: []guestfs.Mount{
			{Guest: "site", Host: filepath.Join(dir, "site")},
			{Guest: "out", Host: filepath.Join(dir, "work/out"), Write: true},
		},
	}})
	run := func(script string) (string, error) {
		var out strings.Builder
		cmd := exec.CommandContext(t.Context(), shell, "-c", script)
		cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, []string{}, strings.NewReader(""), &out, &out
		ended := make(chan struct{})
		defer close(ended)
		lacking, err := startConfined(cmd, rules, ended)
		if err != nil {
			t.Fatal(err)
		}
		if lacking != nil {
			t.Skip(lacking)
		}
		err = cmd.Wait()
		return out.String(), err
	}
	for _, allowed := range []string{
		"read x < site/page; echo $x", "echo new > work/out/new", "read x < work/out/old", "echo x > cache/x",
	} {
		if out, err := run(allowed); err != nil {
			t.Errorf("%s: %v: %s", allowed, err, out)
		}
	}
	for _, forbidden := range []string{
		"read x < elsewhere/secret", "echo x > site/page", "echo x > site/new", "echo x > elsewhere/x",
		"read x < /etc/passwd", "echo x > /tmp/x", "/bin/ls", "read x < /proc/1/cmdline", "echo x > $HOME/x",
	} {
		if out, err := run(forbidden); err == nil || strings.Contains(out, "content") {
			t.Errorf("%s: it went through: %s", forbidden, out)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "site/page")); err != nil || string(data) != "content\n" {
		t.Error("harm was done")
	}
}
