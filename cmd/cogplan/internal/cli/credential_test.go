package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/lang"
)

func TestReadSecret(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{"key": "from-file\n", "empty": "\n", "lines": "one\ntwo\n", "huge": strings.Repeat("x", maxSecret+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environ := map[string]string{"KEY": "from-env"}
	tests := []struct {
		name  string
		block lang.CredentialConfig
		want  string
		wrong string
	}{
		{"env", lang.CredentialConfig{Env: "KEY"}, "from-env", ""},
		{"env not set", lang.CredentialConfig{Env: "OTHER"}, "", "OTHER is not set"},
		{"file", lang.CredentialConfig{File: "key"}, "from-file", ""},
		{"file absolute", lang.CredentialConfig{File: filepath.Join(dir, "key")}, "from-file", ""},
		{"file missing", lang.CredentialConfig{File: "none"}, "", "the file none gives no secret"},
		{"file empty", lang.CredentialConfig{File: "empty"}, "", "empty secret"},
		{"file of lines", lang.CredentialConfig{File: "lines"}, "", "several lines"},
		{"file too large", lang.CredentialConfig{File: "huge"}, "", "more than 16 KiB"},
		{"directory", lang.CredentialConfig{File: "."}, "", "no regular file"},
		{"command", lang.CredentialConfig{Command: []string{"printf", "%s\\n", "from-command"}}, "from-command", ""},
		{"command fails", lang.CredentialConfig{Command: []string{"sh", "-c", "echo hidden; echo hidden >&2; exit 3"}}, "", "exit status 3"},
		{"command missing", lang.CredentialConfig{Command: []string{"no-such-program"}}, "", "no-such-program"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.block.Command != nil && runtime.GOOS == "windows" {
				t.Skip("the programs are those of POSIX")
			}
			got, err := readSecret(t.Context(), &tt.block, environ)
			if tt.wrong == "" && (err != nil || got != tt.want) {
				t.Errorf("got %q, %v", got, err)
			}
			if tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
				t.Errorf("got %v, want %q", err, tt.wrong)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the message quotes the command: %v", err)
			}
		})
	}
}
