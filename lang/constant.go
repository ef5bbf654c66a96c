package lang

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// constant evaluates an argument that must be readable without running
// anything: a grant that an expression computes could not be reviewed.
func constant(attr *hcl.Attribute, want cty.Type) (cty.Value, hcl.Diagnostics) {
	if vars := attr.Expr.Variables(); len(vars) > 0 {
		return cty.NullVal(want), hcl.Diagnostics{mistake(vars[0].SourceRange(), "Reference in a constant",
			"The argument %s is a constant: it is read before variables have values. Write the value itself.", quote(attr.Name))}
	}
	val, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		return cty.NullVal(want), diags
	}
	if !val.IsWhollyKnown() || val.ContainsMarked() {
		return cty.NullVal(want), hcl.Diagnostics{mistake(attr.Expr.Range(), "Invalid constant",
			"The argument %s is a constant. Write the value itself.", quote(attr.Name))}
	}
	if val.IsNull() {
		return cty.NullVal(want), hcl.Diagnostics{mistake(attr.Expr.Range(), "Null argument",
			"The argument %s is null. Give it a value, or leave it out.", quote(attr.Name))}
	}
	conv, err := convert.Convert(val, want)
	if err != nil {
		return cty.NullVal(want), hcl.Diagnostics{mistake(attr.Expr.Range(), "Wrong type of argument",
			"The argument %s takes %s.", quote(attr.Name), mismatch(want, val, err))}
	}
	return conv, diags
}

func constantString(attr *hcl.Attribute) (string, hcl.Diagnostics) {
	if attr == nil {
		return "", nil
	}
	val, diags := constant(attr, cty.String)
	if val.IsNull() {
		return "", diags
	}
	return val.AsString(), diags
}

func constantBool(attr *hcl.Attribute, missing bool) (bool, hcl.Diagnostics) {
	if attr == nil {
		return missing, nil
	}
	val, diags := constant(attr, cty.Bool)
	if val.IsNull() {
		return missing, diags
	}
	return val.True(), diags
}

// constantStrings reads a list of strings; nothing in it may be null.
func constantStrings(attr *hcl.Attribute) ([]string, hcl.Diagnostics) {
	if attr == nil {
		return nil, nil
	}
	val, diags := constant(attr, cty.List(cty.String))
	if val.IsNull() {
		return nil, diags
	}
	out := make([]string, 0, val.LengthInt())
	for _, elem := range val.AsValueSlice() {
		if elem.IsNull() {
			return nil, append(diags, mistake(attr.Expr.Range(), "Null in a list",
				"A value in the list %s is null. Take it out.", quote(attr.Name)))
		}
		out = append(out, elem.AsString())
	}
	return out, diags
}

// constantDuration reads "30s"; zero and less are refused.
func constantDuration(attr *hcl.Attribute) (time.Duration, hcl.Diagnostics) {
	text, diags := constantString(attr)
	if attr == nil || diags.HasErrors() {
		return 0, diags
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, append(diags, mistake(attr.Expr.Range(), "Invalid duration",
			"%s is no duration. Write a number and a unit above zero, like \"30s\", \"5m\" or \"1h30m\".", quote(text)))
	}
	return d, diags
}

// constantSize reads "64MiB" or a number of bytes.
func constantSize(attr *hcl.Attribute) (int64, hcl.Diagnostics) {
	text, diags := constantString(attr)
	if attr == nil || diags.HasErrors() {
		return 0, diags
	}
	n, ok := parseSize(text)
	if !ok {
		return 0, append(diags, mistake(attr.Expr.Range(), "Invalid size",
			"%s is no size. Write a number above zero and a unit, like \"64MiB\", \"512KiB\" or \"2GB\".", quote(text)))
	}
	return n, diags
}

func parseSize(text string) (int64, bool) {
	number := strings.TrimRight(text, "BGKMTikm")
	units := map[string]int64{
		"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	}
	unit, ok := units[text[len(number):]]
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if !ok || err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, false
	}
	return n * unit, true
}

// constantCount reads a whole number above zero.
func constantCount(attr *hcl.Attribute) (int64, hcl.Diagnostics) {
	if attr == nil {
		return 0, nil
	}
	val, diags := constant(attr, cty.Number)
	if val.IsNull() {
		return 0, diags
	}
	n, acc := val.AsBigFloat().Int64()
	if acc != big.Exact || n <= 0 {
		return 0, append(diags, mistake(attr.Expr.Range(), "Invalid number",
			"The argument %s is a whole number above zero.", quote(attr.Name)))
	}
	return n, diags
}

// mismatch says which type is wanted and what is there instead. A sensitive
// value is not shown.
func mismatch(want cty.Type, val cty.Value, err error) string {
	out := typeInWords(want) + ", but this is "
	var inside cty.PathError
	switch {
	case errors.As(err, &inside) && len(inside.Path) > 0:
		return typeInWords(want) + ", but in " + pathText(inside.Path) + ": " + inside.Error()
	case val.IsMarked() || !val.IsKnown() || val.IsNull() || val.Type() != cty.String:
		plain, _ := val.Unmark()
		return out + valueInWords(plain)
	default:
		const longest = 60
		text := val.AsString()
		if len([]rune(text)) > longest {
			text = string([]rune(text)[:longest]) + "…"
		}
		return out + "the text " + strconv.Quote(text)
	}
}

// pathText is a place inside a value: .a[0].
func pathText(path cty.Path) string {
	var sb strings.Builder
	for _, step := range path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			sb.WriteString("." + s.Name)
		case cty.IndexStep:
			sb.WriteString(keyText(s.Key))
		}
	}
	return strings.TrimPrefix(sb.String(), ".")
}

// typeInWords is a type as a sentence names it: "a string".
func typeInWords(ty cty.Type) string {
	name := ty.FriendlyNameForConstraint()
	if strings.ContainsRune("aeiou", rune(name[0])) && name != "any type" {
		return "an " + name
	}
	if name == "any type" {
		return name
	}
	return "a " + name
}
