package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// dynamicSpec says what stands in a dynamic block.
func dynamicSpec() *bodySpec {
	return &bodySpec{where: "a dynamic block", attrs: attrs("for_each!", "iterator", "labels"), blocks: blocks("content")}
}

// dynamic expands a dynamic block in place.
func (d *decoder) dynamic(block *hcl.Block, bt *blockType, sets map[string]*blockSet, evalCtx *hcl.EvalContext) {
	name := block.Labels[0]
	set := sets[name]
	if set == nil {
		d.diags = append(d.diags, bt.spec.unknownBlock(name, block.LabelRanges[0]))
		return
	}
	parts := d.content(block.Body, dynamicSpec())
	content, forEach := parts.first("content"), parts.attrs["for_each"]
	if content == nil {
		d.mistake(block.DefRange, "Missing block", "A dynamic block needs a content block: what each %s block holds.", name)
		return
	}
	if forEach == nil {
		return
	}
	x := &expansion{set: set, content: content, labels: parts.attrs["labels"], iterator: name, rng: block.DefRange}
	if attr := parts.attrs["iterator"]; attr != nil {
		if x.iterator = hcl.ExprAsKeyword(attr.Expr); x.iterator == "" {
			d.mistake(attr.Expr.Range(), "Invalid iterator", "An iterator is a single word without quotes.")
			return
		}
	}
	val, diags := forEach.Expr.Value(evalCtx)
	d.diags = append(d.diags, diags...)
	if diags.HasErrors() {
		set.unknown = true
		return
	}
	d.expand(x, forEach, val, evalCtx)
}

// expansion is a dynamic block that is being expanded.
type expansion struct {
	set      *blockSet
	content  *hcl.Block
	labels   *hcl.Attribute
	iterator string
	rng      hcl.Range
}

func (d *decoder) expand(x *expansion, forEach *hcl.Attribute, val cty.Value, evalCtx *hcl.EvalContext) {
	plain, marks := val.Unmark()
	switch {
	case !plain.IsKnown():
		x.set.unknown = true
		return
	case plain.IsNull() || !plain.CanIterateElements():
		d.mistake(forEach.Expr.Range(), "Invalid for_each", "The for_each of a dynamic block takes a map, an object, a list or a set; this is %s.",
			valueInWords(plain))
		return
	}
	for it := plain.ElementIterator(); it.Next(); {
		key, elem := it.Element()
		inner := evalCtx.NewChild()
		inner.Variables = map[string]cty.Value{x.iterator: iteratorValue(x.iterator, key, elem.WithMarks(marks), evalCtx)}
		label, ok := d.dynamicLabel(x, inner)
		if ok {
			d.put(x.set, label, x.rng, d.body(x.content.Body, x.set.inner, inner))
		}
	}
}

// iteratorValue is key and value beside whatever else has the iterator's name:
// the provider file has blocks called file.
func iteratorValue(name string, key, elem cty.Value, evalCtx *hcl.EvalContext) cty.Value {
	vals := map[string]cty.Value{}
	for c := evalCtx; c != nil; c = c.Parent() {
		if outer, ok := c.Variables[name]; ok {
			if outer.Type().IsObjectType() && outer.IsKnown() && !outer.IsNull() && !outer.IsMarked() {
				vals = outer.AsValueMap()
			}
			break
		}
	}
	if vals == nil {
		vals = map[string]cty.Value{}
	}
	vals["key"], vals["value"] = key, elem
	return cty.ObjectVal(vals)
}

// dynamicLabel evaluates the one label of a map block.
func (d *decoder) dynamicLabel(x *expansion, evalCtx *hcl.EvalContext) (string, bool) {
	if x.set.Nesting != reconcile.NestingMap {
		if x.labels != nil {
			d.mistake(x.labels.NameRange, "Extra label", "A %s block has no label. Take labels out.", x.set.Type)
		}
		return "", x.labels == nil
	}
	if x.labels == nil {
		d.mistake(x.rng, "Missing argument", "A %s block has a label. Add labels = [%s.key] to the dynamic block.", x.set.Type, x.iterator)
		return "", false
	}
	val, diags := x.labels.Expr.Value(evalCtx)
	d.diags = append(d.diags, diags...)
	if diags.HasErrors() {
		return "", false
	}
	conv, err := convert.Convert(val, cty.List(cty.String))
	if err != nil || conv.IsNull() {
		d.mistake(x.labels.Expr.Range(), "Invalid labels", "labels is a list with one string: [%s.key].", x.iterator)
		return "", false
	}
	if conv.IsMarked() || conv.IsWhollyKnown() && conv.LengthInt() == 1 && conv.Index(cty.Zero).IsMarked() {
		d.mistake(x.labels.Expr.Range(), "Sensitive label", "The label of a block is shown in plans, so it cannot be sensitive.")
		return "", false
	}
	if !conv.IsWhollyKnown() {
		x.set.unknown = true
		return "", false
	}
	if conv.LengthInt() != 1 || conv.Index(cty.Zero).IsNull() {
		d.mistake(x.labels.Expr.Range(), "Invalid labels", "labels is a list with one string: [%s.key].", x.iterator)
		return "", false
	}
	return conv.Index(cty.Zero).AsString(), true
}
