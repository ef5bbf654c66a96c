package lang

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
)

// toNative turns a wholly known value into null, bool, string, int64, float64,
// []any and map[string]any. Marks are dropped; see secretsOf.
func toNative(v cty.Value) (any, error) {
	v, _ = v.Unmark()
	if !v.IsKnown() {
		return nil, fmt.Errorf("the value is not known")
	}
	if v.IsNull() {
		return nil, nil //nolint:nilnil // null is a value
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		return v.AsString(), nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		return nativeNumber(v.AsBigFloat())
	case ty.IsObjectType() || ty.IsMapType():
		return nativeMap(v)
	case ty.IsListType() || ty.IsTupleType() || ty.IsSetType():
		return nativeList(v)
	default:
		return nil, fmt.Errorf("a value of type %s cannot be given to a provider", ty.FriendlyName())
	}
}

func nativeMap(v cty.Value) (any, error) {
	out := make(map[string]any, v.LengthInt())
	for key, elem := range v.Elements() {
		native, err := toNative(elem)
		if err != nil {
			return nil, err
		}
		out[key.AsString()] = native
	}
	return out, nil
}

func nativeList(v cty.Value) (any, error) {
	out := make([]any, 0, v.LengthInt())
	for _, elem := range v.Elements() {
		native, err := toNative(elem)
		if err != nil {
			return nil, err
		}
		out = append(out, native)
	}
	return out, nil
}

// nativeNumber keeps whole numbers whole and refuses those it would change.
func nativeNumber(f *big.Float) (any, error) {
	if f.IsInt() {
		if n, acc := f.Int64(); acc == big.Exact {
			return n, nil
		}
		return nil, fmt.Errorf("the number %s is outside of -2^63 to 2^63-1; write it as a string", f.Text('g', 30))
	}
	x, _ := f.Float64()
	if math.IsInf(x, 0) {
		return nil, fmt.Errorf("the number %s is too large", f.Text('g', 30))
	}
	return x, nil
}

// checkNumbers fails where toNative would.
func checkNumbers(v cty.Value) error {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	if v.Type() == cty.Number {
		_, err := nativeNumber(v.AsBigFloat())
		return err
	}
	if !v.CanIterateElements() || onlyText(v.Type()) {
		return nil
	}
	for _, elem := range v.Elements() {
		if err := checkNumbers(elem); err != nil {
			return err
		}
	}
	return nil
}

func onlyText(ty cty.Type) bool {
	return ty.IsCollectionType() && (ty.ElementType() == cty.String || ty.ElementType() == cty.Bool)
}

// fromNative turns what a provider answered into a value: maps become objects,
// lists become tuples.
func fromNative(v any) (cty.Value, error) {
	switch x := v.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case bool:
		return cty.BoolVal(x), nil
	case string:
		return cty.StringVal(x), nil
	case int:
		return cty.NumberIntVal(int64(x)), nil
	case int64:
		return cty.NumberIntVal(x), nil
	case uint64:
		return cty.NumberUIntVal(x), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return cty.NilVal, fmt.Errorf("%v is no number", x)
		}
		return cty.NumberFloatVal(x), nil
	case map[string]any:
		return fromMap(x)
	case []any:
		return fromList(x)
	default:
		return cty.NilVal, fmt.Errorf("a value of Go type %T is no value", v)
	}
}

func fromMap(m map[string]any) (cty.Value, error) {
	vals := make(map[string]cty.Value, len(m))
	for key, elem := range m {
		val, err := fromNative(elem)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", key, err)
		}
		vals[key] = val
	}
	return cty.ObjectVal(vals), nil
}

func fromList(list []any) (cty.Value, error) {
	vals := make([]cty.Value, len(list))
	for i, elem := range list {
		val, err := fromNative(elem)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%d: %w", i, err)
		}
		vals[i] = val
	}
	return cty.TupleVal(vals), nil
}

// secretsOf lists the strings and numbers inside sensitive values, each once.
func secretsOf(v cty.Value) []string {
	if !v.ContainsMarked() {
		return nil
	}
	var out []string
	gatherSecrets(v, false, &out)
	slices.Sort(out)
	return slices.Compact(out)
}

func gatherSecrets(v cty.Value, secret bool, out *[]string) {
	secret = secret || v.HasMark(funcs.Sensitive)
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return
	}
	switch {
	case v.Type() == cty.String:
		if s := v.AsString(); secret && s != "" {
			*out = append(*out, s)
		}
	case v.Type() == cty.Number:
		if secret {
			*out = append(*out, v.AsBigFloat().Text('f', -1))
		}
	case v.CanIterateElements():
		for key, elem := range v.Elements() {
			if secret && v.Type().IsMapType() {
				*out = append(*out, key.AsString())
			}
			gatherSecrets(elem, secret, out)
		}
	}
}

// isSensitive reports whether anything in v is sensitive.
func isSensitive(v cty.Value) bool { return v.ContainsMarked() }
