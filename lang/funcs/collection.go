package funcs

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func collectionFunctions(b *bounds.Budget) map[string]function.Function {
	return map[string]function.Function{
		"alltrue":         allFunc(true),
		"anytrue":         allFunc(false),
		"chunklist":       stdlib.ChunklistFunc,
		"coalesce":        coalesceFunc(),
		"coalescelist":    stdlib.CoalesceListFunc,
		"compact":         stdlib.CompactFunc,
		"concat":          stdlib.ConcatFunc,
		"contains":        stdlib.ContainsFunc,
		"distinct":        distinctFunc(),
		"element":         stdlib.ElementFunc,
		"flatten":         stdlib.FlattenFunc,
		"index":           indexFunc(),
		"keys":            stdlib.KeysFunc,
		"length":          lengthFunc(),
		"lookup":          lookupFunc(),
		"matchkeys":       matchKeysFunc(),
		"merge":           stdlib.MergeFunc,
		"one":             oneFunc(),
		"range":           rangeFunc(),
		"reverse":         stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc,
		"setproduct":      limited(stdlib.SetProductFunc, productCount(b)),
		"setsubtract":     stdlib.SetSubtractFunc,
		"setunion":        stdlib.SetUnionFunc,
		"slice":           stdlib.SliceFunc,
		"sort":            stdlib.SortFunc,
		"transpose":       transposeFunc(),
		"values":          stdlib.ValuesFunc,
		"zipmap":          stdlib.ZipmapFunc,
	}
}

// totalCount bounds what functions make of all their arguments together. It is
// asked before the function system looks at the arguments, which alone takes
// long for many of them.
func totalCount(b *bounds.Budget, name string, args []cty.Value) error {
	switch name {
	case "concat", "merge", "setintersection", "setunion":
	default:
		return nil
	}
	var n int64
	for _, arg := range args {
		n += count(arg)
	}
	return b.Count(n, "elements")
}

func productCount(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		n := int64(1)
		for _, arg := range args {
			n *= count(arg)
			if err := b.Count(n*int64(len(args)), "elements"); err != nil {
				return err
			}
		}
		return nil
	}
}

// allFunc is alltrue for want == true, and anytrue for false: the result is
// want unless one element says otherwise.
func allFunc(want bool) function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{param("list", cty.List(cty.Bool))},
		Type:         function.StaticReturnType(cty.Bool),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			unknown := false
			for _, elem := range elements(args[0]) {
				switch {
				case !elem.IsKnown():
					unknown = true
				case elem.IsNull() && want:
					return cty.False, nil
				case elem.IsNull():
				case elem.True() != want:
					return cty.BoolVal(!want), nil
				}
			}
			if unknown {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.BoolVal(want), nil
		},
	})
}

func coalesceFunc() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{
			Name: "vals", Type: cty.DynamicPseudoType,
			AllowUnknown: true, AllowDynamicType: true, AllowNull: true,
		},
		Type: func(args []cty.Value) (cty.Type, error) {
			types := make([]cty.Type, len(args))
			for i, arg := range args {
				types[i] = arg.Type()
			}
			ty, _ := convert.UnifyUnsafe(types)
			if ty == cty.NilType {
				return cty.NilType, errors.New("all arguments must have the same type")
			}
			return ty, nil
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			for _, arg := range args {
				if !arg.IsKnown() {
					return cty.UnknownVal(ty), nil
				}
				if s, ok := text(arg); arg.IsNull() || ok && s == "" {
					continue
				}
				return convert.Convert(arg, ty)
			}
			return cty.NilVal, errors.New("no non-null, non-empty-string arguments")
		},
	})
}

// distinctFunc keeps the first of equal elements. It looks elements up in a
// set, so that it takes time by the length of the list and not by its square.
func distinctFunc() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{param("list", cty.List(cty.DynamicPseudoType))},
		Type:         func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		RefineResult: notNull,
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(ty), nil
			}
			seen := cty.NewValueSet(ty.ElementType())
			var out []cty.Value
			for _, elem := range elements(args[0]) {
				if !seen.Has(elem) {
					seen.Add(elem)
					out = append(out, elem)
				}
			}
			return listOf(out, ty.ElementType()), nil
		},
	})
}

func listOf(vals []cty.Value, elem cty.Type) cty.Value {
	if len(vals) == 0 {
		return cty.ListValEmpty(elem)
	}
	return cty.ListVal(vals)
}

func indexFunc() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{param("list", cty.DynamicPseudoType), param("value", cty.DynamicPseudoType)},
		Type:         function.StaticReturnType(cty.Number),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if ty := args[0].Type(); !ty.IsListType() && !ty.IsTupleType() {
				return cty.NilVal, function.NewArgErrorf(0, "argument must be a list or tuple")
			}
			if count(args[0]) == 0 {
				return cty.NilVal, function.NewArgErrorf(0, "cannot search an empty list")
			}
			for i, elem := range elements(args[0]) {
				equal, err := stdlib.Equal(elem, args[1])
				if err != nil {
					return cty.NilVal, err
				}
				if !equal.IsKnown() {
					return cty.UnknownVal(cty.Number), nil
				}
				if equal.True() {
					return cty.NumberIntVal(int64(i)), nil
				}
			}
			return cty.NilVal, errors.New("item not found")
		},
	})
}

func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType,
			AllowDynamicType: true, AllowUnknown: true, AllowMarked: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) {
			ty := args[0].Type()
			if ty == cty.String || ty == cty.DynamicPseudoType || ty.IsTupleType() || ty.IsObjectType() || ty.IsCollectionType() {
				return cty.Number, nil
			}
			return cty.NilType, function.NewArgErrorf(0, "the argument must be a string, a collection type, or a structural type")
		},
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			val, marks := args[0].Unmark()
			return lengthOf(val).WithMarks(marks), nil
		},
	})
}

func lengthOf(val cty.Value) cty.Value {
	ty := val.Type()
	switch {
	case ty == cty.DynamicPseudoType:
		return cty.UnknownVal(cty.Number)
	case ty.IsTupleType():
		return cty.NumberIntVal(int64(ty.Length()))
	case ty.IsObjectType():
		return cty.NumberIntVal(int64(len(ty.AttributeTypes())))
	case ty == cty.String:
		n, err := stdlib.Strlen(val)
		if err != nil {
			return cty.UnknownVal(cty.Number)
		}
		return n
	default:
		return val.Length()
	}
}

func oneFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("list", cty.DynamicPseudoType)},
		Type: func(args []cty.Value) (cty.Type, error) {
			ty := args[0].Type()
			switch {
			case ty.IsListType() || ty.IsSetType():
				return ty.ElementType(), nil
			case ty.IsTupleType() && ty.Length() == 0:
				return cty.DynamicPseudoType, nil
			case ty.IsTupleType() && ty.Length() == 1:
				return ty.TupleElementType(0), nil
			case ty.IsTupleType():
				return cty.NilType, errNotOne
			default:
				return cty.NilType, errNotOne
			}
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			switch elems := elements(args[0]); len(elems) {
			case 0:
				return cty.NullVal(ty), nil
			case 1:
				return elems[0], nil
			default:
				return cty.NilVal, errNotOne
			}
		},
	})
}

var errNotOne = function.NewArgErrorf(0, "must be a list, set, or tuple value with either zero or one elements")
