package lang_test

import (
	"errors"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// fileSchema resembles that of the file provider.
func fileSchema() *reconcile.Schema {
	return &reconcile.Schema{
		Version: 1,
		Resource: reconcile.Block{
			Attributes: []reconcile.Attribute{
				{Name: "root", Type: `"string"`, Required: true, Doc: "Directory under which all files stand."},
				{Name: "mode_default", Type: `"string"`, Optional: true, Default: "0644", Pattern: "0[0-7]{3}", Doc: "Mode of files that name none."},
				{Name: "labels", Type: `["map","string"]`, Optional: true},
				{Name: "count_limit", Type: `"number"`, Optional: true},
				{Name: "token", Type: `"string"`, Optional: true, Sensitive: true},
				{Name: "line_ends", Type: `"string"`, Optional: true, OneOf: []string{"lf", "crlf", "keep"}, Doc: "How lines end."},
				{Name: "extra", Type: `"dynamic"`, Optional: true},
				{Name: "old_root", Type: `"string"`, Optional: true, Deprecated: "Use root."},
				{Name: "digest", Type: `"string"`, Computed: true, Doc: "Digest over all files."},
			},
			Blocks: []reconcile.NestedBlock{
				{Type: "file", Nesting: reconcile.NestingMap, Label: "name", Block: reconcile.Block{Attributes: []reconcile.Attribute{
					{Name: "content", Type: `"string"`, Optional: true, Doc: "Text of the file."},
					{Name: "content_base64", Type: `"string"`, Optional: true},
					{Name: "source", Type: `"string"`, Optional: true},
					{Name: "mode", Type: `"string"`, Optional: true, Pattern: "0[0-7]{3}", Doc: "Permissions in octal."},
				}}},
				{Type: "tree", Nesting: reconcile.NestingList, Max: 4, Block: reconcile.Block{Attributes: []reconcile.Attribute{
					{Name: "from", Type: `"string"`, Required: true, Doc: "Directory to copy."},
					{Name: "to", Type: `"string"`, Optional: true},
					{Name: "include", Type: `["list","string"]`, Optional: true},
					{Name: "exclude", Type: `["list","string"]`, Optional: true},
					{Name: "mode", Type: `"string"`, Optional: true},
				}}},
				{Type: "owner", Nesting: reconcile.NestingSingle, Block: reconcile.Block{Attributes: []reconcile.Attribute{
					{Name: "user", Type: `"string"`, Required: true},
				}}},
			},
		},
		Data: &reconcile.Block{Attributes: []reconcile.Attribute{
			{Name: "path", Type: `"string"`, Required: true},
			{Name: "content", Type: `"string"`, Computed: true},
		}},
		Config: &reconcile.Block{Attributes: []reconcile.Attribute{
			{Name: "umask", Type: `"string"`, Optional: true},
		}},
		Objects: []reconcile.ObjectType{{
			Name: "file", Attributes: []reconcile.ObjectAttribute{{Name: "sha256", Computed: true}, {Name: "secret", Sensitive: true}},
		}},
	}
}

func schemas(name string) (*reconcile.Schema, error) {
	switch name {
	case "file":
		return fileSchema(), nil
	case "nodata":
		s := fileSchema()
		s.Data, s.Config = nil, nil
		return s, nil
	case "broken":
		return nil, errors.New("describe: the guest trapped")
	case "greedy":
		s := fileSchema()
		s.Resource.Attributes = append(s.Resource.Attributes, reconcile.Attribute{Name: "prune", Type: `"bool"`})
		return s, nil
	}
	return nil, errors.New("no such provider")
}

// documented serves the providers of the document's examples.
func documented(string) (*reconcile.Schema, error) { return fileSchema(), nil }

// load loads a module from texts of files.
func load(t testing.TB, files map[string]string) (*lang.Module, hcl.Diagnostics) {
	t.Helper()
	overlay := make(map[string][]byte, len(files))
	for name, text := range files {
		overlay[name] = []byte(text)
	}
	return lang.Load(t.TempDir(), lang.WithOverlay(overlay), lang.WithVersion("0.5.0"))
}

const provider = `provider "file" {
  source = "file"
}
`

// evaluate evaluates one text that has no mistakes.
func evaluate(t testing.TB, text string) *lang.Evaluation {
	t.Helper()
	return evaluateWith(t, text, lang.EvalOptions{})
}

func evaluateWith(t testing.TB, text string, opts lang.EvalOptions) *lang.Evaluation {
	t.Helper()
	m, diags := load(t, map[string]string{"main.hcl": provider + text})
	if diags.HasErrors() {
		t.Fatalf("load: %v", diags.Errs())
	}
	opts.Schemas = schemas
	ev, diags := m.Evaluate(opts)
	if diags.HasErrors() {
		t.Fatalf("evaluate: %v", diags.Errs())
	}
	return ev
}

var hclStart = hcl.InitialPos
