package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func (p *parser) resource(block *hcl.Block) {
	r := &resource{
		data: block.Type == "data", typ: block.Labels[0], name: block.Labels[1],
		body: block.Body, rng: block.DefRange, typeRange: block.LabelRanges[0],
	}
	spec := p.grammar.resource
	if r.data {
		spec = p.grammar.data
	}
	content, diags := readBody(block.Body, spec)
	p.add(diags)
	r.meta = content.attrs
	r.repetition = p.repetition(content)
	r.dependsOn = p.dependsOn(content.attrs["depends_on"])
	r.ignore = p.ignoreChanges(content.attrs["ignore_changes"])
	r.pre, r.post = p.conditions(content, "precondition"), p.conditions(content, "postcondition")
	if b := content.first("timeouts"); b != nil {
		inner, diags := readBody(b.Body, p.grammar.timeouts)
		p.add(diags)
		r.timeouts = inner.attrs
	}
	p.dataArguments(r)
	if p.declare(block.Type, r.typ+"."+r.name, block) {
		p.module.resources[r.key()] = r
	}
}

// dataArguments refuses on a data block what only makes sense where something
// is changed.
func (p *parser) dataArguments(r *resource) {
	native, ok := r.body.(*hclsyntax.Body)
	if !r.data || !ok {
		return
	}
	for _, name := range []string{"prune", "auto_apply", "suspended", "mode", "ignore_changes", "protect"} {
		if attr := native.Attributes[name]; attr != nil {
			p.mistake(attr.NameRange, "Unsupported argument",
				"The argument %s belongs to resources. A data block reads and changes nothing.", quote(name))
		}
	}
}

func (p *parser) repetition(content *bodyContent) repetition {
	var r repetition
	forEach, count := content.attrs["for_each"], content.attrs["count"]
	if forEach != nil && count != nil {
		p.mistake(count.NameRange, "Both count and for_each",
			"A block repeats by for_each or by count, not by both. Keep for_each where the instances have names of their own.")
	}
	if forEach != nil {
		r.forEach = forEach.Expr
	} else if count != nil {
		r.count = count.Expr
	}
	return r
}

// ignoreChanges reads attribute paths, written as references or strings.
func (p *parser) ignoreChanges(attr *hcl.Attribute) []string {
	if attr == nil {
		return nil
	}
	if hcl.ExprAsKeyword(attr.Expr) == "all" {
		return []string{"all"}
	}
	elems, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		p.mistake(attr.Expr.Range(), "Invalid ignore_changes", "ignore_changes is a list of attributes, like [content, mode], or the word all.")
		return nil
	}
	var out []string
	for _, elem := range elems {
		if t, diags := hcl.AbsTraversalForExpr(elem); !diags.HasErrors() {
			out = append(out, traversalText(t))
			continue
		}
		val, diags := elem.Value(nil)
		if diags.HasErrors() || val.Type() != cty.String || val.IsNull() {
			p.mistake(elem.Range(), "Invalid ignore_changes", "Each element of ignore_changes names an attribute, like content or \"content\".")
			continue
		}
		out = append(out, val.AsString())
	}
	return out
}

func (p *parser) call(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.module)
	p.add(diags)
	c := &moduleCall{
		name: block.Labels[0], source: p.str(content.attrs["source"]), rng: block.DefRange, sourceRange: block.DefRange,
		repetition: p.repetition(content),
		dependsOn:  p.dependsOn(content.attrs["depends_on"]),
		providers:  p.providersPassed(content.attrs["providers"]),
		args:       p.moduleArguments(block.Body),
	}
	if attr := content.attrs["source"]; attr != nil {
		c.sourceRange = attr.Expr.Range()
	}
	if p.declare("module", c.name, block) {
		p.module.calls[c.name] = c
	}
}

// moduleArguments are the values of the called module's variables.
func (p *parser) moduleArguments(body hcl.Body) map[string]*hcl.Attribute {
	found := make(map[string]*hcl.Attribute)
	if native, ok := body.(*hclsyntax.Body); ok {
		for name, attr := range native.Attributes {
			found[name] = attr.AsHCLAttribute()
		}
		for _, b := range native.Blocks {
			p.mistake(b.TypeRange, "Unsupported block",
				"A module block has no blocks inside. The values of the module's variables are arguments: %s = ….", b.Type)
		}
	} else {
		attrs, diags := body.JustAttributes()
		p.add(diags)
		maps.Copy(found, attrs)
	}
	for name := range p.grammar.module.attrs {
		delete(found, name)
	}
	return found
}

func (p *parser) providersPassed(attr *hcl.Attribute) map[string]providerRef {
	if attr == nil {
		return nil
	}
	pairs, diags := hcl.ExprMap(attr.Expr)
	if diags.HasErrors() {
		p.mistake(attr.Expr.Range(), "Invalid providers", "providers maps the module's names of providers to yours: { file = file }.")
		return nil
	}
	out := make(map[string]providerRef, len(pairs))
	for _, pair := range pairs {
		inner, outer := hcl.ExprAsKeyword(pair.Key), hcl.ExprAsKeyword(pair.Value)
		if inner == "" || outer == "" {
			p.mistake(pair.Value.Range(), "Invalid providers", "Name providers by the labels of their blocks, without quotes: { file = file }.")
			continue
		}
		out[inner] = providerRef{name: outer, rng: pair.Value.Range()}
	}
	return out
}

