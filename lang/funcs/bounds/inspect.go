package bounds

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// inspectAll is for whole expressions and for arguments.
func inspectAll(b *Budget, v cty.Value) error { return b.Check(v) }

// inspectNothing is for what is only evaluated while the budget lasts.
func inspectNothing(*Budget, cty.Value) error { return nil }

// inspectPart is for parts of templates: each is copied into the result.
func inspectPart(b *Budget, v cty.Value) error {
	if err := Number(v); err != nil {
		return err
	}
	return b.Charge(int64(len(textOf(v))))
}

// inspectOperand is for operands of arithmetic: a text there is read as a
// number.
func inspectOperand(_ *Budget, v cty.Value) error {
	s := textOf(v)
	if s == "" {
		return Number(v)
	}
	if s[0] != '-' && s[0] != '+' && s[0] != '.' && (s[0] < '0' || s[0] > '9') {
		return nil // not a number: the operator says so
	}
	if len(s) > MaxNumberText {
		return fmt.Errorf("a text of %d characters is too long to be read as a number", len(s))
	}
	num, err := cty.ParseNumberVal(s)
	if err != nil {
		return nil //nolint:nilerr // the operator says so, or compares texts
	}
	return Number(num)
}

// inspectCopied is for the results of conditionals, which may be converted to a
// common type and so copied.
func inspectCopied(b *Budget, v cty.Value) error {
	const perElement = 48
	v, _ = v.Unmark()
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	return b.Charge(perElement * int64(v.LengthInt()))
}

// argumentOf is for arguments of a function.
func argumentOf(name string) inspection {
	if !takesNumbers(name) {
		return inspectAll
	}
	return func(b *Budget, v cty.Value) error {
		if len(textOf(v)) > MaxNumberText && !takesText(name) {
			return inspectOperand(b, v)
		}
		return b.Check(v)
	}
}

func takesNumbers(name string) bool {
	switch name {
	case "abs", "ceil", "floor", "log", "max", "min", "pow", "signum", "range",
		"chunklist", "cidrhost", "cidrsubnet", "cidrsubnets", "element", "slice":
		return true
	default:
		return takesText(name)
	}
}

func takesText(name string) bool { return name == "indent" || name == "substr" }

func textOf(v cty.Value) string {
	v, _ = v.Unmark()
	if v == cty.NilVal || v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return ""
	}
	return v.AsString()
}

// sentence makes an error the detail of a diagnostic.
func sentence(err error) string {
	s := err.Error()
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:] + "."
}
