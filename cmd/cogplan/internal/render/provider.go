package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ProviderDocument is the JSON of provider inspect: what a provider says of
// itself, and what its module is.
type ProviderDocument struct {
	reconcile.Description

	FormatVersion string `json:"format_version"`
	// Source is the path of the module, or the name of a provider that is
	// shipped inside cogplan.
	Source string `json:"source"`
	Digest string `json:"digest"`
	// Size of the module and Memory at its start, in bytes.
	Size   int64 `json:"size"`
	Memory int64 `json:"memory"`
	// Abilities are the optional operations that it has.
	Abilities []string `json:"abilities"`
	Imports   []string `json:"imports"`
	Exports   []string `json:"exports"`
	// Limits are those that hold where a module sets none; durations are in
	// nanoseconds, sizes in bytes.
	Limits reconcile.Limits `json:"limits"`
}

// Provider writes what provider inspect tells.
func (s Style) Provider(doc *ProviderDocument) string {
	p := &providerPrinter{printer: printer{style: s}}
	p.head(doc)
	p.block("resource", &doc.Schema.Resource)
	if doc.Schema.Data != nil {
		p.block("data", doc.Schema.Data)
	}
	if doc.Schema.Config != nil {
		p.block("config, in the provider block", doc.Schema.Config)
	}
	p.objects(doc.Schema.Objects)
	return p.String()
}

type providerPrinter struct{ printer }

// fact is a line with a name in front; the text is broken to the width.
func (p *providerPrinter) fact(name, text string) {
	const column = 12
	indent := strings.Repeat(" ", column)
	for i, line := range wrap(Escape(text), p.style.width()-column) {
		if i == 0 {
			p.line(p.style.dim(fmt.Sprintf("%-*s", column, name)), line)
			continue
		}
		p.line(indent, line)
	}
}

func (p *providerPrinter) head(doc *ProviderDocument) {
	p.line(p.style.bold(Escape(doc.Name)), " ", Escape(doc.Version))
	p.text("", doc.Doc)
	p.line()
	p.fact("Module", doc.Source)
	p.fact("Digest", doc.Digest)
	p.fact("Size", fmt.Sprintf("%s, and %s of memory when it starts", Bytes(doc.Size), Bytes(doc.Memory)))
	planner := "cogplan, from what is declared, live and recorded"
	if doc.Plans {
		planner = "the provider itself"
	}
	p.fact("Plans", planner)
	p.fact("Effects", effectsFact(doc.Abilities))
	if others := slices.DeleteFunc(slices.Clone(doc.Abilities), func(a string) bool { return a == "effects" }); len(others) > 0 {
		p.fact("Can also", strings.Join(others, ", "))
	}
	if len(doc.Capabilities) == 0 {
		p.fact("Asks for", "nothing: it touches neither files nor network")
	}
	for i, c := range doc.Capabilities {
		name := ""
		if i == 0 {
			name = "Asks for"
		}
		p.fact(name, capabilityText(c))
	}
	p.fact("Limits", limitsText(doc.Limits))
	for i, line := range importLines(doc.Imports) {
		p.fact([]string{"Imports", ""}[min(i, 1)], line)
	}
	p.fact("Exports", strings.Join(doc.Exports, ", "))
}

func effectsFact(abilities []string) string {
	if slices.Contains(abilities, "effects") {
		return "declared for each action"
	}
	return "not declared: each action is bounded by the grants alone, which the default policy denies"
}

