package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// ref is a reference, resolved.
type ref struct {
	use
	// root is the first word: "var", "each", a provider's name.
	root string
	// target is nil for each, count, path, cogplan and self.
	target *node
	// output is the output of a called module that is read; nil where the
	// module as a whole is.
	output *node
	// literal is an index that the source spells out: file.site["eu"].
	literal cty.Value
	// chained is true for for_each = file.site: the instances go side by side,
	// so each depends on the one with its own key only.
	chained bool
	// tail is what is read of the target.
	tail hcl.Traversal
}

// allowed says which words mean something where an expression stands.
type allowed struct {
	repetition repetition
	self       bool
}

// resolver turns uses into refs.
type resolver struct {
	unit  *unit
	diags hcl.Diagnostics
}

func (r *resolver) problem(rng hcl.Range, summary, format string, args ...any) *ref {
	r.diags = append(r.diags, mistake(rng, summary, format, args...))
	return nil
}

func (r *resolver) all(uses []use, may allowed) []*ref {
	if len(uses) == 0 {
		return nil
	}
	out := make([]*ref, 0, len(uses))
	for _, u := range uses {
		if found := r.resolve(u, may); found != nil {
			out = append(out, found)
		}
	}
	slices.SortFunc(out, func(a, b *ref) int { return compareRanges(a.rng(), b.rng()) })
	return out
}

func (r *resolver) resolve(u use, may allowed) *ref {
	steps := &stepReader{steps: u.traversal}
	found := &ref{use: u, root: steps.name()}
	switch found.root {
	case "var", "local":
		return r.named(found, steps)
	case "module":
		return r.module(found, steps)
	case "data":
		return r.resource(found, steps, "data.")
	case "each", "count", "self", "path", "cogplan":
		return r.builtin(found, steps, may)
	default:
		return r.resource(found, steps, "")
	}
}

// named resolves var.x and local.x.
func (r *resolver) named(found *ref, steps *stepReader) *ref {
	what := map[string]string{"var": "variable", "local": "local value"}[found.root]
	name := steps.name()
	if name == "" {
		return r.problem(found.rng(), "Incomplete reference", "The name of a %s follows the word %s: %s.name.", what, found.root, found.root)
	}
	found.target = r.unit.nodes[found.root+"."+name]
	if found.target == nil {
		return r.problem(found.rng(), "Unknown "+what, "There is no %s %s.%s", what, quote(name), r.nameHint(found.root, name))
	}
	found.tail = found.traversal[steps.at:]
	return found
}

// nameHint suggests a name: the nearest of the same kind, or the same name of
// the other kind.
func (r *resolver) nameHint(root, name string) string {
	other := map[string]string{"var": "local", "local": "var"}[root]
	if r.unit.nodes[other+"."+name] != nil {
		return " Did you mean " + quote(other+"."+name) + "?"
	}
	if hint := didYouMeanOrList(name, r.names(root+"."), map[string]string{"var": "variable", "local": "local value"}[root]); hint != "" {
		return hint
	}
	if root == "var" {
		return " Declare it with variable " + quote(name) + " {}."
	}
	return " Declare it in a locals block."
}

// names lists the nodes whose key starts with a prefix, without it.
func (r *resolver) names(prefix string) []string {
	var out []string
	for key := range r.unit.nodes {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix {
			out = append(out, key[len(prefix):])
		}
	}
	return out
}

func (r *resolver) module(found *ref, steps *stepReader) *ref {
	name := steps.name()
	if name == "" {
		return r.problem(found.rng(), "Incomplete reference", "The name of a module follows the word module: module.name.output.")
	}
	found.target = r.unit.nodes["module."+name]
	if found.target == nil {
		return r.problem(found.rng(), "Unknown module", "There is no module block %s.%s", quote(name),
			didYouMeanOrList(name, r.names("module."), "module"))
	}
	call, _ := found.target.decl.(*moduleCall)
	found.literal = steps.key()
	if !r.keyFits(found, call.repetition, steps) {
		return nil
	}
	child := r.unit.children[name]
	found.tail = found.traversal[steps.at:]
	outputName := steps.name()
	if outputName == "" && found.key != nil && len(found.rest) > 0 {
		outputName = (&stepReader{steps: found.rest}).peek()
	}
	if child == nil || outputName == "" {
		return found
	}
	found.output = child.nodes["output."+outputName]
	if found.output == nil {
		return r.problem(found.rng(), "Unknown output", "The module %s has no output %s.%s", quote(name), quote(outputName),
			didYouMeanOrList(outputName, sortedKeys(child.module.outputs), "output"))
	}
	return found
}

