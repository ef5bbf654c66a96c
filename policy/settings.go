package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// applySettings puts what the module says into the rules, and returns what of
// it is wrong.
func applySettings(rules []*rule, settings map[string]Setting) []Mistake {
	byName := make(map[string]*rule, len(rules))
	for _, r := range rules {
		byName[r.name] = r
	}
	var mistakes []Mistake
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		r := byName[name]
		if r == nil {
			mistakes = append(mistakes, Mistake{
				Problem: fmt.Sprintf("there is no policy rule %q to set", name), Remedy: suggestRule(name, byName),
			})
			continue
		}
		for _, problem := range r.set(settings[name]) {
			mistakes = append(mistakes, Mistake{Problem: fmt.Sprintf("the settings of the policy rule %q: %s", name, problem)})
		}
	}
	return mistakes
}

func suggestRule(name string, rules map[string]*rule) string {
	best, distance := "", len(name)/3+1
	for _, candidate := range slices.Sorted(maps.Keys(rules)) {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "the rules are " + strings.Join(slices.Sorted(maps.Keys(rules)), ", ")
}

func (r *rule) set(setting Setting) []string {
	var problems []string
	if setting.Level != "" {
		if problem := r.setLevel(setting.Level); problem != "" {
			problems = append(problems, problem)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(setting.Parameters)) {
		if problem := r.setParameter(name, setting.Parameters[name]); problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

func (r *rule) setLevel(level reconcile.Level) string {
	switch level {
	case reconcile.LevelAdvisory, reconcile.LevelSoftMandatory, reconcile.LevelApproval, reconcile.LevelHardMandatory:
	default:
		return fmt.Sprintf("there is no level %q; the levels are advisory, approval, soft-mandatory and hard-mandatory", level)
	}
	switch {
	case r.family == familyException:
		return "an exception has no level"
	case r.fixed && level != reconcile.LevelHardMandatory:
		return "its level is fixed: without it, a plan could do what it does not show"
	case r.family == familyApproval && level == reconcile.LevelAdvisory:
		return "a rule that requires approval is not made advisory; take the rule out instead"
	}
	r.level = level
	return ""
}

func (r *rule) setParameter(name string, value any) string {
	given, known := r.parameters[name]
	if !known {
		if len(r.parameters) == 0 {
			return fmt.Sprintf("it has no parameters, and %q is set", name)
		}
		return fmt.Sprintf("it has no parameter %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(r.parameters)), ", "))
	}
	value = plainValue(value)
	if typeName(given) != typeName(value) {
		return fmt.Sprintf("the parameter %q is a %s, not a %s", name, typeName(given), typeName(value))
	}
	if items, ok := given.([]any); ok && len(items) == 0 {
		for _, item := range value.([]any) {
			if problem := r.item(name, item); problem != "" {
				return problem
			}
		}
	}
	parameters := maps.Clone(r.parameters)
	parameters[name] = value
	r.parameters = parameters
	return ""
}

// item holds the items of a list to strings or objects: a list of numbers where
// names belong would match nothing.
func (*rule) item(name string, item any) string {
	switch item.(type) {
	case string, map[string]any:
		return ""
	default:
		return fmt.Sprintf("the parameter %q is a list of strings or objects, and %v is a %s", name, item, typeName(item))
	}
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case string:
		return "string"
	case float64:
		return "number"
	case []any:
		return "list"
	case map[string]any:
		return "map"
	default:
		return fmt.Sprintf("%T", v)
	}
}
