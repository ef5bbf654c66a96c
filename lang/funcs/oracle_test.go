package funcs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
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
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

var update = flag.Bool("update", false, "ask the terraform on PATH and rewrite testdata/oracle.json")

// answer is what an expression gives: JSON text and type, or an error.
type answer struct {
	Expr  string `json:"expr"`
	Value string `json:"value,omitempty"`
	Type  string `json:"type,omitempty"`
	Error bool   `json:"error,omitempty"`
}

// What terraform console prints for a value that it does not show.
const (
	sensitiveText = "(sensitive value)"
	unknownText   = "(known after apply)"
)

// TestOracle compares each expression of testdata/expressions.txt with what
// terraform answered when testdata/oracle.json was written, and with what the
// terraform on PATH answers now, if there is one.
func TestOracle(t *testing.T) {
	exprs := readExpressions(t)
	golden := filepath.Join("testdata", "oracle.json")
	if *update {
		writeGolden(t, golden, askTerraform(t, exprs, true))
	}
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var recorded []answer
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range recorded {
		names = append(names, a.Expr)
	}
	if diff := cmp.Diff(exprs, names); diff != "" {
		t.Fatalf("testdata/oracle.json is not of these expressions; run with -update: %s", diff)
	}
	intended := readIntended(t)
	scope := newScope(filepath.Join("testdata", "module"))
	for _, want := range recorded {
		got := evaluate(scope, want.Expr)
		why, differs := intended[want.Expr]
		delete(intended, want.Expr)
		switch equal := got == want; {
		case differs && equal:
			t.Errorf("%s: is said to differ (%s) and does not", want.Expr, why)
		case !differs && !equal:
			t.Errorf("%s\n terraform: %+v\n cogplan:   %+v", want.Expr, want, got)
		}
	}
	for expr := range intended {
		t.Errorf("testdata/intended.txt names an expression that is not tried: %s", expr)
	}
}

// TestOracleIsCurrent asks the terraform on PATH whether the recorded answers
// are still its own.
func TestOracleIsCurrent(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH: the recorded answers are compared, not its own")
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "oracle.json"))
	if err != nil {
		t.Fatal(err)
	}
	var recorded []answer
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	for i := range recorded {
		recorded[i].Type = "" // asked for with -update only: it takes a run each
	}
	if diff := cmp.Diff(recorded, askTerraform(t, readExpressions(t), false)); diff != "" {
		t.Errorf("terraform answers otherwise than recorded (-recorded +now):\n%s", diff)
	}
}