func (r *resolver) resource(found *ref, steps *stepReader, prefix string) *ref {
	typ := found.root
	if prefix != "" {
		typ = steps.name()
	}
	name := steps.name()
	if name == "" {
		return r.incompleteResource(found, typ, prefix)
	}
	found.target = r.unit.nodes[prefix+typ+"."+name]
	if found.target == nil || found.target.kind != resourceNode {
		return r.unknownResource(found, prefix, typ, name)
	}
	found.literal = steps.key()
	found.tail = found.traversal[steps.at:]
	if !r.keyFits(found, found.target.resource().repetition, steps) {
		return nil
	}
	return found
}

func (r *resolver) incompleteResource(found *ref, typ, prefix string) *ref {
	if prefix != "" || r.isProvider(typ) {
		return r.problem(found.rng(), "Incomplete reference",
			"A reference to a resource has the provider's name and the resource's: %s%s.name.", prefix, typ)
	}
	hint := ` If a text is meant, put it into quotes: "` + typ + `".`
	for _, root := range []string{"local", "var"} {
		if r.unit.nodes[root+"."+typ] != nil {
			hint = " Did you mean " + quote(root+"."+typ) + "?"
		}
	}
	return r.problem(found.rng(), "Unknown name", "The word %s means nothing here.%s", quote(typ), hint)
}

func (r *resolver) isProvider(name string) bool {
	_, ok := r.unit.providers[name]
	return ok
}

func (r *resolver) unknownResource(found *ref, prefix, typ, name string) *ref {
	if prefix == "" && !r.isProvider(typ) && len(r.names(typ+".")) == 0 {
		roots := append([]string{"var", "local", "data", "module", "each", "count", "path", "cogplan"}, sortedKeys(r.unit.providers)...)
		hint := didYouMean(typ, roots)
		if hint == "" {
			hint = " A reference starts with var, local, data, module or the name of a provider."
		}
		return r.problem(found.rng(), "Unknown name", "There is nothing called %s to refer to.%s", quote(typ), hint)
	}
	kind := "resource"
	if prefix != "" {
		kind = "data block"
	}
	var keys []string
	for _, other := range r.names(prefix + typ + ".") {
		keys = append(keys, prefix+typ+"."+other)
	}
	hint := ""
	if best := nearest(name, r.names(prefix+typ+".")); best != "" {
		hint = " Did you mean " + quote(prefix+typ+"."+best) + "?"
	} else {
		hint = didYouMeanOrList(prefix+typ+"."+name, keys, kind)
	}
	if prefix == "" && r.unit.nodes["data."+typ+"."+name] != nil {
		hint = " Did you mean " + quote("data."+typ+"."+name) + "?"
	}
	return r.problem(found.rng(), "Unknown "+kind, "There is no %s %s.%s", kind, quote(typ+"."+name), hint)
}

// keyFits checks that an index follows what repeats, and nothing else.
func (r *resolver) keyFits(found *ref, rep repetition, steps *stepReader) bool {
	label := traversalText(found.traversal[:steps.at])
	hasKey := found.literal != cty.NilVal
	switch {
	case hasKey && !rep.repeats():
		r.problem(found.rng(), "Index on a single one", "%s has neither for_each nor count, so there is no instance %s of it. Take the index out.",
			found.target.key, keyText(found.literal))
		return false
	case !hasKey && rep.repeats() && !steps.done():
		example := `["key"]`
		if rep.count != nil {
			example = "[0]"
		}
		r.problem(found.rng(), "Missing index", "%s has several instances. Name one of them, as in %s%s, or use a for expression over all.",
			label, label, example)
		return false
	case hasKey && rep.count != nil && found.literal.Type() != cty.Number:
		r.problem(found.rng(), "Wrong index", "%s repeats by count: its instances are numbers from 0 on.", found.target.key)
		return false
	}
	return true
}

// builtin resolves the words that need no declaration.
func (r *resolver) builtin(found *ref, steps *stepReader, may allowed) *ref {
	if problem := misplaced(found.root, may); problem != "" {
		return r.problem(found.rng(), "Misplaced reference", "%s", problem)
	}
	if found.root == "self" {
		found.tail = found.traversal[1:]
		return found
	}
	names := builtinNames()[found.root]
	name := steps.name()
	if !slices.Contains(names, name) {
		return r.problem(found.rng(), "Unknown attribute", "%s has no attribute %s; it has %s.", found.root, quote(name), quotedList(names))
	}
	found.tail = found.traversal[steps.at:]
	return found
}

// builtinNames are what the words that need no declaration have.
func builtinNames() map[string][]string {
	return map[string][]string{
		"each": {"key", "value"}, "count": {"index"}, "path": {"module", "root"}, "cogplan": {"version"},
	}
}

func misplaced(root string, may allowed) string {
	switch {
	case root == "each" && may.repetition.forEach == nil:
		return "each means something only in a block with for_each, and not in the for_each itself. Add for_each to the block, or refer to something else."
	case root == "count" && may.repetition.count == nil:
		return "count means something only in a block with count, and not in the count itself. Add count to the block, or refer to something else."
	case root == "self" && !may.self:
		return "self means something only in a postcondition. Name the resource instead."
	}
	return ""
}
