package funcs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// lookupFunc is lookup(map, key) and lookup(map, key, default). Only the marks
// of the map, the key and what is found travel to the result.
func lookupFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "inputMap", Type: cty.DynamicPseudoType, AllowMarked: true},
			{Name: "key", Type: cty.String, AllowMarked: true},
		},
		VarParam: &function.Parameter{
			Name: "default", Type: cty.DynamicPseudoType,
			AllowUnknown: true, AllowDynamicType: true, AllowNull: true, AllowMarked: true,
		},
		Type: lookupType,
		Impl: lookup,
	})
}

func lookupType(args []cty.Value) (cty.Type, error) {
	if len(args) > 3 {
		return cty.NilType, fmt.Errorf("lookup() takes two or three arguments, got %d", len(args))
	}
	ty := args[0].Type()
	switch {
	case ty.IsMapType():
		if len(args) == 3 {
			if _, err := convert.Convert(args[2], ty.ElementType()); err != nil {
				return cty.NilType, function.NewArgErrorf(2, "the default value must have the same type as the map elements")
			}
		}
		return ty.ElementType(), nil
	case ty.IsObjectType():
		return lookupAttribute(args)
	default:
		return cty.NilType, function.NewArgErrorf(0, "lookup() requires a map as the first argument")
	}
}

func lookupAttribute(args []cty.Value) (cty.Type, error) {
	key, known := text(args[1])
	if !known {
		return cty.DynamicPseudoType, nil
	}
	if ty := args[0].Type(); ty.HasAttribute(key) {
		return ty.AttributeType(key), nil
	}
	if len(args) == 3 {
		return args[2].Type(), nil
	}
	return cty.NilType, function.NewArgErrorf(0, "the given object has no attribute %q", key)
}

func lookup(args []cty.Value, ty cty.Type) (cty.Value, error) {
	in, marks := args[0].Unmark()
	key, keyMarks := args[1].Unmark()
	name := key.AsString()
	if in.Type().IsObjectType() && in.Type().HasAttribute(name) {
		return in.GetAttr(name).WithMarks(marks, keyMarks), nil
	}
	if in.Type().IsMapType() && in.HasIndex(key).True() {
		return in.Index(key).WithMarks(marks, keyMarks), nil
	}
	if len(args) < 3 {
		return cty.NilVal, fmt.Errorf("the map has no element with the key %q, and no default is given", clip(name))
	}
	def, err := convert.Convert(args[2], ty)
	if err != nil {
		return cty.NilVal, function.NewArgError(2, err)
	}
	return def.WithMarks(marks, keyMarks), nil
}

// matchKeysFunc looks keys up in a set, so that its time grows with the length
// of the lists and not with their product.
func matchKeysFunc() function.Function {
	anyList := cty.List(cty.DynamicPseudoType)
	return function.New(&function.Spec{
		Params: []function.Parameter{param("values", anyList), param("keys", anyList), param("searchset", anyList)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if ty, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); ty == cty.NilType {
				return cty.NilType, errors.New("keys and searchset must be of the same type")
			}
			return args[0].Type(), nil
		},
		RefineResult: notNull,
		Impl:         matchKeys,
	})
}

func matchKeys(args []cty.Value, ty cty.Type) (cty.Value, error) {
	values, keys, search := args[0], args[1], args[2]
	if count(values) != count(keys) {
		return cty.NilVal, errors.New("length of keys and values should be equal")
	}
	common, _ := convert.UnifyUnsafe([]cty.Type{keys.Type(), search.Type()})
	keys, err := convert.Convert(keys, common)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	if search, err = convert.Convert(search, common); err != nil {
		return cty.NilVal, function.NewArgError(2, err)
	}
	if !keys.IsWhollyKnown() || !search.IsWhollyKnown() {
		return cty.UnknownVal(ty), nil
	}
	wanted := cty.NewValueSet(common.ElementType())
	for _, key := range elements(search) {
		wanted.Add(key)
	}
	var out []cty.Value
	vals := elements(values)
	for i, key := range elements(keys) {
		if wanted.Has(key) {
			out = append(out, vals[i])
		}
	}
	return listOf(out, ty.ElementType()), nil
}

func transposeFunc() function.Function {
	ty := cty.Map(cty.List(cty.String))
	return function.New(&function.Spec{
		Params:       []function.Parameter{param("values", ty)},
		Type:         function.StaticReturnType(ty),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(ty), nil
			}
			return transpose(args[0])
		},
	})
}

func transpose(in cty.Value) (cty.Value, error) {
	lists := map[string][]cty.Value{}
	for key, list := range in.Elements() {
		if list.IsNull() {
			return cty.NilVal, function.NewArgErrorf(0, "the list at %q is null", clip(key.AsString()))
		}
		for _, elem := range elements(list) {
			if elem.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "the list at %q holds a null", clip(key.AsString()))
			}
			lists[elem.AsString()] = append(lists[elem.AsString()], key)
		}
	}
	if len(lists) == 0 {
		return cty.MapValEmpty(cty.List(cty.String)), nil
	}
	out := make(map[string]cty.Value, len(lists))
	for name, keys := range lists {
		slices.SortFunc(keys, func(a, b cty.Value) int { return compareText(a, b) })
		out[name] = cty.ListVal(keys)
	}
	return cty.MapVal(out), nil
}
