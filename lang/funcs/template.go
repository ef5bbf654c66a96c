package funcs

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// templates renders templates. A template is parsed once and kept, because the
// same one is often rendered for each instance of a resource.
type templates struct {
	files  *fileReader
	budget *bounds.Budget
	funcs  map[string]function.Function

	mu     sync.Mutex
	parsed map[templateKey]hclsyntax.Expression
}

type templateKey struct{ name, src string }

// newTemplates gives templates all functions but those that render templates,
// so that no template can call itself.
func newTemplates(files *fileReader, inside map[string]function.Function) *templates {
	t := &templates{
		files: files, budget: files.budget, funcs: maps.Clone(inside),
		parsed: map[templateKey]hclsyntax.Expression{},
	}
	for _, name := range []string{"templatefile", "templatestring"} {
		t.funcs[name] = function.New(&function.Spec{
			VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
			Type: func([]cty.Value) (cty.Type, error) {
				return cty.NilType, fmt.Errorf("a template cannot call %s()", name)
			},
		})
	}
	return t
}

func (t *templates) functions() map[string]function.Function {
	return map[string]function.Function{
		"templatefile": t.function("path", func(path string) (string, string, error) {
			src, err := t.files.text(path)
			return path, src, err
		}),
		"templatestring": t.function("template", func(src string) (string, string, error) {
			return "<template>", src, nil
		}),
	}
}

func (t *templates) function(name string, load func(arg string) (filename, src string, err error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: name, Type: cty.String, AllowMarked: true},
			{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true},
		},
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			arg, argMarks := args[0].Unmark()
			// What a template is given marks all that it makes, used or not.
			_, varMarks := args[1].UnmarkDeep()
			vars, _ := args[1].Unmark()
			filename, src, err := load(arg.AsString())
			if err != nil {
				return cty.NilVal, err
			}
			if !vars.IsKnown() {
				return cty.DynamicVal.WithMarks(argMarks, varMarks), nil
			}
			v, err := t.render(templateKey{filename, src}, vars)
			if err != nil {
				return cty.NilVal, err
			}
			return v.WithMarks(argMarks, varMarks), nil
		},
	})
}

func (t *templates) render(key templateKey, vars cty.Value) (cty.Value, error) {
	if ty := vars.Type(); !ty.IsObjectType() && !ty.IsMapType() {
		return cty.NilVal, function.NewArgErrorf(1, "invalid vars value: must be a map")
	}
	scope := map[string]cty.Value{}
	for name, val := range vars.Elements() {
		if !hclsyntax.ValidIdentifier(name.AsString()) {
			return cty.NilVal, function.NewArgErrorf(1, "invalid template variable name %q: it starts with a letter and goes on with letters, digits and underscores", clip(name.AsString()))
		}
		scope[name.AsString()] = val
	}
	expr, err := t.parse(key)
	if err != nil {
		return cty.NilVal, err
	}
	for _, ref := range expr.Variables() {
		if _, ok := scope[ref.RootName()]; !ok {
			return cty.NilVal, function.NewArgErrorf(1, "vars map does not contain key %q, referenced at %s", ref.RootName(), place(ref[0].SourceRange()))
		}
	}
	v, diags := expr.Value(&hcl.EvalContext{Variables: scope, Functions: t.funcs})
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	return v, nil
}

func (t *templates) parse(key templateKey) (hclsyntax.Expression, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if expr, ok := t.parsed[key]; ok {
		return expr, nil
	}
	if diags := bounds.Template([]byte(key.src), key.name); diags.HasErrors() {
		return nil, templateError(diags)
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(key.src), key.name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, templateError(diags)
	}
	expr, diags = t.budget.Guard(expr)
	if diags.HasErrors() {
		return nil, templateError(diags)
	}
	if err := t.budget.Charge(int64(len(key.src))); err != nil {
		return nil, err
	}
	t.parsed[key] = expr
	return expr, nil
}

// templateError says where in the template each mistake is: the call's own
// range is all that the caller knows.
func templateError(diags hcl.Diagnostics) error {
	const most = 5
	var errs []error
	for _, diag := range diags {
		if diag.Severity != hcl.DiagError {
			continue
		}
		if len(errs) == most {
			errs = append(errs, errors.New("and more"))
			break
		}
		where := ""
		if diag.Subject != nil {
			where = place(*diag.Subject) + ": "
		}
		errs = append(errs, fmt.Errorf("%s%s; %s", where, diag.Summary, diag.Detail))
	}
	return errors.Join(errs...)
}

func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d,%d", r.Filename, r.Start.Line, r.Start.Column)
}