func (p *parser) typeConstraint(attr *hcl.Attribute) (cty.Type, *typeexpr.Defaults) {
	if val, diags := attr.Expr.Value(nil); !diags.HasErrors() && val.Type() == cty.String && len(val.AsString()) > longestPlain {
		p.mistake(attr.Expr.Range(), "Type too long", "A type in JSON has at most %d characters. Write it in a .hcl file.", longestPlain)
		return cty.DynamicPseudoType, nil
	}
	ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(attr.Expr)
	for _, d := range diags {
		word := hcl.ExprAsKeyword(attr.Expr)
		names := []string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple"}
		d.Detail += didYouMean(word, names)
	}
	p.add(diags)
	if diags.HasErrors() {
		return cty.DynamicPseudoType, nil
	}
	return ty, defaults
}

func (p *parser) moved(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.moved)
	p.add(diags)
	from, to := p.address(content.attrs["from"]), p.address(content.attrs["to"])
	if from == nil || to == nil {
		return
	}
	if from.object != "" || to.object != "" {
		p.mistake(block.DefRange, "Move of an object", "A moved block moves whole resources or modules; it cannot move one object of a resource.")
		return
	}
	if from.isModule() != to.isModule() {
		p.mistake(block.DefRange, "Move between kinds", "A module can only be moved to a module, and a resource to a resource.")
		return
	}
	if from.String() == to.String() {
		p.mistake(block.DefRange, "Move to the same address", "Both addresses are %s. Remove the block.", from)
		return
	}
	if p.declareAt("move from", from.String(), block.DefRange) {
		p.module.moves = append(p.module.moves, Move{From: from.String(), To: to.String(), Range: block.DefRange})
	}
}

func (p *parser) removed(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.removal)
	deletes := p.boolean(content.attrs["delete"], false)
	if !deletes {
		content, diags = readBody(block.Body, p.grammar.removed)
	}
	p.add(diags)
	from := p.address(content.attrs["from"])
	if from == nil {
		return
	}
	if deletes {
		p.removedResource(block, content.attrs["from"], from)
		return
	}
	if p.declareAt("removal of", from.String(), block.DefRange) {
		p.module.removals = append(p.module.removals, Removal{
			From: from.String(), Range: block.DefRange,
		})
	}
}

// removedResource declares what a removed block deletes: a resource that is to
// be taken away. The rest of the block says where its objects are.
func (p *parser) removedResource(block *hcl.Block, attr *hcl.Attribute, from *address) {
	at := attr.Expr.Range()
	if len(from.modules) > 0 || from.data || from.key != cty.NilVal || from.object != "" {
		p.mistake(at, "Removal of a part",
			"A removed block deletes a whole resource of the root module, and %s is none. "+
				"To delete one instance, take it out of for_each and keep prune = true; to delete what a module made, run `cogplan destroy -target` before its block goes.", from)
		return
	}
	p.resource(&hcl.Block{
		Type: "resource", Labels: []string{from.typ, from.name}, Body: without(block.Body, p.grammar.removed),
		DefRange: block.DefRange, TypeRange: block.TypeRange, LabelRanges: []hcl.Range{at, at},
	})
	if r := p.module.resources[from.typ+"."+from.name]; r != nil && r.rng == block.DefRange {
		r.removed = true
	}
}

// without is a body less the arguments of a block of our own.
func without(body hcl.Body, spec *bodySpec) hcl.Body {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		schema := &hcl.BodySchema{}
		for name := range spec.attrs {
			schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
		}
		_, rest, _ := body.PartialContent(schema)
		return rest
	}
	rest := *native
	rest.Attributes = maps.Clone(native.Attributes)
	for name := range spec.attrs {
		delete(rest.Attributes, name)
	}
	return &rest
}

func (p *parser) imported(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.imports)
	p.add(diags)
	to := p.address(content.attrs["to"])
	if to == nil || content.attrs["id"] == nil {
		return
	}
	if to.isModule() || to.data {
		p.mistake(content.attrs["to"].Expr.Range(), "Invalid address", "Only a resource, or an object of a resource, can adopt what exists.")
		return
	}
	key := to.String() + " " + to.objectType + " " + to.object
	if p.declareAt("import to", key, block.DefRange) {
		p.module.imports = append(p.module.imports, importDecl{
			Import: Import{To: to.String(), ObjectType: to.objectType, ObjectName: to.object, Range: block.DefRange},
			id:     content.attrs["id"].Expr,
		})
	}
}

func (p *parser) address(attr *hcl.Attribute) *address {
	if attr == nil {
		return nil
	}
	t, diags := hcl.AbsTraversalForExpr(attr.Expr)
	if diags.HasErrors() {
		p.mistake(attr.Expr.Range(), "Invalid address", "Write an address without quotes and without computing: file.site, file.site[\"eu\"] or module.network.")
		return nil
	}
	addr, problem := parseAddress(t)
	if problem != "" {
		p.mistake(attr.Expr.Range(), "Invalid address", "%s", problem)
		return nil
	}
	return addr
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
