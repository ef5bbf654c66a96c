package funcs_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs"
)

// kinds are the groups of docs/functions.md, in order.
var kinds = []struct{ title, names string }{
	{"Numbers", "abs ceil floor log max min parseint pow signum sum"},
	{"Text", "chomp endswith format formatlist indent join lower regex regexall replace split startswith strcontains strrev substr title trim trimprefix trimspace trimsuffix upper"},
	{"Collections", "alltrue anytrue chunklist coalesce coalescelist compact concat contains distinct element flatten index keys length lookup matchkeys merge one range reverse setintersection setproduct setsubtract setunion slice sort transpose values zipmap"},
	{"Encoding", "base64decode base64encode base64gzip csvdecode jsondecode jsonencode textdecodebase64 textencodebase64 urlencode yamldecode yamlencode"},
	{"Files and templates", "abspath basename dirname file filebase64 fileexists fileset templatefile templatestring"},
	{"Hashes", "base64sha256 base64sha512 filebase64sha256 filebase64sha512 filemd5 filesha1 filesha256 filesha512 md5 rsadecrypt sha1 sha256 sha512 uuidv5"},
	{"Times", "formatdate timeadd timecmp"},
	{"Networks", "cidrhost cidrnetmask cidrsubnet cidrsubnets"},
	{"Types and errors", "can issensitive nonsensitive sensitive tobool tolist tomap tonumber toset tostring try type"},
	{"Environment", "env"},
}

// differences are the functions whose results are not always Terraform's.
var differences = map[string]string{
	"abspath":        "differs: starts at the module's directory, not at the working directory",
	"cidrsubnet":     "differs: a negative number is an error; Terraform answers with an address outside the network",
	"cidrsubnets":    "wider: an IPv6 prefix may be extended by more than 32 bits",
	"element":        "wider: a negative index counts from the end, as in later versions of Terraform",
	"env":            "cogplan's own",
	"file":           "narrower: only files in the module's directory tree",
	"filebase64":     "narrower: as `file`",
	"fileexists":     "narrower: as `file`",
	"fileset":        "narrower: as `file`; `**` follows no symbolic link",
	"format":         "differs: a bare `null` is written as null or is an error, where Terraform answers with an unknown value; widths up to 4,096",
	"range":          "wider: up to 65,536 numbers; Terraform stops at 1,024",
	"templatefile":   "narrower: as `file`",
	"templatestring": "wider: any expression gives the template; Terraform asks for a reference",
	"type":           "same; there as a text",
}

const (
	tableStart = "<!-- table: written by go test ./lang/funcs -run TestDocs -update -->\n"
	tableEnd   = "<!-- end of table -->\n"
)

// TestDocs compares the table in docs/functions.md with the functions.
func TestDocs(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "functions.md")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), tableStart)
	_, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatal("docs/functions.md has no table")
	}
	want := head + tableStart + table(t) + tableEnd + tail
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("docs/functions.md is not current; run with -update (-want +have):\n%s", diff)
	}
}

func table(t *testing.T) string {
	t.Helper()
	all := funcs.Functions(funcs.Options{Env: map[string]string{}, Console: true})
	var b strings.Builder
	for _, kind := range kinds {
		fmt.Fprintf(&b, "\n### %s\n\n| Function | What it gives | Terraform |\n| --- | --- | --- |\n", kind.title)
		for name := range strings.FieldsSeq(kind.names) {
			f, ok := all[name]
			if !ok {
				t.Fatalf("there is no function %q", name)
			}
			differs := differences[name]
			if differs == "" {
				differs = "same"
			}
			if strings.HasPrefix(name, "file") && differs == "same" {
				differs = "narrower: as `file`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", signature(name, f), f.Description(), differs)
			delete(all, name)
		}
	}
	if left := slices.Sorted(maps.Keys(all)); len(left) > 0 {
		t.Errorf("functions in no group: %v", left)
	}
	b.WriteString("\n### Left out\n\n| Function | Why |\n| --- | --- |\n")
	leftOut := funcs.LeftOut()
	for _, name := range slices.Sorted(maps.Keys(leftOut)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, leftOut[name])
	}
	b.WriteString("\n")
	return b.String()
}

func signature(name string, f function.Function) string {
	var parts []string
	for _, p := range f.Params() {
		parts = append(parts, p.Name+" "+p.Description)
	}
	if p := f.VarParam(); p != nil {
		parts = append(parts, p.Name+" "+p.Description+"...")
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
