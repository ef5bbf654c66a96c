package bounds

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// maxNodes is the largest number of values inside one value, each counted as
// often as it is reached: a value that holds itself many times over is small in
// memory but endless to walk.
const maxNodes = 4_000_000

// maxExponent bounds numbers: 2^16384 has about 4,900 digits.
const maxExponent = 16_384

// MaxNumberText is the longest text that is read as a number: reading takes
// time by the square of the digits.
const MaxNumberText = 8_192

// Check fails where v is too large to walk or holds a number too large to
// write down. Evaluated expressions are checked before anything else sees them.
func (b *Budget) Check(v cty.Value) error {
	left := int64(maxNodes)
	if err := walk(v, &left); err != nil {
		return err
	}
	if left < 0 {
		return fmt.Errorf("the value holds more than %d values inside each other", maxNodes)
	}
	return nil
}

func walk(v cty.Value, left *int64) error {
	if *left--; *left < 0 {
		return nil
	}
	v, _ = v.Unmark()
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return nil
	}
	ty := v.Type()
	switch {
	case ty == cty.Number:
		return Number(v)
	case ty.IsCollectionType() && (ty.ElementType() == cty.String || ty.ElementType() == cty.Bool):
		*left -= int64(v.LengthInt())
		return nil
	case !v.CanIterateElements():
		return nil
	}
	for _, elem := range v.Elements() {
		if err := walk(elem, left); err != nil || *left < 0 {
			return err
		}
	}
	return nil
}

// Number fails where the number v has too many digits to write down. Other
// values pass.
func Number(v cty.Value) error {
	v, _ = v.Unmark()
	if v == cty.NilVal || v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		return nil
	}
	f := v.AsBigFloat()
	if f.IsInf() {
		return nil
	}
	if exp := f.MantExp(nil); exp > maxExponent || exp < -maxExponent {
		// Its digits are not written: working them out is what takes so long.
		const digitsPerBit = 0.30103
		return fmt.Errorf("a number of about 1e%d is outside the range of 1e-4900 to 1e4900", int(float64(exp)*digitsPerBit))
	}
	return nil
}

// TextSize estimates how long v is as text, in bytes: the strings inside it and
// a little for everything else. It stops counting at the limit for one value.
func (b *Budget) TextSize(v cty.Value) int64 {
	left := b.limits.Value
	textSize(v, &left)
	return b.limits.Value - left
}

func textSize(v cty.Value, left *int64) {
	const overhead = 8
	*left -= overhead
	v, _ = v.Unmark()
	if *left < 0 || v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return
	}
	ty := v.Type()
	if ty == cty.String {
		*left -= int64(len(v.AsString()))
		return
	}
	if !v.CanIterateElements() {
		return
	}
	for key, elem := range v.Elements() {
		if ty.IsMapType() || ty.IsObjectType() {
			textSize(key, left)
		}
		if textSize(elem, left); *left < 0 {
			return
		}
	}
}
