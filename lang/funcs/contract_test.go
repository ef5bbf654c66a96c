package funcs_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
)

// samples are calls that work, one for each function and number of arguments.
func samples(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	scope := newScope(filepath.Join("testdata", "module"))
	for _, expr := range readExpressions(t) {
		name, _, ok := strings.Cut(expr, "(")
		if _, known := scope.Functions[name]; !ok || !known || strings.Contains(expr, "ensitive") {
			continue
		}
		if _, diags := value(scope, expr); !diags.HasErrors() {
			out[name] = append(out[name], expr)
		}
	}
	return out
}

// TestEveryFunctionIsTried: each function stands in the expressions that are
// compared with terraform, has a summary, and nothing else has one.
func TestEveryFunctionIsTried(t *testing.T) {
	all := funcs.Functions(funcs.Options{Env: map[string]string{}, Console: true})
	tried := samples(t)
	for name, f := range all {
		own := name == "env" || name == "type" || name == "templatestring" || strings.Contains(name, "sensitive") || name == "rsadecrypt" || name == "abspath"
		if len(tried[name]) == 0 && !own {
			t.Errorf("%s() is not compared with terraform", name)
		}
		if f.Description() == "" {
			t.Errorf("%s() has no summary", name)
		}
	}
}

// TestNamesAreTerraforms: what terraform has and cogplan has not is left out
// with a reason.
func TestNamesAreTerraforms(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH")
	}
	raw, err := exec.CommandContext(t.Context(), "terraform", "metadata", "functions", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	raw = raw[strings.IndexByte(string(raw), '{'):]
	var meta struct {
		Functions map[string]any `json:"function_signatures"`
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		t.Fatal(err)
	}
	all, leftOut := funcs.Functions(funcs.Options{}), funcs.LeftOut()
	for name := range meta.Functions {
		if strings.Contains(name, "::") {
			continue
		}
		_, have := all[name]
		if _, out := leftOut[name]; have == out {
			t.Errorf("%s(): there %t, left out with a reason %t", name, have, out)
		}
		delete(all, name)
	}
	own := slices.Sorted(maps.Keys(all))
	if len(own) > 0 {
		t.Errorf("functions that terraform does not have: %v", own)
	}
}

// TestMarksTravel calls each function with each argument made sensitive in
// turn, whole and inside. The result must be sensitive where the function
// looked at it: where changing what is inside can change the result.
func TestMarksTravel(t *testing.T) {
	scope := newScope(filepath.Join("testdata", "module"))
	// These look at the shape of a value, or hand the argument on as it is.
	shape := map[string]bool{"length": true, "can": true, "try": true, "one": true, "nonsensitive": true, "issensitive": true}
	for name, exprs := range samples(t) {
		f := scope.Functions[name]
		for _, expr := range exprs {
			args, ok := arguments(scope, expr)
			if !ok {
				continue
			}
			for i := range args {
				if args[i].IsNull() || args[i].Type() == customdecode.ExpressionClosureType {
					continue
				}
				marked := slices.Clone(args)
				marked[i] = args[i].Mark(funcs.Sensitive)
				v, err := f.Call(marked)
				if err != nil {
					t.Errorf("%s with argument %d sensitive: %s", expr, i, err)
					continue
				}
				if !v.ContainsMarked() && !shape[name] && name != "lookup" {
					t.Errorf("%s with argument %d sensitive: the result is not", expr, i)
				}
				if inside, ok := markedInside(args[i]); ok && !shape[name] {
					checkInside(t, name, expr, f.Call, slices.Replace(slices.Clone(args), i, i+1, inside))
				}
			}
		}
	}
}

func checkInside(t *testing.T, name, expr string, call func([]cty.Value) (cty.Value, error), args []cty.Value) {
	t.Helper()
	// The keys of a map, and elements that were not chosen, are not what is
	// inside the others.
	choosing := []string{"keys", "element", "lookup", "slice", "values", "index", "chunklist", "coalescelist", "merge"}
	v, err := call(args)
	if err != nil {
		t.Errorf("%s with sensitive elements: %s", expr, err)
		return
	}
	empty := v.IsKnown() && !v.IsNull() && v.CanIterateElements() && v.LengthInt() == 0
	if !v.ContainsMarked() && !slices.Contains(choosing, name) && !empty {
		t.Errorf("%s with sensitive elements: the result is not", expr)
	}
}

// markedInside is a list, tuple, map or object with each element sensitive.
func markedInside(v cty.Value) (cty.Value, bool) {
	ty := v.Type()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() || v.LengthInt() == 0 || ty.IsSetType() {
		return v, false
	}
	if ty.IsMapType() || ty.IsObjectType() {
		vals := v.AsValueMap()
		for key, elem := range vals {
			vals[key] = elem.Mark(funcs.Sensitive)
		}
		if ty.IsMapType() {
			return cty.MapVal(vals), true
		}
		return cty.ObjectVal(vals), true
	}
	vals := v.AsValueSlice()
	for i, elem := range vals {
		vals[i] = elem.Mark(funcs.Sensitive)
	}
	if ty.IsListType() {
		return cty.ListVal(vals), true
	}
	return cty.TupleVal(vals), true
}

// TestUnknownsStayUnknown calls each function with each argument unknown in
// turn: never an error about the value, never a known answer that was made up.
func TestUnknownsStayUnknown(t *testing.T) {
	scope := newScope(filepath.Join("testdata", "module"))
	// Their results are known from the type alone, or from the other arguments.
	partly := []string{"length", "can", "try", "coalesce", "issensitive", "lookup", "one", "values", "keys", "setproduct", "merge", "coalescelist"}
	for name, exprs := range samples(t) {
		f := scope.Functions[name]
		for _, expr := range exprs {
			args, ok := arguments(scope, expr)
			if !ok {
				continue
			}
			for i := range args {
				if ty := args[i].Type(); args[i].IsNull() || ty == customdecode.ExpressionClosureType || ty.Equals(cty.EmptyTuple) {
					continue
				}
				unknown := slices.Clone(args)
				unknown[i] = cty.UnknownVal(args[i].Type())
				v, err := f.Call(unknown)
				if err != nil {
					t.Errorf("%s with argument %d unknown: %s", expr, i, err)
					continue
				}
				if v.IsWhollyKnown() && !slices.Contains(partly, name) {
					t.Errorf("%s with argument %d unknown: %#v", expr, i, v)
				}
				unknown[i] = cty.DynamicVal
				if _, err := f.Call(unknown); err != nil {
					t.Errorf("%s with argument %d of unknown type: %s", expr, i, err)
				}
			}
		}
	}
}
