package format_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/cogplan/cogplan/lang/format"
)

var update = flag.Bool("update", false, "ask the terraform on PATH and rewrite testdata/*.golden")

// TestLikeTerraform compares with what terraform fmt made of each file when its
// .golden was written, and makes now where terraform is on PATH.
func TestLikeTerraform(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.hcl"))
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src := read(t, name)
			if _, err := exec.LookPath("terraform"); err == nil {
				want := terraformFmt(t, src)
				if *update {
					if err := os.WriteFile(name+".golden", want, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(string(want), string(read(t, name+".golden"))); diff != "" {
					t.Errorf("terraform formats otherwise than recorded (-now +recorded):\n%s", diff)
				}
			}
			got, diags := format.Source(src, name)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if diff := cmp.Diff(string(read(t, name+".golden")), string(got)); diff != "" {
				t.Errorf("-terraform +cogplan:\n%s", diff)
			}
			checkFormatted(t, src, got)
		})
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func terraformFmt(t *testing.T, src []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "terraform", "fmt", "-no-color", "-")
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull)
	cmd.Stdin = bytes.NewReader(src)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("terraform fmt: %s\n%s", err, stderr.String())
	}
	return out
}

// checkFormatted is what holds for every source that was formatted: formatting
// again changes nothing, the comments are the same, and so is the meaning.
func checkFormatted(t *testing.T, src, got []byte) {
	t.Helper()
	again, diags := format.Source(got, "again.hcl")
	if diags.HasErrors() {
		t.Fatalf("the formatted source has mistakes: %s\n%q\n%q", diags, src, got)
	}
	if !bytes.Equal(again, got) {
		t.Fatalf("formatting again changes it\nsource %q\n once %q\ntwice %q", src, got, again)
	}
	if diff := cmp.Diff(comments(src), comments(got)); diff != "" {
		t.Errorf("comments: -before +after\n%s", diff)
	}
	if diff := cmp.Diff(meaning(t, src), meaning(t, got)); diff != "" {
		t.Errorf("meaning of %q: -before +after\n%s", src, diff)
	}
}

func comments(src []byte) []string {
	tokens, _ := hclsyntax.LexConfig(src, "x", hcl.InitialPos)
	var out []string
	for _, tok := range tokens {
		if tok.Type == hclsyntax.TokenComment {
			out = append(out, strings.TrimSpace(string(tok.Bytes)))
		}
	}
	return out
}

// meaning writes down the structure of a file and the value of each attribute
// where each name is a value of its own; legacy types of variables are written
// as what they mean.
func meaning(t *testing.T, src []byte) []string {
	t.Helper()
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	file, diags := hclsyntax.ParseConfig(src, "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return bodyMeaning(file.Body.(*hclsyntax.Body), "")
}

func bodyMeaning(body *hclsyntax.Body, path string) []string {
	var out []string
	for name, attr := range body.Attributes {
		if strings.HasPrefix(path, "/variable") && strings.Count(path, "/") == 1 && name == "type" {
			continue
		}
		out = append(out, path+"."+name+" = "+exprMeaning(attr.Expr))
	}
	slices.Sort(out)
	for _, b := range body.Blocks {
		inner := path + "/" + b.Type + strings.Join(b.Labels, "\x00")
		out = append(append(out, inner), bodyMeaning(b.Body, inner)...)
	}
	return out
}

func exprMeaning(expr hclsyntax.Expression) string {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: map[string]function.Function{}}
	for _, ref := range expr.Variables() {
		ctx.Variables[ref.RootName()] = cty.StringVal("the " + ref.RootName())
	}
	ctx.Functions["f"] = stdlib.UpperFunc
	val, diags := expr.Value(ctx)
	var b strings.Builder
	b.WriteString(val.GoString())
	for _, d := range diags {
		b.WriteString("; " + d.Summary)
	}
	return b.String()
}

func TestRefusesMistakes(t *testing.T) {
	for name, src := range map[string]string{
		"open block": "a {\n", "no value": "a =\n", "bad label": "a \"${x}\" {}\n", "bad UTF-8": "a = \"\xff\"\n",
		"deep": "a = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n", "binary": "\x00\x01\x02",
		"JSON": `{"a": 1}`,
	} {
		got, diags := format.Source([]byte(src), "bad.hcl")
		if !diags.HasErrors() || diags[0].Subject == nil || diags[0].Subject.Filename != "bad.hcl" {
			t.Errorf("%s: no diagnostic with a place: %v", name, diags)
		}
		if string(got) != src {
			t.Errorf("%s: the source was changed: %q", name, got)
		}
	}
}

