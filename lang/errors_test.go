package lang_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

var update = flag.Bool("update", false, "write the golden files")

// show renders diagnostics as the golden files hold them.
func show(m *lang.Module, diags hcl.Diagnostics) string {
	var sb strings.Builder
	files := m.Files()
	for _, d := range diags {
		kind := "error"
		if d.Severity == hcl.DiagWarning {
			kind = "warning"
		}
		s := d.Subject
		fmt.Fprintf(&sb, "%s: %s:%d:%d: %s\n", kind, s.Filename, s.Start.Line, s.Start.Column, d.Summary)
		if f := files[s.Filename]; f != nil {
			sb.WriteString(snippet(f.Bytes, *s))
		}
		for line := range strings.Lines(d.Detail) {
			sb.WriteString("  " + line)
		}
		for _, line := range lang.ExpressionValues(d) {
			sb.WriteString("\n    " + line)
		}
		sb.WriteString("\n\n")
	}
	return strings.ReplaceAll(sb.String(), "\\", "/")
}

func snippet(src []byte, rng hcl.Range) string {
	lines := bytes.Split(src, []byte("\n"))
	if rng.Start.Line < 1 || rng.Start.Line > len(lines) {
		return ""
	}
	line := string(lines[rng.Start.Line-1])
	if len(line) > 120 {
		line = line[:120] + "…"
	}
	width := max(1, rng.End.Column-rng.Start.Column)
	if rng.End.Line > rng.Start.Line {
		width = max(1, utf8.RuneCountInString(line)-rng.Start.Column+1)
	}
	return fmt.Sprintf("  %4d | %s\n       | %s%s\n", rng.Start.Line, strings.ReplaceAll(line, "\t", " "),
		strings.Repeat(" ", max(0, rng.Start.Column-1)), strings.Repeat("^", width))
}

func TestErrors(t *testing.T) {
	base, err := filepath.Abs("../testdata/lang/errors")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			t.Chdir(filepath.Join(base, e.Name()))
			got := mistakes(t)
			if got == "" {
				t.Fatal("no mistake was found")
			}
			if *update {
				if err := os.WriteFile("want.txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile("want.txt")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// mistakes are those of the module in the working directory. Lines of a file
// called args are values of variables.
func mistakes(t *testing.T) string {
	t.Helper()
	m, diags := lang.Load(".", lang.WithVersion("0.5.0"), lang.WithLimits(bounds.Limits{Total: 16 << 20}))
	if diags.HasErrors() {
		return show(m, diags)
	}
	opts := lang.EvalOptions{Schemas: schemas}
	if args, err := os.ReadFile("args"); err == nil {
		for line := range strings.Lines(string(args)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			opts.Variables.Args = append(opts.Variables.Args, lang.VariableArg{Name: name, Value: value})
		}
	}
	_, more := m.Evaluate(opts)
	return show(m, append(diags, more...))
}
