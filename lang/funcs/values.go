package funcs

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// notNull refines an unknown result: the function never answers null.
func notNull(b *cty.RefinementBuilder) *cty.RefinementBuilder { return b.NotNull() }

// text is the string in v, if there is one.
func text(v cty.Value) (string, bool) {
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	v, _ = v.Unmark()
	return v.AsString(), true
}

// elements are the elements of a known list, set, tuple, map or object.
func elements(v cty.Value) []cty.Value {
	v, _ = v.Unmark()
	out := make([]cty.Value, 0, v.LengthInt())
	for _, elem := range v.Elements() {
		out = append(out, elem)
	}
	return out
}

// count is the number of elements of v, 0 if that is not known.
func count(v cty.Value) int64 {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 0
	}
	return int64(v.LengthInt())
}

// param is a parameter that the function system checks and unmarks: marks of
// the argument return on the result, an unknown argument gives an unknown
// result, null is an error.
func param(name string, ty cty.Type) function.Parameter {
	return function.Parameter{Name: name, Type: ty}
}

// limited is f with a check before it runs. The check sees the arguments as f
// does and estimates what f would build.
func limited(f function.Function, check func(args []cty.Value) error) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      f.Params(),
		VarParam:    f.VarParam(),
		Type:        f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := check(args); err != nil {
				return cty.NilVal, err
			}
			return f.Call(args)
		},
	})
}

// textFunc is a function from strings to one string.
func textFunc(impl func(args []string) (string, error), names ...string) function.Function {
	return stringsFunc(cty.String, func(args []string) (cty.Value, error) {
		s, err := impl(args)
		return cty.StringVal(s), err
	}, names)
}

// testFunc is a function from strings to a bool.
func testFunc(impl func(args []string) (bool, error), names ...string) function.Function {
	return stringsFunc(cty.Bool, func(args []string) (cty.Value, error) {
		ok, err := impl(args)
		return cty.BoolVal(ok), err
	}, names)
}

func stringsFunc(ret cty.Type, impl func(args []string) (cty.Value, error), names []string) function.Function {
	params := make([]function.Parameter, len(names))
	for i, name := range names {
		params[i] = param(name, cty.String)
	}
	return function.New(&function.Spec{
		Params:       params,
		Type:         function.StaticReturnType(ret),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			texts := make([]string, len(args))
			for i, arg := range args {
				texts[i] = arg.AsString()
			}
			v, err := impl(texts)
			if err != nil {
				return cty.NilVal, err
			}
			return v, nil
		},
	})
}
