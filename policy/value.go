package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// maxDepth bounds how deep a value of a plan may be nested.
const maxDepth = 64

var errTooDeep = errors.New("values are nested more than " + strconv.Itoa(maxDepth) + " deep")

// terms makes Rego values of Go values without a detour through JSON, and
// shares the terms of keys. It serves one review and is not for two goroutines.
type terms struct {
	keys map[string]*ast.Term
	// slab are terms that are not used yet, allocated together; size is how many
	// they were.
	slab []ast.Term
	size int
	// pairs is a stack of the members of the objects that are being made.
	pairs [][2]*ast.Term
}

func newTerms() *terms { return &terms{keys: make(map[string]*ast.Term, 64)} }

// key is a shared term: plans have few different keys and many of each.
func (t *terms) key(name string) *ast.Term {
	if term, ok := t.keys[name]; ok {
		return term
	}
	term := ast.StringTerm(name)
	t.keys[name] = term
	return term
}

// field is one pair of an object whose keys the host knows.
func (t *terms) field(name string, value *ast.Term) [2]*ast.Term {
	return [2]*ast.Term{t.key(name), value}
}

// term is a new term from the slab.
func (t *terms) term(v ast.Value) *ast.Term {
	if len(t.slab) == 0 {
		t.size = min(max(2*t.size, 32), 256)
		t.slab = make([]ast.Term, t.size)
	}
	term := &t.slab[0]
	t.slab = t.slab[1:]
	term.Value = v
	return term
}

func (t *terms) text(s string) *ast.Term { return t.term(ast.String(s)) }

func (*terms) truth(b bool) *ast.Term { return ast.InternedTerm(b) }

func (*terms) integer(i int64) *ast.Term {
	if i >= math.MinInt32 && i <= math.MaxInt32 {
		return ast.InternedTerm(int(i))
	}
	return ast.NumberTerm(json.Number(strconv.FormatInt(i, 10)))
}

func (t *terms) texts(list []string) *ast.Term {
	items := make([]*ast.Term, len(list))
	for i, item := range list {
		items[i] = t.text(item)
	}
	return ast.ArrayTerm(items...)
}

// value is any JSON value. A string that is no UTF-8 is refused: it would not be
// the same for a policy as for the provider.
func (t *terms) value(v any) (*ast.Term, error) { return t.nested(v, 0) }

func (t *terms) nested(v any, depth int) (*ast.Term, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch v := v.(type) {
	case nil:
		return ast.NullTerm(), nil
	case bool:
		return t.truth(v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("%q is not UTF-8", v)
		}
		return t.text(v), nil
	case int:
		return t.integer(int64(v)), nil
	case int64:
		return t.integer(v), nil
	case float64:
		return t.float(v)
	case json.Number:
		return t.term(ast.Number(v)), nil
	case []any:
		return list(t, v, func(item any) (*ast.Term, error) { return t.nested(item, depth+1) })
	case []string:
		return list(t, v, func(item string) (*ast.Term, error) { return t.nested(item, depth+1) })
	case map[string]any:
		return t.object(v, depth)
	default:
		return t.other(v, depth)
	}
}

func (t *terms) float(f float64) (*ast.Term, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil, fmt.Errorf("%v is no JSON number", f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return t.integer(int64(f)), nil
	}
	return ast.NumberTerm(json.Number(strconv.FormatFloat(f, 'g', -1, 64))), nil
}

func (t *terms) object(m map[string]any, depth int) (*ast.Term, error) {
	start := len(t.pairs)
	for name, item := range m {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("the key %q is not UTF-8", name)
		}
		value, err := t.nested(item, depth+1)
		if err != nil {
			return nil, err
		}
		t.pairs = append(t.pairs, t.field(name, value))
	}
	object := ast.NewObject(t.pairs[start:]...)
	t.pairs = t.pairs[:start]
	return t.term(object), nil
}

func list[T any](t *terms, items []T, each func(T) (*ast.Term, error)) (*ast.Term, error) {
	out := make([]*ast.Term, len(items))
	for i, item := range items {
		value, err := each(item)
		if err != nil {
			return nil, err
		}
		out[i] = value
	}
	return t.term(ast.NewArray(out...)), nil
}

// other is what JSON makes of a Go type that is none of JSON's own: native
// providers may put one into a plan.
func (t *terms) other(v any, depth int) (*ast.Term, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	return t.nested(plain, depth+1)
}
