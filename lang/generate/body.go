package generate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Body is what has to be added to a body.
type Body struct {
	// Text is HCL, indented as the body of a block at the top of a file is; empty
	// where nothing is to be added.
	Text string
	// Blocks counts the blocks in it at the top.
	Blocks int
	// Left says what is not in it, and why, one line for each.
	Left []string
}

// Missing writes what a body has and the declared one has not: arguments that are
// not set, and blocks that are not there; of blocks with a label each counts for
// itself. What is declared stays as it is. Both are values as [reconcile.Config]
// holds them; what the schema does not know is an error. Texts that are secret are
// never written; nil says that there are none.
func Missing(schema *reconcile.Block, declared, body map[string]any, secret func(text string) bool) (*Body, error) {
	if secret == nil {
		secret = func(string) bool { return false }
	}
	w := &writer{secret: secret}
	if err := w.missing(schema, declared, body); err != nil {
		return nil, err
	}
	const open, end = "x {\n", "}\n"
	text := string(hclwrite.Format([]byte(open + w.text.String() + end)))
	text = strings.TrimSuffix(strings.TrimPrefix(text, open), end)
	return &Body{Text: text, Blocks: w.blocks, Left: w.left}, nil
}

type writer struct {
	text   strings.Builder
	blocks int
	left   []string
	secret func(string) bool
	// at are the blocks that are being written, for messages.
	at []string
}

func (w *writer) missing(schema *reconcile.Block, declared, body map[string]any) error {
	if err := known(schema, body); err != nil {
		return err
	}
	w.attributes(schema, declared, body)
	for i := range schema.Blocks {
		nested := &schema.Blocks[i]
		if err := w.nested(nested, declared[nested.Type], body[nested.Type]); err != nil {
			return fmt.Errorf("%s: %w", nested.Type, err)
		}
	}
	return nil
}

// known refuses names that the schema does not have.
func known(schema *reconcile.Block, body map[string]any) error {
	names := map[string]bool{}
	for i := range schema.Attributes {
		names[schema.Attributes[i].Name] = true
	}
	for i := range schema.Blocks {
		names[schema.Blocks[i].Type] = true
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if !names[name] {
			return fmt.Errorf("there is no argument or block %q", name)
		}
	}
	return nil
}

func (w *writer) nested(nested *reconcile.NestedBlock, declared, value any) error {
	switch nested.Nesting {
	case reconcile.NestingSingle:
		if inner, ok := value.(map[string]any); ok && declared == nil {
			return w.block(nested, "", inner)
		}
	case reconcile.NestingList:
		list, _ := value.([]any)
		if there, _ := declared.([]any); len(there) > 0 {
			return nil
		}
		for _, item := range list {
			inner, ok := item.(map[string]any)
			if !ok {
				return fmt.Errorf("a block is %T", item)
			}
			if err := w.block(nested, "", inner); err != nil {
				return err
			}
		}
	case reconcile.NestingMap:
		blocks, _ := value.(map[string]any)
		there, _ := declared.(map[string]any)
		for _, label := range slices.Sorted(maps.Keys(blocks)) {
			inner, ok := blocks[label].(map[string]any)
			if !ok {
				return fmt.Errorf("%q is %T", label, blocks[label])
			}
			if _, both := there[label]; both {
				continue
			}
			if err := w.block(nested, label, inner); err != nil {
				return fmt.Errorf("%q: %w", label, err)
			}
		}
	}
	return nil
}

// block writes a block with all that it holds, or leaves it out as a whole where
// it would not read back as the same: half an object would be another one.
func (w *writer) block(nested *reconcile.NestedBlock, label string, body map[string]any) error {
	name := nested.Type
	if label != "" {
		name += " " + strconv.Quote(label)
	}
	inner := &writer{secret: w.secret, at: append(slices.Clone(w.at), name)}
	if why := w.unwritable(label); why != "" {
		w.leave(inner.at, why)
		return nil
	}
	if why := w.unwritableIn(body); why != "" {
		w.leave(inner.at, why)
		return nil
	}
	if err := inner.missing(&nested.Block, nil, body); err != nil {
		return err
	}
	w.left = append(w.left, inner.left...)
	w.blocks++
	w.text.WriteString(nested.Type)
	if label != "" {
		w.text.WriteString(" " + string(hclwrite.TokensForValue(cty.StringVal(label)).Bytes()))
	}
	if inner.text.Len() == 0 {
		w.text.WriteString(" {}\n")
		return nil
	}
	w.text.WriteString(" {\n" + inner.text.String())
	w.text.WriteString("}\n")
	return nil
}

