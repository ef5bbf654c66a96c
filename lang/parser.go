package lang

import (
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// parser turns the bodies of a module's files into declarations.
type parser struct {
	module  *Module
	grammar *grammar
	diags   hcl.Diagnostics
	// declared remembers where each name was declared first.
	declared map[string]hcl.Range
	hasState bool
	// used are the grants that name a credential.
	used []credentialUse
	// envGrants are the granted variables of the environment.
	envGrants []envGrant
}

func (p *parser) add(diags hcl.Diagnostics) { p.diags = append(p.diags, diags...) }

func (p *parser) mistake(rng hcl.Range, summary, format string, args ...any) {
	p.diags = append(p.diags, mistake(rng, summary, format, args...))
}

func (p *parser) str(attr *hcl.Attribute) string { return take(p, attr, constantString) }

func (p *parser) strings(attr *hcl.Attribute) []string { return take(p, attr, constantStrings) }

func (p *parser) boolean(attr *hcl.Attribute, missing bool) bool {
	v, diags := constantBool(attr, missing)
	p.add(diags)
	return v
}

// declare remembers a name and reports one that is not an identifier or is
// declared twice.
func (p *parser) declare(kind, name string, block *hcl.Block) bool {
	if last := len(block.Labels) - 1; last >= 0 && !p.identifier(block.Labels[last], block.LabelRanges[last]) {
		return false
	}
	return p.declareAt(kind, name, block.DefRange)
}

func (p *parser) declareAt(kind, name string, rng hcl.Range) bool {
	key := kind + " " + name
	if first, ok := p.declared[key]; ok {
		p.mistake(rng, "Duplicate declaration", "The %s %s is declared already, at %s. Rename one of them, or remove it.",
			kind, quote(name), place(first))
		return false
	}
	p.declared[key] = rng
	return true
}

func (p *parser) identifier(name string, rng hcl.Range) bool {
	if hclsyntax.ValidIdentifier(name) {
		return true
	}
	p.mistake(rng, "Invalid name",
		"%s is no name. A name starts with a letter and has only letters, digits, underscores and dashes.", quote(name))
	return false
}

func (p *parser) file(file *hcl.File) {
	content, diags := readBody(file.Body, p.grammar.root)
	p.add(diags)
	for _, block := range content.blocks {
		p.block(block)
	}
}

func (p *parser) block(block *hcl.Block) {
	parse := map[string]func(*hcl.Block){
		"cogplan": p.cogplan, "variable": p.variable, "locals": p.locals, "provider": p.provider,
		"credential": p.credential,
		"output":     p.output, "module": p.call, "check": p.check,
		"moved": p.moved, "removed": p.removed, "import": p.imported, "policy": p.rule,
	}
	if block.Type == "resource" || block.Type == "data" {
		p.resource(block)
		return
	}
	parse[block.Type](block)
}

func (p *parser) cogplan(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.cogplan)
	p.add(diags)
	if attr := content.attrs["required_version"]; attr != nil {
		p.requiredVersion(attr)
	}
	for _, b := range content.blocks {
		switch b.Type {
		case "policy":
			p.policyPaths(b)
		case "state":
			p.state(b)
		}
	}
}

func (p *parser) requiredVersion(attr *hcl.Attribute) {
	text := p.str(attr)
	constraint, err := version.NewConstraint(text)
	if err != nil {
		p.mistake(attr.Expr.Range(), "Invalid version constraint",
			"%s is no version constraint. Write something like \">= 0.1\" or \"~> 1.2\".", quote(text))
		return
	}
	have, err := version.NewVersion(p.module.opts.version)
	if err == nil && !constraint.Check(have.Core()) {
		p.mistake(attr.Expr.Range(), "Unsupported version of cogplan",
			"The module needs cogplan %s; this is %s. Install another version, or change the constraint.", text, have)
	}
}

func (p *parser) policyPaths(block *hcl.Block) {
	if p.module.policy.Range != (hcl.Range{}) {
		p.mistake(block.DefRange, "Duplicate block", "The paths of policies are set already, at %s. Put them into one list.", place(p.module.policy.Range))
		return
	}
	content, diags := readBody(block.Body, p.grammar.policyPaths)
	p.add(diags)
	p.module.policy.Range = block.DefRange
	p.module.policy.Paths = p.strings(content.attrs["paths"])
	if attr := content.attrs["key"]; attr != nil {
		if p.module.policy.Key = p.str(attr); p.module.policy.Key == "" {
			p.mistake(attr.Expr.Range(), "Empty path", "Name the file of the public key that verifies bundles, or take the argument out.")
		}
	}
	for i, given := range p.module.policy.Paths {
		if given == "" {
			p.mistake(elementRange(content.attrs["paths"], i), "Empty path", "Name a directory or a file with policies.")
		}
	}
}

func (p *parser) state(block *hcl.Block) {
	if p.hasState {
		p.mistake(block.DefRange, "Duplicate block", "The module keeps its state in one place, set at %s.", place(p.module.state.Range))
		return
	}
	p.hasState = true
	p.module.state = StateSettings{Backend: block.Labels[0], Config: p.constants(block.Body), Range: block.DefRange}
}

