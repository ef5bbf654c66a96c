package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// decoder evaluates a body against a provider's schema. It does what hcldec
// does (a test compares the two), and besides: it knows the provider's
// documentation, defaults and constraints, it expands dynamic blocks in place,
// and it evaluates each expression once.
type decoder struct {
	diags hcl.Diagnostics
	// contents keeps what was read of bodies that are decoded for several
	// instances; nil where there is one.
	contents map[*hclsyntax.Body]*bodyContent
}

func (d *decoder) mistake(rng hcl.Range, summary, format string, args ...any) {
	d.diags = append(d.diags, mistake(rng, summary, format, args...))
}

// body decodes a body to an object. Where something in it is wrong, it is
// unknown in the result, so that one mistake is reported once.
func (d *decoder) body(body hcl.Body, bt *blockType, evalCtx *hcl.EvalContext) cty.Value {
	content := d.content(body, bt.spec)
	vals := make(map[string]cty.Value, len(bt.attrs)+len(bt.blocks))
	for _, at := range bt.attrs {
		vals[at.Name] = d.attribute(content, at, evalCtx)
	}
	if len(bt.blocks) > 0 {
		d.blocks(content, bt, evalCtx, vals)
	}
	return cty.ObjectVal(vals)
}

func (d *decoder) content(body hcl.Body, spec *bodySpec) *bodyContent {
	native, _ := body.(*hclsyntax.Body)
	if c := d.contents[native]; c != nil {
		return c
	}
	content, diags := readBody(body, spec)
	d.diags = append(d.diags, diags...)
	if d.contents != nil && native != nil {
		d.contents[native] = content
	}
	return content
}

func (d *decoder) attribute(content *bodyContent, at *attrType, evalCtx *hcl.EvalContext) cty.Value {
	attr := content.attrs[at.Name]
	if attr == nil {
		return at.missing()
	}
	if !at.settable() {
		d.mistake(attr.NameRange, "Computed argument", "The provider computes %s; it cannot be set. Take it out.", quote(at.Name))
		return cty.UnknownVal(at.ty)
	}
	if at.Deprecated != "" {
		d.diags = append(d.diags, warning(attr.NameRange, "Deprecated argument", "The argument %s is deprecated.%s",
			quote(at.Name), docSentence(at.Deprecated)))
	}
	val, diags := attr.Expr.Value(evalCtx)
	d.diags = append(d.diags, diags...)
	if diags.HasErrors() {
		return cty.UnknownVal(at.ty)
	}
	return d.check(attr, at, val, evalCtx)
}

// missing is the value of an attribute that the author left out.
func (a *attrType) missing() cty.Value {
	switch {
	case a.def != cty.NilVal:
		return a.sensitive(a.def)
	default:
		return cty.NullVal(a.ty)
	}
}

func (a *attrType) sensitive(v cty.Value) cty.Value {
	if a.Sensitive {
		return v.Mark(funcs.Sensitive)
	}
	return v
}

// check converts a value to the attribute's type and holds it against the
// attribute's constraints.
func (d *decoder) check(attr *hcl.Attribute, at *attrType, val cty.Value, evalCtx *hcl.EvalContext) cty.Value {
	conv, err := convert.Convert(val, at.ty)
	if err != nil {
		wrong := mistake(attr.Expr.Range(), "Wrong type of argument", "The argument %s takes %s.%s",
			quote(at.Name), mismatch(at.ty, val, err), docSentence(at.Doc))
		wrong.Expression, wrong.EvalContext = attr.Expr, evalCtx
		d.diags = append(d.diags, wrong)
		return cty.UnknownVal(at.ty)
	}
	plain, _ := conv.Unmark()
	switch {
	case plain.IsNull():
		if at.Required {
			d.mistake(attr.Expr.Range(), "Null argument", "The argument %s must have a value, but here it is null.%s", quote(at.Name), docSentence(at.Doc))
			return cty.UnknownVal(at.ty)
		}
		return at.missing()
	case plain.IsKnown() && plain.Type() == cty.String:
		d.text(attr, at, plain.AsString(), at.Sensitive || conv.IsMarked())
	case plain.IsKnown():
		d.numbers(attr, plain)
	}
	return at.sensitive(conv)
}

// text checks the constraints on a string. A sensitive one is not shown.
func (d *decoder) text(attr *hcl.Attribute, at *attrType, s string, secret bool) {
	shown := quote(s)
	if secret {
		shown = "The sensitive value"
	}
	if len(at.OneOf) > 0 && !slices.Contains(at.OneOf, s) {
		hint := didYouMeanOrList(s, at.OneOf, "value")
		if secret {
			hint = " The values are " + quotedList(at.OneOf) + "."
		}
		d.mistake(attr.Expr.Range(), "Invalid value", "%s is not allowed for the argument %s.%s%s", shown, quote(at.Name), hint, docSentence(at.Doc))
	}
	if at.pattern != nil && !at.pattern.MatchString(s) {
		d.mistake(attr.Expr.Range(), "Invalid value", "%s does not match the pattern %s of the argument %s.%s",
			shown, at.Pattern, quote(at.Name), docSentence(at.Doc))
	}
}

