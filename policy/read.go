package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ReadReview reads a review from JSON, for an evaluation by hand. The gate
// itself never reads JSON: it is handed the plan that will be applied.
//
// It is stricter than encoding/json: a key twice, in another case or unknown,
// text that is not UTF-8, and anything behind the end are errors.
func ReadReview(data []byte) (reconcile.Review, error) {
	var review reconcile.Review
	err := readExactly(data, &review)
	return review, err
}

// readExactly decodes data into a pointer, in one pass: a plan of 100,000 actions
// has 40 MB.
func readExactly(data []byte, into any) error {
	if deeper(data, maxDepth) {
		return errTooDeep
	}
	err := json.Unmarshal(data, into,
		json.RejectUnknownMembers(true),
		jsontext.AllowDuplicateNames(false),
		jsonv1.FormatDurationAsNano(true), // as encoding/json writes them
	)
	return explainJSON(err)
}

// explainJSON says what is wrong in our words where there are some.
func explainJSON(err error) error {
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return fmt.Errorf("%q stands twice in one object, at %s", syntax.JSONPointer.LastToken(), syntax.JSONPointer)
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &meaning):
		return fmt.Errorf("%q is not known here, at %s", meaning.JSONPointer.LastToken(), meaning.JSONPointer)
	case strings.Contains(err.Error(), "after top-level value"):
		return errors.New("something stands behind the end of the JSON value")
	default:
		return err
	}
}

// deeper reports whether values of a JSON text are nested more than so deep; of a
// text that is no JSON it says nothing.
func deeper(data []byte, most int) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