func (w *writer) leave(at []string, why string) {
	w.left = append(w.left, strings.Join(at, ", ")+": "+why)
}

func (w *writer) attributes(schema *reconcile.Block, declared, body map[string]any) {
	for i := range schema.Attributes {
		a := &schema.Attributes[i]
		value := body[a.Name]
		if value == nil || declared[a.Name] != nil || a.Computed && !a.Optional {
			continue
		}
		if a.Sensitive {
			w.leave(append(slices.Clone(w.at), a.Name), "it is sensitive, and has to be set by you")
			continue
		}
		if why := w.unwritableIn(value); why != "" {
			w.leave(append(slices.Clone(w.at), a.Name), why)
			continue
		}
		text, ok := value.(string)
		if ok = ok && fitsHeredoc(text); ok {
			text = heredoc(text)
		} else {
			text = string(hclwrite.TokensForValue(toCty(value)).Bytes())
		}
		w.text.WriteString(a.Name + " = " + text + "\n")
	}
}

// fitsHeredoc reports whether a text of several lines stays the same in a heredoc.
func fitsHeredoc(text string) bool {
	return strings.HasSuffix(text, "\n") && len(text) > 1 &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff })
}

// heredoc writes a text with a marker that is no line of it. Its lines are not
// indented: what stands in front of them would be theirs.
func heredoc(text string) string {
	marker := "EOT"
	for n := 1; slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool { return strings.TrimSpace(l) == marker }); n++ {
		marker = "EOT" + strconv.Itoa(n)
	}
	text = strings.ReplaceAll(text, "${", "$${")
	text = strings.ReplaceAll(text, "%{", "%%{")
	return "<<" + marker + "\n" + text + marker
}

// unwritableIn says why a value would not read back as the same; empty where it
// would.
func (w *writer) unwritableIn(value any) string {
	switch v := value.(type) {
	case string:
		return w.unwritable(v)
	case []any:
		for _, item := range v {
			if why := w.unwritableIn(item); why != "" {
				return why
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if why := w.unwritable(key) + w.unwritableIn(v[key]); why != "" {
				return why
			}
		}
	}
	return ""
}

func (w *writer) unwritable(text string) string {
	switch {
	case w.secret(text):
		return "a text in it holds the value of something sensitive"
	case !norm.NFC.IsNormalString(text):
		return "a text in it is not in the normal form C of Unicode, to which HCL would change it"
	case strings.ContainsRune(text, 0):
		return "a text in it has a zero byte, which HCL cannot hold"
	default:
		return ""
	}
}

// toCty is a value of a body for the writer.
func toCty(value any) cty.Value {
	switch v := value.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case int64:
		return cty.NumberIntVal(v)
	case float64:
		if number, err := cty.ParseNumberVal(strconv.FormatFloat(v, 'g', -1, 64)); err == nil {
			return number
		}
		return cty.NullVal(cty.Number) // what no JSON and no HCL can say
	case []any:
		items := make([]cty.Value, len(v))
		for i, item := range v {
			items[i] = toCty(item)
		}
		return cty.TupleVal(items)
	case map[string]any:
		attrs := make(map[string]cty.Value, len(v))
		for key, item := range v {
			attrs[key] = toCty(item)
		}
		return cty.ObjectVal(attrs)
	default:
		return cty.NullVal(cty.DynamicPseudoType)
	}
}

// readable reports whether a text parses as the body of a file.
func readable(src []byte, filename string) error {
	if _, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos); diags.HasErrors() {
		return diags
	}
	return nil
}
