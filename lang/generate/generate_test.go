package generate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/format"
	"github.com/cogplan/cogplan/lang/generate"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func schema() *reconcile.Block {
	text := func(name string) reconcile.Attribute {
		return reconcile.Attribute{Name: name, Type: `"string"`, Optional: true}
	}
	secret := text("password")
	secret.Sensitive = true
	return &reconcile.Block{
		Attributes: []reconcile.Attribute{
			text("root"), text("note"), secret,
			{Name: "serial", Type: `"number"`, Computed: true},
			{Name: "body", Type: `"dynamic"`, Optional: true},
		},
		Blocks: []reconcile.NestedBlock{
			{Type: "file", Nesting: reconcile.NestingMap, Label: "path", Block: reconcile.Block{Attributes: []reconcile.Attribute{text("content"), text("mode"), secret}}},
			{Type: "tree", Nesting: reconcile.NestingList, Block: reconcile.Block{Attributes: []reconcile.Attribute{text("from")}}},
			{Type: "only", Nesting: reconcile.NestingSingle, Block: reconcile.Block{Attributes: []reconcile.Attribute{text("a")}}},
		},
	}
}

func TestMissing(t *testing.T) {
	declared := map[string]any{"root": "out", "file": map[string]any{"kept": map[string]any{}}}
	live := map[string]any{
		"root": "elsewhere", "note": "n", "password": "hunter2", "serial": int64(7),
		"body": map[string]any{"ttl": int64(300), "weight": 0.1, "on": true, "none": nil, "list": []any{"a", map[string]any{"b c": "${d}"}}},
		"file": map[string]any{
			"kept":       map[string]any{"content": "other"},
			"a.txt":      map[string]any{"content": "one\n  two ${x} %{y}\nEOT\n", "mode": "0600"},
			"b \"q\" ${": map[string]any{"content": "no newline", "password": "hunter2"},
			"bare":       map[string]any{},
			"known":      map[string]any{"content": "it is s3cret\n", "mode": "0600"},
			"nfd":        map[string]any{"content": "e\u0301"},
		},
		"tree": []any{map[string]any{"from": "x"}, map[string]any{"from": "y"}},
		"only": map[string]any{"a": "1"},
	}
	got, err := generate.Missing(schema(), declared, live, func(text string) bool { return strings.Contains(text, "s3cret") })
	if err != nil {
		t.Fatal(err)
	}
	want := `  note = "n"
  body = {
    list = ["a", {
      "b c" = "$${d}"
    }]
    none   = null
    on     = true
    ttl    = 300
    weight = 0.1
  }
  file "a.txt" {
    content = <<EOT1
one
  two $${x} %%{y}
EOT
EOT1
    mode    = "0600"
  }
  file "b \"q\" $${" {
    content = "no newline"
  }
  file "bare" {}
  tree {
    from = "x"
  }
  tree {
    from = "y"
  }
  only {
    a = "1"
  }
`
	if diff := cmp.Diff(want, got.Text); diff != "" {
		t.Error(diff)
	}
	left := []string{
		"password: it is sensitive, and has to be set by you",
		`file "b \"q\" ${", password: it is sensitive, and has to be set by you`,
		`file "known": a text in it holds the value of something sensitive`,
		`file "nfd": a text in it is not in the normal form C of Unicode, to which HCL would change it`,
	}
	if diff := cmp.Diff(left, got.Left); diff != "" {
		t.Error(diff)
	}
	if got.Blocks != 6 || strings.Contains(got.Text, "hunter2") {
		t.Errorf("%d blocks", got.Blocks)
	}
	whole := "resource \"x\" \"y\" {\n" + got.Text + "}\n"
	formatted, diags := format.Source([]byte(whole), "x.hcl")
	if diags.HasErrors() || string(formatted) != whole {
		t.Errorf("it is not formatted: %v\n%s", diags, cmp.Diff(whole, string(formatted)))
	}
}

// What is written reads back as the same text.
func TestTextsStayTheSame(t *testing.T) {
	for _, text := range []string{
		"", "a", "a\n", "\n", "a\n\n", "  indented\n x\n", "\tx\n", "EOT\n", " EOT \nEOT1\n", "${a}\n%{b}\n$${c}\n", "$", "%{", "a\r\nb\r\n",
		"quote \" back \\ \n", "ü\n", "last without\nnewline", "\x01\n", "\ufeffx\n", "~ ${~ x ~}\n",
	} {
		got, err := generate.Missing(schema(), nil, map[string]any{"note": text}, nil)
		if err != nil {
			t.Fatal(err)
		}
		file, diags := hclsyntax.ParseConfig([]byte("x {\n"+got.Text+"}\n"), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%q: %v\n%s", text, diags, got.Text)
			continue
		}
		attr := file.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes["note"]
		value, diags := attr.Expr.Value(nil)
		if diags.HasErrors() || value.AsString() != text {
			t.Errorf("%q reads back as %q: %v", text, value.AsString(), diags)
		}
	}
}

func TestMissingRefuses(t *testing.T) {
	for name, body := range map[string]map[string]any{
		"unknown argument": {"nothing": "x"},
		"unknown inside":   {"file": map[string]any{"a": map[string]any{"nothing": "x"}}},
		"no block":         {"file": map[string]any{"a": "text"}},
		"no block in list": {"tree": []any{"text"}},
	} {
		if got, err := generate.Missing(schema(), nil, body, nil); err == nil {
			t.Errorf("%s: written as %s", name, got.Text)
		}
	}
}

func TestInsert(t *testing.T) {
	const added = "  file \"b\" {\n    content = <<EOT\nx\nEOT\n  }\n"
	for _, tc := range []struct{ name, src, want, block string }{
		{
			"several lines", "# top\nresource \"f\" \"x\" {\n  root = \"./out\" # why\n}\n\nlocals {\n   a=1\n}\n",
			"# top\nresource \"f\" \"x\" {\n  root = \"./out\" # why\n" + added + "}\n\nlocals {\n   a=1\n}\n",
			"resource \"f\" \"x\" {\n  root = \"./out\" # why\n" + added + "}",
		},
		{"one line", "resource \"f\" \"x\" { root = \"./out\" }\n", "resource \"f\" \"x\" {\n  root = \"./out\"\n" + added + "}\n", "resource \"f\" \"x\" {\n  root = \"./out\"\n" + added + "}"},
		{"empty", "resource \"f\" \"x\" {}", "resource \"f\" \"x\" {\n" + added + "}", "resource \"f\" \"x\" {\n" + added + "}"},
		{"indented brace", "resource \"f\" \"x\" {\n  root = \"./out\"\n  }\n", "resource \"f\" \"x\" {\n  root = \"./out\"\n" + added + "}\n", "resource \"f\" \"x\" {\n  root = \"./out\"\n" + added + "}"},
	} {
		start := strings.Index(tc.src, "resource")
		header := hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Line: 1, Column: 1, Byte: start}}
		file, block, err := generate.Insert([]byte(tc.src), header, added)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, string(file)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if diff := cmp.Diff(tc.block, string(block)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	header := hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Byte: 3}}
	if _, _, err := generate.Insert([]byte("resource \"f\" \"x\" {}"), header, added); err == nil {
		t.Error("a block was found that is not there")
	}
	header.Start.Byte = 0
	if _, _, err := generate.Insert([]byte("resource \"f\" \"x\" {}"), header, "  broken {\n"); err == nil {
		t.Error("what cannot be read back was written")
	}
}