func TestDiff(t *testing.T) {
	want := "--- old/x.hcl\n+++ new/x.hcl\n@@ -1,2 +1,2 @@\n-a=1\n+a = 1\n b = 2\n"
	if diff := cmp.Diff(want, format.Diff("x.hcl", "a=1\nb = 2\n", "a = 1\nb = 2\n")); diff != "" {
		t.Error(diff)
	}
	if got := format.Diff("x.hcl", "a\n", "a\n"); got != "" {
		t.Errorf("a difference where there is none: %q", got)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.hcl", "a.hclvars", "c.auto.hclvars", "d.hcl.json", "e.tf", ".h.hcl", "sub/f.hcl", ".git/g.hcl", "sub/.x/y.hcl"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.hcl": "b.hcl", "dir": "sub", "sub/loop": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	for recursive, want := range map[bool][]string{
		false: {"a.hclvars", "b.hcl", "c.auto.hclvars"},
		true:  {"a.hclvars", "b.hcl", "c.auto.hclvars", "sub/f.hcl"},
	} {
		files, err := format.Files(dir, recursive)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			rel, err := filepath.Rel(dir, f)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, filepath.ToSlash(rel))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("recursive %t: %s", recursive, diff)
		}
	}
	if _, err := format.Files(filepath.Join(dir, "b.hcl"), false); err == nil {
		t.Error("a file is not a directory")
	}
	if _, err := format.Files(filepath.Join(dir, "nope"), false); err == nil {
		t.Error("a directory that does not exist has no files")
	}
}

func FuzzSource(f *testing.F) {
	names, _ := filepath.Glob(filepath.Join("testdata", "*.hcl"))
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, src := range []string{"a=1//x\nb=[\n#y\n]", "a = {\n x=1,y=2}\n", "a=<<E\n${x}\nE\n", "a b c {}\n", "a=\"${\"${b}\"}\"\n", "a{b=1}\n"} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, diags := format.Source(src, "fuzz.hcl")
		if diags.HasErrors() {
			if !bytes.Equal(src, got) {
				t.Fatal("refused source was changed")
			}
			return
		}
		checkFormatted(t, src, got)
	})
}

func BenchmarkSource(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join("testdata", "site.hcl"))
	if err != nil {
		b.Fatal(err)
	}
	src := bytes.Repeat(raw, 100)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := format.Source(src, "x.hcl"); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

// TestUnwrap: where terraform fmt has no answer of use.
func TestUnwrap(t *testing.T) {
	for src, want := range map[string]string{
		"":                                      "",
		"a = \"${[\n1,\n2]}\"\n":                "a = [\n  1,\n2]\n",
		"a = \"${<<E\nx\nE\n}\"\n":              "a = \"${<<E\nx\nE\n}\"\n",
		"a = \"${ # why\nb}\"\n":                "a = \"${ # why\nb}\"\n",
		"a = \"${\"${\"${b}\"}\"}\"\n":          "a = b\n",
		"a = \"${b}${c}\"\n":                    "a = \"${b}${c}\"\n",
		"a = \"${ {\nx = 1\n} }\"\n":            "a = {\n  x = 1\n}\n",
		"a = \"${b\n?\nc\n:\nd}\"\r\n":          "a = (b\n  ?\n  c\n  :\nd)\r\n",
		"a = \"%{ if b }x%{ endif }\"\n":        "a = \"%{if b}x%{endif}\"\n",
		"a=1 # x\nlonger=2 # y\n":               "a      = 1 # x\nlonger = 2 # y\n",
		"b \"x\" y {}\n":                        "b \"x\" \"y\" {}\n",
		"variable \"x\" {\n type = list # c\n}": "variable \"x\" {\n  type = list(any) # c\n}\n",
	} {
		got, diags := format.Source([]byte(src), "x.hcl")
		if diags.HasErrors() {
			t.Errorf("%q: %s", src, diags)
			continue
		}
		if string(got) != want {
			t.Errorf("%q\n want %q\n  got %q", src, want, got)
		}
		checkFormatted(t, []byte(src), got)
	}
}
