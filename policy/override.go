package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// checkOverrides refuses overrides that leave something out, and those of rules
// that cannot be overridden.
func checkOverrides(overrides []Override, rules []*rule) []Mistake {
	var mistakes []Mistake
	for _, o := range overrides {
		at := slices.IndexFunc(rules, func(r *rule) bool { return r.name == o.Rule })
		problem := ""
		switch {
		case o.Rule == "" || o.Resource == "" || o.Reason == "" || o.Actor == "" || o.PlanDigest == "" || o.Expires.IsZero():
			problem = "names rule, resource, reason, actor, expiry and plan digest, all of them"
		case at < 0:
			problem = "names a rule that there is not"
		case rules[at].level != reconcile.LevelSoftMandatory:
			problem = fmt.Sprintf("cannot lift a rule that is %s; only soft-mandatory rules are overridden", rules[at].level)
		}
		if problem != "" {
			mistakes = append(mistakes, Mistake{Problem: fmt.Sprintf("the override of %q on %q: it %s", o.Rule, o.Resource, problem)})
		}
	}
	return mistakes
}

// RunResource is the resource that an [Override] names where the finding is about
// a whole run and no resource.
const RunResource = "run"

// AboutRuns reports whether a rule, by its name, is asked about whole runs and
// not about each plan.
func AboutRuns(rule string) bool {
	return strings.HasPrefix(rule, runPackage+".") || strings.HasPrefix(rule, builtinRunPackage+".")
}

// override marks a soft finding as overridden where somebody answered for it.
func (v *verdict) override(f *reconcile.Finding) {
	why := ""
	for _, o := range v.engine.overrides {
		if o.Rule != f.Rule || o.Resource != cmp.Or(f.Resource, RunResource) {
			continue
		}
		switch {
		case o.PlanDigest != v.digest:
			why = joined(why, "the override by "+o.Actor+" was for another plan; review this one")
		case !o.Expires.After(v.engine.clock.now):
			why = joined(why, "the override by "+o.Actor+" expired on "+o.Expires.UTC().Format(time.RFC3339))
		default:
			f.Override = fmt.Sprintf("overridden by %s until %s: %s", o.Actor, o.Expires.UTC().Format(time.RFC3339), o.Reason)
			return
		}
	}
	f.Remedy = joined(f.Remedy, why)
}

func joined(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

// demand is what a finding asks of its approvals.
type demand struct {
	count     int
	by        []string
	notAuthor bool
}

// demandOf reads approvals, by and not_author of a finding's metadata.
func demandOf(f *reconcile.Finding) (demand, error) {
	d := demand{count: 1}
	if value, given := f.Metadata["approvals"]; given {
		n, ok := number(value)
		if !ok || n < 1 || n > 100 || n != math.Trunc(n) {
			return d, fmt.Errorf("approvals is a whole number from 1 to 100")
		}
		d.count = int(n)
	}
	if value, given := f.Metadata["by"]; given {
		items, ok := value.([]any)
		if !ok || len(items) == 0 {
			return d, fmt.Errorf("by is a list of names")
		}
		for _, item := range items {
			name, isText := item.(string)
			if !isText {
				return d, fmt.Errorf("by is a list of names")
			}
			d.by = append(d.by, name)
		}
	}
	if value, given := f.Metadata["not_author"]; given {
		truth, ok := value.(bool)
		if !ok {
			return d, fmt.Errorf("not_author is true or false")
		}
		d.notAuthor = truth
	}
	return d, nil
}

// approve marks an approval-level finding as answered where enough people, and
// the right ones, approved this very plan.
func (v *verdict) approve(r *rule, f *reconcile.Finding) {
	want, err := demandOf(f)
	if err != nil {
		v.malformed(r, err)
		return
	}
	var names []string
	for _, a := range v.engine.approvals {
		if a.PlanDigest == v.digest && a.Actor != "" && a.Expires.After(v.engine.clock.now) &&
			!slices.Contains(names, a.Actor) &&
			(len(want.by) == 0 || slices.Contains(want.by, a.Actor)) &&
			(!want.notAuthor || v.actor != "" && !strings.EqualFold(a.Actor, v.actor) && !strings.EqualFold(a.Actor, a.Author)) {
			names = append(names, a.Actor)
		}
	}
	if len(names) >= want.count {
		f.Override = "approved by " + strings.Join(names, ", ")
		return
	}
	f.Remedy = joined(f.Remedy, fmt.Sprintf("have the plan approved: it has %d of %d approvals", len(names), want.count))
}
