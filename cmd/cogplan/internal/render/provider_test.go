package render

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// odd is what a hostile provider puts into every text that it may choose.
const odd = "x\x1b]0;owned\a | y\u202e<script>"

func oddProvider() *ProviderDocument {
	attribute := reconcile.Attribute{
		Name: odd, Type: odd, Doc: odd, Default: odd, OneOf: []string{odd}, Pattern: odd, Deprecated: odd, Required: true,
	}
	block := reconcile.Block{Doc: odd, Deprecated: odd, Attributes: []reconcile.Attribute{attribute}}
	block.Blocks = []reconcile.NestedBlock{{Type: odd, Nesting: reconcile.NestingMap, Label: odd, Min: 1, Block: block}}
	doc := &ProviderDocument{Source: odd, Digest: odd, Abilities: []string{odd}, Imports: []string{odd + "." + odd}, Exports: []string{odd}}
	doc.Name, doc.Version, doc.Doc = odd, odd, odd
	doc.Capabilities = []reconcile.Capability{{Kind: odd, Detail: odd, Reason: odd}, {Kind: "http", Detail: odd}}
	doc.Schema = reconcile.Schema{Resource: block, Data: &block, Config: &block, Objects: []reconcile.ObjectType{
		{Name: odd, Doc: odd, Attributes: []reconcile.ObjectAttribute{{Name: odd, Doc: odd, Sensitive: true}}},
	}}
	return doc
}

func TestAHostileProviderIsShownEscaped(t *testing.T) {
	for name, text := range map[string]string{
		"text":     Style{Width: 40}.Provider(oddProvider()),
		"Markdown": ProviderMarkdown(oddProvider()),
	} {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s has the line %q", name, line)
			}
		}
		if n := strings.Count(text, "owned"); n < 20 {
			t.Errorf("%s tells only %d of the texts", name, n)
		}
	}
}

// A cell that a provider fills ends where its author's text ends.
func TestACellOfATableStaysACell(t *testing.T) {
	m := &markdown{}
	m.table([]string{"A", "empty", "B"}, [][]string{{codeText("a|b"), "", plainText("c|d\ne")}})
	if want := "\n| A | B |\n| --- | --- |\n| `a\\|b` | c\\|d e |\n"; m.String() != want {
		t.Errorf("got %q, want %q", m.String(), want)
	}
}

func TestTypeName(t *testing.T) {
	for text, want := range map[string]string{
		`"string"`: "string", `["list",["map","number"]]`: "list(map(number))", `"dynamic"`: "any", `no type`: "no type",
	} {
		if got := TypeName(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestSizesAndTimes(t *testing.T) {
	for n, want := range map[int64]string{12: "12 bytes", 1 << 10: "1 KiB", 3<<20 + 1<<19: "3.5 MiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", 30 * time.Minute: "30m", 2 * time.Hour: "2h", 90 * time.Second: "1m30s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
