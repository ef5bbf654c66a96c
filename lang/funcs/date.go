package funcs

import (
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// dateFunctions work on given times; none reads the clock.
func dateFunctions() map[string]function.Function {
	return map[string]function.Function{
		"formatdate": stdlib.FormatDateFunc,
		"timeadd":    stdlib.TimeAddFunc,
		"timecmp":    timeCmpFunc(),
	}
}

func timeCmpFunc() function.Function {
	return stringsFunc(cty.Number, func(a []string) (cty.Value, error) {
		var times [2]time.Time
		for i, s := range a {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(i, "%q is not a time in RFC 3339 form, like 2006-01-02T15:04:05Z", clip(s))
			}
			times[i] = t
		}
		return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
	}, []string{"timestamp_a", "timestamp_b"})
}
