package funcs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Mark is the type of the marks that cogplan puts on values.
type Mark string

// Sensitive marks a value that is never shown.
const Sensitive Mark = "sensitive"

func convertFunctions(opts Options) map[string]function.Function {
	out := map[string]function.Function{
		"can":          tryfunc.CanFunc,
		"issensitive":  isSensitiveFunc(),
		"nonsensitive": markFunc(func(v cty.Value) cty.Value { return withoutSensitive(v) }),
		"sensitive":    markFunc(func(v cty.Value) cty.Value { return v.Mark(Sensitive) }),
		"tobool":       toFunc(cty.Bool),
		"tolist":       toFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":        toFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber":     toFunc(cty.Number),
		"toset":        toFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring":     toFunc(cty.String),
		"try":          tryfunc.TryFunc,
	}
	if opts.Env != nil {
		out["env"] = envFunc(opts)
	}
	if opts.Console {
		out["type"] = typeFunc()
	}
	return out
}

// anything is a parameter that takes every value as it is.
func anything(name string) function.Parameter {
	return function.Parameter{
		Name: name, Type: cty.DynamicPseudoType,
		AllowUnknown: true, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
	}
}

func markFunc(change func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anything("value")},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return change(args[0]), nil },
	})
}

func withoutSensitive(v cty.Value) cty.Value {
	v, marks := v.Unmark()
	delete(marks, Sensitive)
	return v.WithMarks(marks)
}

func isSensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{anything("value")},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			marked := args[0].HasMark(Sensitive)
			if !marked && !args[0].IsKnown() {
				return cty.UnknownVal(cty.Bool), nil // what it becomes may be sensitive
			}
			return cty.BoolVal(marked), nil
		},
	})
}

// toFunc converts explicitly. Marks stay where they are inside the value.
func toFunc(want cty.Type) function.Function {
	plain := stdlib.MakeToFunc(want)
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "v", Type: cty.DynamicPseudoType, AllowNull: true, AllowMarked: true, AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) {
			return plain.ReturnTypeForValues([]cty.Value{uniformFor(want, args[0])})
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			if s, ok := text(args[0]); ok && want == cty.Number && len(s) > maxDigits {
				return cty.NilVal, function.NewArgErrorf(0, "a number of %d digits is longer than the limit of %d", len(s), maxDigits)
			}
			if v, err := convert.Convert(uniformFor(want, args[0]), ty); err == nil {
				return v, nil
			}
			return plain.Call(args) // for its message
		},
	})
}

func uniformFor(want cty.Type, v cty.Value) cty.Value {
	if want.IsCollectionType() && v.Type().IsObjectType() == want.IsMapType() {
		return Uniform(v)
	}
	return v
}

func envFunc(opts Options) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{param("name", cty.String)},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, errors.New("env() takes a name and at most one default")
			}
			name := args[0].AsString()
			opts.used(UseEnv, name)
			if val, ok := opts.Env[name]; ok {
				return cty.StringVal(val), nil
			}
			if len(args) == 2 {
				return args[1], nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "the environment variable %q is not set; set it, or give a default: env(%q, \"\")", name, name)
		},
	})
}

// typeFunc describes the type of its argument in words of the language.
func typeFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anything("value")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(typeText(args[0].Type())), nil
		},
	})
}

func typeText(ty cty.Type) string {
	if ty.IsCapsuleType() {
		return "expression"
	}
	if !ty.IsTupleType() {
		return typeexpr.TypeString(ty)
	}
	parts := make([]string, ty.Length())
	for i, elem := range ty.TupleElementTypes() {
		parts[i] = typeText(elem)
	}
	return fmt.Sprintf("tuple([%s])", strings.Join(parts, ", "))
}

func compareText(a, b cty.Value) int { return strings.Compare(a.AsString(), b.AsString()) }