func readExpressions(t *testing.T) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(readFile(t, "expressions.txt")) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// readIntended reads the expressions whose results differ from terraform's on
// purpose: "why: expression" a line.
func readIntended(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(readFile(t, "intended.txt")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		why, expr, ok := strings.Cut(line, " :: ")
		if !ok {
			t.Fatalf("testdata/intended.txt: %q has no \" :: \"", line)
		}
		out[expr] = why
	}
	return out
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func writeGolden(t *testing.T, name string, answers []answer) {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString("[\n")
	for i, a := range answers {
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
		buf.Truncate(buf.Len() - 1)
		if i < len(answers)-1 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
	}
	buf.WriteString("]\n")
	if err := os.WriteFile(name, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// askTerraform evaluates all expressions in one run of terraform console, and
// with types asks for each type in a run of its own: type() works alone on a
// line, and only the last line's result is printed.
func askTerraform(t *testing.T, exprs []string, types bool) []answer {
	t.Helper()
	var values []consoleValue
	const atOnce = 100 // console reads lines of up to 64 KiB
	for chunk := range slices.Chunk(exprs, atOnce) {
		values = append(values, askValues(t, chunk)...)
	}
	answers := make([]answer, len(exprs))
	for i, v := range values {
		val, ok := strings.CutPrefix(v.V, `{"ok":`)
		answers[i] = answer{Expr: exprs[i], Value: strings.TrimSuffix(val, "}"), Error: !ok}
		switch {
		case v.V == unknownText:
			answers[i].Value, answers[i].Error = unknownText, false
		case !ok:
			answers[i].Value = ""
		case v.S:
			answers[i].Value = sensitiveText
		}
		if ok && types {
			answers[i].Type = typeOf(t, exprs[i])
		}
	}
	return answers
}

func typeOf(t *testing.T, expr string) string {
	t.Helper()
	printed := strings.Join(strings.Fields(console(t, "type("+expr+")\n")), "")
	return strings.ReplaceAll(printed, ",)", ")")
}

// consoleValue is JSON text, and whether it was sensitive.
type consoleValue struct {
	S bool
	V string
}

func askValues(t *testing.T, exprs []string) []consoleValue {
	t.Helper()
	var in strings.Builder
	in.WriteString("base64encode(jsonencode([")
	for _, expr := range exprs {
		val := fmt.Sprintf("try(jsonencode({ok = nonsensitive(%s)}), \"error\")", expr)
		fmt.Fprintf(&in, "{s = issensitive(%s), v = nonsensitive(%s)},", val, val)
	}
	in.WriteString("]))\n")
	printed := strings.Trim(console(t, in.String()), "\"\n")
	if printed == unknownText { // one of them is unknown: find out which
		if len(exprs) == 1 {
			return []consoleValue{{V: unknownText}}
		}
		half := len(exprs) / 2
		return append(askValues(t, exprs[:half]), askValues(t, exprs[half:])...)
	}
	raw, err := base64.StdEncoding.DecodeString(printed)
	if err != nil {
		t.Fatal(err)
	}
	var values []consoleValue
	if err := json.Unmarshal(raw, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func console(t *testing.T, in string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "module"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "terraform", "console", "-no-color",
		"-state="+filepath.Join(t.TempDir(), "terraform.tfstate"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	cmd.Stdin = strings.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("terraform console: %s\n%s", err, stderr.String())
	}
	return string(raw)
}

func newScope(dir string) *hcl.EvalContext {
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{},
		Functions: funcs.Functions(funcs.Options{BaseDir: dir}),
	}
}

func value(scope *hcl.EvalContext, src string) (cty.Value, hcl.Diagnostics) {
	if diags := bounds.Expression([]byte(src), "test"); diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	expr, diags := hclsyntax.ParseExpression([]byte(src), "test", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	expr, diags = bounds.NewBudget(bounds.Limits{}).Guard(expr)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return expr.Value(scope)
}

func evaluate(scope *hcl.EvalContext, src string) answer {
	v, diags := value(scope, src)
	if diags.HasErrors() {
		return answer{Expr: src, Error: true}
	}
	ty := consoleType(v.Type())
	v, marks := v.Unmark()
	delete(marks, funcs.Sensitive)
	out, err := stdlib.JSONEncode(v.WithMarks(marks))
	if err != nil {
		return answer{Expr: src, Error: true}
	}
	if !out.IsKnown() {
		return answer{Expr: src, Value: unknownText}
	}
	if out.IsMarked() {
		return answer{Expr: src, Value: sensitiveText, Type: ty}
	}
	return answer{Expr: src, Value: out.AsString(), Type: ty}
}

// consoleType writes a type as terraform console does, without white space.
func consoleType(ty cty.Type) string {
	var b strings.Builder
	switch {
	case ty == cty.DynamicPseudoType:
		return "dynamic"
	case ty.IsObjectType() && len(ty.AttributeTypes()) == 0:
		return "object({})"
	case ty.IsObjectType():
		var names []string
		for name := range ty.AttributeTypes() {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, "%s:%s,", strings.ReplaceAll(name, " ", ""), consoleType(ty.AttributeType(name)))
		}
		return "object({" + b.String() + "})"
	case ty.IsTupleType():
		for _, elem := range ty.TupleElementTypes() {
			b.WriteString(consoleType(elem) + ",")
		}
		if b.Len() == 0 {
			return "tuple([])"
		}
		return "tuple([" + b.String() + "])"
	case ty.IsCollectionType():
		kind := map[bool]string{ty.IsListType(): "list", ty.IsSetType(): "set", ty.IsMapType(): "map"}[true]
		return kind + "(" + consoleType(ty.ElementType()) + ")"
	default:
		return ty.FriendlyName()
	}
}
