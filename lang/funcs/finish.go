package funcs

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// finish is f as expressions call it: its result is charged to the budget, and
// its errors do not show what is sensitive. f itself decides about marks, nulls
// and unknowns, so the outer function lets everything through.
func finish(b *bounds.Budget, name string, f function.Function) function.Function {
	params := f.Params()
	want := make([]cty.Type, len(params))
	for i := range params {
		want[i] = params[i].Type
		params[i] = open(params[i])
	}
	variadic := f.VarParam()
	last := cty.DynamicPseudoType
	if variadic != nil {
		p := open(*variadic)
		last, variadic = variadic.Type, &p
	}
	return function.New(&function.Spec{
		Description: summaries[name],
		Params:      params,
		VarParam:    variadic,
		Type:        function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := call(b, name, f, args, func(i int) cty.Type {
				if i < len(want) {
					return want[i]
				}
				return last
			})
			if err != nil {
				return cty.NilVal, presentable(name, err, args)
			}
			return v, nil
		},
	})
}

// open lets a parameter take everything. A collection is converted by call. The
// description is the type that the function asks for, in words of the language.
func open(p function.Parameter) function.Parameter {
	p.Description = typeText(p.Type)
	p.AllowDynamicType, p.AllowMarked, p.AllowNull, p.AllowUnknown = true, true, true, true
	if p.Type.IsCollectionType() {
		p.Type = cty.DynamicPseudoType
	}
	return p
}

func call(b *bounds.Budget, name string, f function.Function, args []cty.Value, want func(int) cty.Type) (cty.Value, error) {
	if err := totalCount(b, name, args); err != nil {
		return cty.NilVal, err
	}
	for i, arg := range args {
		if err := bounds.Number(arg); err != nil {
			return cty.NilVal, function.NewArgError(i, err)
		}
		ty := want(i)
		if !ty.IsCollectionType() {
			continue
		}
		converted, err := convert.Convert(Uniform(arg), ty)
		if err != nil {
			return cty.NilVal, function.NewArgError(i, err)
		}
		args[i] = converted
	}
	v, err := f.Call(args)
	if err != nil {
		return cty.NilVal, err
	}
	if !v.IsKnown() && allKnown(args) {
		return cty.NilVal, errors.New("null is not accepted here")
	}
	return v, charge(b, v)
}

// allKnown reports whether nothing in args is unknown. The function system
// answers unknown for a bare null, which would never become known.
func allKnown(args []cty.Value) bool {
	for _, arg := range args {
		if arg.Type().IsCapsuleType() || !arg.IsWhollyKnown() {
			return false
		}
	}
	return true
}

func charge(b *bounds.Budget, v cty.Value) error {
	const overhead = 64
	if err := bounds.Number(v); err != nil {
		return err
	}
	n := overhead * (1 + count(v))
	if s, ok := text(v); ok {
		n += int64(len(s))
	}
	return b.Charge(n)
}

// presentable is err without what is sensitive in args: messages quote their
// arguments, in whole or in part. What templates report is presentable already,
// because the functions inside them are.
func presentable(name string, err error, args []cty.Value) error {
	if panicked, ok := errors.AsType[function.PanicError](err); ok {
		return fmt.Errorf("%s() cannot work on these arguments: %v", name, panicked.Value)
	}
	if name == "templatefile" || name == "templatestring" {
		args = args[:1]
	}
	for _, arg := range args {
		if hasSensitive(arg) {
			const hidden = "the call fails, and the reason is not shown because an argument is sensitive"
			if argErr, ok := errors.AsType[function.ArgError](err); ok {
				return function.NewArgErrorf(argErr.Index, hidden)
			}
			return errors.New(hidden)
		}
	}
	return err
}

func hasSensitive(v cty.Value) bool {
	if v.Type().IsCapsuleType() || !v.ContainsMarked() {
		return false
	}
	_, marks := v.UnmarkDeep()
	_, found := marks[Sensitive]
	return found
}
