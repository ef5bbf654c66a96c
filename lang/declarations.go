package lang

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
)

// The declarations of a module, as they were parsed. Expressions in them are
// not evaluated yet.

type variable struct {
	name, description string
	typ               cty.Type
	// typed is false where the block names no type: a -var is then a string.
	typed               bool
	defaults            *typeexpr.Defaults
	def                 hcl.Expression // nil where required
	sensitive, nullable bool
	validations         []condition
	rng                 hcl.Range
}

type local struct {
	name string
	expr hcl.Expression
	rng  hcl.Range
}

type output struct {
	name, description string
	expr              hcl.Expression
	sensitive         bool
	dependsOn         []hcl.Traversal
	preconditions     []condition
	rng               hcl.Range
}

// condition is a precondition, postcondition, validation or assertion.
type condition struct {
	test, message hcl.Expression
	rng           hcl.Range
}

// repetition is for_each or count; both are nil for a single one.
type repetition struct {
	forEach, count hcl.Expression
}

func (r repetition) repeats() bool { return r.forEach != nil || r.count != nil }

type resource struct {
	data bool
	// removed resources come from a removed block that deletes: what is ours of
	// them is to be taken away.
	removed    bool
	typ, name  string
	body       hcl.Body
	repetition repetition
	// meta are cogplan's own arguments, evaluated for each instance.
	meta      map[string]*hcl.Attribute
	dependsOn []hcl.Traversal
	ignore    []string
	pre, post []condition
	timeouts  map[string]*hcl.Attribute
	rng       hcl.Range
	typeRange hcl.Range
}

// key is how expressions name the resource: file.site, data.file.site.
func (r *resource) key() string {
	if r.data {
		return "data." + r.typ + "." + r.name
	}
	return r.typ + "." + r.name
}

type moduleCall struct {
	name, source string
	sourceRange  hcl.Range
	repetition   repetition
	args         map[string]*hcl.Attribute
	providers    map[string]providerRef
	dependsOn    []hcl.Traversal
	child        *Module
	rng          hcl.Range
}

// providerRef names a provider of the calling module.
type providerRef struct {
	name string
	rng  hcl.Range
}

type check struct {
	name    string
	asserts []condition
	rng     hcl.Range
}

// Move says that what was recorded under one address is now declared under
// another.
type Move struct {
	From, To string
	Range    hcl.Range
}

// Removal says that what was recorded under an address is no longer declared, to
// be forgotten and left in the world. A removed block that deletes is a resource
// instead; see [reconcile.Declaration].Removed.
type Removal struct {
	From  string
	Range hcl.Range
}

// Import says that an object that exists is to be adopted.
type Import struct {
	// To is the address of a resource.
	To string
	// ObjectType and ObjectName name one object of the resource; empty where
	// the resource manages one object only.
	ObjectType, ObjectName string
	// ID is the object's external ID.
	ID    string
	Range hcl.Range
}

type importDecl struct {
	Import
	id hcl.Expression
}

func splitColon(word string) []string { return strings.Split(word, ":") }
