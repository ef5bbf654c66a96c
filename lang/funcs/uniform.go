package funcs

import "github.com/zclconf/go-cty/cty"

// Uniform turns a tuple whose elements are all of one type into a list, and
// such an object into a map. Converting does the same but compares every two
// elements to find their common type, which takes seconds for 10,000 of them;
// whoever converts a value to a collection type runs Uniform first. Every other
// value, and every mark, stays as it is.
func Uniform(v cty.Value) cty.Value {
	ty := v.Type()
	if v.IsNull() || !v.IsKnown() || !ty.IsTupleType() && !ty.IsObjectType() || !sameTypes(ty) {
		return v
	}
	v, marks := v.Unmark()
	if ty.IsObjectType() {
		return cty.MapVal(v.AsValueMap()).WithMarks(marks)
	}
	return cty.ListVal(v.AsValueSlice()).WithMarks(marks)
}

// sameTypes reports whether a tuple or object type has at least one element and
// all have one type. The type of a bare null is no type.
func sameTypes(ty cty.Type) bool {
	first := cty.NilType
	same := func(elem cty.Type) bool {
		if first == cty.NilType {
			first = elem
		}
		return !elem.HasDynamicTypes() && elem.Equals(first)
	}
	if ty.IsTupleType() {
		for _, elem := range ty.TupleElementTypes() {
			if !same(elem) {
				return false
			}
		}
		return first != cty.NilType
	}
	for _, elem := range ty.AttributeTypes() {
		if !same(elem) {
			return false
		}
	}
	return first != cty.NilType
}
