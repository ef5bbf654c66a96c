package funcs

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func numberFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs":      stdlib.AbsoluteFunc,
		"ceil":     stdlib.CeilFunc,
		"floor":    stdlib.FloorFunc,
		"log":      stdlib.LogFunc,
		"max":      stdlib.MaxFunc,
		"min":      stdlib.MinFunc,
		"parseint": limited(stdlib.ParseIntFunc, parseIntInput),
		"pow":      stdlib.PowFunc,
		"signum":   stdlib.SignumFunc,
		"sum":      sumFunc(),
	}
}

// maxDigits is the longest text that is read as a whole number: reading takes
// time by the square of the digits.
const maxDigits = 4096

func parseIntInput(args []cty.Value) error {
	if s, ok := text(args[0]); ok && len(s) > maxDigits {
		return function.NewArgErrorf(0, "a number of %d digits is longer than the limit of %d", len(s), maxDigits)
	}
	return nil
}

func sumFunc() function.Function {
	return function.New(&function.Spec{
		Params:       []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:         function.StaticReturnType(cty.Number),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			list := args[0]
			if !list.CanIterateElements() {
				return cty.NilVal, function.NewArgErrorf(0, "cannot sum noniterable")
			}
			if list.LengthInt() == 0 {
				return cty.NilVal, function.NewArgErrorf(0, "cannot sum an empty list")
			}
			if ty := list.Type(); ty.IsMapType() || ty.IsObjectType() {
				return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple. Received %s", ty.FriendlyName())
			}
			if !list.IsWhollyKnown() {
				return cty.UnknownVal(cty.Number), nil
			}
			return addUp(list)
		},
	})
}

func addUp(list cty.Value) (cty.Value, error) {
	total := cty.Zero
	for _, elem := range elements(list) {
		if elem.IsNull() {
			return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple of number values")
		}
		if s, ok := text(elem); ok && len(s) > maxDigits {
			return cty.NilVal, function.NewArgErrorf(0, "a number of %d digits is longer than the limit of %d", len(s), maxDigits)
		}
		num, err := convert.Convert(elem, cty.Number)
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "argument must be list, set, or tuple of number values")
		}
		if err := bounds.Number(num); err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		total = total.Add(num)
	}
	return total, nil
}

// rangeLimit is the largest list range() makes. Terraform stops at 1,024.
const rangeLimit = 65_536

func rangeFunc() function.Function {
	return function.New(&function.Spec{
		VarParam:     &function.Parameter{Name: "limits", Type: cty.Number},
		Type:         function.StaticReturnType(cty.List(cty.Number)),
		RefineResult: notNull,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			r, err := rangeArgs(args)
			if err != nil {
				return cty.NilVal, err
			}
			return r.list()
		},
	})
}

// numbers are those from start to before end.
type numbers struct{ start, end, step *big.Float }

func rangeArgs(args []cty.Value) (numbers, error) {
	r := numbers{start: new(big.Float), step: big.NewFloat(1)}
	switch len(args) {
	case 1:
		r.end = args[0].AsBigFloat()
	case 2, 3:
		r.start, r.end = args[0].AsBigFloat(), args[1].AsBigFloat()
	default:
		return r, errors.New("must have one, two, or three arguments")
	}
	direction := r.end.Cmp(r.start)
	switch {
	case len(args) == 3:
		r.step = args[2].AsBigFloat()
	case direction < 0:
		r.step = big.NewFloat(-1)
	}
	switch sign := r.step.Sign(); {
	case sign == 0:
		return r, function.NewArgErrorf(2, "step must not be zero")
	case sign > 0 && direction < 0:
		return r, function.NewArgErrorf(1, "end must be greater than start when step is positive")
	case sign < 0 && direction > 0:
		return r, function.NewArgErrorf(1, "end must be less than start when step is negative")
	}
	return r, nil
}

func (r numbers) list() (cty.Value, error) {
	var vals []cty.Value
	for num := r.start; num.Cmp(r.end)*r.step.Sign() < 0; num = new(big.Float).Add(num, r.step) {
		if len(vals) == rangeLimit {
			return cty.NilVal, fmt.Errorf("more than %d values would be made; make the difference between start and end smaller or the step larger", rangeLimit)
		}
		vals = append(vals, cty.NumberVal(num))
	}
	return listOf(vals, cty.Number), nil
}
