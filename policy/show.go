package policy

import (
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// InputJSON is what policies see of a review, for people to look at. The gate
// itself makes no JSON.
func InputJSON(review reconcile.Review) ([]byte, error) {
	b, err := newInputBuilder(newSubject(review))
	if err != nil {
		return nil, err
	}
	input, err := b.whole()
	if err != nil {
		return nil, err
	}
	plain, err := ast.JSON(input.Value)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(plain, "", "  ")
}
