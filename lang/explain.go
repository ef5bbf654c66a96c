package lang

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/funcs"
)

// explain adds to the messages of the expression evaluator what it cannot
// know: why a function is missing.
func explain(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d)
		if !ok {
			continue
		}
		name := extra.CalledFunctionName()
		switch reason := funcs.LeftOut()[name]; {
		case name == "env":
			d.Summary = "Misplaced env()"
			d.Detail = "The environment can be read in the default of a variable only, where everybody sees it. Declare a variable, and refer to it."
		case reason != "":
			d.Summary = "Function left out"
			d.Detail = "There is no function " + name + "() in cogplan. " + reason
		case !strings.Contains(d.Detail, "Did you mean"):
			d.Detail = "There is no function called " + quote(name) + "."
		}
	}
	return diags
}
