package render

import (
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ProviderMarkdown is the documentation of a provider, from its schema.
func ProviderMarkdown(doc *ProviderDocument) string {
	m := &markdown{}
	m.line("# The provider " + plainText(doc.Name))
	m.prose(doc.Doc)
	m.prose("Version " + plainText(doc.Version) + ". It " + plansText(doc.Plans) + " and " + effectsSentence(doc.Abilities) + ".")
	m.skeleton(doc)
	m.capabilities(doc.Capabilities)
	m.block("## Resource", "", &doc.Schema.Resource)
	if doc.Schema.Data != nil {
		m.block("## Data", "", doc.Schema.Data)
	}
	if doc.Schema.Config != nil {
		m.block("## Configuration", "", doc.Schema.Config)
	}
	m.objects(doc.Schema.Objects)
	return m.String()
}

func effectsSentence(abilities []string) string {
	if slices.Contains(abilities, "effects") {
		return "declares the effects of each action"
	}
	return "does not declare the effects of its actions, which the default policy denies"
}

func plansText(itself bool) string {
	if itself {
		return "makes its own plans"
	}
	return "leaves planning to cogplan"
}

// markdown collects lines of Markdown. What a provider says is its author's: in
// tables and headings it loses what would break out of them, and everywhere what
// does not print.
type markdown struct{ strings.Builder }

func (m *markdown) line(text string) { m.WriteString(text + "\n") }

func (m *markdown) prose(text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	m.line("")
	for paragraph := range strings.SplitSeq(text, "\n") {
		m.line(escapeLine(paragraph))
	}
}

// plainText is text inside of a line.
func plainText(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(Escape(strings.Join(strings.Fields(text), " ")))
}

// codeText is text in backticks.
func codeText(text string) string {
	return "`" + strings.NewReplacer("|", `\|`, "`", "'").Replace(Escape(text)) + "`"
}

// table writes a table; a column without a text in any row is left out.
func (m *markdown) table(header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var used []int
	for column := range header {
		for _, row := range rows {
			if row[column] != "" {
				used = append(used, column)
				break
			}
		}
	}
	pick := func(cells []string) string {
		var out strings.Builder
		for _, column := range used {
			out.WriteString("| " + cells[column] + " ")
		}
		return out.String() + "|"
	}
	m.line("")
	m.line(pick(header))
	m.line(strings.Repeat("| --- ", len(used)) + "|")
	for _, row := range rows {
		m.line(pick(row))
	}
}

// skeleton is the least that a module has to write.
func (m *markdown) skeleton(doc *ProviderDocument) {
	m.line("\n```hcl")
	m.line("provider " + quote(doc.Name) + " {")
	m.line("  source = " + quote(doc.Source))
	var allow []string
	for _, c := range doc.Capabilities {
		line := grantLine(c)
		if c.Optional {
			line = "# " + line
		}
		allow = append(allow, line)
	}
	if len(allow) > 0 {
		m.line("\n  allow {\n    " + strings.Join(allow, "\n    ") + "\n  }")
	}
	if doc.Schema.Config != nil {
		m.line("\n  config {")
		m.required("    ", doc.Schema.Config)
		m.line("  }")
	}
	m.line("}\n")
	m.line("resource " + quote(doc.Name) + ` "example" {`)
	m.required("  ", &doc.Schema.Resource)
	m.line("}\n```")
}

// grantLine is a line of an allow block, to be filled in.
func grantLine(c reconcile.Capability) string {
	detail := c.Detail
	switch c.Kind {
	case "http":
		if detail == "" {
			detail = "https://..."
		}
		return "http { origin = " + quote(detail) + " }"
	case "tcp":
		if detail == "" {
			detail = "host:port"
		}
		return "tcp { address = " + quote(detail) + " }"
	default:
		if detail == "" {
			detail = "..."
		}
		return Escape(c.Kind) + " = [" + quote(detail) + "]"
	}
}

func (m *markdown) required(indent string, b *reconcile.Block) {
	for i := range b.Attributes {
		if a := &b.Attributes[i]; a.Required {
			m.line(indent + key1(a.Name) + " = " + placeholder(a))
		}
	}
	for i := range b.Blocks {
		n := &b.Blocks[i]
		if n.Min == 0 {
			continue
		}
		title := key1(n.Type)
		if n.Nesting == reconcile.NestingMap {
			title += ` "..."`
		}
		m.line(indent + title + " {")
		m.required(indent+"  ", &n.Block)
		m.line(indent + "}")
	}
}

// placeholder is a value of the attribute's type.
func placeholder(a *reconcile.Attribute) string {
	if len(a.OneOf) > 0 {
		return quote(a.OneOf[0])
	}
	switch name := TypeName(a.Type); {
	case name == "number":
		return "0"
	case name == "bool":
		return "false"
	case strings.HasPrefix(name, "list("), strings.HasPrefix(name, "set("), strings.HasPrefix(name, "tuple("):
		return "[]"
	case strings.HasPrefix(name, "map("), strings.HasPrefix(name, "object("):
		return "{}"
	default:
		return `"..."`
	}
}

func (m *markdown) capabilities(list []reconcile.Capability) {
	m.line("\n## What it asks for")
	if len(list) == 0 {
		m.prose("Nothing: it touches neither files nor network.")
		return
	}
	var rows [][]string
	for _, c := range list {
		need := "required"
		if c.Optional {
			need = "optional"
		}
		detail := ""
		if c.Detail != "" {
			detail = codeText(c.Detail)
		}
		rows = append(rows, []string{codeText(c.Kind), detail, need, plainText(c.Reason)})
	}
	m.table([]string{"Capability", "Which", "", "Why"}, rows)
}

// block writes the arguments of a body and the blocks in it, each under a
// heading of its own that names the way to it.
func (m *markdown) block(heading, way string, b *reconcile.Block) {
	m.line("\n" + heading)
	m.prose(b.Doc)
	if b.Deprecated != "" {
		m.prose("**Deprecated:** " + plainText(b.Deprecated))
	}
	var rows [][]string
	for i := range b.Attributes {
		a := &b.Attributes[i]
		rows = append(rows, []string{
			codeText(a.Name), codeText(TypeName(a.Type)), plainText(strings.Join(attributeTraits(a), ", ")), plainText(a.Doc),
		})
	}
	m.table([]string{"Argument", "Type", "", "Meaning"}, rows)
	if len(b.Attributes)+len(b.Blocks) == 0 {
		m.prose("It takes no arguments.")
	}
	for i := range b.Blocks {
		n := &b.Blocks[i]
		inner := strings.TrimSpace(way + " " + blockTitle(n))
		m.block("### "+codeText(inner)+": "+plainText(strings.Join(blockTraits(n), ", ")), inner, &n.Block)
	}
}

func (m *markdown) objects(types []reconcile.ObjectType) {
	m.line("\n## Objects")
	m.prose("What a plan shows, and what is recorded.")
	for i := range types {
		t := &types[i]
		m.line("\n### " + codeText(t.Name))
		m.prose(t.Doc)
		var rows [][]string
		for _, a := range t.Attributes {
			rows = append(rows, []string{codeText(a.Name), plainText(strings.Join(objectTraits(a), ", ")), plainText(a.Doc)})
		}
		m.table([]string{"Attribute", "", "Meaning"}, rows)
	}
}
