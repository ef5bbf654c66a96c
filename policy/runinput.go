package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// evaluateRun asks the rules of whole runs. All plans are in memory at once
// only where a policy of the module asks for them: the default policy rules on
// counts.
func evaluateRun(ctx context.Context, programs []*program, reviews []*subject, digest string, e evaluation) (answers, error) {
	all := answers{}
	for _, p := range programs {
		input, err := runInput(reviews, digest, p.asksRuns())
		if err != nil {
			return nil, err
		}
		for _, q := range []*query{p.batch, p.whole} {
			found, err := p.ask(ctx, q, input, e)
			if err != nil {
				return nil, err
			}
			all.add(found)
		}
	}
	return all, nil
}

func runInput(reviews []*subject, digest string, withPlans bool) (*ast.Term, error) {
	t := newTerms()
	var sum counts
	var plans []*ast.Term
	for i := range reviews {
		sum.add(reviews[i].counts)
	}
	if withPlans {
		sorted := slices.Clone(reviews)
		slices.SortFunc(sorted, func(a, b *subject) int { return cmp.Compare(a.Resource.Name, b.Resource.Name) })
		for i := range sorted {
			term, err := t.runPlan(sorted[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sorted[i].Resource.Name, err)
			}
			plans = append(plans, term)
		}
	}
	var run reconcile.RunContext
	if len(reviews) > 0 {
		run = reviews[0].Run
	}
	return ast.ObjectTerm(
		t.field("version", t.integer(InputVersion)),
		t.field("digest", t.text(digest)),
		t.field("plans", ast.ArrayTerm(plans...)),
		t.field("run", t.run(run)),
		t.field("counts", t.countsTerm(sum)),
	), nil
}

// runPlan is the input of one review without what is the same for all.
func (t *terms) runPlan(review *subject) (*ast.Term, error) {
	b, err := newInputBuilder(review)
	if err != nil {
		return nil, err
	}
	whole, err := b.whole()
	if err != nil {
		return nil, err
	}
	object, ok := whole.Value.(ast.Object)
	if !ok {
		return nil, fmt.Errorf("the input is no object")
	}
	var fields [][2]*ast.Term
	for _, name := range []string{"digest", "plan", "actions_by_kind", "resource", "provider", "state", "counts"} {
		fields = append(fields, t.field(name, object.Get(t.key(name))))
	}
	return ast.ObjectTerm(fields...), nil
}

// asksRuns reports whether the program has rules of the module's about runs.
func (p *program) asksRuns() bool {
	return slices.ContainsFunc(p.rules, func(r *rule) bool { return r.pkg == runPackage })
}
