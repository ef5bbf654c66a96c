package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// exception lifts the findings of a rule, as the policy itself says.
type exception struct {
	// rule is the rule's name without its family, as in conftest, or with it.
	rule string
	// object is empty for all objects of the resource.
	object string
	reason string
}

// matching returns the exception for a rule and object, or nil.
func matching(exceptions []exception, r *rule, object string) *exception {
	for i := range exceptions {
		x := &exceptions[i]
		if (x.rule == r.suffix() || x.rule == r.local) && (x.object == "" || x.object == object) {
			return x
		}
	}
	return nil
}

// readExceptions reads the elements of an exception rule: lists of rule names
// as in conftest, or objects with rules, object and reason. One that names a
// rule which there is not is an error.
func readExceptions(elements ast.Set, rules []*rule) ([]exception, error) {
	var out []exception
	for _, term := range elements.Slice() {
		plain, err := ast.JSON(term.Value)
		if err != nil {
			return nil, err
		}
		found, err := exceptionsOf(plain)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	for _, x := range out {
		known := slices.ContainsFunc(rules, func(r *rule) bool {
			return r.family != familyException && (x.rule == r.suffix() || x.rule == r.local)
		})
		if !known {
			return nil, fmt.Errorf("there is no rule %q to except", x.rule)
		}
	}
	return out, nil
}

var errExceptionShape = errors.New("an exception is a list of rule names, or an object with rules, reason and perhaps object")

func exceptionsOf(element any) ([]exception, error) {
	switch e := element.(type) {
	case []any:
		return exceptionsFrom(e, "", "no reason is given")
	case map[string]any:
		for name := range e {
			if name != "rules" && name != "object" && name != "reason" {
				return nil, fmt.Errorf("%w, and %q is none of them", errExceptionShape, name)
			}
		}
		names, isList := e["rules"].([]any)
		reason, isText := e["reason"].(string)
		object, hasObject := e["object"].(string)
		if !isList || !isText || reason == "" || e["object"] != nil && (!hasObject || object == "") {
			return nil, errExceptionShape
		}
		return exceptionsFrom(names, object, reason)
	default:
		return nil, errExceptionShape
	}
}

func exceptionsFrom(names []any, object, reason string) ([]exception, error) {
	out := make([]exception, len(names))
	for i, name := range names {
		text, ok := name.(string)
		if !ok {
			return nil, errExceptionShape
		}
		out[i] = exception{rule: text, object: object, reason: reason}
	}
	return out, nil
}