// numbers refuses numbers that a provider could not be given exactly.
func (d *decoder) numbers(attr *hcl.Attribute, val cty.Value) {
	if val.Type() == cty.Bool {
		return
	}
	if err := checkNumbers(val); err != nil {
		d.mistake(attr.Expr.Range(), "Number out of range", "The argument %s: %s.", quote(attr.Name), err)
	}
}

// blockSet gathers the blocks of one type.
type blockSet struct {
	*nestedType

	elems  []cty.Value
	labels []string
	places map[string]hcl.Range
	// unknown is true where a dynamic block does not know yet how many it makes.
	unknown bool
	last    hcl.Range
}

func (d *decoder) blocks(content *bodyContent, bt *blockType, evalCtx *hcl.EvalContext, vals map[string]cty.Value) {
	sets := make(map[string]*blockSet, len(bt.blocks))
	for _, nt := range bt.blocks {
		sets[nt.Type] = &blockSet{nestedType: nt, last: content.end}
	}
	for _, block := range content.blocks {
		switch {
		case block.Type == "dynamic":
			d.dynamic(block, bt, sets, evalCtx)
		case sets[block.Type] != nil:
			d.one(sets[block.Type], block, evalCtx)
		}
	}
	for _, nt := range bt.blocks {
		set := sets[nt.Type]
		d.bounds(set, bt)
		vals[nt.Type] = set.value()
	}
}

// one decodes one block that the source spells out.
func (d *decoder) one(set *blockSet, block *hcl.Block, evalCtx *hcl.EvalContext) {
	label, rng := "", block.DefRange
	if len(block.Labels) > 0 {
		label, rng = block.Labels[0], block.LabelRanges[0]
	}
	if set.Block.Deprecated != "" {
		d.diags = append(d.diags, warning(block.DefRange, "Deprecated block", "The block %s is deprecated.%s",
			quote(block.Type), docSentence(set.Block.Deprecated)))
	}
	d.put(set, label, rng, d.body(block.Body, set.inner, evalCtx))
}

// put adds a decoded block to its set.
func (d *decoder) put(set *blockSet, label string, rng hcl.Range, val cty.Value) {
	set.last = rng
	if set.Nesting == reconcile.NestingMap {
		if first, ok := set.places[label]; ok {
			d.mistake(rng, "Duplicate block", "The block %s %s stands here already, at %s. Give this one another name.",
				set.Type, quote(label), place(first))
			return
		}
		if set.places == nil {
			set.places = map[string]hcl.Range{}
		}
		set.places[label] = rng
		set.labels = append(set.labels, label)
	}
	set.elems = append(set.elems, val)
}

func (d *decoder) bounds(set *blockSet, bt *blockType) {
	n := len(set.elems)
	switch {
	case set.unknown:
	case n < set.Min:
		d.mistake(set.last, "Missing block", "%s needs at least %d %s; it has %d.%s", upperFirst(bt.spec.where),
			set.Min, blocksInWords(set.Type, set.Min), n, docSentence(set.Block.Doc))
	case set.Max > 0 && n > set.Max:
		d.mistake(set.last, "Too many blocks", "%s has at most %d %s; this is number %d.", upperFirst(bt.spec.where),
			set.Max, blocksInWords(set.Type, set.Max), n)
	case set.Nesting == reconcile.NestingSingle && n > 1 && set.Max == 0:
		d.mistake(set.last, "Duplicate block", "%s has one %s block at most.", upperFirst(bt.spec.where), set.Type)
	}
}

func blocksInWords(typ string, n int) string {
	if n == 1 {
		return typ + " block"
	}
	return typ + " blocks"
}

// value is the set as expressions see it.
func (s *blockSet) value() cty.Value {
	if s.unknown {
		return cty.UnknownVal(s.typ())
	}
	switch s.Nesting {
	case reconcile.NestingSingle:
		if len(s.elems) == 0 {
			return cty.NullVal(s.typ())
		}
		return s.elems[0]
	case reconcile.NestingList:
		return s.list()
	case reconcile.NestingMap:
		return s.mapping()
	}
	return cty.DynamicVal
}

func (s *blockSet) list() cty.Value {
	switch {
	case !s.inner.static:
		return cty.TupleVal(s.elems)
	case len(s.elems) == 0:
		return cty.ListValEmpty(s.inner.objectType())
	default:
		return cty.ListVal(s.elems)
	}
}

func (s *blockSet) mapping() cty.Value {
	if s.inner.static && len(s.elems) == 0 {
		return cty.MapValEmpty(s.inner.objectType())
	}
	vals := make(map[string]cty.Value, len(s.elems))
	for i, label := range s.labels {
		vals[label] = s.elems[i]
	}
	if !s.inner.static {
		return cty.ObjectVal(vals)
	}
	return cty.MapVal(vals)
}

// valueInWords says what a value is, without showing it.
func valueInWords(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	return strings.TrimSpace(typeInWords(v.Type()))
}