// constants reads a body of constant arguments as native values.
func (p *parser) constants(body hcl.Body) map[string]any {
	found, diags := body.JustAttributes()
	p.add(diags)
	out := make(map[string]any, len(found))
	for name, attr := range found {
		val, diags := constant(attr, cty.DynamicPseudoType)
		p.add(diags)
		if diags.HasErrors() {
			continue
		}
		native, err := toNative(val)
		if err != nil {
			p.mistake(attr.Expr.Range(), "Unusable value", "%s.", upperFirst(err.Error()))
			continue
		}
		out[name] = native
	}
	return out
}

func (p *parser) rule(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.rule)
	p.add(diags)
	rule := PolicyRule{Name: block.Labels[0], Range: block.DefRange}
	if !p.declareAt("policy rule", rule.Name, block.DefRange) {
		return
	}
	if attr := content.attrs["level"]; attr != nil {
		rule.Level = p.level(attr)
	}
	if b := content.first("parameters"); b != nil {
		rule.Parameters = p.constants(b.Body)
	}
	p.module.policy.Rules = append(p.module.policy.Rules, rule)
}

func (p *parser) level(attr *hcl.Attribute) reconcile.Level {
	level := reconcile.Level(p.str(attr))
	switch level {
	case reconcile.LevelAdvisory, reconcile.LevelSoftMandatory, reconcile.LevelHardMandatory, reconcile.LevelApproval, "":
		return level
	}
	names := []string{
		string(reconcile.LevelAdvisory), string(reconcile.LevelSoftMandatory),
		string(reconcile.LevelHardMandatory), string(reconcile.LevelApproval),
	}
	p.mistake(attr.Expr.Range(), "Invalid level", "%s is no level.%s", quote(string(level)),
		didYouMeanOrList(string(level), names, "level"))
	return ""
}

func (p *parser) variable(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.variable)
	p.add(diags)
	v := &variable{
		name: block.Labels[0], typ: cty.DynamicPseudoType, rng: block.DefRange,
		description: p.str(content.attrs["description"]),
		sensitive:   p.boolean(content.attrs["sensitive"], false),
		nullable:    p.boolean(content.attrs["nullable"], true),
	}
	if attr := content.attrs["type"]; attr != nil {
		v.typ, v.defaults = p.typeConstraint(attr)
		v.typed = true
	}
	if attr := content.attrs["default"]; attr != nil {
		v.def = attr.Expr
		for _, t := range attr.Expr.Variables() {
			p.mistake(t.SourceRange(), "Reference in a default",
				"The default of a variable refers to nothing else. Use a local value for what is computed.")
		}
	}
	v.validations = p.conditions(content, "validation")
	if p.declare("variable", v.name, block) {
		p.module.variables[v.name] = v
	}
}

func (p *parser) conditions(content *bodyContent, kind string) []condition {
	var out []condition
	for _, b := range content.blocks {
		if b.Type != kind {
			continue
		}
		c, diags := readBody(b.Body, p.grammar.assert)
		p.add(diags)
		if test, message := c.attrs["condition"], c.attrs["error_message"]; test != nil && message != nil {
			out = append(out, condition{test: test.Expr, message: message.Expr, rng: b.DefRange})
		}
	}
	return out
}

func (p *parser) locals(block *hcl.Block) {
	found, diags := block.Body.JustAttributes()
	p.add(diags)
	for name, attr := range found {
		if p.declareAt("local value", name, attr.NameRange) {
			p.module.locals[name] = &local{name: name, expr: attr.Expr, rng: attr.NameRange}
		}
	}
}

func (p *parser) output(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.output)
	p.add(diags)
	o := &output{
		name: block.Labels[0], rng: block.DefRange,
		description:   p.str(content.attrs["description"]),
		sensitive:     p.boolean(content.attrs["sensitive"], false),
		dependsOn:     p.dependsOn(content.attrs["depends_on"]),
		preconditions: p.conditions(content, "precondition"),
	}
	if attr := content.attrs["value"]; attr != nil {
		o.expr = attr.Expr
	}
	if p.declare("output", o.name, block) {
		p.module.outputs[o.name] = o
	}
}

func (p *parser) check(block *hcl.Block) {
	content, diags := readBody(block.Body, p.grammar.check)
	p.add(diags)
	c := &check{name: block.Labels[0], asserts: p.conditions(content, "assert"), rng: block.DefRange}
	if len(c.asserts) == 0 && !diags.HasErrors() {
		p.mistake(block.DefRange, "Check without an assertion", "Write an assert block with condition and error_message.")
	}
	if p.declare("check", c.name, block) {
		p.module.checks = append(p.module.checks, c)
	}
}

// dependsOn reads a list of references.
func (p *parser) dependsOn(attr *hcl.Attribute) []hcl.Traversal {
	if attr == nil {
		return nil
	}
	elems, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		p.mistake(attr.Expr.Range(), "Invalid depends_on", "depends_on is a list of resources and modules: [file.base, module.network].")
		return nil
	}
	var out []hcl.Traversal
	for _, elem := range elems {
		t, diags := hcl.AbsTraversalForExpr(elem)
		if diags.HasErrors() {
			p.mistake(elem.Range(), "Invalid depends_on",
				"depends_on names resources and modules themselves, without quotes and without computing: file.base or module.network.")
			continue
		}
		out = append(out, t)
	}
	return out
}

func traversalText(t hcl.Traversal) string {
	var sb strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			sb.WriteString(s.Name)
		case hcl.TraverseAttr:
			sb.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			sb.WriteString(keyText(s.Key))
		}
	}
	return sb.String()
}
