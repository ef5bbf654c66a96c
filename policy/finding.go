package policy

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// maxPerRule is how many findings of one rule a decision holds. Plans have a
// hundred thousand actions; nobody reads as many messages.
const maxPerRule = 100

// verdict makes findings of what rules answered about one review or run.
type verdict struct {
	engine   *Engine
	resource string
	digest   string
	actor    string
	findings []reconcile.Finding
}

// rule adds the findings of one rule: its elements, less the exceptions.
func (v *verdict) rule(r *rule, elements ast.Set, exceptions []exception) {
	count := 0
	for _, term := range elements.Slice() {
		count++
		if count > maxPerRule {
			continue
		}
		f, err := v.element(r, term)
		if err != nil {
			v.malformed(r, err)
			continue
		}
		if x := matching(exceptions, r, f.Object); x != nil {
			f.Level, f.Override = reconcile.LevelAdvisory, "excepted by "+r.pkg+".exception: "+x.reason
		}
		v.settle(r, &f)
		v.findings = append(v.findings, f)
	}
	v.rest(r, elements, exceptions)
}

// rest stands for the findings beyond the most that are shown. It denies as
// they do; exceptions are looked at one by one before it is left out.
func (v *verdict) rest(r *rule, elements ast.Set, exceptions []exception) {
	more := 0
	for i, term := range elements.Slice() {
		if i < maxPerRule {
			continue
		}
		f, err := v.element(r, term)
		if err == nil && matching(exceptions, r, f.Object) != nil {
			continue
		}
		more++
	}
	if more == 0 {
		return
	}
	f := reconcile.Finding{
		Rule: r.name, Level: r.level, Resource: v.resource,
		Message: fmt.Sprintf("and %d more of this rule", more),
	}
	v.settle(r, &f)
	v.findings = append(v.findings, f)
}

// element is one message: a string, or an object with msg.
func (v *verdict) element(r *rule, term *ast.Term) (reconcile.Finding, error) {
	f := reconcile.Finding{Rule: r.name, Level: r.level, Resource: v.resource}
	switch value := term.Value.(type) {
	case ast.String:
		f.Message = string(value)
	case ast.Object:
		if err := readElement(value, &f); err != nil {
			return f, err
		}
	default:
		return f, fmt.Errorf("it gave a %s, and a message is a string or an object with msg", ast.ValueName(term.Value))
	}
	if strings.TrimSpace(f.Message) == "" {
		return f, fmt.Errorf("it gave an empty message")
	}
	return f, nil
}

func readElement(object ast.Object, f *reconcile.Finding) error {
	plain, err := ast.JSON(object)
	if err != nil {
		return fmt.Errorf("it gave a message that is no JSON: %w", err)
	}
	members, ok := plain.(map[string]any)
	if !ok {
		return fmt.Errorf("it gave a message that is no JSON object")
	}
	if f.Message, ok = members["msg"].(string); !ok {
		return fmt.Errorf("it gave an object without msg, which is a string")
	}
	delete(members, "msg")
	for name, into := range map[string]*string{"object": &f.Object, "remedy": &f.Remedy} {
		text, isText := members[name].(string)
		if !isText {
			continue // another type is metadata of the policy's own
		}
		*into = text
		delete(members, name)
	}
	// A rule about a whole run says which resource it means.
	if text, isText := members["resource"].(string); isText && f.Resource == "" {
		f.Resource = text
		delete(members, "resource")
	}
	if len(members) > 0 {
		f.Metadata = members
	}
	return nil
}

// malformed denies where a rule spoke and was not understood, at any level.
func (v *verdict) malformed(r *rule, err error) {
	v.findings = append(v.findings, reconcile.Finding{
		Rule: r.name, Level: reconcile.LevelHardMandatory, Resource: v.resource,
		Message: "the policy spoke and was not understood: " + err.Error(),
		Remedy:  "correct the rule: " + r.local + " contains msg if { ... }, where msg is a string that says something",
	})
}

// settle looks for an override or approvals that answer a finding.
func (v *verdict) settle(r *rule, f *reconcile.Finding) {
	switch f.Level {
	case reconcile.LevelSoftMandatory:
		v.override(f)
	case reconcile.LevelApproval:
		v.approve(r, f)
	case reconcile.LevelAdvisory, reconcile.LevelHardMandatory:
	}
}

// denies reports whether a finding stands in the way: those that deny, and
// approvals that are missing.
func denies(f reconcile.Finding) bool {
	return f.Denies() || f.Level == reconcile.LevelApproval && f.Override == ""
}