func capabilityText(c reconcile.Capability) string {
	text := c.Kind
	if c.Detail != "" {
		text += " " + c.Detail
	}
	if c.Optional {
		text += " (optional)"
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

func limitsText(l reconcile.Limits) string {
	return fmt.Sprintf("memory %s, timeout %s, run %s, output %s, log %s, cpu %s, requests %d, response %s, connections %d, traffic %s, where the module sets no others",
		Bytes(l.Memory), Duration(l.Timeout), Duration(l.Run), Bytes(l.Output), Bytes(l.Log), Duration(l.CPU), l.Requests, Bytes(l.Response),
		l.Connections, Bytes(l.Traffic))
}

// importLines groups the functions by the module that they come from.
func importLines(imports []string) []string {
	var order []string
	names := map[string][]string{}
	for _, full := range imports {
		from, name, _ := strings.Cut(full, ".")
		if names[from] == nil {
			order = append(order, from)
		}
		names[from] = append(names[from], name)
	}
	slices.Sort(order)
	lines := make([]string, 0, len(order))
	for _, from := range order {
		slices.Sort(names[from])
		lines = append(lines, from+": "+strings.Join(slices.Compact(names[from]), ", "))
	}
	if len(lines) == 0 {
		return []string{"nothing"}
	}
	return lines
}

// block writes a body under a heading.
func (p *providerPrinter) block(heading string, b *reconcile.Block) {
	p.line()
	p.line(p.style.bold(heading))
	p.body("  ", b)
}

func (p *providerPrinter) body(indent string, b *reconcile.Block) {
	p.text(indent, b.Doc)
	if b.Deprecated != "" {
		p.text(indent, "Deprecated: "+b.Deprecated)
	}
	for i := range b.Attributes {
		a := &b.Attributes[i]
		p.line(indent, p.style.bold(Escape(a.Name)), "  ", p.style.dim(Escape(TypeName(a.Type)+traits(attributeTraits(a)))))
		p.text(indent+"    ", a.Doc)
	}
	for i := range b.Blocks {
		n := &b.Blocks[i]
		p.line(indent, p.style.bold(Escape(blockTitle(n))), "  ", p.style.dim(Escape("block"+traits(blockTraits(n)))))
		p.body(indent+"    ", &n.Block)
	}
	if len(b.Attributes)+len(b.Blocks) == 0 {
		p.line(indent, "(takes no arguments)")
	}
}

func (p *providerPrinter) objects(types []reconcile.ObjectType) {
	p.line()
	p.line(p.style.bold("objects"))
	for i := range types {
		t := &types[i]
		p.line("  ", p.style.bold(Escape(t.Name)))
		p.text("    ", t.Doc)
		for _, a := range t.Attributes {
			p.line("    ", p.style.bold(Escape(a.Name)), p.style.dim(Escape(strings.Replace(traits(objectTraits(a)), ", ", "  ", 1))))
			p.text("        ", a.Doc)
		}
	}
	if len(types) == 0 {
		p.line("  (it manages none: it only answers data blocks)")
	}
}

// text is prose of a provider below an indent; nothing for no text.
func (p *providerPrinter) text(indent, text string) {
	if text = strings.TrimSpace(text); text != "" {
		p.wrapped(indent, text)
	}
}

// traits are the words behind a type.
func traits(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return ", " + strings.Join(list, ", ")
}

func attributeTraits(a *reconcile.Attribute) []string {
	var list []string
	add := func(is bool, word string) {
		if is {
			list = append(list, word)
		}
	}
	add(a.Required, "required")
	add(a.Computed && a.Optional, "computed where it is not set")
	add(a.Computed && !a.Optional && !a.Required, "computed")
	add(a.Sensitive, "sensitive")
	if a.Default != nil {
		list = append(list, "default "+Value(a.Default))
	}
	if len(a.OneOf) > 0 {
		quoted := make([]string, len(a.OneOf))
		for i, v := range a.OneOf {
			quoted[i] = quote(v)
		}
		list = append(list, "one of "+strings.Join(quoted, " "))
	}
	if a.Pattern != "" {
		list = append(list, "matches "+a.Pattern)
	}
	if a.Deprecated != "" {
		list = append(list, "deprecated: "+a.Deprecated)
	}
	return list
}

func blockTitle(n *reconcile.NestedBlock) string {
	if n.Nesting != reconcile.NestingMap {
		return n.Type
	}
	label := n.Label
	if label == "" {
		label = "name"
	}
	return n.Type + ` "` + strings.ToUpper(label) + `"`
}

func blockTraits(n *reconcile.NestedBlock) []string {
	switch {
	case n.Nesting == reconcile.NestingSingle && n.Min > 0:
		return []string{"required"}
	case n.Nesting == reconcile.NestingSingle:
		return []string{"at most one"}
	case n.Min > 0 && n.Max > 0:
		return []string{fmt.Sprintf("%d to %d", n.Min, n.Max)}
	case n.Min > 0:
		return []string{fmt.Sprintf("at least %d", n.Min)}
	case n.Max > 0:
		return []string{fmt.Sprintf("at most %d", n.Max)}
	default:
		return []string{"any number"}
	}
}

func objectTraits(a reconcile.ObjectAttribute) []string {
	var list []string
	for _, trait := range []struct {
		is   bool
		word string
	}{
		{a.Computed, "computed"},
		{a.Sensitive, "sensitive"},
		{a.Immutable, "immutable: another value replaces the object"},
		{a.Unordered, "unordered"},
		{a.Payload, "carried, not compared"},
	} {
		if trait.is {
			list = append(list, trait.word)
		}
	}
	return list
}

// TypeName is a type of a schema as an author of HCL writes it: list(string). A
// type that cannot be read stays as it is.
func TypeName(text string) string {
	t, err := ctyjson.UnmarshalType([]byte(text))
	if err != nil {
		return text
	}
	return typeexpr.TypeString(t)
}

// Bytes is a size as a person reads it: 3.4 MiB.
func Bytes(n int64) string {
	switch {
	case n >= 1<<20:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<20)), ".0") + " MiB"
	case n >= 1<<10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<10)), ".0") + " KiB"
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// Duration is a length of time without its zeros: 30m.
func Duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
