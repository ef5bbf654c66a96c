package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// CheckResult is what the assertions of a check block say. A check warns; it
// stops nothing.
type CheckResult struct {
	// Address is the check's name below the modules above it.
	Address string
	// Known is false while an assertion waits for a resource.
	Known bool
	// Failures are warnings, one for each assertion that does not hold.
	Failures hcl.Diagnostics
	Range    hcl.Range
}

// condition evaluates a condition. It is false where the condition is not
// known yet.
func (ev *Evaluation) condition(c condition, evalCtx *hcl.EvalContext, summary string) (bool, hcl.Diagnostics) {
	val, diags := c.test.Value(evalCtx)
	if diags.HasErrors() {
		return true, diags
	}
	val, err := convert.Convert(val, cty.Bool)
	val, _ = val.Unmark()
	switch {
	case err != nil || val.IsNull():
		return true, hcl.Diagnostics{mistake(c.test.Range(), "Invalid condition", "A condition is true or false; this is %s.", conditionWords(val, err))}
	case !val.IsKnown():
		return false, diags
	case val.True():
		return true, diags
	}
	failed := mistake(c.test.Range(), summary, "%s", ev.conditionMessage(c, evalCtx))
	failed.Context, failed.Expression, failed.EvalContext = c.rng.Ptr(), c.test, evalCtx
	return true, append(diags, failed)
}

func conditionWords(val cty.Value, err error) string {
	if err != nil {
		return "neither: " + err.Error()
	}
	return valueInWords(val)
}

// conditionMessage is the author's message, or says why there is none: a
// sensitive message is not shown.
func (ev *Evaluation) conditionMessage(c condition, evalCtx *hcl.EvalContext) string {
	val, diags := c.message.Value(evalCtx)
	if diags.HasErrors() {
		return "The condition does not hold, and its error_message could not be evaluated: " + diags.Error()
	}
	val, err := convert.Convert(val, cty.String)
	switch {
	case err != nil || !val.IsKnown() || val.IsNull():
		return "The condition does not hold, and its error_message is no text."
	case val.IsMarked():
		return "The condition does not hold. Its error_message is sensitive and not shown."
	}
	return strings.TrimSpace(val.AsString())
}

// validate checks the validations of a variable. One that is not known yet is
// checked again when its value is used.
func (ev *Evaluation) validate(s *scope, n *node, v *variable) {
	if c := s.cells[s.unit.nodes["var."+v.name]]; c == nil || c.val.RawEquals(cty.DynamicVal) {
		return
	}
	evalCtx := ev.context(s, n, each{})
	for _, cond := range v.validations {
		_, diags := ev.condition(cond, evalCtx, "Invalid value of a variable")
		ev.add(explain(diags))
	}
}

// check evaluates the assertions of a check block.
func (ev *Evaluation) check(s *scope, n *node) {
	c, _ := n.decl.(*check)
	result := &CheckResult{Address: s.prefix + n.key, Known: true, Range: n.rng}
	evalCtx := ev.context(s, n, each{})
	for _, cond := range c.asserts {
		known, diags := ev.condition(cond, evalCtx, "Failed check")
		result.Known = result.Known && known
		for _, d := range explain(diags) {
			d.Severity = hcl.DiagWarning
			result.Failures = append(result.Failures, d)
		}
	}
	ev.checks[checkKey{s, n}] = result
}

type checkKey struct {
	scope *scope
	node  *node
}

// Checks are the results of the check blocks, by address, with what is known
// by now.
func (ev *Evaluation) Checks() []CheckResult {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	out := make([]CheckResult, 0, len(ev.checks))
	for key, result := range ev.checks {
		if !result.Known && ev.dirty[key.node] > 0 {
			ev.refreshBefore(key.node)
			ev.check(key.scope, key.node)
			result = ev.checks[key]
		}
		out = append(out, *result)
	}
	slices.SortFunc(out, func(a, b CheckResult) int { return strings.Compare(a.Address, b.Address) })
	return out
}
